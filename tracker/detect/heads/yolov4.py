"""YOLOv4 of pytorch-YOLOv4 (Tianxiaomo): boxes (1, N, 1, 4), corners as parts of the input, and confs (1, N, C)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.scores import best_class


class YOLOv4(Head):
    """YOLOv4 of ``classes`` classes, objectness and class score already multiplied."""

    name = "yolov4"
    form = "boxes [1, N, 1, 4] as parts of the input, confs [1, N, classes]"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, fit="stretch")

    def __init__(self, classes: int) -> None:
        self.classes = classes

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> YOLOv4 | None:
        """By the shapes."""
        if len(outputs.arrays) != 2:
            return None
        boxes, scores = outputs.arrays.values()
        if boxes.ndim != 4 or boxes.shape[0] != 1 or boxes.shape[2:] != (1, 4):
            return None
        return cls(scores.shape[2]) if scores.ndim == 3 and scores.shape[:2] == boxes.shape[:2] else None

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is the best class score."""
        boxes, confs = outputs.arrays.values()
        picked, scores, classes = best_class(confs[0], conf)
        height, width = outputs.size
        return Decoded(boxes[0, picked, 0].astype(np.float64) * (width, height, width, height), scores, classes)
