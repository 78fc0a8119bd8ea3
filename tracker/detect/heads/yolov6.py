"""YOLOv6 (Li 2022) of Meituan, and Gold-YOLO: one output (1, A, 5 + C), A cells on all grids.

A row is centre x, y, width, height in pixels, a constant 1 where YOLOX has its objectness, and C class scores.
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
from tracker.detect.scores import best_class


@dataclass(frozen=True, eq=False)
class YOLOv6(Head):
    """YOLOv6 of ``classes`` classes."""

    name = "yolov6"
    form = "[1, {cells}, 5 + classes] with 1 in column 4, YOLOv6 and Gold-YOLO"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, pad="around", rounding="nearest")

    classes: int
    likely: bool = True

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> YOLOv6 | None:
        """By the number of rows; it is likely where every row has a 1 behind its box."""
        shape, names = outputs.first.shape, class_count_in(metadata)
        if len(shape) != 3 or shape[0] != 1 or shape[2] < 6 or task_in(metadata) or is_pair(outputs):
            return None
        strides = strides_of(outputs.size, shape[1])
        if strides is None or (names is not None and shape[2] == 4 + names):
            return None
        rows = outputs.first[0]
        ones = fifth_column(rows) == "ones"
        if not are_scores(rows[:, 4:]) or not (ones or is_decoded(rows, Grid.of(outputs.size, strides))):
            return None
        return cls(shape[2] - 5, likely=ones)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is the best class score."""
        rows = outputs.first[0]
        picked, scores, classes = best_class(rows[:, 5:], conf)
        return Decoded(xywh_to_xyxy(rows[picked, :4].astype(np.float64)), scores, classes)
