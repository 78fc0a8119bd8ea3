"""Ids as a run reports them: decisions name tracks in the order of birth, results by their first report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace

import numpy as np

from tracker.arrays import IntArray
from tracker.log import Decisions, Edits
from tracker.tracks import Tracks


class Numbers:
    """The number of each track and back, where ids are given at the first report (``Tracker.ids_at_birth`` off).

    A track that was never reported has the negative of its id; one that only a replay knows keeps its id.
    """

    def __init__(self, reports: Sequence[Tracks] = (), births: int = 0) -> None:
        """reports: of the whole run, with ids given at birth. births: tracks that began. Neither: ids stay."""
        seen = np.concatenate([np.empty(0, dtype=np.int64), *(one.ids for one in reports)])
        ids, first = np.unique(seen, return_index=True)
        self._to = -np.arange(births + 1)
        self._to[ids[np.argsort(first)]] = np.arange(1, len(ids) + 1)
        self._back = {number: id for id, number in enumerate(self._to.tolist()) if id}

    def of(self, ids: IntArray) -> IntArray:
        """The numbers of tracks (N,)."""
        if not self._back:
            return ids
        known = ids < len(self._to)
        numbers: IntArray = np.where(known, self._to[np.where(known, ids, 0)], ids)
        return numbers

    def of_one(self, id: int) -> int:
        """The number of one track."""
        return int(self._to[id]) if self._back and id < len(self._to) else id

    def back(self, number: int) -> int:
        """The id of a number."""
        return self._back.get(number, number)

    def of_tracks(self, tracks: Tracks) -> Tracks:
        """Tracks under their numbers."""
        return replace(tracks, ids=self.of(tracks.ids)) if self._back else tracks

    def of_decisions(self, given: Decisions) -> Decisions:
        """Decisions about tracks under their numbers."""
        if not self._back:
            return given
        one, out = self.of_one, copy(given)
        out.ids = self.of(given.ids)
        out.stages = [replace(s, ids=self.of(s.ids), open_ids=self.of(s.open_ids)) for s in given.stages]
        out.refused = [replace(some, ids=self.of(some.ids)) for some in given.refused]
        out.born = [(one(track), row) for track, row in given.born]
        out.proved = [one(track) for track in given.proved]
        out.died = {one(track): reason for track, reason in given.died.items()}
        out.duplicates = {one(track): one(other) for track, other in given.duplicates.items()}
        out.renamed = {one(old): one(new) for old, new in given.renamed.items()}
        return out

    def edits(self, change: Edits) -> Edits:
        """Edits that name tracks by number, as the tracker takes them."""
        if not self._back:
            return change
        return Edits(
            frozenset((self.back(track), row) for track, row in change.forbid),
            frozenset((self.back(track), row) for track, row in change.admit),
            frozenset(self.back(track) for track in change.keep),
            change.scores,
        )

    def matched(self, pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
        """Pairs (id, row) under the number of their track."""
        return {(self.of_one(track), row) for track, row in pairs}

    def of_edits(self, edits: Mapping[int, Edits]) -> dict[int, Edits]:
        """``edits`` of several frames."""
        return {frame: self.edits(change) for frame, change in edits.items()}
