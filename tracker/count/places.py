"""Lines and zones: where people are counted, and the geometry of a foot point and a place.

Plain numpy, and not shapely: all that counting needs is the signed distance of many points from a segment or a polygon,
which shapely gives one object at a time and without a side, and the check that a polygon does not cross itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.spelling import shown

BAND = 0.1  # of the box's height: the foot of a person who stands still moves less than this from frame to frame


@dataclass(frozen=True, eq=False)
class Sides:
    """On which side of a place N foot points are.

    distances  (N,) pixels from it, positive on the side that "in" leads to
    sides      (N,) 1 or -1 where the point is more than the band away, 0 within the band
    near       (N,) bool: within the band of the place itself, not of a line's extension
    """

    distances: FloatArray
    sides: IntArray
    near: BoolArray


class Place(Protocol):
    """What a line and a zone have in common.

    kind        "line" or "zone"
    directions  the words for a change to the positive side and to the negative one
    """

    kind: ClassVar[str]
    directions: ClassVar[tuple[str, str]]

    @property
    def name(self) -> str: ...

    @property
    def points(self) -> FloatArray: ...

    def sides(self, feet: FloatArray, heights: FloatArray) -> Sides:
        """The sides of foot points (N, 2) of boxes with heights (N,), all in pixels."""
        ...

    def crossings(
        self, before: FloatArray, after: FloatArray, distance_before: FloatArray, distance_after: FloatArray
    ) -> tuple[IntArray, FloatArray]:
        """Of N straight steps (N, 2) to (N, 2): 1, -1, or 0 without a crossing; and the share of the step before it."""
        ...


@dataclass(frozen=True, eq=False)
class Line:
    """A segment with an arrow from its first point to its second.

    points  (2, 2) x, y in pixels. "in" is from the arrow's left-hand side to its right-hand side, as seen in the image:
            downwards for an arrow that points right
    band    share of the box's height that the foot must be away from the line, on one side and then on the other

    Raises ValueError for anything but two different finite points, and for a band below 0.
    """

    name: str
    points: FloatArray
    band: float = BAND
    kind: ClassVar[str] = "line"
    directions: ClassVar[tuple[str, str]] = ("in", "out")

    def __init__(self, name: str, points: ArrayLike, band: float = BAND) -> None:
        array = _points(self.kind, name, points, band)
        if len(array) == 1 or (len(array) == 2 and (array[0] == array[1]).all()):
            raise ValueError(f"line {shown(name)}: has one point; give two, such as door=100,200 400,200")
        if len(array) != 2:
            raise ValueError(f"line {shown(name)}: has {len(array)} points; give two, or one line for each part")
        _set(self, name=name, points=array, band=float(band))

    @cached_property
    def length(self) -> float:
        """Pixels from the first point to the second."""
        return float(np.hypot(*(self.points[1] - self.points[0])))

    @cached_property
    def _along(self) -> FloatArray:
        direction: FloatArray = (self.points[1] - self.points[0]) / self.length
        return direction

    def _places(self, feet: FloatArray) -> FloatArray:
        """(N,) how far along the line each point lies, in pixels from the first end."""
        places: FloatArray = (feet - self.points[0]) @ self._along
        return places

    def sides(self, feet: FloatArray, heights: FloatArray) -> Sides:
        # The mean from both ends: swapped ends then give the same distance with another sign, to the last bit.
        x, y = self._along
        first, second = feet - self.points[0], feet - self.points[1]
        distances = (x * (first[:, 1] + second[:, 1]) - y * (first[:, 0] + second[:, 0])) / 2
        band = self.band * heights
        sides = (distances > band).astype(np.int64) - (distances < -band)
        places = self._places(feet)
        return Sides(distances, sides, (sides == 0) & (places >= -band) & (places <= self.length + band))

    def crossings(
        self, before: FloatArray, after: FloatArray, distance_before: FloatArray, distance_after: FloatArray
    ) -> tuple[IntArray, FloatArray]:
        changes, shares = _changes(distance_before, distance_after)
        places = self._places(before + shares[:, None] * (after - before))
        return np.where((places >= 0) & (places <= self.length), changes, 0), shares


@dataclass(frozen=True, eq=False)
class Zone:
    """A polygon; a person enters and leaves it.

    points  (P, 2) x, y of its corners in pixels, in order around it; P is 3 or more
    band    share of the box's height that the foot must be inside to have entered, and outside to have left; inside a
            small zone less, so that it can be entered

    Raises ValueError for fewer points, points on one line, a polygon that crosses itself, and a band below 0.
    """

    name: str
    points: FloatArray
    band: float = BAND
    kind: ClassVar[str] = "zone"
    directions: ClassVar[tuple[str, str]] = ("enter", "leave")

    def __init__(self, name: str, points: ArrayLike, band: float = BAND) -> None:
        array = _points(self.kind, name, points, band)
        array = array[(array != np.roll(array, 1, axis=0)).any(axis=1)]  # often the first point closes the list
        if len(array) < 3:
            raise ValueError(
                f"zone {shown(name)}: has {len(array)} corners; give three or more, such as 10,10 90,10 90,80"
            )
        if (crossed := _crossing_edges(array)) is not None:
            raise ValueError(
                f"zone {shown(name)}: edges {crossed[0] + 1} and {crossed[1] + 1} cross or touch; give the "
                "corners in order around the zone"
            )
        _set(self, name=name, points=array, band=float(band))

    @cached_property
    def area(self) -> float:
        """Square pixels."""
        return abs(_doubled_area(self.points)) / 2

    @cached_property
    def _edges(self) -> FloatArray:
        edges: FloatArray = np.roll(self.points, -1, axis=0) - self.points
        return edges

    @cached_property
    def _innermost(self) -> float:
        """The largest band inside: half of area / perimeter, which every zone has points farther inside than."""
        return self.area / float(np.hypot(*self._edges.T).sum()) / 2

    def contains(self, points: FloatArray) -> BoolArray:
        """(N,) whether points (N, 2) lie inside, by the even-odd rule."""
        x, y = points[:, 0, None], points[:, 1, None]
        ax, ay = self.points.T
        dx, dy = self._edges.T
        spans = (ay > y) != (ay + dy > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            right = x < ax + (y - ay) * dx / dy
        inside: BoolArray = np.count_nonzero(spans & right, axis=1) % 2 == 1
        return inside

    def sides(self, feet: FloatArray, heights: FloatArray) -> Sides:
        from_corner = feet[:, None, :] - self.points
        share = (from_corner * self._edges).sum(axis=2) / (self._edges**2).sum(axis=1)
        apart = from_corner - np.clip(share, 0, 1)[:, :, None] * self._edges
        distances = np.hypot(apart[:, :, 0], apart[:, :, 1]).min(axis=1) * np.where(self.contains(feet), 1, -1)
        band = self.band * heights
        sides = (distances > np.minimum(band, self._innermost)).astype(np.int64) - (distances < -band)
        return Sides(distances, sides, sides == 0)

    def crossings(
        self, before: FloatArray, after: FloatArray, distance_before: FloatArray, distance_after: FloatArray
    ) -> tuple[IntArray, FloatArray]:
        return _changes(distance_before, distance_after)


def parse_line(text: str, default: str, band: float = BAND) -> Line:
    """The line that "door=100,200 400,200" stands for; without "door=" it is called ``default``.

    Raises ValueError for what is no pair of numbers, and as ``Line`` does.
    """
    name, points = _parsed("line", text, default)
    return Line(name, points, band)


def parse_zone(text: str, default: str, band: float = BAND) -> Zone:
    """The zone that "hall=10,10 90,10 90,80" stands for; names and errors as in ``parse_line`` and ``Zone``."""
    name, points = _parsed("zone", text, default)
    return Zone(name, points, band)


def parse_points(text: str, what: str) -> list[list[float]]:
    """The points "100,200 400,200" as [[100, 200], [400, 200]].

    what: names them in the error. Raises ValueError for a word that is no pair of numbers.
    """
    points = []
    for word in text.replace(";", " ").split():
        try:
            x, y = map(float, word.split(","))
        except ValueError:
            raise ValueError(f"{what}: {shown(word)!r} is no point; give x,y in pixels, such as 100,200") from None
        points.append([x, y])
    return points


def check_names(places: list[Line | Zone]) -> None:
    """Raise ValueError where two lines, or two zones, have one name."""
    seen: set[tuple[str, str]] = set()
    for place in places:
        if (place.kind, place.name) in seen:
            raise ValueError(
                f"{place.kind} {shown(place.name)}: there are two of this name; give each a name of its own"
            )
        seen.add((place.kind, place.name))


def _parsed(kind: str, text: str, default: str) -> tuple[str, list[list[float]]]:
    name, equals, points = text.rpartition("=")
    name = name.strip() if equals else default
    if not name:
        raise ValueError(f"{kind} {shown(text)}: has no name before =; give one, such as door=100,200 400,200")
    return name, parse_points(points, f"{kind} {shown(name)}")


def _points(kind: str, name: str, points: ArrayLike, band: float) -> FloatArray:
    """Points as an array (P, 2); ValueError for what are none, and for a band that is no share."""
    if not 0 <= band < np.inf:
        raise ValueError(f"{kind} {shown(name)}: band={band}: give a share of the box's height, 0 or more")
    try:
        array = np.array(points, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.ndim == 1 and array.size == 2:
        array = array[None]
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{kind} {shown(name)}: has no points; give x,y for each")
    if not np.isfinite(array).all():
        raise ValueError(f"{kind} {shown(name)}: has NaN or inf in its points; give x,y in pixels")
    array.flags.writeable = False
    return array


def _set(place: Line | Zone, **values: object) -> None:
    for name, value in values.items():
        object.__setattr__(place, name, value)


def _changes(before: FloatArray, after: FloatArray) -> tuple[IntArray, FloatArray]:
    """1 or -1 where the sign of a distance changes to positive or negative, else 0; and where in the step, 0..1."""
    changes = (after >= 0).astype(np.int64) - (before >= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(changes != 0, before / (before - after), 0.0)
    return changes, np.clip(shares, 0, 1)


def _doubled_area(points: FloatArray) -> float:
    x, y = (points - points[0]).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1))


def _crossing_edges(points: FloatArray) -> tuple[int, int] | None:
    """Two edges of a polygon that meet elsewhere than in the corner they share; None where there are none."""
    ends = np.roll(points, -1, axis=0)
    n = len(points)
    for i, j in combinations(range(n), 2):
        if (i + 1) % n == j or (j + 1) % n == i:
            first, second = (i, j) if (i + 1) % n == j else (j, i)
            u, v = ends[first] - points[first], ends[second] - points[second]
            if _turn(u, v) == 0 and u @ v < 0:  # it runs back along itself
                return i, j
        elif _meet(points[i], ends[i], points[j], ends[j]):
            return i, j
    return None


def _turn(u: FloatArray, v: FloatArray) -> float:
    return float(u[0] * v[1] - u[1] * v[0])


def _meet(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> bool:
    """Whether the segments a-b and c-d have a point in common."""
    turns = [_turn(b - a, c - a), _turn(b - a, d - a), _turn(d - c, a - c), _turn(d - c, b - c)]
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    corners = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(
        turn == 0 and bool((np.minimum(p, q) <= r).all() and (r <= np.maximum(p, q)).all())
        for turn, (p, q, r) in zip(turns, corners, strict=True)
    )
