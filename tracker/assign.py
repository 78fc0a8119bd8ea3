"""Assignment: which detection continues which track.

All algorithms state their wishes as a gain: how much better it is to match a pair than to leave both alone, zero
or less where a pair is not allowed. The matches of a stage are the set of pairs with the largest total gain, each track
and each detection used at most once. A cost with a limit is the gain ``limit - cost``.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from tracker.arrays import BoolArray, FloatArray, IntArray

# A call with an array is cheaper than one with a number.
NOTHING, THREE, FIRST = np.array(0.0), np.array(3.0), np.array(0)
FEW = 20  # pairs up to which Python's sets are faster than counting


def assign(gain: FloatArray) -> tuple[IntArray, IntArray]:
    """Pairs (rows (K,), columns (K,)) with gain > 0 and the largest total gain; rows ascending.

    gain (N, M), finite. Among equal totals scipy's choice stands, which is the same for the same matrix.
    """
    rows, columns = (gain > 0).nonzero()
    chosen = assign_pairs(rows, columns, gain[rows, columns])
    return rows[chosen], columns[chosen]


def assign_pairs(rows: IntArray, columns: IntArray, gain: FloatArray) -> IntArray:
    """``assign`` for a sparse gain; returns which of the pairs are chosen, ascending.

    rows, columns (K,) the allowed pairs, each once; gain (K,) above 0.
    """
    every = np.arange(len(rows))
    if len(rows) <= FEW and _distinct(rows) and _distinct(columns):
        return every
    # Where no track is the best choice of two detections, each gets its best, and nothing could be better.
    best = np.zeros(columns[columns.argmax()] + 1)
    np.maximum.at(best, columns, gain)
    first: IntArray = (gain == best[columns]).nonzero()[0]
    if len(first) == np.count_nonzero(best) == np.count_nonzero(np.bincount(rows[first])):
        return first
    # A pair that gains more than all its rivals together is in every best assignment: it could give way to two of them
    # at most. Each sum holds the pair itself.
    chosen = np.bincount(rows, gain)[rows] + np.bincount(columns, gain)[columns] < THREE * gain
    beside = np.bincount(rows, chosen)[rows] + np.bincount(columns, chosen)[columns]
    rest = (beside == NOTHING).nonzero()[0]
    if len(rest):
        chosen[rest] = _solved(rows[rest], columns[rest], gain[rest])
    winners: IntArray = chosen.nonzero()[0]
    return winners


def _distinct(numbers: IntArray) -> bool:
    return len(set(numbers.tolist())) == len(numbers)


def _solved(rows: IntArray, columns: IntArray, gain: FloatArray) -> BoolArray:
    """(K,) which of the pairs are in the best assignment."""
    i, n = _ranks(rows)
    j, m = _ranks(columns)
    if n * m <= WHOLE:
        return _solved_whole(i, j, gain, n, m)
    # What no chain of pairs connects can be solved apart: parts of many small components, or of one large one.
    component = _components(i, j, n, m)
    part_of = np.bincount(component[:n]).cumsum() // PART
    part = part_of[component[i]]
    order = part.argsort(kind="stable")
    won = np.empty(len(gain), dtype=bool)
    for some in np.split(order, np.flatnonzero(np.diff(part[order])) + 1):
        (r, n), (c, m) = _ranks(i[some]), _ranks(j[some])
        won[some] = _solved_whole(r, c, gain[some], n, m)
    return won


WHOLE, PART = 90_000, 50  # entries up to which one matrix is solved whole; rows of a part, with those of one component


def _solved_whole(i: IntArray, j: IntArray, gain: FloatArray, n: int, m: int) -> BoolArray:
    matrix = np.zeros((n, m))
    matrix[i, j] = gain
    column_of = np.empty(n, dtype=np.int64)
    column_of.fill(-1)
    matched, their = linear_sum_assignment(matrix, maximize=True)
    column_of[matched] = their
    won: BoolArray = column_of[i] == j
    return won


def _components(i: IntArray, j: IntArray, n: int, m: int) -> IntArray:
    """(n + m,) the connected component of each row and column of the graph of pairs (i, j)."""
    from scipy.sparse import coo_array  # late: seldom needed
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(i)), (i, n + j)), shape=(n + m, n + m))
    _, labels = connected_components(graph, directed=False)
    components: IntArray = labels.astype(np.int64)
    return components


def _ranks(numbers: IntArray) -> tuple[IntArray, int]:
    """Each number's place among the different numbers, in their order, and how many: 7, 3, 7 -> (1, 0, 1), 2."""
    present = np.zeros(numbers[numbers.argmax()] + 1, dtype=np.int64)
    present[numbers] = 1
    np.add.accumulate(present, out=present)
    ranks = present[numbers]
    ranks -= 1
    return ranks, int(present[-1])


