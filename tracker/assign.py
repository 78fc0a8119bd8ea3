"""Assignment: which detection continues which track.

All algorithms state their wishes as a gain: how much better it is to match a pair than to leave both alone, zero
or less where a pair is not allowed. The matches of a stage are the set of pairs with the largest total gain, each track
and each detection used at most once. A cost with a limit is the gain ``limit - cost``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tracker.boxes import FloatArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def assign(gain: FloatArray) -> tuple[IntArray, IntArray]:
    """Pairs (rows (K,), columns (K,)) with gain > 0 and the largest total gain; rows ascending.

    gain (N, M), finite. Among equal totals scipy's choice stands, which is the same for the same matrix.
    """
    rows, columns = (gain > 0).nonzero()
    chosen = assign_pairs(rows, columns, gain[rows, columns])
    return rows[chosen], columns[chosen]


def assign_pairs(rows: IntArray, columns: IntArray, gain: FloatArray) -> IntArray:
    """``assign`` for a sparse gain; returns which of the pairs are chosen, ascending.

    rows, columns (K,) the allowed pairs, each once, rows ascending; gain (K,) above 0.
    """
    every = np.arange(len(rows))
    if len(rows) == 0:
        return every
    in_row, in_column = np.bincount(rows), np.bincount(columns)
    if in_row.max() == 1 and in_column.max() == 1:
        return every
    # A pair that is the only choice of both its track and its detection needs no solver.
    single = (in_row.take(rows) == 1) & (in_column.take(columns) == 1)
    contested = (~single).nonzero()[0]
    i, j = _ranks(rows[contested]), _ranks(columns[contested])
    part = np.zeros((i.max() + 1, j.max() + 1))
    part[i, j] = gain[contested]
    pair = np.full(part.shape, -1)
    pair[i, j] = contested
    won = pair[linear_sum_assignment(part, maximize=True)]
    single[won[won >= 0]] = True
    chosen: IntArray = single.nonzero()[0]
    return chosen


def _ranks(numbers: IntArray) -> IntArray:
    """Each number's place among the different numbers, in their order: 7, 3, 7 -> 1, 0, 1."""
    present = np.bincount(numbers) > 0
    ranks: IntArray = present.cumsum()[numbers] - 1
    return ranks


def lone_pairs(iou: FloatArray, least: float) -> tuple[IntArray, IntArray]:
    """Pairs (rows (K,), columns (K,)) of iou (N, M) >= least whose track and detection overlap nothing else at all."""
    touching = iou > 0
    rows, columns = ((iou >= least) & touching).nonzero()
    lone = (touching.sum(axis=1)[rows] == 1) & (touching.sum(axis=0)[columns] == 1)
    return rows[lone], columns[lone]


class Matching:
    """The association of one frame: stages match what earlier stages left free.

    detection_of  (N,) index of the detection each track got, -1 while free
    track_of      (M,) index of the track each detection got, -1 while free
    stage_of      (N,) index into ``stages`` of the stage that matched each track, -1 while free
    stages        names of the stages in their order
    """

    def __init__(self, n_tracks: int, n_detections: int) -> None:
        free: IntArray = np.full(n_tracks + n_tracks + n_detections, -1, dtype=np.int64)
        self.detection_of = free[:n_tracks]
        self.stage_of = free[n_tracks : 2 * n_tracks]
        self.track_of = free[2 * n_tracks :]
        self.stages: list[str] = []

    @property
    def free_tracks(self) -> BoolArray:
        """(N,) tracks no stage has matched."""
        return self.detection_of < 0

    @property
    def free_detections(self) -> BoolArray:
        """(M,) detections no stage has matched."""
        return self.track_of < 0

    @property
    def pairs(self) -> tuple[IntArray, IntArray]:
        """Matched tracks (K,), ascending, and the detection (K,) of each."""
        tracks = (self.detection_of >= 0).nonzero()[0]
        return tracks, self.detection_of[tracks]

    def stage(
        self, name: str, gain: FloatArray, tracks: BoolArray | None = None, detections: BoolArray | None = None
    ) -> None:
        """Match what is still free, of the tracks (N,) and detections (M,) that the masks admit.

        gain is the full (N, M) matrix; see the module for its meaning.
        """
        self.stages.append(name)
        rows = np.flatnonzero(self.free_tracks if tracks is None else self.free_tracks & tracks)
        columns = np.flatnonzero(self.free_detections if detections is None else self.free_detections & detections)
        if len(rows) == 0 or len(columns) == 0:
            return
        r, c = assign(gain[rows[:, None], columns])
        self.accept(rows[r], columns[c])

    def stage_pairs(self, name: str, rows: IntArray, columns: IntArray, gain: FloatArray) -> None:
        """The same for a sparse gain, as ``assign_pairs`` takes it."""
        self.stages.append(name)
        if len(self.stages) > 1:
            free = self.free_tracks[rows] & self.free_detections[columns]
            rows, columns, gain = rows[free], columns[free], gain[free]
        chosen = assign_pairs(rows, columns, gain)
        self.accept(rows[chosen], columns[chosen])

    def accept(self, tracks: IntArray, detections: IntArray) -> None:
        """Record the pairs that the current stage found; for stages that choose by other rules than ``assign``."""
        self.detection_of[tracks] = detections
        self.track_of[detections] = tracks
        self.stage_of[tracks] = len(self.stages) - 1


def same_class(track_classes: IntArray, detection_classes: IntArray) -> BoolArray:
    """(N, M) whether track and detection are of one class."""
    same: BoolArray = track_classes[:, None] == detection_classes[None, :]
    return same
