"""What a detection network puts out, and how its numbers become boxes on its input.

Three layouts are known, A being the number of places on all grids and C the number of classes:

``YOLOX``       (1, A, 5 + C)  centre x, y, width, height, objectness, C class scores (Ge 2021). Decoded to pixels, or
                               as offsets from the grid cell in cells and logarithms of the size in cells
``YOLOv8``      (1, 4 + C [+ more], A)  centre x, y, width, height in pixels, C class scores (also YOLO11, YOLO12)
``end to end``  (1, K, 6 [+ more])  left, top, right, bottom in pixels, score, class; thinned out inside (YOLOv10, 26)

Every decoder gives (boxes xyxy in input pixels (N, 4), scores (N,), classes (N,)) of the rows with a score of at least
``conf``, and computes only those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray, IntArray
from tracker.boxes import xywh_to_xyxy

Found = tuple[FloatArray, FloatArray, IntArray]
Decoder = Callable[[NDArray[np.float32], float], Found]

STRIDES = (8, 16, 32)
STRIDES_P6 = (8, 16, 32, 64)


def places(height: int, width: int, strides: Sequence[int]) -> int:
    """How many cells the grids of an input of this size have in all."""
    return sum((height // stride) * (width // stride) for stride in strides)


class YOLOXGrid:
    """Decoder for YOLOX rows that are still relative to their grid cell, for one input size."""

    def __init__(self, height: int, width: int, strides: Sequence[int]) -> None:
        cells, steps = [], []
        for stride in strides:
            y, x = np.mgrid[: height // stride, : width // stride]
            cells.append(np.stack((x.ravel(), y.ravel()), axis=1))
            steps.append(np.full(x.size, stride))
        self.cells = np.concatenate(cells).astype(np.float64)
        self.steps = np.concatenate(steps).astype(np.float64)[:, None]

    def __call__(self, rows: NDArray[np.float32], conf: float) -> Found:
        """rows (A, 5 + C)."""
        picked, scores, classes = _pick_rows(rows, conf)
        xywh = rows[picked, :4].astype(np.float64)
        step = self.steps[picked]
        xywh[:, :2] = (xywh[:, :2] + self.cells[picked]) * step
        with np.errstate(over="ignore"):  # an infinite size is dropped as a bad row
            xywh[:, 2:] = np.exp(xywh[:, 2:]) * step
        return xywh_to_xyxy(xywh), scores, classes

    def is_decoded(self, rows: NDArray[np.float32]) -> bool:
        """Whether rows (A, 5 + C) are in pixels already: then their centres lie near their own cells."""
        centres = rows[:, :2].astype(np.float64)
        as_pixels = np.abs(centres - (self.cells + 0.5) * self.steps).mean()
        as_offsets = np.abs((centres + self.cells) * self.steps - (self.cells + 0.5) * self.steps).mean()
        return bool(as_pixels < as_offsets)


def decode_yolox(rows: NDArray[np.float32], conf: float) -> Found:
    """YOLOX rows (A, 5 + C) exported with their decoding, in pixels."""
    picked, scores, classes = _pick_rows(rows, conf)
    return xywh_to_xyxy(rows[picked, :4].astype(np.float64)), scores, classes


def decode_yolov8(columns: NDArray[np.float32], conf: float, classes: int) -> Found:
    """YOLOv8 columns (4 + C + more, A); what follows the class scores (mask weights, keypoints) is left alone."""
    probabilities = columns[4 : 4 + classes]
    picked = np.flatnonzero(probabilities.max(axis=0) >= conf)
    chosen = probabilities[:, picked]
    best = chosen.argmax(axis=0)
    scores = chosen[best, np.arange(len(picked))].astype(np.float64)
    return xywh_to_xyxy(columns[:4, picked].T.astype(np.float64)), scores, best


def decode_end_to_end(rows: NDArray[np.float32], conf: float) -> Found:
    """Rows (K, 6 + more) of left, top, right, bottom, score, class."""
    picked = rows[rows[:, 4] >= conf]
    return picked[:, :4].astype(np.float64), picked[:, 4].astype(np.float64), picked[:, 5].astype(np.int64)


def _pick_rows(rows: NDArray[np.float32], conf: float) -> tuple[IntArray, FloatArray, IntArray]:
    # Score = objectness x class, so no row whose objectness is below conf can reach it.
    picked = np.flatnonzero(rows[:, 4] >= conf)
    chosen = rows[picked]
    best = chosen[:, 5:].argmax(axis=1)
    scores = chosen[:, 4].astype(np.float64) * chosen[np.arange(len(picked)), 5 + best]
    keep = scores >= conf
    return picked[keep], scores[keep], best[keep]
