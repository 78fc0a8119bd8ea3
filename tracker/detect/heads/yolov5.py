"""YOLOv3, YOLOv4, YOLOv5 and YOLOv7 with their anchors decoded in the file: one output (1, 3 A, 5 + C [+ more]), three
anchors in each of the A grid cells; the tiny ones have two grids.

A row is centre x, y, width, height in pixels, objectness and C class scores; mask weights (a second output then holds
the prototypes) or keypoints x, y, visibility may follow. Raw maps beside the first output are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import xywh_to_xyxy
from tracker.detect.grid import anchor_strides
from tracker.detect.head import Decoded, Outputs, Preprocessing
from tracker.detect.keypoints import as_keypoints
from tracker.detect.layout import are_scores, mask_weights
from tracker.detect.masks import WithMasks, weighted
from tracker.detect.metadata import class_count_in, task_in
from tracker.detect.scores import best_product


@dataclass(frozen=True, eq=False)
class YOLOv5(WithMasks):
    """YOLOv5 of ``classes`` classes.

    points  how many keypoints follow the class scores; the payload holds them, (N, points, 3): x, y, visibility
    masks   how many weights of masks do; the payload then holds masks, (H, W) bool of the image
    """

    name = "yolov5"
    form = "[1, 3 x {cells}, 5 + classes], YOLOv3 to v5 and v7, anchors decoded"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, pad="around", rounding="nearest")

    classes: int
    points: int = 0
    masks: int = 0
    likely: bool = True

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> YOLOv5 | None:
        """By the number of rows: three anchors in every cell."""
        shape, names = outputs.first.shape, class_count_in(metadata)
        if len(shape) != 3 or shape[0] != 1 or shape[2] < 6 or task_in(metadata) in ("obb", "classify"):
            return None
        if anchor_strides(outputs.size, shape[1]) is None:
            return None
        rows = outputs.first[0]
        if names is not None:
            return None if names > shape[2] - 5 else cls(shape[2] - 5)._ending(names, outputs)
        classes = shape[2] - 5 - mask_weights(outputs, shape[2] - 5)
        if not are_scores(rows[:, 4 : 5 + classes]) and shape[2] % 3 == 0 and are_scores(rows[:, 4:6]):
            return cls(shape[2] - 5)._ending(1, outputs)  # YOLOv7-pose: one class, then points
        return cls(classes, masks=shape[2] - 5 - classes, likely=are_scores(rows[:, 4 : 5 + classes]))

    def with_names(self, count: int) -> YOLOv5:
        """The class scores end after ``count``; what follows is no class."""
        return replace(self, classes=min(count, self.classes))

    def _ending(self, count: int, outputs: Outputs) -> YOLOv5:
        """With ``count`` classes and, where no prototypes of masks are there, keypoints behind them."""
        masks = mask_weights(outputs, self.classes)
        points = 0 if masks or (self.classes - count) % 3 else (self.classes - count) // 3
        return replace(self, classes=count, points=points, masks=masks)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is objectness times class score."""
        rows = outputs.first[0]
        end = 5 + self.classes
        picked, scores, classes = best_product(rows[:, 4], rows[:, 5:end], conf)
        boxes = xywh_to_xyxy(rows[picked, :4].astype(np.float64))
        payload: NDArray[Any] | None = weighted(rows[picked, -self.masks :], boxes) if self.masks else None
        if self.points:
            payload = as_keypoints(rows[picked, end:], (self.points, 3))
        return Decoded(boxes, scores, classes, payload=payload)