def lone_pairs(rows: IntArray, columns: IntArray, iou: FloatArray, least: float) -> IntArray:
    """Which of the pairs (K,), of iou (K,) >= least, are of a track and a detection that overlap nothing else."""
    touching = iou > 0
    in_row, in_column = np.bincount(rows, touching), np.bincount(columns, touching)
    lone = touching & (iou >= least) & (in_row[rows] == 1) & (in_column[columns] == 1)
    which: IntArray = lone.nonzero()[0]
    return which


class Matching:
    """The association of one frame: stages match what earlier stages left free.

    detection_of  (N,) index of the detection each track got, -1 while free
    track_of      (M,) index of the track each detection got, -1 while free
    stage_of      (N,) index into ``stages`` of the stage that matched each track, -1 while free
    stages        names of the stages in their order
    """

    def __init__(self, n_tracks: int, n_detections: int) -> None:
        free: IntArray = np.empty(n_tracks + n_tracks + n_detections, dtype=np.int64)
        free.fill(-1)
        self.detection_of = free[:n_tracks]
        self.stage_of = free[n_tracks : 2 * n_tracks]
        self.track_of = free[2 * n_tracks :]
        self.stages: list[str] = []

    @property
    def free_tracks(self) -> BoolArray:
        """(N,) tracks no stage has matched."""
        return self.detection_of < FIRST

    @property
    def free_detections(self) -> BoolArray:
        """(M,) detections no stage has matched."""
        return self.track_of < FIRST

    @property
    def pairs(self) -> tuple[IntArray, IntArray]:
        """Matched tracks (K,), ascending, and the detection (K,) of each."""
        tracks = (self.detection_of >= FIRST).nonzero()[0]
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

    def stage_pairs(
        self,
        name: str,
        rows: IntArray,
        columns: IntArray,
        gain: FloatArray,
        tracks: BoolArray | None = None,
        detections: BoolArray | None = None,
    ) -> None:
        """The same for a sparse gain: gain (K,) of the pairs of tracks ``rows`` and detections ``columns``, each once.

        Pairs not named are not allowed.
        """
        allowed = gain > NOTHING
        if tracks is not None:
            allowed &= tracks[rows]
        if detections is not None:
            allowed &= detections[columns]
        if self.stages:
            allowed &= self.free_tracks[rows]
            allowed &= self.free_detections[columns]
        self.stages.append(name)
        some = allowed.nonzero()[0]
        if len(some) < len(rows):
            rows, columns, gain = rows[some], columns[some], gain[some]
        chosen = assign_pairs(rows, columns, gain)
        if len(chosen) < len(rows):
            rows, columns = rows[chosen], columns[chosen]
        self.accept(rows, columns)

    def accept(self, tracks: IntArray, detections: IntArray) -> None:
        """Record the pairs that the current stage found; for stages that choose by other rules than ``assign``."""
        self.detection_of[tracks] = detections
        self.track_of[detections] = tracks
        self.stage_of[tracks] = len(self.stages) - 1
