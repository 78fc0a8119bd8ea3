"""What PaddleDetection exports: finished rows (N, 6) and their count (1,); with ``exclude_nms`` boxes (1, A, 4) and
scores (1, C, A); with ``exclude_post_process`` both in one, (1, A, 4 + C). Boxes are corners in pixels, A the cells.

A finished row is class, score, left, top, right, bottom. The input scale_factor, (1, 2), is fed with ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from tracker.detect.coco import COCO
from tracker.detect.grid import Grid, strides_of
from tracker.detect.head import Decoded, Head, Outputs
from tracker.detect.layout import are_corners, are_scores
from tracker.detect.metadata import class_count_in, task_in
from tracker.detect.pairs import decode_corners, fit_as

Self = TypeVar("Self", bound="Paddle")


@dataclass(frozen=True, eq=False)
class Paddle(Head):
    """A head over any of the three exports.

    classes   as the outputs tell; of finished rows COCO's, unless names are known
    suppress  False for finished rows
    """

    classes: int = len(COCO)
    suppress: bool = False

    @classmethod
    def recognise(cls: type[Self], outputs: Outputs, metadata: Mapping[str, str]) -> Self | None:
        """By shapes, and by corners where YOLOv8 has centres and sizes."""
        if task_in(metadata) is not None:
            return None
        arrays, names = list(outputs.arrays.values()), class_count_in(metadata)
        rows = arrays[0]
        if len(arrays) == 2 and rows.ndim == 2 and rows.shape[1] == 6 and arrays[1].shape in ((1,), (1, 1)):
            return cls(classes=names or len(COCO))
        if len(arrays) == 2 and all(array.ndim == 3 for array in arrays):
            boxes, scores = arrays[0][0], arrays[1][0].T
            if strides_of(outputs.size, len(boxes)) is None or len(scores) != len(boxes) or not fit_as(boxes, scores):
                return None
            return cls(classes=scores.shape[1], suppress=True)
        if len(arrays) != 1 or rows.ndim != 3 or rows.shape[0] != 1 or rows.shape[2] < 5:
            return None
        strides = strides_of(outputs.size, rows.shape[1])
        if strides is None or not are_scores(rows[0, :, 4:]):
            return None
        cornered = are_corners(rows[0, :, :4], Grid.of(outputs.size, strides))
        return cls(classes=rows.shape[2] - 4, suppress=True) if cornered else None

    def with_names(self: Self, count: int) -> Self:
        """Of finished rows the outputs do not tell the number of classes."""
        return self if self.suppress else replace(self, classes=count)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """Rows as they are, or the best class of each cell."""
        arrays = list(outputs.arrays.values())
        if self.suppress:
            both = len(arrays) == 1
            boxes, scores = (arrays[0][0, :, :4], arrays[0][0, :, 4:]) if both else (arrays[0][0], arrays[1][0].T)
            return decode_corners(boxes, scores, conf)
        rows = arrays[0][: int(arrays[1].reshape(-1)[0])]
        picked = rows[(rows[:, 1] >= conf) & (rows[:, 0] >= 0)].astype(np.float64)  # class -1: no object at all
        return Decoded(picked[:, 2:], picked[:, 1], picked[:, 0].astype(np.int64))
