"""Identity scores: IDF1, IDP, IDR (Ristani 2016, section 4).

Whole trajectories are assigned once: each ground truth identity gets at most one result identity, and the assignment
maximises the number of rows that agree (similarity at the threshold or above).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tracker.arrays import IntArray
from tracker.assign import linear_sum_assignment
from tracker.evaluate.frames import Frames, Names, PairSums, frames_from_matrices

_DENSE = 1 << 20  # largest number of pairs of identities in one matrix


@dataclass(frozen=True)
class Identity:
    """Identity counts of one sequence or of several together: rows that agree (idtp) or not (idfn, idfp)."""

    idtp: int = 0
    idfn: int = 0
    idfp: int = 0

    @property
    def idf1(self) -> float:
        """Harmonic mean of IDP and IDR."""
        return self.idtp / max(1.0, self.idtp + 0.5 * self.idfp + 0.5 * self.idfn)

    @property
    def idp(self) -> float:
        """Share of the result rows that carry the right identity."""
        return self.idtp / max(1, self.idtp + self.idfp)

    @property
    def idr(self) -> float:
        """Share of the ground truth rows that were given the right identity."""
        return self.idtp / max(1, self.idtp + self.idfn)

    def to_dict(self) -> dict[str, float]:
        """All figures under the official kit's names."""
        return {
            "IDF1": self.idf1,
            "IDR": self.idr,
            "IDP": self.idp,
            "IDTP": self.idtp,
            "IDFN": self.idfn,
            "IDFP": self.idfp,
        }


class IdentityCounter:
    """Counts identity scores frame by frame; it keeps one number for each pair of identities that overlap."""

    def __init__(self, threshold: float = 0.5) -> None:
        self._threshold = threshold
        self._gt_rows = self._id_rows = 0
        self._together = PairSums()

    def add(self, frames: Frames) -> None:
        """Count these frames."""
        self._gt_rows += len(frames.gt)
        self._id_rows += len(frames.ids)
        pairs = np.flatnonzero(frames.similarity >= self._threshold)
        self._together.add(frames.gt[frames.row[pairs]], frames.ids[frames.col[pairs]], np.ones(len(pairs)))

    def result(self) -> Identity:
        """The counts so far."""
        idtp = _best_total(self._together)
        return Identity(idtp=idtp, idfn=self._gt_rows - idtp, idfp=self._id_rows - idtp)


def _best_total(together: PairSums) -> int:
    """Sum of the best one-to-one assignment of identities."""
    total = 0.0
    for group in _independent(together):
        gt, row = np.unique(together.gt[group], return_inverse=True)
        ids, col = np.unique(together.ids[group], return_inverse=True)
        weight = np.zeros((len(gt), len(ids)))
        weight[row, col] = together.sums[group]
        total += float(weight[linear_sum_assignment()(weight, maximize=True)].sum())
    return round(total)


def _independent(together: PairSums) -> list[IntArray]:
    """Positions of the pairs, in groups that share no identity where one matrix of all would be too large."""
    if not len(together):
        return []
    rows, cols = int(together.gt.max()) + 1, int(together.ids.max()) + 1
    if rows * cols <= _DENSE:
        return [np.arange(len(together))]
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(together)), (together.gt, together.ids + rows)), shape=(rows + cols, rows + cols))
    _, label = connected_components(graph, directed=False)
    of_pair = label[together.gt]
    order = np.argsort(of_pair, kind="stable")
    return list(np.split(order, np.flatnonzero(np.diff(of_pair[order])) + 1))


def identity(
    gt_ids: Iterable[ArrayLike], ids: Iterable[ArrayLike], similarity: Iterable[ArrayLike], threshold: float = 0.5
) -> Identity:
    """Identity scores of one sequence from per-frame arrays; arguments and errors as in `clear`."""
    counter = IdentityCounter(threshold)
    counter.add(frames_from_matrices(gt_ids, ids, similarity, Names(), Names()))
    return counter.result()


def combine_identity(parts: Sequence[Identity]) -> Identity:
    """Identity scores of several sequences, which share no identities: every count is summed."""
    return Identity(sum(p.idtp for p in parts), sum(p.idfn for p in parts), sum(p.idfp for p in parts))
