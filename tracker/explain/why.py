"""Why an id changed: the refusal whose removal alone makes the switch vanish, found by replays.

Of the frames since the track last got the object's detection, each is a refusal in which the track got something else
or did not get what was there. They are removed one after the other, the loss and the gain first, and the first whose
removal keeps the id is the cause; then the same reason in all its frames, two reasons, one forced decision, up to three
reasons, and at last better detections.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from tracker.arrays import EmbeddingArray
from tracker.detections import Detections
from tracker.explain.recording import Recorded, merged
from tracker.explain.refusals import (
    DETECTOR,
    EXPIRED_CODES,
    ONE_DECISION,
    UNEXPLAINED,
    Case,
    Logged,
    Refusal,
)
from tracker.explain.removals import FORCED, NONE, ONE, REPAIRED, THREE, THROUGHOUT, TWO, Refusals, removals
from tracker.explain.replay import Judge
from tracker.explain.truth import Matches, Switch, Truth
from tracker.log import Edits, Log

LATER = 2  # frames after a switch in which refusals still count
TOGETHER = 25  # frames within which two opposite switches may be one swap


@dataclass(frozen=True)
class Cause:
    """Why a switch happened.

    code     see ``tracker.explain.refusals``
    level    how it was proved: "A" one reason removed at one frame, "B" the same reason throughout, "C" two reasons,
             "D" one forced decision, "E" up to three reasons, "F" repaired detections, "-" not at all
    chain    the refusals removed, in order of time; where nothing was proved the loss and the gain
    net      switches of everybody, more or fewer, after the removal
    kept     the id that was kept
    swap     the other switch that vanished with it, where two objects exchanged their ids
    hidden   whether the object could not be seen at the loss or the gain
    replays  how many it took
    """

    switch: Switch
    code: str
    level: str
    chain: tuple[Refusal, ...]
    net: int = 0
    kept: int = -1
    swap: Switch | None = None
    hidden: bool = False
    replays: int = 0

    @property
    def confirmed(self) -> bool | None:
        """Whether a replay proved the reason; None where it proved only that one decision did it, or nothing."""
        return True if self.level in "ABCEF" else None


Edited = Mapping[int, Edits]


class Why:
    """Explains the switches of one run against its truth."""

    def __init__(self, run: Recorded, truth: Truth) -> None:
        self.run = run
        self.truth = truth
        self.matches: Matches = truth.match(run.reports)
        self.judge = Judge(run, truth, self.matches)
        self.detected = truth.detected(run.recording.found)
        self.strong = run.recording.strong()
        self.given: list[int] = run.recording.given.tolist()
        self.logged = Logged(dict(enumerate(run.decisions)), dict(enumerate(run.rows_of)))
        hidden = np.flatnonzero(truth.hidden())
        self._hidden = set(zip(truth.frame[hidden].tolist(), truth.identity[hidden].tolist(), strict=True))

    def switches(self) -> Iterator[Cause]:
        """Every switch with its cause. Of a swap both ends come, each naming the other."""
        swapped: dict[Switch, Cause] = {}
        for switch in self.judge.all_switches:
            if switch in swapped:
                first = swapped[switch]
                yield replace(first, switch=switch, swap=first.switch, replays=0)
                continue
            cause = self.cause_of(switch)
            if cause.swap is not None:
                swapped[cause.swap] = cause
            yield cause

    def cause_of(self, switch: Switch) -> Cause:
        """The cause of one switch."""
        return _Search(self, switch).run()

    def looks_of(self, truth: int, frame: int) -> EmbeddingArray | None:
        """(1, D) the embedding of the object's detection that is nearest in time; None where detections have none."""
        every = self.run.recording.found
        own = [(abs(at - frame), at) for at, rows in enumerate(self.detected) if truth in rows]
        for _, at in sorted(own):
            embeddings = every[at].embeddings
            if embeddings is not None:
                row = self.detected[at][truth]
                return embeddings[row : row + 1]
        for one in every:  # it was never detected: nobody's looks
            if one.embeddings is not None:
                return np.zeros_like(one.embeddings[:1])
        return None

    def case(self, switch: Switch, track: int) -> Case:
        """What there is to explain about a switch, if ``track`` should have gone on."""
        start = switch.since
        for frame in range(switch.frame - 1, -1, -1):
            row = self.detected[frame].get(switch.truth)
            if row is not None and self.run.rows_of[frame].get(track) == row:
                start = frame
                break
        return Case(track, switch.truth, start, switch.frame, self.detected, self.given, self.strong)

    def owner(self, switch: Switch) -> int | None:
        """The track that was given most of the object's detections before the switch."""
        counts: dict[int, int] = {}
        for frame in range(switch.frame):
            row = self.detected[frame].get(switch.truth)
            track = None if row is None else self.run.owners[frame].get(row)
            if track is not None:
                counts[track] = counts.get(track, 0) + 1
        return max(counts, key=lambda track: counts[track]) if counts else None

    def is_hidden(self, frame: int, truth: int) -> bool:
        """Whether an object cannot be seen in a frame."""
        return (frame, truth) in self._hidden


