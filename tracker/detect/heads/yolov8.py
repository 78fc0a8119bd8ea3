"""YOLOv8, YOLO11 and YOLO12 of ultralytics: one output (1, 4 + C [+ more], A) or (1, A, 4 + C [+ more]), A grid cells.

An object is centre x, y, width, height in pixels and C class scores; mask weights or keypoints may follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tracker.boxes import xywh_to_xyxy
from tracker.detect.coco import COCO
from tracker.detect.grid import strides_of
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing, names_in


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
        """By the number of cells. Objects in rows look like YOLOX's: the metadata or 84 columns must speak for them."""
        shape, names = outputs.first.shape, names_in(metadata)
        if len(shape) != 3 or shape[0] != 1 or metadata.get("task") in ("obb", "classify"):
            return None
        if strides_of(outputs.size, shape[2]) is not None and shape[1] >= 5:
            width, rows, likely = shape[1], False, True
        elif strides_of(outputs.size, shape[1]) is not None and shape[2] >= 5:
            width, rows = shape[2], True
            fits = width == 4 + (len(COCO) if names is None else len(names))
            likely = "task" in metadata or fits or width == 5
        else:
            return None
        found = cls(width - 4, rows, likely)
        return found if names is None else found.with_names(len(names))

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
