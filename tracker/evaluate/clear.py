"""CLEAR MOT: MOTA, MOTP and their counts (Bernardin and Stiefelhagen 2008, section 2; MT, PT, ML of Li 2009).

In each frame, pairs whose similarity reaches the threshold are matched one to one: first those that were matched in the
previous frame, then the others, by the largest sum of similarities. The "previous frame" is the last one that had both
ground truth and results, as in the official kit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from tracker.arrays import BoolArray, IntArray
from tracker.evaluate.frames import EPS, Frames, Names, counted, frames_from_matrices, grown, solve

_STAY = 1000.0  # more than any sum of similarities in one frame
MOSTLY_TRACKED, MOSTLY_LOST = 0.8, 0.2


@dataclass(frozen=True)
class Clear:
    """CLEAR counts of one sequence or of several together, and the figures that follow from them.

    frames: number of frames. tp, fn, fp: matched, missed and false rows. idsw: identity switches. frag: number of times
    that a trajectory is matched again after a gap. mt, pt, ml: ground truth identities matched in more than 80 %, in
    between, and in less than 20 % of their frames. motp_sum: summed similarity of the matched pairs. one_sided: the
    sequence has no ground truth or no results; the official kit then leaves every share at 0.
    """

    frames: int = 0
    tp: int = 0
    fn: int = 0
    fp: int = 0
    idsw: int = 0
    frag: int = 0
    mt: int = 0
    pt: int = 0
    ml: int = 0
    motp_sum: float = 0.0
    one_sided: bool = False

    @property
    def mota(self) -> float:
        """1 - (misses + false positives + switches) / ground truth rows; at most 1, no lower bound."""
        return self._of_gt(self.tp - self.fp - self.idsw)

    @property
    def motp(self) -> float:
        """Mean similarity of the matched pairs, 0..1."""
        return self.motp_sum / max(1, self.tp)

    @property
    def moda(self) -> float:
        """MOTA without the switches."""
        return self._of_gt(self.tp - self.fp)

    @property
    def recall(self) -> float:
        """Matched share of the ground truth rows."""
        return self.tp / max(1, self.tp + self.fn)

    @property
    def precision(self) -> float:
        """Matched share of the result rows."""
        return self.tp / max(1, self.tp + self.fp)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return self.tp / max(1.0, self.tp + 0.5 * self.fn + 0.5 * self.fp)

    @property
    def smota(self) -> float:
        """MOTA with similarity in place of the count of matches."""
        return self._of_gt(self.motp_sum - self.fp - self.idsw)

    @property
    def motal(self) -> float:
        """MOTA with the logarithm (base 10) of the switches."""
        switches = math.log10(self.idsw) if self.idsw > 0 else 0.0
        return self._of_gt(self.tp - self.fp - switches)

    @property
    def fp_per_frame(self) -> float:
        """False positives per frame."""
        return 0.0 if self.one_sided else self.fp / max(1, self.frames)

    def _of_gt(self, value: float) -> float:
        return 0.0 if self.one_sided else value / max(1, self.tp + self.fn)

    def to_dict(self) -> dict[str, float]:
        """All figures under the official kit's names."""
        identities = max(1, self.mt + self.pt + self.ml)
        return {
            "MOTA": self.mota,
            "MOTP": self.motp,
            "MODA": self.moda,
            "CLR_Re": self.recall,
            "CLR_Pr": self.precision,
            "MTR": self.mt / identities,
            "PTR": self.pt / identities,
            "MLR": 1.0 if self.one_sided else self.ml / identities,
            "sMOTA": self.smota,
            "CLR_F1": self.f1,
            "FP_per_frame": self.fp_per_frame,
            "MOTAL": self.motal,
            "MOTP_sum": self.motp_sum,
            "CLR_TP": self.tp,
            "CLR_FN": self.fn,
            "CLR_FP": self.fp,
            "IDSW": self.idsw,
            "MT": self.mt,
            "PT": self.pt,
            "ML": self.ml,
            "Frag": self.frag,
            "CLR_Frames": self.frames,
        }


