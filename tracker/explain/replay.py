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
SOON = 4  # frames from the switch on after which a replay may be given up
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
        return self.truth.match(
            self.run.rewind(start).go_on(start + 1, stop, edits, added, log), start + 1, self.before(start)
        )

    def attempt(
        self,
        switch: Switch,
        start: int,
        keep: int,
        edits: Mapping[int, Edits],
        added: Mapping[int, Detections] | None = None,
    ) -> tuple[Verdict, Matches]:
        """Whether ``switch`` vanishes if ``edits`` had held after ``start``, and the replay's matches.

        Nothing changes before the first edit that can change something, so the replay begins there; and it ends a few
        frames after the switch where so many of x's rows are not ``keep`` that it has failed.
        """
        first = min([self._effective(edits, start + 1), *(added or ())]) - 1
        soon, until = min(switch.frame + SOON, len(self.run)), self.until(switch)
        reports = self.run.rewind(first).go_on(first + 1, soon, edits, added)
        before = self.before(first)
        self.replays += 1
        self.replayed += soon - first - 1
        matches = self.truth.match(reports, first + 1, before)
        then = (matches.truth == switch.truth) & (matches.partner >= 0) & (matches.frame >= switch.frame)
        if np.count_nonzero(matches.partner[then] != keep) > (1 - SHARE) * FIRST + 1e-9:
            return Verdict(False, 0), matches
        reports += self.run.go_on(soon, until, edits, added)
        self.replayed += until - soon
        matches = self.truth.match(reports, first + 1, before)
        return self.judge(switch, start, matches, keep), matches

    def _effective(self, edits: Mapping[int, Edits], first: int) -> int:
        """The first frame in which an edit can change something: one that keeps a track alive cannot before it ends."""
        for frame in sorted(edits):
            one = edits[frame]
            if one.forbid or one.admit or one.scores or not one.keep.isdisjoint(self.run.decisions[frame].died):
                return frame
        return min(edits, default=first)

    def judge(self, switch: Switch, start: int, matches: Matches, keep: int) -> Verdict:
        """Whether ``switch`` vanished in the ``matches`` of a replay that changed nothing up to ``start``.

        In x's first 10 matched frames from the switch on 80 % must be ``keep``; x must be matched in half as many
        frames as in the run, or more, and switch less often. Where ``keep`` is the id after the switch, x must not
        switch to it.
        """
        x = switch.truth
        first = matches.first - 1
        mine = (matches.truth == x) & (matches.partner >= 0)
        then = matches.partner[mine & (matches.frame >= switch.frame)][:FIRST]
        stop = matches.first + len(matches.frames)
        new = switches_of(matches, self.last(first))
        old = self.switches(first, stop)
        net = len(new) - len(old)
        if not len(then) or np.count_nonzero(then == keep) < SHARE * len(then):
            return Verdict(False, net)
        again = keep == switch.after and any(one.truth == x and one.after == keep for one in new)
        fewer = sum(one.truth == x for one in new) < sum(one.truth == x for one in old)
        was, same = self._matched(x, start + 1, stop), self._matched(x, start + 1, matches.first)
        enough = 2 * (same + np.count_nonzero(mine)) >= was
        return Verdict(bool(fewer and enough and not again), net)

    def _matched(self, x: int, first: int, stop: int) -> int:
        """In how many frames of ``first``..``stop`` - 1 the truth ``x`` is matched."""
        own = slice(int(self._starts[min(first, stop)]), int(self._starts[stop]))
        return int(np.count_nonzero((self.matches.truth[own] == x) & (self.matches.partner[own] >= 0)))

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
