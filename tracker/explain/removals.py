"""Which refusals of a case are removed, one reason or two at a time, and in which order: levels A, B and C."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from tracker.explain.recording import merged
from tracker.explain.refusals import BELOW, OUT_OF_REACH, Case, Refusal
from tracker.log import Edits

NEAREST = 4  # so many of the other refusals are tried together with the gain
EITHER_END = 12  # of the other refusals so many first and last ones are tried
ONE, THROUGHOUT, TWO, FORCED, THREE, REPAIRED, NONE = "ABCDEF-"


@dataclass(frozen=True)
class Refusals:
    """The refusals of a case.

    every  all, in order of time, one at least
    gain   that in which the new id took the object, or None
    """

    case: Case
    every: list[Refusal]
    gain: Refusal | None

    @property
    def loss(self) -> Refusal:
        """The first."""
        return self.every[0]

    @property
    def ends(self) -> list[Refusal]:
        """The loss and the gain."""
        return [self.loss] if self.gain is None or self.gain is self.loss else [self.loss, self.gain]

    @property
    def few(self) -> list[Refusal]:
        """The first and the last of those between."""
        others = [one for one in self.every if one not in self.ends]
        return others if len(others) <= 2 * EITHER_END else others[:EITHER_END] + others[-EITHER_END:]

    @property
    def by_code(self) -> dict[str, list[Refusal]]:
        """Those of each reason, the reasons of the loss and the gain first."""
        out: dict[str, list[Refusal]] = {}
        for one in [*self.ends, *self.every]:
            if one not in (same := out.setdefault(one.code, [])):
                same.append(one)
        return out


@dataclass(frozen=True)
class Removal:
    """What is removed: ``chain`` by ``edits``, of which the reason ``code`` is the cause if that keeps the id."""

    level: str
    code: str
    chain: list[Refusal]
    edits: Mapping[int, Edits]


def removals(refusals: Refusals, until: int) -> Iterator[Removal]:
    """One reason in one frame, one reason throughout, two reasons, in the order in which they are tried.

    until  the frame before which the replay ends
    """
    for one in [*refusals.ends, *refusals.few]:
        yield Removal(ONE, one.code, [one], one.edits)
    yield from _throughout(refusals, until)
    yield from _with_the_gain(refusals)
    yield from _two(refusals)


def _all(some: list[Refusal]) -> dict[int, Edits]:
    return merged(*(one.edits for one in some))


def _throughout(refusals: Refusals, until: int) -> Iterator[Removal]:
    """One reason in all its frames. What was out of reach once may be so again in the replay: a jump is a velocity to
    the track, which then expects the object elsewhere. So reach and threshold are lifted up to the end.
    """
    by_code = refusals.by_code
    for code, same in by_code.items():
        if len(same) > 1:
            yield Removal(THROUGHOUT, code, same, _all(same))
    for code, same in by_code.items():
        if code in (OUT_OF_REACH, BELOW):
            yield Removal(THROUGHOUT, code, same, refusals.case.in_reach(min(one.frame for one in same), until))


def _with_the_gain(refusals: Refusals) -> Iterator[Removal]:
    """The gain's reason with another."""
    case, gain, few = refusals.case, refusals.gain, refusals.few
    if gain is not None and gain is not refusals.loss:
        yield Removal(TWO, refusals.loss.code, [refusals.loss, gain], _all([refusals.loss, gain]))
    if gain is not None and gain.row is not None:
        admit = {gain.frame: Edits(admit=frozenset({(case.track, gain.row)}))}
        yield Removal(TWO, gain.code, [gain], merged(case.kept_alive(), admit))
    for end in refusals.ends:
        if end.by is not None:
            yield Removal(TWO, end.code, [end], _instead(end))
    if gain is not None:
        for other in few[:NEAREST] + few[NEAREST:][-NEAREST:]:
            yield Removal(TWO, other.code, [other, gain], _all([other, gain]))
        for code, same in refusals.by_code.items():
            yield Removal(TWO, code, [*same, gain], _all([*same, gain]))


def _two(refusals: Refusals) -> Iterator[Removal]:
    """Two reasons in all their frames."""
    by_code = refusals.by_code
    rivals = [one for same in by_code.values() for one in same if one.by is not None]
    if len(rivals) > 1:
        yield Removal(TWO, rivals[0].code, rivals, {f: e for one in rivals for f, e in _instead(one).items()})
    for (code, same), (_, more) in combinations(by_code.items(), 2):
        yield Removal(TWO, code, [*same, *more], _all([*same, *more]))


def _instead(one: Refusal) -> dict[int, Edits]:
    """Who took the object's detection may not, and the track may; where it took another, the two may exchange them."""
    assert one.by is not None
    assert one.row is not None
    forbid, admit = {(one.by, one.row)}, {(one.track, one.row)}
    if one.took is not None:
        forbid.add((one.track, one.took))
        admit.add((one.by, one.took))
    return {one.frame: Edits(frozenset(forbid), frozenset(admit))}