class ClearCounter:
    """Counts CLEAR frame by frame; it keeps a few numbers for each ground truth identity.

    before: where the count goes on in the middle of a sequence, the identities (R,) of the last frame that had ground
    truth and results, and the partner (R,) of each, -1 without one.
    """

    def __init__(self, threshold: float = 0.5, before: tuple[IntArray, IntArray] | None = None) -> None:
        self._threshold = threshold
        self._frames = self._tp = self._gt_rows = self._id_rows = self._idsw = 0
        self._similarity = 0.0
        empty = np.empty(0, dtype=np.int64)
        self._present, self._matched, self._segments, self._last_id = empty, empty, empty, empty
        # Identities and partners (-1: none), one frame back.
        self._before: tuple[IntArray, IntArray] = (empty, empty) if before is None else before

    def add(self, frames: Frames) -> IntArray:
        """Count these frames, which follow the ones counted before; returns the result identity matched to each row.

        The identities are (R,) for the R ground truth rows, -1 for those missed.
        """
        self._frames += len(frames)
        self._gt_rows += len(frames.gt)
        self._id_rows += len(frames.ids)
        self._present = counted(self._present, frames.gt)
        active = (np.diff(frames.gt_start) > 0) & (np.diff(frames.id_start) > 0)
        if not active.any():
            return np.full(len(frames.gt), -1)
        # The last frame of the previous call goes in front, so that one array holds every row's predecessor.
        before_gt, before_partner = self._before
        shift = len(before_gt)
        gt = np.concatenate((before_gt, frames.gt))
        turn = np.cumsum(active) - 1
        frame = frames.frame_of_gt()
        time = np.concatenate((np.full(shift, -1), np.where(active[frame], turn[frame], -2)))
        order = np.argsort(gt, kind="stable")
        previous = _previous(gt, time, order)
        partner = np.concatenate((before_partner, np.full(len(frames.gt), -1)))

        pairs = np.flatnonzero(frames.similarity >= self._threshold - EPS)
        chosen = self._match(frames, pairs, frame, partner, previous, shift)
        self._tp += len(chosen)
        self._similarity += float(frames.similarity[chosen].sum())

        matched = partner >= 0
        new = matched[shift:]
        self._matched = counted(self._matched, frames.gt[new])
        unbroken = (previous >= 0) & matched[previous]
        self._segments = counted(self._segments, frames.gt[new & ~unbroken[shift:]])
        self._count_switches(gt, partner, order[matched[order] & (order >= shift)])
        last = int(np.flatnonzero(active)[-1])
        rows = slice(int(frames.gt_start[last]), int(frames.gt_start[last + 1]))
        self._before = (frames.gt[rows], partner[shift:][rows])
        return partner[shift:]

    def add_empty(self, count: int) -> None:
        """Count frames that have no rows; their order does not matter."""
        self._frames += count

    def _match(
        self, frames: Frames, pairs: IntArray, frame: IntArray, partner: IntArray, previous: IntArray, shift: int
    ) -> IntArray:
        """The matched pairs; fills `partner`.

        A pair that is alone in its row and column is matched at once. Then come the frames with competing pairs, in
        order of time.
        """
        row, col, similarity = frames.row[pairs], frames.col[pairs], frames.similarity[pairs]
        competing = (np.bincount(row, minlength=len(frames.gt))[row] > 1) | (
            np.bincount(col, minlength=len(frames.ids))[col] > 1
        )
        taken = ~competing
        partner[shift + row[taken]] = frames.ids[col[taken]]
        rest = np.flatnonzero(competing)
        if not len(rest):
            return pairs
        # There are only a few such pairs per frame, so lists are faster than arrays here.
        rows, cols, values = row[rest].tolist(), col[rest].tolist(), similarity[rest].tolist()
        names, came_from = frames.ids[col[rest]].tolist(), previous[shift + row[rest]].tolist()
        with_ = partner.tolist()
        contested, first = np.unique(frame[row[rest]], return_index=True)
        bounds = np.searchsorted(row, frames.gt_start)
        starts = [*first.tolist(), len(rest)]
        for f, low, high in zip(contested.tolist(), starts[:-1], starts[1:], strict=True):
            stays = [k for k in range(low, high) if came_from[k] >= 0 and with_[came_from[k]] == names[k]]
            sure = _settled(rows, cols, values, stays, range(low, high))
            if sure is None:
                these = slice(bounds[f], bounds[f + 1])
                score, before = similarity[these].copy(), previous[shift + row[these]].tolist()
                for k, name in enumerate(frames.ids[col[these]].tolist()):
                    if before[k] >= 0 and with_[before[k]] == name:
                        score[k] += _STAY
                won = set((np.flatnonzero(solve(frames, f, row[these], col[these], score)) + these.start).tolist())
                sure = [k for k in range(low, high) if int(rest[k]) in won]
            for k in sure:
                with_[shift + rows[k]] = names[k]
                taken[rest[k]] = True
        partner[:] = with_
        return pairs[taken]

    def _count_switches(self, gt: IntArray, partner: IntArray, rows: IntArray) -> None:
        """Count the rows whose partner differs from the previous partner of their identity, however long ago that was.

        rows: the matched rows, by identity, then time.
        """
        if not len(rows):
            return
        who, with_ = gt[rows], partner[rows]
        first = np.ones(len(rows), dtype=bool)
        first[1:] = who[1:] != who[:-1]
        self._last_id = grown(self._last_id, int(who[-1]) + 1, fill=-1)
        last = np.empty_like(with_)
        last[1:] = with_[:-1]
        last[first] = self._last_id[who[first]]
        self._idsw += int(np.count_nonzero((last >= 0) & (last != with_)))
        end = np.ones(len(rows), dtype=bool)
        end[:-1] = first[1:]
        self._last_id[who[end]] = with_[end]

    def result(self) -> Clear:
        """The counts so far."""
        present = self._present
        matched = grown(self._matched, len(present))[: len(present)]
        there: BoolArray = present > 0
        ratio = matched[there] / present[there]
        mt = int(np.count_nonzero(ratio > MOSTLY_TRACKED))
        pt = int(np.count_nonzero(ratio >= MOSTLY_LOST)) - mt
        one_sided = not (self._gt_rows and self._id_rows)
        return Clear(
            frames=0 if one_sided else self._frames,
            tp=self._tp,
            fn=self._gt_rows - self._tp,
            fp=self._id_rows - self._tp,
            idsw=self._idsw,
            frag=int((self._segments[self._segments > 0] - 1).sum()),
            mt=mt,
            pt=pt,
            ml=int(np.count_nonzero(there)) - mt - pt,
            motp_sum=self._similarity,
            one_sided=one_sided,
        )


