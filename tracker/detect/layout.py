"""What the values of an output (A, W), one row per cell, say about its columns where shapes and metadata do not.

The values are those of a run on plain grey, in which there is nothing to detect.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tracker.detect.grid import Grid
from tracker.detect.head import Outputs

Column = Literal["objectness", "class", "ones", "unknown"]

STRONG = 0.25  # a score that stands for an object


def is_decoded(rows: NDArray[Any], grid: Grid) -> bool:
    """Whether rows (A, W) are in pixels: their centres then lie near their own cells."""
    centres = rows[:, :2].astype(np.float64)
    as_pixels = np.abs(centres - (grid.cells + 0.5) * grid.strides).mean()
    as_offsets = np.abs((centres + grid.cells) * grid.strides - (grid.cells + 0.5) * grid.strides).mean()
    return bool(as_pixels < as_offsets)


def are_corners(boxes: NDArray[Any], grid: Grid) -> bool:
    """Whether boxes (A, 4) are corners, not centre and size: the middles of the corners then lie near their cells."""
    values = boxes.astype(np.float64)
    centres = (grid.cells + 0.5) * grid.strides
    as_corners = np.abs((values[:, :2] + values[:, 2:]) / 2 - centres).mean()
    return bool(as_corners < 0.5 * np.abs(values[:, :2] - centres).mean()) and bool((values[:, 2:] > 0).all())


def are_scores(values: NDArray[Any]) -> bool:
    """Whether all finite values lie in 0..1, so that they can be scores."""
    finite = values[np.isfinite(values)]
    return finite.size == 0 or bool(finite.min() >= -0.001 and finite.max() <= 1.001)


def fifth_column(rows: NDArray[Any]) -> Column:
    """What column 4 of rows (A, W), W >= 6, holds, where column 5 and all that follow are class scores.

    "ones"        1 in every row: YOLOv6 exports a constant in place of the objectness
    "objectness"  YOLOX learns class scores on objects only: on background they are far above the objectness (YOLOX-nano
                  on grey: median 0.16 beside 0.000001). A strong objectness comes with a strong class
    "class"       YOLOv8 learns that all classes are absent on background: all are tiny there, and of one magnitude. A
                  strong first class comes without another
    """
    first, best = rows[:, 4].astype(np.float64), rows[:, 5:].max(axis=1).astype(np.float64)
    if (first == 1).all():
        return "ones"
    background, others = float(np.median(first)), float(np.median(best))
    if others > 0.01 and background < 0.1 * others:
        return "objectness"
    if 0 < others <= 0.01 and 0.01 * others <= background <= 0.01:
        return "class"
    strong = best[first >= STRONG]
    if strong.size and np.all(strong >= STRONG):
        return "objectness"
    if strong.size and np.all(strong < 0.2 * STRONG):
        return "class"
    return "unknown"


def mask_weights(outputs: Outputs, columns: int) -> int:
    """How many of the ``columns`` behind a box are weights of masks: as many as a second output has prototypes."""
    others = [array for array in list(outputs.arrays.values())[1:] if array.ndim == 4]
    if len(others) != 1 or others[0].shape[1] >= columns:
        return 0
    return int(others[0].shape[1])
