"""YOLOX (Ge 2021): one output (1, A, 5 + C), A cells on all grids.

A row is centre x, y, width, height, objectness and C class scores. The box is in pixels where the model was exported
with its decoding, else the centre is an offset from the cell in cells and the size a logarithm of cells (section 2.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tracker.boxes import xywh_to_xyxy
from tracker.detect.grid import Grid, strides_of
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.layout import are_scores, fifth_column, is_decoded
from tracker.detect.metadata import class_count_in, task_in
from tracker.detect.pairs import is_pair
from tracker.detect.scores import best_product


@dataclass(frozen=True, eq=False)
class YOLOX(Head):
    """YOLOX of ``classes`` classes.

    grid  the cells that the rows are relative to; None where the rows are decoded to pixels
    """

    name = "yolox"
    form = "[1, {cells}, 5 + classes], YOLOX, decoded or not"
    preprocessing = Preprocessing(order="BGR", pad="end", rounding="down")

    classes: int
    grid: Grid | None
    likely: bool = True

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> YOLOX | None:
        """By the number of rows, unless the metadata speaks of another head; by the values, where they tell."""
        shape, names = outputs.first.shape, class_count_in(metadata)
        if len(shape) != 3 or shape[0] != 1 or shape[2] < 6 or is_pair(outputs):
            return None
        strides = strides_of(outputs.size, shape[1])
        # Ultralytics, which notes the task, writes no YOLOX; and 4 + C columns leave no room for an objectness.
        if strides is None or task_in(metadata) or (names is not None and shape[2] == 4 + names):
            return None
        rows, grid = outputs.first[0], Grid.of(outputs.size, strides)
        if not are_scores(rows[:, 4:]):  # NanoDet has distances there
            return None
        if not is_decoded(rows, grid):
            return cls(shape[2] - 5, grid)
        column = fifth_column(rows)
        named = names is not None and shape[2] == 5 + names
        return cls(shape[2] - 5, None, likely=column in ("objectness", "unknown") or (named and column == "class"))

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is objectness times class score."""
        rows = outputs.first[0]
        picked, scores, classes = best_product(rows[:, 4], rows[:, 5:], conf)
        xywh = rows[picked, :4].astype(np.float64)
        if self.grid is not None:
            strides = self.grid.strides[picked]
            xywh[:, :2] = (xywh[:, :2] + self.grid.cells[picked]) * strides
            with np.errstate(over="ignore"):  # an infinite size is dropped as a bad row
                xywh[:, 2:] = np.exp(xywh[:, 2:]) * strides
        return Decoded(xywh_to_xyxy(xywh), scores, classes)
