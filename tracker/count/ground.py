"""Speed in metres: a homography from four points of the ground, and the slope of the path over a second."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from tracker.arrays import BoolArray, FloatArray
from tracker.count.paths import Paths
from tracker.count.places import Zone, parse_points

WINDOW = 1.0  # seconds that a speed is measured over
FLAT = 1e-3  # least area of a triangle of two sides and a corner, in shares of the quad's squared length


@dataclass(frozen=True, eq=False)
class Ground:
    """The plane that people walk on, known from four points.

    image   (4, 2) x, y in pixels, in order around a quad
    metres  (4, 2) the same points on the ground, in metres

    Raises ValueError for other shapes, and for points of which three lie on a line, or that are not in order around a
    quad.
    """

    image: FloatArray
    metres: FloatArray

    def __init__(self, image: ArrayLike, metres: ArrayLike) -> None:
        for name, points in (("image", image), ("metres", metres)):
            object.__setattr__(self, name, _quad(name, points))

    @cached_property
    def homography(self) -> FloatArray:
        """(3, 3): pixels to metres (Hartley and Zisserman 2004, section 4.1; four points determine it)."""
        equations = []
        for (x, y), (u, v) in zip(self.image, self.metres, strict=True):
            equations += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        solved = np.linalg.solve(np.array(equations), self.metres.ravel())
        return np.append(solved, 1.0).reshape(3, 3)

    @cached_property
    def _quad(self) -> Zone:
        return Zone("quad", self.image)

    def to_metres(self, points: FloatArray) -> FloatArray:
        """(N, 2) metres of points (N, 2) in pixels; NaN outside the quad, where nothing was measured."""
        lifted = np.column_stack((points, np.ones(len(points)))) @ self.homography.T
        with np.errstate(divide="ignore", invalid="ignore"):
            metres: FloatArray = lifted[:, :2] / lifted[:, 2:]
        metres[~self._quad.contains(points)] = np.nan
        return metres


@dataclass(frozen=True, eq=False)
class Speeds:
    """Of each point of some paths.

    speeds  (R,) metres per second, NaN where the window leaves the quad or is not full
    errors  (R,) one standard error of the speed, from the path's deviation from a straight one; errors that
            neighbouring boxes share are not in it
    """

    speeds: FloatArray
    errors: FloatArray


def parse_ground(text: str) -> Ground:
    """The ground that "100,200 400,200 500,300 50,300 = 0,0 4,0 4,10 0,10" stands for: pixels = metres.

    Raises ValueError for text of another form, and as ``Ground`` does.
    """
    image, equals, metres = text.partition("=")
    if not equals:
        raise ValueError(f"ground {text!r}: give four points in pixels, =, and the same four in metres")
    return Ground(parse_points(image, "ground"), parse_points(metres, "ground"))


def speeds(paths: Paths, ground: Ground, window: float = WINDOW) -> Speeds:
    """The speed at each point: the slope of a straight line through the points of ``window`` seconds around it.

    Near the ends of a path it is the first or the last whole window. Raises ValueError for paths without times, and a
    window that is not above 0.
    """
    if not window > 0:
        raise ValueError(f"window={window}: give seconds, above 0")
    if np.isnan(paths.times).any():
        raise ValueError("speed needs times and the frame rate is unknown; give frame_rate (--frame-rate)")
    places = ground.to_metres(paths.feet)
    found = Speeds(np.full(len(paths), np.nan), np.full(len(paths), np.nan))
    starts = np.append(np.flatnonzero(paths.first), len(paths))
    for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        if paths.times[b - 1] - paths.times[a] >= window * (1 - 1e-9):
            found.speeds[a:b], found.errors[a:b] = _slopes(paths.times[a:b], places[a:b], window)
    return found


def _slopes(times: FloatArray, places: FloatArray, window: float) -> tuple[FloatArray, FloatArray]:
    """Speeds and their errors along one path of n points that lasts for a window or more."""
    slack = 1e-9 * window
    middle = np.clip(times, times[0] + window / 2, times[-1] - window / 2)
    start = np.searchsorted(times, middle - window / 2 - slack)
    stop = np.searchsorted(times, middle + window / 2 + slack, side="right")
    t = times - times[0]
    outside: BoolArray = np.logical_or.reduce(np.isnan(places), axis=1)
    xy = np.where(outside[:, None], 0.0, places - places[~outside][:1].sum(axis=0))
    columns = np.column_stack((np.ones_like(t), outside, t, t * t, xy, t[:, None] * xy, xy * xy))
    sums = np.concatenate((np.zeros((1, columns.shape[1])), np.cumsum(columns, axis=0)))
    n, out, st, stt, sx, sy, stx, sty, sxx, syy = (sums[stop] - sums[start]).T
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = stt - st * st / n
        slope = np.stack((stx - st * sx / n, sty - st * sy / n)) / spread
        left = np.stack((sxx - sx * sx / n, syy - sy * sy / n)) - slope**2 * spread
        variance = np.maximum(left, 0) / (n - 2) / spread
        speed = np.hypot(*slope)
        along = np.where(speed > 0, slope / speed, np.sqrt(0.5))
        error = np.sqrt((along**2 * variance).sum(axis=0))
    known = (out == 0) & (n >= 3)
    return np.where(known, speed, np.nan), np.where(known, error, np.nan)


def _quad(name: str, points: ArrayLike) -> FloatArray:
    """Four points as an array; ValueError where they are no quad."""
    try:
        array = np.array(points, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.shape != (4, 2) or not np.isfinite(array).all():
        raise ValueError(f"ground: {name} has shape {array.shape}; give four points x,y")
    u, v = np.roll(array, -1, axis=0) - array, np.roll(array, -2, axis=0) - np.roll(array, -1, axis=0)
    turns = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    size = float(((array.max(axis=0) - array.min(axis=0)) ** 2).sum())
    if (np.abs(turns) <= FLAT * size).any():
        raise ValueError(f"ground: three of the four points in {name} lie on a line; give the corners of a quad")
    if not ((turns > 0).all() or (turns < 0).all()):
        raise ValueError(f"ground: the four points in {name} are not in order around a quad; give them in order")
    return array
