"""YOLO-NAS of super-gradients, exported with its post-processing in the format "flat": one output (N, 7).

A row is the image's number in the batch, left, top, right, bottom in pixels, score and class: YOLOv7's columns with the
last two the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tracker.detect.coco import COCO
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.layout import are_scores
from tracker.detect.metadata import class_count_in


@dataclass(frozen=True, eq=False)
class YOLONASFlat(Head):
    """Rows of finished boxes. The output does not tell the number of classes: COCO's, unless names are known."""

    name = "yolo-nas-flat"
    form = "[boxes, 7]: image, box, score, class; YOLO-NAS with nms, flat"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, pad="around", rounding="nearest")
    suppress = False

    classes: int = len(COCO)
    likely: bool = True

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> YOLONASFlat | None:
        """By seven columns; the output's name, or a score that is no whole number, tells it from YOLOv7's."""
        rows = outputs.first
        if len(outputs.arrays) != 1 or rows.ndim != 2 or rows.shape[1] != 7:
            return None
        kinds = rows[:, 6]
        if rows[:, 0].any() or (kinds < 0).any() or (kinds != np.round(kinds)).any() or not are_scores(rows[:, 5]):
            return None
        named = "flat_predictions" in next(iter(outputs.arrays))
        found = cls(likely=named or bool((rows[:, 5] != np.round(rows[:, 5])).any()))
        names = class_count_in(metadata)
        return found if names is None else found.with_names(names)

    def with_names(self, count: int) -> YOLONASFlat:
        """There are ``count`` classes."""
        return replace(self, classes=count)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """Rows as they are."""
        picked = outputs.first[outputs.first[:, 5] >= conf].astype(np.float64)
        return Decoded(picked[:, 1:5], picked[:, 5], picked[:, 6].astype(np.int64))
