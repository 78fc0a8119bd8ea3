"""Masks of objects: from prototypes and weights to maps, and from the input of a network to the image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import BoolArray, FloatArray
from tracker.detect.head import Fit, Head, Outputs
from tracker.detect.keypoints import keypoints_to_image


def masks_of(maps: NDArray[Any], fit: Fit, *, above: float) -> BoolArray:
    """Which pixels of the image belong to each object, (N, H, W) bool.

    maps   (N, h, w) over the whole input of the network, at any resolution: the object is where they exceed ``above``
    """
    import cv2

    height, width = fit.image
    masks = np.zeros((len(maps), height, width), dtype=bool)
    # Pixel centres: x of the image lies at x * zoom + shift in the input, and there at a share of the map.
    scale = np.array([maps.shape[2], maps.shape[1]]) / (fit.input[1], fit.input[0])
    zoom, shift = fit.zoom * scale, fit.shift * scale
    for one, mask in zip(maps, masks, strict=True):
        window = _window(one > above, zoom, shift, (width, height))
        if window is None:
            continue
        left, top, right, bottom = window
        start = shift + zoom * (left, top) + zoom / 2 - 0.5
        drawn = cv2.warpAffine(
            one.astype(np.float32),
            np.array([[zoom[0], 0, start[0]], [0, zoom[1], start[1]]]),
            (right - left, bottom - top),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        mask[top:bottom, left:right] = drawn > above
    return masks


def _window(
    inside: BoolArray, zoom: FloatArray, shift: FloatArray, size: tuple[int, int]
) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom in the image of all that may belong to an object, or None where nothing does."""
    sides = []
    for axis in (0, 1):
        along = np.flatnonzero(inside.any(axis=axis))
        if along.size == 0:
            return None
        first, last = ((along[[0, -1]] + (-1, 2)) - shift[axis]) / zoom[axis]  # one cell more, for the interpolation
        sides.append((max(int(first), 0), min(int(np.ceil(last)), size[axis])))
    (left, right), (top, bottom) = sides
    return (left, top, right, bottom) if left < right and top < bottom else None


def weighted(weights: NDArray[Any], boxes: FloatArray) -> NDArray[np.float32]:
    """Weights of prototypes (N, K) and boxes (N, 4) in pixels of the input as one payload (N, K + 4)."""
    return np.concatenate((weights, boxes), axis=1).astype(np.float32)


def prototypes_in(outputs: Outputs, weights: int) -> NDArray[Any] | None:
    """The prototypes (K, h, w) of masks among the outputs, where K is ``weights``, or None."""
    found = (each for each in outputs.arrays.values() if each.ndim == 4 and each.shape[:2] == (1, weights))
    return next((each[0] for each in found if weights), None)


def combined(payload: NDArray[Any], outputs: Outputs) -> NDArray[np.float32]:
    """Maps (N, h, w) that are positive on an object, of what ``weighted`` gave (YOLACT, Bolya 2019, section 3.3).

    An object ends with its box: outside the maps are negative.
    """
    prototypes = prototypes_in(outputs, payload.shape[1] - 4)
    if prototypes is None:
        raise ValueError("outputs have no prototypes of masks")
    _, height, width = prototypes.shape
    maps = np.tensordot(payload[:, :-4], prototypes.astype(np.float32), axes=1)
    left, top, right, bottom = (
        payload[:, -4:] * np.array([width, height] * 2) / np.array([*outputs.size[::-1]] * 2)
    ).T[..., None]
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    across, down = (x > left) & (x < right), (y > top) & (y < bottom)
    # Of the same magnitude, so that interpolation ends the object half way between two cells.
    cut: NDArray[np.float32] = np.where(down[:, :, None] & across[:, None], maps, -np.abs(maps))
    return cut


class WithMasks(Head):
    """A head whose rows may end with weights of masks; the payload is then a mask per object, (H, W) bool of the image.

    masks  how many weights there are, 0 for none; the payload, if any, then holds keypoints or corners
    """

    masks: int = 0

    def complete(self, payload: NDArray[Any], outputs: Outputs) -> NDArray[Any]:
        """Masks are combined for the objects that stay."""
        return combined(payload, outputs) if self.masks else payload

    def to_image(self, payload: NDArray[Any], fit: Fit) -> NDArray[Any]:
        """Keypoints and corners are points, whose visibility stays."""
        return masks_of(payload, fit, above=0.0) if self.masks else keypoints_to_image(payload, fit)
