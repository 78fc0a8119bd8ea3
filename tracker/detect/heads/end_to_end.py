"""YOLOv10, YOLO26 and ultralytics with ``nms=True`` thin out their boxes inside: one output (1, K, 6 [+ more]).

A row is left, top, right, bottom in pixels, score and class; mask weights, keypoints or an angle may follow. With an
angle the box is centre x, y, width, height.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.detect.coco import COCO
from tracker.detect.grid import ANCHORS, STRIDES, STRIDES_P6, STRIDES_TINY, cell_count
from tracker.detect.head import Decoded, Outputs, Preprocessing
from tracker.detect.keypoints import as_keypoints, keypoints_in
from tracker.detect.layout import are_scores
from tracker.detect.masks import WithMasks, prototypes_in, weighted
from tracker.detect.metadata import class_count_in, task_in
from tracker.detect.queries import are_parts
from tracker.detect.rotated import boxes_around, corners_of

EMBEDDINGS = "embeddings"  # the second output of the head camera


@dataclass(frozen=True, eq=False)
class EndToEnd(WithMasks):
    """Rows of finished boxes. The outputs do not tell the number of classes: COCO's, unless names are known.

    keypoints  shape of the keypoints behind the class; the payload holds them, (N, points, 2 or 3)
    rotated    whether an angle follows the class; a box then surrounds its rotated one, whose corners are the payload
    masks      how many weights of masks follow the class; the payload then holds masks, (H, W) bool of the image
    """

    name = "end-to-end"
    form = "[1, boxes, 6], YOLOv10 and YOLO26"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, pad="around", rounding="nearest")
    suppress = False

    classes: int = len(COCO)
    keypoints: tuple[int, int] | None = None
    rotated: bool = False
    masks: int = 0
    likely: bool = True

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> EndToEnd | None:
        """By six columns, or more where the metadata has names."""
        shape, names, task = outputs.first.shape, class_count_in(metadata), task_in(metadata)
        if len(shape) != 3 or shape[0] != 1 or task == "classify":
            return None
        if shape[2] < 6 or (shape[2] > 6 and names is None):
            return None
        # One row per cell of the grids, or per anchor where each cell has three (YOLOv5), was not thinned out. One
        # column per class (RT-DETR) leaves none for its number, unless there are as many mask weights or keypoints.
        counts = {
            each * cell_count(outputs.size, strides)
            for strides in (STRIDES, STRIDES_P6, STRIDES_TINY)
            for each in (1, ANCHORS)
        }
        plain = shape[2] > 6 and task in (None, "detect")
        per_class = plain and names is not None and shape[2] in (4 + names, 5 + names)
        keypoints = keypoints_in(metadata)
        posed = keypoints is not None and shape[2] == 6 + keypoints[0] * keypoints[1]
        likely = counts.isdisjoint(shape[1:]) and not per_class and (task != "obb" or shape[2] == 7)
        # RT-DETR's boxes are parts of the input.
        likely = (
            likely
            and EMBEDDINGS not in outputs
            and _finished(outputs.first[0])
            and not are_parts(outputs.first[0, :, :4])
        )
        found = cls(
            keypoints=keypoints if posed else None,
            rotated=task == "obb" and shape[2] == 7,
            masks=0 if prototypes_in(outputs, shape[2] - 6) is None else shape[2] - 6,
            likely=likely,
        )
        return found if names is None else found.with_names(names)

    def with_names(self, count: int) -> EndToEnd:
        """There are ``count`` classes."""
        return replace(self, classes=count)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """Rows as they are."""
        rows = outputs.first[0]
        picked = rows[rows[:, 4] >= conf]
        boxes, scores = picked[:, :4].astype(np.float64), picked[:, 4].astype(np.float64)
        classes = picked[:, 5].astype(np.int64)
        if self.rotated:
            corners = corners_of(boxes, picked[:, 6].astype(np.float64))
            return Decoded(boxes_around(corners), scores, classes, payload=corners)
        payload: NDArray[Any] | None = weighted(picked[:, 6:], boxes) if self.masks else None
        if self.keypoints is not None:
            payload = as_keypoints(picked[:, 6:], self.keypoints)
        return Decoded(boxes, scores, classes, payload=payload)


def _finished(rows: NDArray[Any]) -> bool:
    """Whether rows (K, 6 or more) have a score and a whole number of a class in columns 4 and 5."""
    kinds = rows[np.isfinite(rows[:, 5]), 5]
    return are_scores(rows[:, 4]) and bool(((kinds == np.round(kinds)) & (kinds >= -1)).all())
