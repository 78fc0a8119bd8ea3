"""YOLOv7 and YOLOv6 exported with ``--end2end`` for onnxruntime: one output (N, 7), boxes thinned out inside.

A row is the image's number in the batch, left, top, right, bottom in pixels, class and score. An image without objects
has no row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tracker.detect.coco import COCO
from tracker.detect.grid import strides_of
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.layout import are_scores
from tracker.detect.metadata import class_count_in


@dataclass(frozen=True, eq=False)
class YOLOv7EndToEnd(Head):
    """Rows of finished boxes. The output does not tell the number of classes: COCO's, unless names are known."""

    name = "yolov7-end2end"
    form = "[boxes, 7]: image, box, class, score; YOLOv7 and YOLOv6 with --end2end"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, pad="around", rounding="nearest")
    suppress = False

    classes: int = len(COCO)

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> YOLOv7EndToEnd | None:
        """By seven columns, the first 0, the last but one whole numbers, the last scores."""
        rows = outputs.first
        if len(outputs.arrays) != 1 or rows.ndim != 2 or rows.shape[1] != 7:
            return None
        if strides_of(outputs.size, len(rows)) is not None:  # another head's rows, without their batch axis
            return None
        kinds = rows[:, 5]
        if rows[:, 0].any() or (kinds < 0).any() or (kinds != np.round(kinds)).any() or not are_scores(rows[:, 6]):
            return None
        names = class_count_in(metadata)
        return cls() if names is None else cls(names)

    def with_names(self, count: int) -> YOLOv7EndToEnd:
        """There are ``count`` classes."""
        return replace(self, classes=count)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """Rows as they are."""
        rows = outputs.first
        picked = rows[rows[:, 6] >= conf]
        return Decoded(
            picked[:, 1:5].astype(np.float64), picked[:, 6].astype(np.float64), picked[:, 5].astype(np.int64)
        )
