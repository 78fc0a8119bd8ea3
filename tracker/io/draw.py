"""Draws tracks on images: a box, a label and a trail per track, in a colour that stays with the id."""

from __future__ import annotations

import colorsys
import math
from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import BoolArray, FloatArray, Image
from tracker.spelling import shown
from tracker.tracks import Tracks

Colour = tuple[int, int, int]
Place = tuple[int, int, int, int]  # left, top, right, bottom in pixels
_GOLDEN = 0.618033988749895


@lru_cache(maxsize=4096)
def colour_of(id: int) -> Colour:
    """The BGR colour of an id, always the same. Successive ids lie a golden-ratio turn of hue apart."""
    # Ids that differ by 5, 8, 13, ... have similar hues, so brightness and saturation change with period 3.
    value, saturation = ((0.95, 0.85), (0.75, 0.95), (1.0, 0.6))[id % 3]
    red, green, blue = colorsys.hsv_to_rgb(id * _GOLDEN % 1.0, saturation, value)
    return round(255 * blue), round(255 * green), round(255 * red)


class Trails:
    """Where each track's feet (middle of the box's lower edge) were in its last ``length`` updates.

    The trail of a lost track stays and does not grow. An id that is not reported for ``length`` updates is forgotten,
    which bounds the memory. Raises ValueError for a length below 1.
    """

    def __init__(self, length: int = 30) -> None:
        if length < 1:
            raise ValueError(f"trail length {length} is below 1")
        self.length = length
        self._points: dict[int, deque[tuple[float, float]]] = {}
        self._seen: dict[int, int] = {}
        self._frame: int | None = None
        self._updates = 0

    def __len__(self) -> int:
        return len(self._points)

    def update(self, tracks: Tracks) -> None:
        """Add one frame's tracks. The same frame again changes nothing; an earlier one clears the trails first."""
        if self._frame is not None and tracks.frame == self._frame:
            return
        if self._frame is not None and tracks.frame < self._frame:
            self._points.clear()
            self._seen.clear()
        self._frame = tracks.frame
        self._updates += 1
        feet = np.stack(((tracks.boxes[:, 0] + tracks.boxes[:, 2]) / 2, tracks.boxes[:, 3]), axis=1).tolist()
        for id, (x, y), missed in zip(tracks.ids.tolist(), feet, tracks.missed.tolist(), strict=True):
            self._seen[id] = self._updates
            points = self._points.setdefault(id, deque(maxlen=self.length))
            if missed == 0 and math.isfinite(x) and math.isfinite(y):
                points.append((x, y))
        for id in [id for id, seen in self._seen.items() if self._updates - seen >= self.length]:
            del self._seen[id], self._points[id]

    def points(self, id: int) -> FloatArray:
        """(n, 2) x, y of an id's trail, oldest first; empty for an unknown id."""
        return np.array(self._points.get(id, ()), np.float64).reshape(-1, 2)


