"""Boxes, dashes, trails and shapes, each with a thin edge that sets it off from any image."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray, Image, IntArray
from tracker.draw.palette import Colour
from tracker.draw.text import edge_of, ink_on

SUBPIXELS = 3  # bits of a pixel's fraction in OpenCV's coordinates


def width_for(height: int, width: int) -> int:
    """The width of lines in pixels, for an image of so many."""
    return max(1, round(min(height, width) / 320))


def box(image: Image, corners: list[int], colour: Colour, thick: int) -> None:
    """The outline of a box: left, top, right, bottom, with a thin edge inside it."""
    import cv2

    left, top, right, bottom = corners
    before = (thick - 1) // 2
    # One line inside the other: OpenCV makes a thick one wider than asked for. The last is the edge; it lies inside, so
    # that boxes side by side do not hide each other's lines.
    for k in range(-before, thick - before + 1):
        shade = colour if k < thick - before else edge_of(colour)
        cv2.rectangle(image, (left + k, top + k), (right - k, bottom - k), shade, 1)


def brackets(image: Image, corners: list[int], colour: Colour, thick: int) -> None:
    """The four corners of a box alone."""
    left, top, right, bottom = corners
    wide, high = (right - left) // 4, (bottom - top) // 4
    before = (thick - 1) // 2
    for y in (top, bottom):
        for x in (left, right - wide):
            _fill(image, x - before, y - before, x + wide + 1, y - before + thick, colour)
    for x in (left, right):
        for y in (top, bottom - high):
            _fill(image, x - before, y - before, x - before + thick, y + high + 1, colour)


def _fill(image: Image, left: int, top: int, right: int, bottom: int, colour: Colour) -> None:
    image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = colour


def dashed(image: Image, corners: list[int], colour: Colour, thick: int) -> None:
    """The same in dashes."""
    height, width = image.shape[:2]
    left, top, right, bottom = corners
    half = (thick - 1) // 2
    columns, rows = _dashes(left, right, width, thick), _dashes(top, bottom, height, thick)
    for y in (top, bottom):
        image[max(y - half, 0) : max(y - half + thick, 0), columns] = colour
    for x in (left, right):
        image[rows, max(x - half, 0) : max(x - half + thick, 0)] = colour


def _dashes(start: int, stop: int, size: int, thick: int) -> IntArray:
    """The pixels of a dashed line between two, those from 0 to before ``size``."""
    at = np.arange(max(start, 0), min(stop + 1, size))
    dashes: IntArray = at[(at - start) // (4 * thick + 2) % 2 == 0]
    return dashes


def outline(image: Image, corners: FloatArray) -> None:
    """A thin grey polygon through (P, 2) corners."""
    import cv2

    size = np.array((image.shape[1], image.shape[0]))
    points = np.rint(np.clip(corners, -4 * size, 5 * size)).astype(np.int32)
    cv2.polylines(image, [points], True, (150, 150, 150), 1, cv2.LINE_AA)


def trail(image: Image, points: NDArray[np.int32], colour: Colour, thick: int) -> None:
    """A line through (n, 2) points in eighths of a pixel, oldest first, that gets thicker towards the last."""
    import cv2

    n = len(points)
    if n < 2:
        return
    middle = n // 2
    cv2.polylines(image, [points[: middle + 1]], False, colour, thick, cv2.LINE_AA, SUBPIXELS)
    cv2.polylines(image, [points[middle:]], False, colour, thick + 1, cv2.LINE_AA, SUBPIXELS)


def shape(image: Image, name: str, x: int, y: int, radius: float, colour: Colour) -> None:
    """A filled disc, square, triangle or diamond around a point, with an edge."""
    paint, clear = _painted(name, radius, colour)
    reach = len(paint) // 2
    height, width = image.shape[:2]
    left, top, right, bottom = x - reach, y - reach, x + reach + 1, y + reach + 1
    if left >= 0 and top >= 0 and right <= width and bottom <= height:
        part = image[top:bottom, left:right]
        part[:] = paint + (part * clear >> 8)
    elif right > 0 and bottom > 0 and left < width and top < height:
        cut = slice(max(-top, 0), height - top), slice(max(-left, 0), width - left)
        part = image[max(top, 0) : bottom, max(left, 0) : right]
        part[:] = paint[cut] + (part * clear[cut] >> 8)


_POLYGONS = {
    "square": ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
    "triangle": ((0, -1.1), (1.05, 0.8), (-1.05, 0.8)),
    "diamond": ((0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)),
}


@lru_cache(maxsize=256)
def _painted(name: str, radius: float, colour: Colour) -> tuple[Image, NDArray[np.uint16]]:
    """A shape as (n, n, 3): its colours times their opacity, and 256 times how much of the image shows through."""
    import cv2

    scale, reach = 2**SUBPIXELS, int(radius * 1.2) + 2
    paint, opaque = np.zeros((2 * reach + 1, 2 * reach + 1, 3), np.uint8), np.zeros((2 * reach + 1,) * 2, np.uint8)
    for size, ink in ((radius + 1, ink_on(colour)), (radius, colour)):
        for target, shade in ((paint, ink), (opaque, 255)):
            if name == "disc":
                centre = (reach * scale, reach * scale)
                cv2.circle(target, centre, round(size * scale), shade, -1, cv2.LINE_AA, SUBPIXELS)
            else:
                outline = np.rint((np.array(_POLYGONS[name]) * size + reach) * scale).astype(np.int32)
                cv2.fillConvexPoly(target, outline, shade, cv2.LINE_AA, SUBPIXELS)
    return paint, (256 - opaque.astype(np.uint16) * 256 // 255)[:, :, None]
