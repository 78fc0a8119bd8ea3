"""The cells at which dense heads look for objects: one grid per stride, row by row, finest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tracker.arrays import FloatArray

STRIDES = (8, 16, 32)
STRIDES_P6 = (8, 16, 32, 64)
STRIDES_TINY = (16, 32)
ANCHORS = 3  # in each cell of YOLOv3, 4, 5 and 7


@dataclass(frozen=True, eq=False)
class Grid:
    """The cells of all grids of an input.

    cells    (A, 2) column and row of each cell in its own grid
    strides  (A, 1) pixels of the input per cell
    """

    cells: FloatArray
    strides: FloatArray

    @classmethod
    def of(cls, size: tuple[int, int], strides: Sequence[int] = STRIDES) -> Grid:
        """The grids of an input of ``size`` (height, width)."""
        height, width = size
        cells, steps = [], []
        for stride in strides:
            row, column = np.mgrid[: -(-height // stride), : -(-width // stride)]  # a cut cell is a cell
            cells.append(np.stack((column.ravel(), row.ravel()), axis=1))
            steps.append(np.full(column.size, stride))
        return cls(np.concatenate(cells).astype(np.float64), np.concatenate(steps).astype(np.float64)[:, None])


def cell_count(size: tuple[int, int], strides: Sequence[int] = STRIDES) -> int:
    """How many cells the grids of an input of ``size`` (height, width) have in all."""
    return sum(-(-size[0] // stride) * -(-size[1] // stride) for stride in strides)


def strides_of(size: tuple[int, int], count: int) -> tuple[int, ...] | None:
    """The strides whose grids have ``count`` cells on an input of ``size`` (height, width), or None."""
    return next((strides for strides in (STRIDES, STRIDES_P6) if cell_count(size, strides) == count), None)


def anchor_strides(size: tuple[int, int], count: int) -> tuple[int, ...] | None:
    """The strides whose grids have ``count`` anchors, three in each cell, or None."""
    known = (STRIDES, STRIDES_P6, STRIDES_TINY)
    return next((strides for strides in known if ANCHORS * cell_count(size, strides) == count), None)
