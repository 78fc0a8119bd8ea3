"""What mmdeploy makes of every detector of mmdet: dets (1, N, 5) and labels (1, N), masks (1, N, h, w) beside.

A row of dets is left, top, right, bottom in pixels and score. Which preprocessing the network wants is not in the file.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tracker.detect.coco import COCO
from tracker.detect.head import Decoded, Head, Outputs
from tracker.detect.metadata import class_count_in


class Dets(Head):
    """A head over dets and labels. The outputs do not tell the number of classes: COCO's, unless names are known."""

    suppress = False

    def __init__(self, classes: int = len(COCO)) -> None:
        self.classes = classes

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> Dets | None:
        """By the names and shapes of the outputs."""
        if "dets" not in outputs or "labels" not in outputs or outputs["dets"].ndim != 3:
            return None
        if outputs["dets"].shape[2] != 5 or outputs["labels"].shape != outputs["dets"].shape[:2]:
            return None
        names = class_count_in(metadata)
        return cls() if names is None else cls(names)

    def with_names(self, count: int) -> Dets:
        """There are ``count`` classes."""
        return type(self)(count)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """Rows as they are; padding has the label -1 or no size."""
        rows, labels = outputs["dets"][0], outputs["labels"][0]
        kept = (rows[:, 4] >= conf) & (labels >= 0)
        picked = rows[kept].astype(np.float64)
        return Decoded(picked[:, :4], picked[:, 4], labels[kept].astype(np.int64))
