"""Masks of objects from the input of a network to the image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import BoolArray
from tracker.detect.head import Fit


def masks_of(maps: NDArray[Any], fit: Fit, *, above: float) -> BoolArray:
    """Which pixels of the image belong to each object, (N, H, W) bool.

    maps   (N, h, w) over the whole input of the network, at any resolution: the object is where they exceed ``above``
    """
    import cv2

    height, width = fit.image
    masks = np.zeros((len(maps), height, width), dtype=bool)
    for map, mask in zip(maps, masks, strict=True):
        # Pixel centres: x of the image lies at x * zoom + shift in the input, and there at a share of the map.
        scale = np.array([map.shape[1], map.shape[0]]) / (fit.input[1], fit.input[0])
        zoom, shift = fit.zoom * scale, fit.shift * scale
        matrix = np.array([[zoom[0], 0, shift[0] + zoom[0] / 2 - 0.5], [0, zoom[1], shift[1] + zoom[1] / 2 - 0.5]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        drawn = cv2.warpAffine(
            map.astype(np.float32), matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        mask[:] = drawn > above
    return masks
