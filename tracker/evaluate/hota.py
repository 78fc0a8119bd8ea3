"""HOTA: higher order tracking accuracy (Luiten 2021, sections 4 and 5, and appendix on multiple thresholds).

    HOTA(a) = sqrt(DetA(a) * AssA(a))                                    eq. 16
    DetA(a) = TP / (TP + FN + FP)
    AssA(a) = mean over the TPs c of A(c) = TPA / (TPA + FNA + FPA)      eq. 15

at 19 localisation thresholds a = 0.05, 0.10, ..., 0.95. The matching of a frame maximises similarity times the fit of
the two whole trajectories. It therefore needs two passes over the sequence: the first sums the fit of the trajectories,
the second matches. Between the passes, the overlapping pairs are kept in memory or, beyond 64 MB, in a temporary file.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker.arrays import FloatArray, IntArray
from tracker.evaluate.frames import EPS, Frames, Names, PairSums, assign, counted, frames_from_matrices, sums_by

THRESHOLDS: FloatArray = np.arange(0.05, 0.99, 0.05)
THRESHOLDS.flags.writeable = False
_MEMORY = 64 << 20  # bytes of pairs kept in memory; more go to a temporary file


@dataclass(frozen=True, eq=False)
class Hota:
    """HOTA and its parts, each (19,) over THRESHOLDS, of one sequence or of several together.

    tp, fn, fp: matched, missed and false rows. ass_a, ass_re, ass_pr, loc_a: association accuracy, recall and
    precision, and localisation accuracy, 0..1, as means over the matched rows.
    """

    tp: IntArray
    fn: IntArray
    fp: IntArray
    ass_a: FloatArray
    ass_re: FloatArray
    ass_pr: FloatArray
    loc_a: FloatArray

    @property
    def det_a(self) -> FloatArray:
        """(19,) detection accuracy."""
        return _ratio(self.tp, self.tp + self.fn + self.fp)

    @property
    def det_re(self) -> FloatArray:
        """(19,) detection recall."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def det_pr(self) -> FloatArray:
        """(19,) detection precision."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def hota(self) -> FloatArray:
        """(19,) geometric mean of detection and association accuracy."""
        out: FloatArray = np.sqrt(self.det_a * self.ass_a)
        return out

    @property
    def owta(self) -> FloatArray:
        """(19,) HOTA with detection recall in place of accuracy, for open-world ground truth."""
        out: FloatArray = np.sqrt(self.det_re * self.ass_a)
        return out

    def to_dict(self) -> dict[str, FloatArray | IntArray | float]:
        """All figures under the official kit's names: arrays (19,), and the three figures at the lowest threshold."""
        hota = self.hota
        return {
            "HOTA": hota,
            "DetA": self.det_a,
            "AssA": self.ass_a,
            "DetRe": self.det_re,
            "DetPr": self.det_pr,
            "AssRe": self.ass_re,
            "AssPr": self.ass_pr,
            "LocA": self.loc_a,
            "OWTA": self.owta,
            "HOTA_TP": self.tp,
            "HOTA_FN": self.fn,
            "HOTA_FP": self.fp,
            "HOTA(0)": float(hota[0]),
            "LocA(0)": float(self.loc_a[0]),
            "HOTALocA(0)": float(hota[0] * self.loc_a[0]),
        }


class HotaCounter:
    """Counts HOTA frame by frame, in bounded memory: the pairs for the second pass go to disk."""

    def __init__(self) -> None:
        none = np.empty(0, dtype=np.int64)
        self._gt_count, self._id_count = none, none
        self._fit = PairSums()
        self._store = _Store()

    def add(self, frames: Frames) -> None:
        """First pass over these frames."""
        self._gt_count = counted(self._gt_count, frames.gt)
        self._id_count = counted(self._id_count, frames.ids)
        self._fit.add(frames.gt[frames.row], frames.ids[frames.col], _share(frames))
        self._store.put(frames)

    def result(self) -> Hota:
        """Second pass: the figures of all frames so far. May be called again after more frames."""
        fit, levels = self._fit, len(THRESHOLDS)
        together = self._gt_count[fit.gt] + self._id_count[fit.ids]
        alignment = fit.sums / (together - fit.sums)
        codes, counts = [], []
        similarity = np.zeros(levels + 1)
        for frames in self._store:
            pair = fit.find(frames.gt[frames.row], frames.ids[frames.col])
            taken = np.flatnonzero(assign(frames, alignment[pair] * frames.similarity))
            level = np.searchsorted(THRESHOLDS - EPS, frames.similarity[taken], side="right")
            code, count = np.unique(pair[taken] * (levels + 1) + level, return_counts=True)
            codes.append(code)
            counts.append(count)
            similarity += np.bincount(level, frames.similarity[taken], levels + 1)
        # matches[k, n]: matched rows of the k-th pair of identities whose similarity reaches the n lowest thresholds
        pair, level = np.divmod(np.concatenate([*codes, np.empty(0, dtype=np.int64)]), levels + 1)
        met, row = np.unique(pair, return_inverse=True)
        matches = np.zeros((len(met), levels + 1), dtype=np.int64)
        np.add.at(matches, (row, level), np.concatenate([*counts, np.empty(0, dtype=np.int64)]))
        reached = np.cumsum(matches[:, ::-1], axis=1)[:, ::-1][:, 1:]  # (K, 19) matches at each threshold
        tp = reached.sum(axis=0)
        loc = np.cumsum(similarity[::-1])[::-1][1:]
        gt_rows, id_rows = int(self._gt_count.sum()), int(self._id_count.sum())
        seen = reached[:, 0] > 0
        reached = reached[seen].astype(np.float64)
        met = met[seen]
        in_gt, in_ids = self._gt_count[fit.gt[met]][:, None], self._id_count[fit.ids[met]][:, None]
        squares = reached * reached  # a pair matched n times adds n times its own association score
        return Hota(
            tp=tp,
            fn=gt_rows - tp,
            fp=id_rows - tp,
            ass_a=_ratio((squares / (in_gt + in_ids - reached)).sum(axis=0), tp),
            ass_re=_ratio((squares / in_gt).sum(axis=0), tp),
            ass_pr=_ratio((squares / in_ids).sum(axis=0), tp),
            loc_a=_or_one(loc, tp),
        )