def draw_tracks(
    image: Image,
    tracks: Tracks,
    *,
    trails: Trails | None = None,
    class_names: Mapping[int, str] | Sequence[str] | None = None,
) -> Image:
    """A copy of a (H, W, 3) uint8 BGR image with the tracks on it; ``image`` is not modified.

    trails       gets the tracks of this frame, and is drawn
    class_names  names by class number; the label is then "id name", else the id alone. Control characters are escaped

    A label stands above its box, inside or below it, wherever it hides least of the labels of smaller ids. Boxes of
    lost tracks are dashed, those of tentative ones thin. Boxes may lie anywhere; nothing is drawn outside the image.
    Raises ValueError for an image of another shape or type.
    """
    import cv2

    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"image of shape {image.shape} {image.dtype}: expected (H, W, 3) uint8")
    out: Image = np.array(image, order="C")
    height, width = out.shape[:2]
    thick = max(1, round(min(height, width) / 240))
    if trails is not None:
        trails.update(tracks)

    inside: BoolArray = np.all(np.isfinite(tracks.boxes), axis=1)
    inside &= np.all(tracks.boxes[:, :2] < (width, height), axis=1) & np.all(tracks.boxes[:, 2:] > 0, axis=1)
    # Clip just outside the image: edges beyond it stay invisible, and OpenCV gets small numbers.
    margin = 4 * thick
    high = np.array([width, height] * 2) + margin
    corners = np.rint(np.clip(np.where(inside[:, None], tracks.boxes, 0), -margin, high)).astype(int)
    colours = [colour_of(id) for id in tracks.ids.tolist()]

    # By id, so that the order of the rows does not show and older tracks place their labels first.
    order = np.argsort(tracks.ids)
    if trails is not None:
        for i in order.tolist():
            _trail(out, trails.points(int(tracks.ids[i])), colours[i], thick)
    drawn = order[inside[order]].tolist()
    for i in drawn:
        left, top, right, bottom = corners[i].tolist()
        if tracks.confirmed[i] and tracks.missed[i] > 0:
            _dashed(out, left, top, right, bottom, colours[i], thick)
        else:
            line = thick if tracks.confirmed[i] else max(1, thick // 2)
            cv2.rectangle(out, (left, top), (right, bottom), colours[i], line)
    # Labels come last, so that no box crosses one.
    taken: list[Place] = []
    for i in drawn:
        text = _text(int(tracks.ids[i]), int(tracks.classes[i]), class_names)
        taken.append(_label(out, corners[i].tolist(), taken, text, colours[i], thick))
    return out


def _text(id: int, class_id: int, names: Mapping[int, str] | Sequence[str] | None) -> str:
    if names is None:
        return str(id)
    if isinstance(names, Mapping):
        return f"{id} {shown(str(names.get(class_id, class_id)))}"
    return f"{id} {shown(str(names[class_id])) if 0 <= class_id < len(names) else class_id}"


def _trail(image: Image, points: FloatArray, colour: Colour, thick: int) -> None:
    import cv2

    if len(points) < 2:
        return
    size = np.array((image.shape[1], image.shape[0]))
    track: NDArray[np.int32] = np.rint(np.clip(points, -size, 2 * size)).astype(np.int32)
    middle = len(track) // 2
    cv2.polylines(image, [track[: middle + 1]], False, colour, 1, cv2.LINE_AA)
    cv2.polylines(image, [track[middle:]], False, colour, max(2, thick), cv2.LINE_AA)


def _dashed(image: Image, left: int, top: int, right: int, bottom: int, colour: Colour, thick: int) -> None:
    import cv2

    dash = 4 * thick + 2
    for x in range(left, right + 1, 2 * dash):
        for y in (top, bottom):
            cv2.line(image, (x, y), (min(x + dash, right), y), colour, thick)
    for y in range(top, bottom + 1, 2 * dash):
        for x in (left, right):
            cv2.line(image, (x, y), (x, min(y + dash, bottom)), colour, thick)


def _label(image: Image, box: list[int], taken: list[Place], text: str, colour: Colour, thick: int) -> Place:
    """Draw the label of a box, away from the places taken; returns its own place."""
    import cv2

    height, width = image.shape[:2]
    scale = max(0.4, min(height, width) / 900)
    stroke = max(1, round(1.5 * scale))
    (wide, tall), under = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, stroke)
    pad = max(2, thick)
    place = _place(box, wide + 2 * pad, tall + under + pad, (width, height), taken)
    x, y, right, bottom = place
    cv2.rectangle(image, (x, y), (right, bottom), colour, -1)
    blue, green, red = colour
    ink = (0, 0, 0) if 0.114 * blue + 0.587 * green + 0.299 * red > 110 else (255, 255, 255)
    cv2.putText(image, text, (x + pad, y + tall + pad), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, stroke, cv2.LINE_AA)
    return place


def _place(box: list[int], wide: int, tall: int, size: tuple[int, int], taken: list[Place]) -> Place:
    """Where a label of a box goes: above it, inside its top or below it, and always inside the image.

    Among these, the place that covers least of those taken; of equals the first. A label wider than its box prefers
    the place below to the one inside, where it would hide the box and what is beside it.
    """
    left, top, right, bottom = box
    width, height = size
    x = max(0, min(left, width - wide))
    ys = (top - tall, top, bottom) if wide <= right - left else (top - tall, bottom, top)
    ys_inside = [y for y in ys if 0 <= y <= height - tall] or [max(0, min(top, height - tall))]
    return min(((x, y, x + wide, y + tall) for y in ys_inside), key=lambda place: _covered(place, taken))


def _covered(place: Place, taken: list[Place]) -> int:
    """How many pixels of the places taken a place would cover."""
    left, top, right, bottom = place
    return sum(
        (min(right, r) - max(left, x)) * (min(bottom, b) - max(top, y))
        for x, y, r, b in taken
        if x < right and left < r and y < bottom and top < b
    )
