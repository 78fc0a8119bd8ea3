"""Assignment: which detection continues which track.

All algorithms give each candidate pair a gain: how much better it is to match the pair than to leave both free, zero or
less where the pair is not allowed. The matches of a stage are the set of pairs with the largest total gain, each track
and each detection used at most once. A cost with a limit is the gain ``limit - cost``.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.boxes import counting

if TYPE_CHECKING:
    from tracker.log import Decisions

# A call with an array is cheaper than one with a number.
NOTHING, THREE, FIRST = np.array(0.0), np.array(3.0), np.array(0)
FEW = 20  # pairs up to which Python's sets are faster than counting


def assign_pairs(rows: IntArray, columns: IntArray, gain: FloatArray) -> IntArray:
    """The pairs with the largest total gain, each row and each column used at most once: their places, ascending.

    rows, columns (K,) the allowed pairs, each once; gain (K,) finite and above 0. Among equal totals scipy's choice
    stands, which is the same for the same pairs.
    """
    every = counting(len(rows))
    if len(rows) <= FEW and _distinct(rows) and _distinct(columns):
        return every
    # Where no track is the best choice of two detections, each gets its best, and nothing could be better.
    best = np.zeros(columns[columns.argmax()] + 1)
    np.maximum.at(best, columns, gain)
    first: IntArray = (gain == best[columns]).nonzero()[0]
    if len(first) == np.count_nonzero(best) == np.count_nonzero(np.bincount(rows[first])):
        return first
    # A pair that gains more than all its competitors together is in every best assignment: it could give way to two of
    # them at most. Each sum holds the pair itself.
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
    if n * m <= WHOLE or 2 * len(gain) > n * m:  # dense ones hardly split into components
        return _solved_whole(i, j, gain, n, m)
    # What no chain of pairs connects can be solved separately: in parts of many small components, or of one large
    # one.
    component = _components(i, j, n, m)
    part_of = np.bincount(component[:n]).cumsum() // PART
    part = part_of[component[i]]
    order = part.argsort(kind="stable")
    won = np.empty(len(gain), dtype=bool)
    for some in np.split(order, np.flatnonzero(np.diff(part[order])) + 1):
        (r, n), (c, m) = _ranks(i[some]), _ranks(j[some])
        won[some] = _solved_whole(r, c, gain[some], n, m)
    return won


WHOLE, PART = 90_000, 50  # entries up to which one matrix is solved whole; rows of a part, about: no component is split


def _solved_whole(i: IntArray, j: IntArray, gain: FloatArray, n: int, m: int) -> BoolArray:
    matrix = np.zeros((n, m))
    matrix[i, j] = gain
    column_of = np.empty(n, dtype=np.int64)
    column_of.fill(-1)
    matched, their = linear_sum_assignment()(matrix, maximize=True)
    column_of[matched] = their
    won: BoolArray = column_of[i] == j
    return won


@cache
def linear_sum_assignment() -> Callable[..., tuple[IntArray, IntArray]]:
    """scipy's solver without the rest of `scipy.optimize`, whose import takes a third of the command's start."""
    if "scipy.optimize" not in sys.modules:
        import scipy

        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            file = Path(scipy.__file__).parent / "optimize" / f"_lsap{suffix}"
            spec = importlib.util.spec_from_file_location("scipy.optimize._lsap", file) if file.is_file() else None
            if spec is not None and spec.loader is not None:
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                found: Callable[..., tuple[IntArray, IntArray]] = module.linear_sum_assignment
                return found
    import scipy.optimize  # the extension is elsewhere in this version

    solver: Callable[..., tuple[IntArray, IntArray]] = scipy.optimize.linear_sum_assignment
    return solver


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
    """The association of one frame: each stage matches what earlier stages left free.

    detection_of  (N,) index of the detection each track got, -1 while free
    track_of      (M,) index of the track each detection got, -1 while free
    """

    def __init__(self, n_tracks: int, n_detections: int, log: Decisions | None = None) -> None:
        free: IntArray = np.empty(n_tracks + n_detections, dtype=np.int64)
        free.fill(-1)
        self.detection_of = free[:n_tracks]
        self.track_of = free[n_tracks:]
        self.begun = False
        self.log = log

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
        self,
        name: str,
        rows: IntArray,
        columns: IntArray,
        gain: FloatArray,
        tracks: BoolArray | None = None,
        detections: BoolArray | None = None,
        *,
        limit: str = "",
        valid: BoolArray | None = None,
        parts: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        """Match what is still free, of the tracks in the mask (N,) and the detections in the mask (M,).

        rows, columns, gain  (K,) the candidate pairs, each once; see the module for the gain. Others are not allowed
        limit                the setting below which a gain counts as none; parts: what the gain is made of, each (K,).
                             Both are for the log alone
        valid                (K,) the pairs that may stand: the others take part in the assignment and are dropped
                             afterwards, as the published SORT and OC-SORT do
        """
        log = self.log
        if log is not None:
            rows, columns, gain, parts = log.edited(rows, columns, gain, parts or {})
            if valid is not None:
                valid = np.append(valid, np.full(len(rows) - len(valid), True)) | log.admits(rows, columns)
            # To the log a pair that is dropped afterwards gains nothing.
            every = rows, columns, gain if valid is None else np.where(valid, gain, 0.0)
            free_tracks, free_detections = self.free_tracks, self.free_detections
        allowed = gain > NOTHING
        if tracks is not None:
            allowed &= tracks[rows]
        if detections is not None:
            allowed &= detections[columns]
        if self.begun:
            allowed &= self.free_tracks[rows]
            allowed &= self.free_detections[columns]
        self.begun = True
        some = allowed.nonzero()[0]
        if len(some) < len(rows):
            rows, columns, gain = rows[some], columns[some], gain[some]
        chosen = assign_pairs(rows, columns, gain)
        if valid is not None:
            chosen = chosen[valid[some[chosen]]]
        if len(chosen) < len(rows):
            rows, columns = rows[chosen], columns[chosen]
        self.detection_of[rows] = columns
        self.track_of[columns] = rows
        if log is not None:
            open_tracks = free_tracks if tracks is None else free_tracks & tracks
            open_detections = free_detections if detections is None else free_detections & detections
            log.stage(name, limit, *every, parts or {}, open_tracks, open_detections, some[chosen])
