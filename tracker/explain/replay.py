"""What would have kept the id: a part of the run again, with one refusal removed, judged by the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tracker.arrays import IntArray
from tracker.detections import Detections
from tracker.explain.recording import Recorded
from tracker.explain.truth import Matches, Switch, Truth, switches_of
from tracker.log import Edits, Log

AFTERWARDS = 25  # frames after the switch that a replay runs on
FIRST, SHARE = 10, 0.8  # of so many matched frames from the switch on, so many must be the old id


@dataclass(frozen=True)
class Verdict:
    """kept: whether the switch vanished. net: switches of all identities, more or fewer than in the run."""

    kept: bool
    net: int


class Judge:
    """Replays parts of a run and judges them against the truth."""

    def __init__(self, run: Recorded, truth: Truth, matches: Matches) -> None:
        self.run = run
        self.truth = truth
        self.matches = matches
        self.replays = self.replayed = 0  # replays, and the frames of all
        self._starts = np.searchsorted(matches.frame, np.arange(len(run) + 1))
        with_truth = np.diff(self._starts) > 0
        with_results = np.bincount(matches.result_frame, minlength=len(run)) > 0
        self.all_switches = switches_of(matches)
        self._active = np.flatnonzero(with_truth & with_results)

    def until(self, switch: Switch) -> int:
        """The frame where a replay of a switch ends."""
        return min(switch.frame + AFTERWARDS + 1, len(self.run))

    def replay(
        self,
        start: int,
        stop: int,
        edits: Mapping[int, Edits],
        added: Mapping[int, Detections] | None = None,
        log: Log | None = None,
    ) -> Matches:
        """CLEAR's matches in the frames after ``start`` and before ``stop``, if ``edits`` had held."""
        self.replays += 1
        self.replayed += stop - start - 1
        return self.truth.match(self.run.replay(start, stop, edits, added, log), start + 1, self.before(start))

    def judge(self, switch: Switch, start: int, matches: Matches, keep: int | None = None) -> Verdict:
        """Whether ``switch`` vanished in a replay from ``start`` on. keep: the id to be kept, the switch's by default.

        In x's first 10 matched frames from the switch on 80 % must be the old id; x must be matched in half as many
        frames as in the run, or more, and switch less often.
        """
        x, p = switch.truth, switch.before if keep is None else keep
        mine = (matches.truth == x) & (matches.partner >= 0)
        then = matches.partner[mine & (matches.frame >= switch.frame)][:FIRST]
        stop = start + 1 + len(matches.frames)
        last = self.last(start)
        new = switches_of(matches, last)
        old = self.switches(start, stop)
        net = len(new) - len(old)
        if not len(then) or np.count_nonzero(then == p) < SHARE * len(then):
            return Verdict(False, net)
        own = slice(int(self._starts[start + 1]), int(self._starts[stop]))
        was = np.count_nonzero((self.matches.truth[own] == x) & (self.matches.partner[own] >= 0))
        fewer = sum(one.truth == x for one in new) < sum(one.truth == x for one in old)
        return Verdict(bool(fewer and 2 * np.count_nonzero(mine) >= was), net)

    def before(self, frame: int) -> tuple[IntArray, IntArray] | None:
        """Identities and partners of the last frame up to ``frame`` that has truth and results."""
        k = int(np.searchsorted(self._active, frame, side="right")) - 1
        if k < 0:
            return None
        active = int(self._active[k])
        rows = slice(int(self._starts[active]), int(self._starts[active + 1]))
        return self.matches.truth[rows], self.matches.partner[rows]

    def last(self, frame: int) -> dict[int, tuple[int, int]]:
        """By identity: id and frame of its last match up to ``frame``."""
        stop = int(self._starts[frame + 1])
        seen = np.flatnonzero(self.matches.partner[:stop] >= 0)
        truth = self.matches.truth[seen]
        latest = np.full(len(self.truth.names), -1)
        np.maximum.at(latest, truth, seen)
        known = np.flatnonzero(latest >= 0)
        rows = latest[known]
        pairs = zip(self.matches.partner[rows].tolist(), self.matches.frame[rows].tolist(), strict=True)
        return dict(zip(known.tolist(), pairs, strict=True))

    def switches(self, start: int, stop: int) -> list[Switch]:
        """Those of the run after ``start`` and before ``stop``."""
        return [one for one in self.all_switches if start < one.frame < stop]