def hota(gt_ids: Iterable[ArrayLike], ids: Iterable[ArrayLike], similarity: Iterable[ArrayLike]) -> Hota:
    """HOTA of one sequence from per-frame arrays; arguments and errors as in `clear`."""
    counter = HotaCounter()
    counter.add(frames_from_matrices(gt_ids, ids, similarity, Names(), Names()))
    return counter.result()


def combine_hota(parts: Sequence[Hota]) -> Hota:
    """HOTA of several sequences: counts are summed, and means over matched rows are weighted by the number of rows."""
    tp = np.sum([part.tp for part in parts], axis=0)

    def mean(name: str) -> FloatArray:
        total: FloatArray = np.sum([getattr(part, name) * part.tp for part in parts], axis=0)
        return total

    return Hota(
        tp=tp,
        fn=np.sum([part.fn for part in parts], axis=0),
        fp=np.sum([part.fp for part in parts], axis=0),
        ass_a=_ratio(mean("ass_a"), tp),
        ass_re=_ratio(mean("ass_re"), tp),
        ass_pr=_ratio(mean("ass_pr"), tp),
        loc_a=_or_one(mean("loc_a"), tp),
    )


def _share(frames: Frames) -> FloatArray:
    """(P,) similarity of each pair, divided by the total similarity of its two rows in the frame, 0..1.

    Two trajectories that overlap only each other thus fit better than two in a crowd (the paper's alignment score).
    """
    value, row, col = frames.similarity, frames.row, frames.col
    of_col = sums_by(col, value, len(frames.ids))
    of_row = sums_by(row, value, len(frames.gt))
    _as_matrix_sums(frames, of_row)
    total = (of_col[col] + of_row[row]) - value
    return np.where(total > EPS, value / np.where(total > EPS, total, 1.0), 0.0)


def _as_matrix_sums(frames: Frames, of_row: FloatArray) -> None:
    """Sum the rows of more than two pairs again, in the order in which numpy sums a whole matrix row.

    The order changes only the last bit. But two trajectories that fit equally well must have equal sums, as in a
    program that sums whole matrices, because such ties decide the matching.
    """
    crowded = np.flatnonzero(np.bincount(frames.row, minlength=len(frames.gt)) > 2)
    if not len(crowded):
        return
    low, high = np.searchsorted(frames.row, crowded), np.searchsorted(frames.row, crowded, side="right")
    frame = np.searchsorted(frames.gt_start, crowded, side="right") - 1
    first, width = frames.id_start[frame], np.diff(frames.id_start)[frame]
    for size in np.unique(width).tolist():
        these = np.flatnonzero(width == size)
        lengths = high[these] - low[these]
        line = np.repeat(np.arange(len(these)), lengths)
        pair = (
            np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + np.repeat(low[these], lengths)
        )
        matrix = np.zeros((len(these), size))
        matrix[line, frames.col[pair] - first[these][line]] = frames.similarity[pair]
        of_row[crowded[these]] = matrix.sum(axis=1)


class _Store:
    """Frames, stored in order and read back any number of times."""

    def __init__(self) -> None:
        self._recent: list[Frames] = []
        self._bytes = 0
        self._file: IO[bytes] | None = None

    def put(self, frames: Frames) -> None:
        small = [getattr(frames, name).astype(np.int32) for name in _INTEGERS]
        self._recent.append(_restored([*small, frames.similarity], widen=False))
        self._bytes += sum(column.nbytes for column in small) + frames.similarity.nbytes
        if self._bytes > _MEMORY:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as self)
                weakref.finalize(self, self._file.close)
            self._file.seek(0, 2)
            for held in self._recent:
                for column in _columns(held):
                    np.save(self._file, column)
            self._recent, self._bytes = [], 0

    def __iter__(self) -> Iterator[Frames]:
        if self._file is not None:
            size = self._file.seek(0, 2)
            self._file.seek(0)
            while self._file.tell() < size:
                yield _restored([np.load(self._file) for _ in range(7)])
        for held in self._recent:
            yield _restored(_columns(held))


_INTEGERS = ("gt", "gt_start", "ids", "id_start", "row", "col")


def _columns(frames: Frames) -> list[NDArray[Any]]:
    return [*(getattr(frames, name) for name in _INTEGERS), frames.similarity]


def _restored(columns: Sequence[NDArray[Any]], widen: bool = True) -> Frames:
    integers = [column.astype(np.int64) for column in columns[:6]] if widen else columns[:6]
    gt, gt_start, ids, id_start, row, col = integers
    return Frames(gt, gt_start, ids, id_start, row, col, columns[6])


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> FloatArray:
    """part / whole, where a whole of 0 counts as 1."""
    out: FloatArray = part / np.maximum(1, whole)
    return out


def _or_one(total: FloatArray, count: IntArray) -> FloatArray:
    """total / count, and 1 where count is 0 (without matches nothing is badly localised)."""
    out: FloatArray = np.maximum(1e-10, total) / np.maximum(1e-10, count)
    return out