class _Search:
    """The search for the cause of one switch."""

    def __init__(self, why: Why, switch: Switch) -> None:
        self.why = why
        self.switch = switch
        self.stop = why.judge.until(switch)
        self.replays = 0
        self._tried: set[str] = set()

    def run(self) -> Cause:
        switch, why = self.switch, self.why
        first = self._kept_by(switch.before)
        if first is not None and first.level in (ONE, THROUGHOUT, TWO):
            return first
        owner = why.owner(switch)
        if owner is not None and owner != switch.before:
            second = self._kept_by(owner)
            if second is not None and (first is None or second.level < first.level):
                first = second
        if first is not None:
            return first
        return self._repaired() or self._made(UNEXPLAINED, NONE, self._ends(switch.before), switch.before, 0)

    def _ends(self, track: int) -> list[Refusal]:
        """The loss and the gain."""
        refusals = self._refusals(self.why.case(self.switch, track))
        return [] if refusals is None else refusals.ends

    def _refusals(self, case: Case) -> Refusals | None:
        """The refusals of a case, None where there are none."""
        last = min(self.switch.frame + LATER, len(self.why.run) - 1)
        some = list(case.refusals(self.why.logged, last))
        owners = self.why.run.owners
        taken = (one for one in some if one.row is not None and owners[one.frame].get(one.row) == self.switch.after)
        return Refusals(case, some, next(taken, None)) if some else None

    def _kept_by(self, track: int) -> Cause | None:
        """The cause, if ``track`` should have gone on."""
        case = self.why.case(self.switch, track)
        refusals = self._refusals(case)
        if refusals is None:
            return None
        for one in removals(refusals, self.stop):
            if (net := self._works(case, one.edits)) is not None:
                return self._made(one.code, one.level, one.chain, track, net)
        ends = refusals.ends
        found = self._several(case, [[one] for one in ends], 2, TWO)
        if found is not None:
            return found
        for end in [*reversed(ends), *refusals.few]:
            if end.row is not None:
                net = self._works(case, case.forced(end.frame, end.row, self.why.logged))
                if net is not None:
                    return self._made(ONE_DECISION, FORCED, [end], track, net)
        return self._several(case, [[refusals.loss]] if len(ends) == 1 else [ends, [refusals.loss]], 3, THREE)

    def _several(self, case: Case, starts: list[list[Refusal]], most: int, level: str) -> Cause | None:
        """Remove the first reason, then the next one that shows in the replay, up to ``most``."""
        for begun in starts:
            removed = list(begun)
            while len(removed) < most:
                log = Log()
                edits = merged(*(one.edits for one in removed))
                self.why.judge.replay(case.start, self.stop, edits, log=log)
                self.replays += 1
                further = self._next(case, log, removed, edits)
                if further is None:
                    break
                removed.append(further)
                if (net := self._works(case, merged(*(one.edits for one in removed)))) is not None:
                    return self._made(removed[0].code, level, removed, case.track, net)
        return None

    def _next(self, case: Case, log: Log, removed: list[Refusal], edits: Edited) -> Refusal | None:
        """The first refusal of a replay that was not removed yet."""
        late = {f for f, one in edits.items() if any(row >= self.why.given[f] for row in one.scores)}
        decisions = {case.start + 1 + k: one for k, one in enumerate(log.frames)}
        rows_of = {f: dict(one.matched) | dict(one.born) for f, one in decisions.items()}
        for frame in late:  # rows there count otherwise
            rows_of[frame] = {}
            decisions[frame] = self.why.logged.decisions[frame]
        last = min(self.switch.frame + LATER, self.stop - 1)
        known = {(one.frame, one.code) for one in removed}
        for one in case.refusals(Logged(decisions, rows_of), last):
            if one.frame in late or (one.frame, one.code) in known:
                continue
            if one.code in EXPIRED_CODES and any(r.code in EXPIRED_CODES for r in removed):
                continue
            return one
        return None

    def _repaired(self) -> Cause | None:
        """Whether the truth's own box, where the object has no detection or a weak one, keeps the id."""
        case = self.why.case(self.switch, self.switch.before)
        added: dict[int, Detections] = {}
        edits: dict[int, Edits] = {}
        truth = self.why.truth
        rows = np.flatnonzero((truth.identity == case.truth) & truth.counts)
        for row in rows.tolist():
            frame = int(truth.frame[row])
            if not case.start < frame < self.stop or (truth.rows.boxes[row, 2:] <= truth.rows.boxes[row, :2]).any():
                continue
            known = self.why.detected[frame].get(case.truth)
            if known is None:
                looks = self.why.looks_of(case.truth, frame)
                added[frame] = Detections(truth.rows.boxes[row : row + 1], [self.why.strong], embeddings=looks)
            else:
                edits[frame] = Edits(scores={known: self.why.strong})
        net = self._works(case, edits, added)
        if net is None:
            return None
        return self._made(DETECTOR, REPAIRED, self._ends(case.track), case.track, net)

    def _works(self, case: Case, edits: Edited, added: Mapping[int, Detections] | None = None) -> int | None:
        """The net change of switches where the edits keep the id, or None. Edits are tried once."""
        key = repr((case.track, sorted(edits.items()), sorted(added) if added else None))
        if key in self._tried:
            return None
        self._tried.add(key)
        self.replays += 1
        verdict, found = self.why.judge.attempt(self.switch, case.start, case.track, edits, added)
        if not verdict.kept:
            return None
        self._last = (case.start, found)
        return verdict.net

    def _made(self, code: str, level: str, chain: list[Refusal], track: int, net: int) -> Cause:
        why, switch = self.why, self.switch
        unseen = any(why.is_hidden(one.frame, switch.truth) for one in chain)
        swap = None if level == NONE else self._swap()
        return Cause(switch, code, level, tuple(chain), net, track, swap, unseen, self.replays)

    def _swap(self) -> Switch | None:
        """The opposite switch of another object that the last replay undid too."""
        start, found = self._last
        one = self.switch
        for other in self.why.judge.switches(start, self.stop):
            opposite = (other.before, other.after) == (one.after, one.before) and other.truth != one.truth
            soon = one.frame <= other.frame <= one.frame + TOGETHER
            if opposite and soon and self.why.judge.judge(other, start, found, other.before).kept:
                return other
        return None
