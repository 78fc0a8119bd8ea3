"""Rotated boxes."""

from __future__ import annotations

import numpy as np

from tracker.arrays import FloatArray


def corners_of(boxes: FloatArray, angles: FloatArray) -> FloatArray:
    """The corners (N, 4, 2) of boxes (N, 4) centre x, y, width, height, turned by angles (N,) in radians.

    A positive angle turns from x towards y: clockwise, as images have y downwards.
    """
    along = np.stack((np.cos(angles), np.sin(angles)), axis=1) * boxes[:, 2:3] / 2
    across = np.stack((-np.sin(angles), np.cos(angles)), axis=1) * boxes[:, 3:4] / 2
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], dtype=np.float64)
    corners: FloatArray = boxes[:, None, :2] + signs[:, :1] * along[:, None] + signs[:, 1:] * across[:, None]
    return corners


def boxes_around(corners: FloatArray) -> FloatArray:
    """The upright boxes (N, 4) that surround corners (N, 4, 2)."""
    return np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1)
