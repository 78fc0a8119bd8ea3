"""Where tracks came from: the points of their feet, kept and smoothed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.tracks import Tracks

KERNEL = np.array([1, 10, 45, 120, 210, 252, 210, 120, 45, 10, 1]) / 1024  # binomial: a Gaussian of 1.6 updates


class Trails:
    """Where each track's feet (middle of the box's lower edge) were in its last ``length`` updates.

    The trail of a lost track stays and does not grow. An id that is not reported for ``length`` updates is forgotten,
    which bounds the memory. Raises ValueError for a length below 1.
    """

    def __init__(self, length: int = 30) -> None:
        if length < 1:
            raise ValueError(f"trail length {length} is below 1")
        self.length = length
        self._frame: int | None = None
        self._forget()

    def _forget(self) -> None:
        self._rows: dict[int, int] = {}  # the row of each id below
        self._points: FloatArray = np.empty((0, self.length, 2))  # newest last; before its birth a track stood still
        self._counts: IntArray = np.empty(0, dtype=np.int64)
        self._unseen: IntArray = np.empty(0, dtype=np.int64)  # updates since the id was reported

    def __len__(self) -> int:
        return len(self._rows)

    def update(self, tracks: Tracks) -> None:
        """Add one frame's tracks. The same frame again changes nothing; an earlier one clears the trails first."""
        if self._frame is not None and tracks.frame == self._frame:
            return
        if self._frame is not None and tracks.frame < self._frame:
            self._forget()
        self._frame = tracks.frame
        feet = np.stack(((tracks.boxes[:, 0] + tracks.boxes[:, 2]) / 2, tracks.boxes[:, 3]), axis=1)
        self._unseen += 1
        self._make_room([id for id in tracks.ids.tolist() if id not in self._rows])
        rows = np.array([self._rows[id] for id in tracks.ids.tolist()], dtype=np.int64)
        self._unseen[rows] = 0
        seen = (tracks.missed == 0) & np.isfinite(feet).all(axis=1)
        rows, feet = rows[seen], feet[seen]
        self._points[rows, :-1] = self._points[rows, 1:]
        self._points[rows, -1] = feet
        born = rows[self._counts[rows] == 0]
        self._points[born] = self._points[born, -1:]
        self._counts[rows] = np.minimum(self._counts[rows] + 1, self.length)
        self._drop(self._unseen >= self.length)

    def _make_room(self, new: list[int]) -> None:
        if new:
            n, more = len(self._counts), len(new)
            self._rows |= {id: n + k for k, id in enumerate(new)}
            self._points = np.concatenate((self._points, np.zeros((more, self.length, 2))))
            self._counts = np.concatenate((self._counts, np.zeros(more, dtype=np.int64)))
            self._unseen = np.concatenate((self._unseen, np.zeros(more, dtype=np.int64)))

    def _drop(self, over: BoolArray) -> None:
        if over.any():
            kept = np.flatnonzero(~over)
            place = {row: k for k, row in enumerate(kept.tolist())}
            self._rows = {id: place[row] for id, row in self._rows.items() if row in place}
            self._points, self._counts, self._unseen = self._points[kept], self._counts[kept], self._unseen[kept]

    def points(self, id: int) -> FloatArray:
        """(n, 2) x, y of an id's trail, oldest first; empty for an unknown id."""
        row = self._rows.get(id)
        return np.empty((0, 2)) if row is None else self._points[row, self.length - self._counts[row] :].copy()

    def smooth(self, ids: IntArray, limit: float, scale: int) -> list[NDArray[np.int32]]:
        """The trails of the ids (N,) without the jitter of boxes: (n, 2) each, oldest first, ending at the last point.

        Coordinates are clipped to -limit..limit pixels, and given in 1 / scale of a pixel.
        """
        rows = np.array([self._rows[id] for id in ids.tolist()], dtype=np.int64)
        points, reach = self._points[rows], len(KERNEL) // 2
        wide = np.concatenate((points[:, :1].repeat(reach, 1), points, points[:, -1:].repeat(reach, 1)), axis=1)
        even = KERNEL[reach] * points
        for k in range(reach):
            even += KERNEL[k] * (wide[:, k : k + self.length] + wide[:, 2 * reach - k : 2 * reach - k + self.length])
        even[:, -1] = points[:, -1]
        # Every other point will do: what was smoothed has no corners.
        step = 1 if self.length < 8 else 2
        whole = np.rint(even[:, (self.length - 1) % step :: step].clip(-limit, limit) * scale).astype(np.int32)
        kept = whole.shape[1]
        return [whole[k, kept - (n + step - 1) // step :] for k, n in enumerate(self._counts[rows].tolist())]
