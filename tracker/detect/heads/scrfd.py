"""SCRFD (Guo 2022), faces: for each stride of 8, 16, 32 scores (A, 1), distances (A, 4), often landmarks (A, 10).

All scores come first, then all distances, then all landmarks. A counts two anchors per cell, which share its place, the
corner of the cell. Distances to left, top, right, bottom and offsets of the landmarks are in strides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray
from tracker.detect.grid import STRIDES, Grid, cell_count
from tracker.detect.head import Decoded, Fit, Head, Outputs, Preprocessing

ANCHORS = 2  # per cell


@dataclass(frozen=True, eq=False)
class SCRFD(Head):
    """Faces; the payload holds the landmarks, (5, 2) pixels each: left eye, right eye, nose, corners of the mouth.

    landmarks  whether the model gives them
    """

    name = "scrfd"
    form = "scores [A, 1], boxes [A, 4], also landmarks [A, 10], for each of three strides, SCRFD"
    preprocessing = Preprocessing(
        order="RGB", mean=(127.5, 127.5, 127.5), std=(128, 128, 128), pad_value=0, rounding="down"
    )
    labels = ("face",)

    landmarks: bool
    classes: int = 1

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> SCRFD | None:
        """By six or nine outputs, each with two rows per cell of its grid."""
        arrays = list(outputs.arrays.values())
        if len(arrays) not in (6, 9):
            return None
        widths = (1, 4, 10)[: len(arrays) // 3]
        rows = [ANCHORS * cell_count(outputs.size, [stride]) for stride in STRIDES]
        expected = [(count, width) for width in widths for count in rows]
        # Some exports keep an axis for the batch.
        if [array.shape for array in arrays] not in (expected, [(1, *shape) for shape in expected]):
            return None
        return cls(landmarks=len(arrays) == 9)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """Boxes reach from their cell as far as the distances say."""
        arrays = list(outputs.arrays.values())
        scores, distances = _joined(arrays[:3], 1)[:, 0], _joined(arrays[3:6], 4)
        picked = np.flatnonzero(scores >= conf)
        grid = Grid.of(outputs.size)
        strides = np.repeat(grid.strides, ANCHORS, axis=0)[picked]
        places = np.repeat(grid.cells, ANCHORS, axis=0)[picked] * strides
        reach = distances[picked] * strides
        boxes = np.concatenate((places - reach[:, :2], places + reach[:, 2:]), axis=1)
        payload = None
        if self.landmarks:
            offsets = _joined(arrays[6:], 10)[picked].reshape(-1, 5, 2)
            payload = places[:, None] + offsets * strides[:, None]
        return Decoded(boxes, scores[picked], np.zeros(len(picked), np.int64), payload=payload)

    def to_image(self, payload: NDArray[Any], fit: Fit) -> NDArray[Any]:
        """Landmarks are points."""
        return fit.to_image(payload)


def _joined(arrays: list[NDArray[Any]], width: int) -> FloatArray:
    """The rows of all strides, (A, width); with or without an axis for the batch."""
    return np.concatenate([array.reshape(-1, width) for array in arrays]).astype(np.float64)
