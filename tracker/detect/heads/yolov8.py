"""YOLOv8, YOLOv9, YOLO11, YOLO12 and YOLO-World: one output (1, 4 + C [+ more], A) or (1, A, 4 + C [+ more]), A cells.

An object is centre x, y, width, height in pixels and C class scores; mask weights, keypoints or an angle may follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import xywh_to_xyxy
from tracker.detect.coco import COCO
from tracker.detect.grid import Grid, strides_of
from tracker.detect.head import Decoded, Outputs, Preprocessing
from tracker.detect.keypoints import as_keypoints, keypoints_in
from tracker.detect.layout import are_corners, are_scores, fifth_column, is_decoded, mask_weights
from tracker.detect.masks import WithMasks, prototypes_in, weighted
from tracker.detect.metadata import class_count_in, task_in
from tracker.detect.pairs import is_pair
from tracker.detect.rotated import boxes_around, corners_of
from tracker.detect.scores import best_class

COCO_POSE = (17, 3)


@dataclass(frozen=True, eq=False)
class YOLOv8(WithMasks):
    """YOLOv8 of ``classes`` classes.

    rows       whether each object is a row, (1, A, 4 + C), and not a column
    keypoints  shape of the keypoints behind the classes; the payload holds them, (N, points, 2 or 3)
    rotated    whether an angle follows the classes; a box then surrounds its rotated one, whose corners, (N, 4, 2),
               are the payload
    masks      how many weights of masks follow the classes; the payload then holds masks, (H, W) bool of the image
    """

    name = "yolov8"
    form = "[1, 4 + classes, {cells}] or its transpose, YOLOv8 to v12, YOLO-World; also -seg, -pose, -obb"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, pad="around", rounding="nearest")

    classes: int
    rows: bool = False
    keypoints: tuple[int, int] | None = None
    rotated: bool = False
    masks: int = 0
    likely: bool = True

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> YOLOv8 | None:
        """By the number of cells. Objects in rows look like YOLOX's: metadata, columns or values must tell."""
        shape, names, task = outputs.first.shape, class_count_in(metadata), task_in(metadata)
        if len(shape) != 3 or shape[0] != 1 or task == "classify" or is_pair(outputs):
            return None
        if strides_of(outputs.size, shape[2]) is not None and shape[1] >= 5:
            columns, rows, likely = outputs.first[0], False, True
        elif strides_of(outputs.size, shape[1]) is not None and shape[2] >= 5:
            columns, rows = outputs.first[0].T, True
            likely = task is not None or _speaks(outputs, names)
        else:
            return None
        classes = len(columns) - 4
        if names is not None:
            found = cls(classes, rows, likely=likely).with_names(names)
        elif task != "obb" and _is_coco_pose(columns):
            found = cls(1, rows, likely=True)
        else:
            # Without names nothing says where the classes end and keypoints begin; an angle is the last column.
            classes -= mask_weights(outputs, classes) + (task == "obb")
            found = cls(classes, rows, likely=likely and are_scores(columns[4 : 4 + classes]))
        left = len(columns) - 4 - found.classes
        keypoints = keypoints_in(metadata) or (COCO_POSE if left == COCO_POSE[0] * COCO_POSE[1] else None)
        posed = keypoints is not None and left == keypoints[0] * keypoints[1] and mask_weights(outputs, left) == 0
        masks = 0 if prototypes_in(outputs, left) is None else left
        rotated = task == "obb" and left == 1
        return replace(found, keypoints=keypoints if posed else None, masks=masks, rotated=rotated)

    def with_names(self, count: int) -> YOLOv8:
        """The class scores end after ``count``; what follows is no class."""
        return replace(self, classes=min(count, self.classes))

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is the best class score."""
        objects = outputs.first[0] if self.rows else outputs.first[0].T
        end = 4 + self.classes
        picked, scores, classes = best_class(objects[:, 4:end], conf)
        boxes = objects[picked, :4].astype(np.float64)
        if self.rotated:
            corners = corners_of(boxes, objects[picked, end].astype(np.float64))
            return Decoded(boxes_around(corners), scores, classes, payload=corners)
        corners, rest = xywh_to_xyxy(boxes), objects[picked, end:]
        payload: NDArray[Any] | None = weighted(rest[:, -self.masks :], corners) if self.masks else None
        if self.keypoints is not None:
            payload = as_keypoints(rest, self.keypoints)
        return Decoded(corners, scores, classes, payload=payload)


def _is_coco_pose(columns: NDArray[Any]) -> bool:
    """Whether columns (56, A) are a person with COCO's 17 keypoints: one score, then x, y and a visibility each."""
    if len(columns) != 5 + COCO_POSE[0] * COCO_POSE[1] or not are_scores(columns[4]):
        return False
    return not are_scores(columns[5:]) and are_scores(columns[7::3])


def _speaks(outputs: Outputs, names: int | None) -> bool:
    """Whether objects in rows (A, 4 + C) may be YOLOv8's: no other head has the columns, or the values allow it."""
    rows = outputs.first[0]
    width = rows.shape[1]
    strides = strides_of(outputs.size, len(rows))
    grid = None if strides is None else Grid.of(outputs.size, strides)
    if grid is not None and are_corners(rows[:, :4], grid):
        return False
    if width == 5 or (names is not None and width == 4 + names):
        return True
    column = fifth_column(rows)
    if names is None and width == 4 + len(COCO):
        return column not in ("ones", "objectness")
    if grid is None or not is_decoded(rows, grid) or (names is not None and width == 5 + names):
        return False
    return column == "class" or (column == "unknown" and width != 5 + len(COCO))
