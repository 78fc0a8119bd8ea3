"""YOLOv8, YOLO11 and YOLO12 of ultralytics: one output (1, 4 + C [+ more], A) or (1, A, 4 + C [+ more]), A grid cells.

An object is centre x, y, width, height in pixels and C class scores; mask weights or keypoints may follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tracker.boxes import xywh_to_xyxy
from tracker.detect.coco import COCO
from tracker.detect.grid import Grid, strides_of
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.layout import are_scores, fifth_column, is_decoded
from tracker.detect.metadata import class_count_in, task_in


@dataclass(frozen=True, eq=False)
class YOLOv8(Head):
    """YOLOv8 of ``classes`` classes.

    rows  whether each object is a row, (1, A, 4 + C), and not a column
    """

    name = "yolov8"
    form = "yolov8 [1, 4 + classes, {cells}] or its transpose"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, pad="around", rounding="nearest")

    classes: int
    rows: bool = False
    likely: bool = True

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> YOLOv8 | None:
        """By the number of cells. Objects in rows look like YOLOX's: metadata, columns or values must tell."""
        shape, names, task = outputs.first.shape, class_count_in(metadata), task_in(metadata)
        if len(shape) != 3 or shape[0] != 1 or task in ("obb", "classify"):
            return None
        if strides_of(outputs.size, shape[2]) is not None and shape[1] >= 5:
            columns, rows, likely = outputs.first[0], False, True
        elif strides_of(outputs.size, shape[1]) is not None and shape[2] >= 5:
            columns, rows = outputs.first[0].T, True
            likely = task is not None or _speaks(outputs, names)
        else:
            return None
        if names is not None:
            return cls(len(columns) - 4, rows, likely).with_names(names)
        classes = len(columns) - 4 - _mask_weights(outputs, len(columns) - 4)
        # Without names nothing says where the classes end and keypoints or angles begin.
        return cls(classes, rows, likely and are_scores(columns[4 : 4 + classes]))

    def with_names(self, count: int) -> YOLOv8:
        """The class scores end after ``count``; what follows is no class."""
        return replace(self, classes=min(count, self.classes))

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is the best class score."""
        columns = outputs.first[0].T if self.rows else outputs.first[0]
        probabilities = columns[4 : 4 + self.classes]
        picked = np.flatnonzero(probabilities.max(axis=0) >= conf)
        chosen = probabilities[:, picked]
        best = chosen.argmax(axis=0)
        scores = chosen[best, np.arange(len(picked))].astype(np.float64)
        return Decoded(xywh_to_xyxy(columns[:4, picked].T.astype(np.float64)), scores, best)


def _speaks(outputs: Outputs, names: int | None) -> bool:
    """Whether objects in rows (A, 4 + C) may be YOLOv8's: no other head has the columns, or the values allow it."""
    rows = outputs.first[0]
    width = rows.shape[1]
    if width == 5 or (names is not None and width == 4 + names):
        return True
    strides = strides_of(outputs.size, len(rows))
    decoded = strides is not None and is_decoded(rows, Grid.of(outputs.size, strides))
    column = fifth_column(rows)
    if names is None and width == 4 + len(COCO):
        return column not in ("ones", "objectness")
    if not decoded or (names is not None and width == 5 + names):
        return False
    return column == "class" or (column == "unknown" and width != 5 + len(COCO))


def _mask_weights(outputs: Outputs, columns: int) -> int:
    """How many of the columns behind the box are weights of masks: as many as a second output has prototypes."""
    others = list(outputs.arrays.values())[1:]
    if len(others) != 1 or others[0].ndim != 4 or others[0].shape[1] >= columns:
        return 0
    return int(others[0].shape[1])
