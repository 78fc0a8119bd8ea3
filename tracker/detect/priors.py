"""Prior boxes (SSD, Liu 2016, section 2.2): boxes at fixed places of the input, which a network moves and resizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray
from tracker.boxes import xywh_to_xyxy

# By what networks divide the offsets and the logarithms of sizes that they learn.
CENTRE_VARIANCE, SIZE_VARIANCE = 0.1, 0.2


def cells(size: tuple[int, int], stride: int) -> tuple[int, int]:
    """(rows, columns) of the feature map of ``stride``; an input that is no multiple of it gets one cell more."""
    return -(-size[0] // stride), -(-size[1] // stride)


def grid_priors(
    size: tuple[int, int],
    stride: int,
    sides: Sequence[int],
    *,
    densities: Sequence[int] | None = None,
    whole: bool = False,
) -> FloatArray:
    """Square priors (A, 4) centre x, y, width, height in pixels: cell by cell along the rows, in each side by side.

    size       (height, width) of the input
    sides      the priors of a cell, in pixels
    densities  per side, how many centres a cell has along each axis (FaceBoxes, Zhang 2017, section 3.2): one lies in
               the middle, more begin at the corner; by default 1
    whole      the cells share the input exactly, so that the last of an uneven input is no larger than the others
    """
    rows, columns = cells(size, stride)
    step = (size[1] / columns, size[0] / rows) if whole else (stride, stride)
    offsets, lengths = [], []
    for side, density in zip(sides, densities or [1] * len(sides), strict=True):
        along = np.array([0.5]) if density == 1 else np.arange(density) / density
        y, x = np.meshgrid(along, along, indexing="ij")
        offsets.append(np.stack((x.ravel(), y.ravel()), axis=1))
        lengths.append(np.full(x.size, float(side)))
    offset, length = np.concatenate(offsets), np.concatenate(lengths)
    row, column = np.mgrid[:rows, :columns]
    corners = np.stack((column.ravel(), row.ravel()), axis=1)[:, None]
    centres = (corners + offset) * step
    sizes = np.broadcast_to(length[:, None], centres.shape)
    return np.concatenate((centres, sizes), axis=2).reshape(-1, 4)


def boxes_of(deltas: NDArray[np.generic], priors: FloatArray) -> FloatArray:
    """Deltas (N, 4) from priors (N, 4) as left, top, right, bottom in pixels, (N, 4)."""
    given = deltas.astype(np.float64)
    with np.errstate(over="ignore"):  # an infinite size is dropped as a bad row
        sizes = priors[:, 2:] * np.exp(SIZE_VARIANCE * given[:, 2:])
    return xywh_to_xyxy(np.concatenate((points_of(given[:, :2], priors)[:, 0], sizes), axis=1))


def points_of(deltas: NDArray[np.generic], priors: FloatArray) -> FloatArray:
    """Deltas (N, 2 K) of K points from priors (N, 4), as pixels (N, K, 2)."""
    offsets = deltas.astype(np.float64).reshape(len(deltas), deltas.shape[1] // 2, 2)
    points: FloatArray = priors[:, None, :2] + CENTRE_VARIANCE * offsets * priors[:, None, 2:]
    return points
