"""Heads that thin out their boxes inside the network (YOLOv10, YOLO26): one output (1, K, 6 [+ more]).

A row is left, top, right, bottom in pixels, score and class; mask weights or keypoints may follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tracker.detect.coco import COCO
from tracker.detect.grid import STRIDES, STRIDES_P6, cell_count
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.metadata import class_count_in, task_in


@dataclass(frozen=True, eq=False)
class EndToEnd(Head):
    """Rows of finished boxes. The outputs do not tell the number of classes: COCO's, unless names are known."""

    name = "end-to-end"
    form = "end-to-end [1, boxes, 6]"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, pad="around", rounding="nearest")
    suppress = False

    classes: int = len(COCO)
    likely: bool = True

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> EndToEnd | None:
        """By six columns, or more where the metadata has names."""
        shape, names, task = outputs.first.shape, class_count_in(metadata), task_in(metadata)
        if len(shape) != 3 or shape[0] != 1 or task in ("obb", "classify"):
            return None
        if shape[2] < 6 or (shape[2] > 6 and names is None):
            return None
        # One row per cell of the grids, or per anchor where each cell has three (YOLOv5), was not thinned out. One
        # column per class (RT-DETR) leaves none for its number, unless there are as many mask weights or keypoints.
        counts = {n * cell_count(outputs.size, strides) for strides in (STRIDES, STRIDES_P6) for n in (1, 3)}
        plain = shape[2] > 6 and task in (None, "detect")
        per_class = plain and names is not None and shape[2] in (4 + names, 5 + names)
        found = cls(likely=counts.isdisjoint(shape[1:]) and not per_class)
        return found if names is None else found.with_names(names)

    def with_names(self, count: int) -> EndToEnd:
        """There are ``count`` classes."""
        return replace(self, classes=count)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """Rows as they are."""
        rows = outputs.first[0]
        picked = rows[rows[:, 4] >= conf]
        boxes, scores = picked[:, :4].astype(np.float64), picked[:, 4].astype(np.float64)
        return Decoded(boxes, scores, picked[:, 5].astype(np.int64))
