"""YuNet (Wu 2023), faces: for each stride s of 8, 16, 32 the outputs cls_s, obj_s (1, A, 1), bbox_s (1, A, 4) and
kps_s (1, A, 10), A the cells of that grid.

A box is the offset of its centre from the cell, in cells, and the logarithm of its size in cells; the five landmarks
are offsets from the cell, in cells. ``tracker.detect.yunet.YuNet`` runs the same file by OpenCV, at each image's size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import xywh_to_xyxy
from tracker.detect.grid import STRIDES, Grid
from tracker.detect.head import Decoded, Fit, Head, Outputs, Preprocessing

PARTS = ("cls", "obj", "bbox", "kps")


class YuNetHead(Head):
    """Faces; the payload holds the landmarks, (5, 2) pixels each: right eye, left eye, nose, corners of the mouth."""

    name = "yunet"
    form = "{{cls, obj, bbox, kps}}_{{8, 16, 32}}"
    preprocessing = Preprocessing(order="BGR", pad_value=0)
    labels = ("face",)
    classes = 1

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> YuNetHead | None:
        """By the names of the outputs."""
        return cls() if all(f"{part}_{s}" in outputs for part in PARTS for s in STRIDES) else None

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is the geometric mean of class score and objectness, each cut to 0..1."""
        cls, obj, bbox, kps = (
            np.concatenate([outputs[f"{part}_{s}"][0] for s in STRIDES]).astype(np.float64) for part in PARTS
        )
        scores = np.sqrt(np.clip(cls[:, 0], 0, 1) * np.clip(obj[:, 0], 0, 1))
        picked = np.flatnonzero(scores >= conf)
        grid = Grid.of(outputs.size)
        cells, strides = grid.cells[picked], grid.strides[picked]
        with np.errstate(over="ignore"):  # an infinite size is dropped as a bad row
            xywh = np.concatenate((bbox[picked, :2] + cells, np.exp(bbox[picked, 2:])), axis=1) * strides
        landmarks = (kps[picked].reshape(-1, 5, 2) + cells[:, None]) * strides[:, None]
        return Decoded(xywh_to_xyxy(xywh), scores[picked], np.zeros(len(picked), np.int64), payload=landmarks)

    def to_image(self, payload: NDArray[Any], fit: Fit) -> NDArray[Any]:
        """Landmarks are points."""
        return fit.to_image(payload)
