"""Peaks of maps with one value per cell, as CenterNet (Zhou 2019, section 3) and OpenPose (Cao 2017) mark objects."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import IntArray


def peaks(maps: NDArray[Any], least: float) -> tuple[IntArray, IntArray, IntArray]:
    """Map, row and column of each cell, (K,) each, that reaches ``least`` and that no neighbour exceeds.

    maps  (C, H, W). Of neighbours of one value every one is a peak
    """
    _, height, width = maps.shape
    edged = np.pad(maps, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    highest = maps
    for row in range(3):
        for column in range(3):
            highest = np.maximum(highest, edged[:, row : row + height, column : column + width])
    kinds, rows, columns = np.nonzero((maps >= highest) & (maps >= least))
    return kinds, rows, columns