def clear(
    gt_ids: Iterable[ArrayLike], ids: Iterable[ArrayLike], similarity: Iterable[ArrayLike], threshold: float = 0.5
) -> Clear:
    """CLEAR of one sequence from per-frame arrays.

    gt_ids: for each frame the (G,) ground truth ids. ids: the (T,) result ids. similarity: (G, T) in 0..1.
    Raises ValueError for an id that occurs twice in a frame and for shapes that do not belong together.
    """
    counter = ClearCounter(threshold)
    counter.add(frames_from_matrices(gt_ids, ids, similarity, Names(), Names()))
    return counter.result()


def combine_clear(parts: Sequence[Clear]) -> Clear:
    """CLEAR of several sequences as if they were one: every count is summed."""
    counts = [field.name for field in fields(Clear) if field.name != "one_sided"]
    return Clear(**{name: sum(getattr(part, name) for part in parts) for name in counts})


def _settled(
    row: list[int], col: list[int], value: list[float], stays: list[int], pairs: Iterable[int]
) -> list[int] | None:
    """The pairs (positions in row, col, value) that belong to every best matching; None where a solver must decide.

    Pairs that stay together come first. Then comes every pair that is worth more than the best other pair of its row
    plus the best other pair of its column.
    """
    taken = list(stays)
    rows, cols = {row[k] for k in stays}, {col[k] for k in stays}
    left = [k for k in pairs if row[k] not in rows and col[k] not in cols]
    while left:
        sure = []
        for k in left:
            best_row = best_col = 0.0
            for j in left:
                if j != k:
                    if row[j] == row[k] and value[j] > best_row:
                        best_row = value[j]
                    if col[j] == col[k] and value[j] > best_col:
                        best_col = value[j]
            if value[k] > best_row + best_col + 1e-9:
                sure.append(k)
        if not sure:
            return None
        taken += sure
        rows.update(row[k] for k in sure)
        cols.update(col[k] for k in sure)
        left = [k for k in left if row[k] not in rows and col[k] not in cols]
    return taken


def _previous(gt: IntArray, time: IntArray, order: IntArray) -> IntArray:
    """(N,) the row of the same identity one time step earlier; -1 where there is none.

    order: sorts the rows by identity, then time.
    """
    order = order[time[order] >= -1]
    out = np.full(len(gt), -1)
    follows = (gt[order[1:]] == gt[order[:-1]]) & (time[order[1:]] == time[order[:-1]] + 1)
    out[order[1:][follows]] = order[:-1][follows]
    return out
