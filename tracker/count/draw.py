"""Draws lines and zones with their totals into an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import Image, IntArray
from tracker.count.counting import Totals
from tracker.count.places import Line, Zone
from tracker.draw.lines import width_for
from tracker.draw.places import Occupied, best_of
from tracker.draw.places import Place as Spot
from tracker.draw.text import DARK, LIGHT, chip, put, size_for

LINE, ZONE = (0, 215, 255), (230, 160, 60)  # BGR: yellow and blue, which every kind of sight tells apart
SHADE = 0.18  # of a zone's colour over the image


def draw_places(
    image: Image,
    places: Sequence[Line | Zone],
    totals: Sequence[Totals] | None = None,
    inside: Mapping[str, int] | None = None,
    occupied: Occupied | None = None,
    spots: list[int] | None = None,
) -> None:
    """Draw the places and their totals on a (H, W, 3) BGR image, in place.

    totals    of each place; without them only names are written
    inside    people in each zone now, by its name
    occupied  heads and labels that the text should not cover
    spots     remembers where each text was, from frame to frame: it moves only where it would cover a head

    A line has an arrow that points to where "in" leads; a zone is shaded. Undecided events are left out.
    """
    thick = width_for(*image.shape[:2])
    for place in places:
        if isinstance(place, Line):
            _line(image, place, thick)
        else:
            _zone(image, place, thick)
    spots = [] if spots is None else spots
    spots += [-1] * (len(places) - len(spots))
    taken: list[Spot] = []
    for k, place in enumerate(places):
        said = "" if totals is None else f": in {totals[k].into}  out {totals[k].out}"
        if isinstance(place, Zone) and inside is not None:
            said += f"  now {inside.get(place.name, 0)}"
        patch = chip(place.name + said, size_for(*image.shape[:2]), DARK, LIGHT)
        size = patch.shape[1], patch.shape[0]
        around = _around(place, size, (image.shape[1], image.shape[0]))
        spot, spots[k] = best_of(around, size, occupied or Occupied(np.empty((4, 0)), []), taken, spots[k])
        put(image, patch, spot[0], spot[1])
        taken.append(spot)


def _around(place: Line | Zone, size: tuple[int, int], image: tuple[int, int]) -> IntArray:
    """(C, 2) left and top of where the text of a place may stand, in the image; the first is preferred."""
    wide, high = size
    low, far = place.points.min(axis=0), place.points.max(axis=0)
    if isinstance(place, Line):
        ends = place.points[place.points.sum(axis=1).argsort(kind="stable")]
        at = [(x, y + dy) for x, y in ends for dy in (-high - 4, 4)]
        at += [(x + dx, y - high / 2) for x, y in ends for dx in (8, -wide - 8)]
    else:
        at = [(x, y) for y in (low[1] - high, low[1], far[1] - high, far[1]) for x in (low[0], far[0] - wide)]
        at += [(far[0], low[1]), (low[0] - wide, low[1]), (far[0], far[1] - high), (low[0] - wide, far[1] - high)]
    room = np.maximum(np.array(image) - size, 0)
    corners: IntArray = np.rint(np.clip(at, 0, room)).astype(np.int64)
    return corners


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
