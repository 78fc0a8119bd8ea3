"""NanoDet (RangiLyu 2020) and NanoDet-Plus: one output (1, A, C + 4 (R + 1)), or for each stride s of 8, 16, 32 two,
cls_pred_stride_s (1, A, C) and dis_pred_stride_s (1, A, 4 (R + 1)); A the cells of the grids, or of that grid.

A row is C class scores, then for left, top, right and bottom the logits of the distances 0..R from the cell's centre,
in cells; the distance is their expectation (Li 2020, Generalized Focal Loss, section 3.2). NanoDet-Plus, with four
grids, measures from the cell's corner. R is 7 or 10 in the published models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray
from tracker.detect.coco import COCO
from tracker.detect.grid import STRIDES, STRIDES_P6, Grid, cell_count, strides_of
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.layout import are_scores
from tracker.detect.metadata import class_count_in, task_in
from tracker.detect.scores import best_class

BINS = (8, 11)  # R + 1


@dataclass(frozen=True, eq=False)
class NanoDet(Head):
    """NanoDet of ``classes`` classes; strides: of its grids."""

    name = "nanodet"
    form = "[1, A, classes + 4 (R + 1)], or cls_pred_stride_s and dis_pred_stride_s, NanoDet(-Plus), A cells"
    preprocessing = Preprocessing(
        order="BGR", mean=(103.53, 116.28, 123.675), std=(57.375, 57.12, 58.395), fit="stretch"
    )

    classes: int
    strides: tuple[int, ...]
    likely: bool = True

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> NanoDet | None:
        """By the names of the outputs; of one output by its rows, and by distances that are no scores."""
        if task_in(metadata) is not None:
            return None
        for strides in (STRIDES, STRIDES_P6):
            if all(f"{part}_pred_stride_{s}" in outputs for part in ("cls", "dis") for s in strides):
                return cls(outputs[f"cls_pred_stride_{strides[0]}"].shape[-1], strides)
        shape = outputs.first.shape
        dense = strides_of(outputs.size, shape[1]) if len(shape) == 3 and shape[0] == 1 else None
        if dense is None or len(outputs.arrays) != 1:
            return None
        rows = outputs.first[0]
        classes = class_count_in(metadata) or _classes(rows)
        if classes is None or (shape[2] - classes) % 4 or shape[2] - classes < 8 or not are_scores(rows[:, :classes]):
            return None
        return cls(classes, dense, likely=not are_scores(rows[:, classes:]))

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is the best class score."""
        rows = self._rows(outputs)
        picked, scores, classes = best_class(rows[:, : self.classes], conf)
        grid = Grid.of(outputs.size, self.strides)
        origin = 0.0 if len(self.strides) == len(STRIDES_P6) else 0.5
        centres = (grid.cells[picked] + origin) * grid.strides[picked]
        distances = _expected(rows[picked, self.classes :].astype(np.float64)) * grid.strides[picked]
        return Decoded(
            np.concatenate((centres - distances[:, :2], centres + distances[:, 2:]), axis=1), scores, classes
        )

    def _rows(self, outputs: Outputs) -> NDArray[Any]:
        """All rows (A, C + 4 (R + 1))."""
        if len(outputs.arrays) == 1:
            rows: NDArray[Any] = outputs.first[0]
            return rows
        parts = [[outputs[f"{part}_pred_stride_{s}"][0] for part in ("cls", "dis")] for s in self.strides]
        counts = [cell_count(outputs.size, [s]) for s in self.strides]
        if any(len(array) != count for pair, count in zip(parts, counts, strict=True) for array in pair):
            raise ValueError("the outputs do not have one row per cell")
        return np.concatenate([np.concatenate(pair, axis=1) for pair in parts])


def _classes(rows: NDArray[Any]) -> int | None:
    """How many columns are class scores where no names tell: COCO's 80, or with the first R that leaves scores."""
    counts = [rows.shape[1] - 4 * bins for bins in BINS if rows.shape[1] > 4 * bins]
    if len(COCO) in counts:
        return len(COCO)
    return next((count for count in counts if are_scores(rows[:, :count])), None)


def _expected(logits: FloatArray) -> FloatArray:
    """The expected distances (N, 4) of logits (N, 4 (R + 1))."""
    bins = logits.reshape(len(logits), 4, -1)
    shares = np.exp(bins - bins.max(axis=-1, keepdims=True))
    expected: FloatArray = (shares * np.arange(bins.shape[-1])).sum(axis=-1) / shares.sum(axis=-1)
    return expected
