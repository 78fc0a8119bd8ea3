"""Draws lines and zones with their totals into an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import Image
from tracker.count.counting import Totals
from tracker.count.places import Line, Zone
from tracker.spelling import shown

LINE, ZONE = (0, 215, 255), (230, 160, 60)  # BGR: yellow and blue, which every kind of sight tells apart
SHADE = 0.18  # of a zone's colour over the image
DARK, LIGHT = (20, 20, 20), (255, 255, 255)


def draw_places(
    image: Image,
    places: Sequence[Line | Zone],
    totals: Sequence[Totals] | None = None,
    inside: Mapping[str, int] | None = None,
) -> None:
    """Draw the places and their totals on a (H, W, 3) BGR image, in place.

    totals: of each place; without them only names are written. inside: people in each zone now, by its name.
    A line has an arrow that points to where "in" leads; a zone is shaded. Undecided events are left out.
    """
    thick = max(1, round(min(image.shape[:2]) / 240))
    taken: list[tuple[int, int, int, int]] = []
    for k, place in enumerate(places):
        said = "" if totals is None else f": in {totals[k].into}  out {totals[k].out}"
        if isinstance(place, Line):
            _line(image, place, thick)
            at = place.points[0]
        else:
            _zone(image, place, thick)
            said += "" if inside is None else f"  now {inside.get(place.name, 0)}"
            at = place.points[place.points.sum(axis=1).argmin()]
        text = place.name + said
        taken.append(_text(image, text, at.tolist(), taken, thick))


def _corners(image: Image, points: NDArray[np.float64]) -> NDArray[np.int32]:
    """Points as whole pixels; OpenCV takes no large ones, so clip them some way outside the image."""
    size = np.array((image.shape[1], image.shape[0]))
    corners: NDArray[np.int32] = np.rint(np.clip(points, -4 * size, 5 * size)).astype(np.int32)
    return corners


def _line(image: Image, line: Line, thick: int) -> None:
    import cv2

    a, b = line.points
    middle, along = (a + b) / 2, (b - a) / line.length
    head = middle + 12 * thick * np.array((-along[1], along[0]))
    (x, y), (u, v), (p, q), (r, s) = _corners(image, np.stack((a, b, middle, head))).tolist()
    for colour, width in ((DARK, thick + 2), (LINE, thick)):
        cv2.line(image, (x, y), (u, v), colour, width, cv2.LINE_AA)
        cv2.arrowedLine(image, (p, q), (r, s), colour, width, cv2.LINE_AA, tipLength=0.4)


def _zone(image: Image, zone: Zone, thick: int) -> None:
    import cv2

    corners = _corners(image, zone.points)
    (left, top), (right, bottom) = corners.min(axis=0).clip(0), corners.max(axis=0).clip(0) + 1
    part = image[top:bottom, left:right]  # a copy of the whole image would take longer than all else
    if part.size:
        shaded = part.copy()
        cv2.fillPoly(shaded, [corners - np.array((left, top), dtype=np.int32)], ZONE)
        cv2.addWeighted(shaded, SHADE, part, 1 - SHADE, 0, dst=part)
    cv2.polylines(image, [corners], True, ZONE, thick, cv2.LINE_AA)


def _text(
    image: Image, text: str, at: list[float], taken: Sequence[tuple[int, int, int, int]], thick: int
) -> tuple[int, int, int, int]:
    """A line of text on a dark ground above a point, higher where it would cover a place taken; returns its own place.

    A place is left, top, right, bottom. The text stays inside the image.
    """
    import cv2

    height, width = image.shape[:2]
    scale = max(0.4, min(height, width) / 900)
    stroke = max(1, round(1.5 * scale))
    text = shown(text)
    (wide, tall), under = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, stroke)
    pad = max(2, thick)
    wide, high = wide + 2 * pad, tall + under + 2 * pad
    x = int(max(0, min(at[0], width - wide)))
    y = int(max(high, min(at[1] - 2 * pad, height)))
    for left, top, right, bottom in sorted(taken, key=lambda place: -place[3]):
        if x < right and left < x + wide and y - high < bottom and top < y and top >= high:
            y = top
    cv2.rectangle(image, (x, y - high), (x + wide, y), DARK, -1)
    corner = (x + pad, y - under - pad)
    cv2.putText(image, text, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, LIGHT, stroke, cv2.LINE_AA)
    return x, y - high, x + wide, y
