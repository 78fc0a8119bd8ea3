"""A heat map: how long feet were in each cell of the image."""

from __future__ import annotations

import numpy as np

from tracker.arrays import FloatArray, Image
from tracker.count.paths import feet_of
from tracker.rows import Rows

CELL = 8  # pixels
BLUR = 1.0  # cells: boxes are not more exact than that


def heat_map(rows: Rows, size: tuple[int, int], *, cell: int = CELL, frame_rate: float = 1.0) -> FloatArray:
    """(ceil(H / cell), ceil(W / cell)) person-seconds in each cell of an image of ``size`` (W, H) pixels.

    frame_rate: frames per second; 1 counts frames. Predicted and interpolated rows count too: the person was there.
    Feet outside the image are left out. Raises ValueError for a size, cell or frame rate that is not above 0.
    """
    width, height = size
    if min(width, height, cell) < 1 or not frame_rate > 0:
        raise ValueError(f"size={size}, cell={cell}, frame_rate={frame_rate}: give numbers above 0")
    feet = feet_of(rows.boxes)
    feet = feet[((feet >= 0) & (feet < (width, height))).all(axis=1)]
    shape = -(-height // cell), -(-width // cell)
    column, row = (feet // cell).astype(np.int64).T
    counts = np.bincount(row * shape[1] + column, minlength=shape[0] * shape[1])
    return counts.reshape(shape) / frame_rate


def draw_heat(image: Image, heat: FloatArray, *, cell: int = CELL, blur: float = BLUR) -> Image:
    """A copy of a (H, W, 3) BGR image with a heat map over it: the more, the less of the image shows.

    The colours (OpenCV's inferno) run with the square root, so that paths are seen beside places where people stand.
    blur: standard deviation in cells.
    """
    import cv2

    height, width = image.shape[:2]
    smooth = cv2.GaussianBlur(heat.astype(np.float32), (0, 0), blur) if blur > 0 else heat.astype(np.float32)
    strength = np.sqrt(np.maximum(smooth, 0) / max(float(smooth.max(initial=0)), 1e-12))
    whole = (heat.shape[1] * cell, heat.shape[0] * cell)
    large = cv2.resize(strength, whole, interpolation=cv2.INTER_CUBIC)[:height, :width].clip(0, 1)
    colours = cv2.applyColorMap(np.rint(large * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    share = (0.85 * large)[:, :, None]
    drawn: Image = np.rint(image * (1 - share) + colours * share).astype(np.uint8)
    return drawn
