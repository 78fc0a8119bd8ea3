"""What to set: the smallest change of one setting that would have kept an id, with what it does to the whole video.

Each setting is tried at some multiples of its value, and the age at what each expired track would have needed; every
trial is a whole run over the recording. A change that keeps one id may cost others, so every piece of advice says what
becomes of all switches and of HOTA.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracker.evaluate.benchmark import GroundTruth
from tracker.explain.cost import gains, undone
from tracker.explain.recording import Recorded
from tracker.explain.refusals import EXPIRED_CODES
from tracker.explain.replay import FIRST, SHARE
from tracker.explain.truth import Matches, Switch, switches_of
from tracker.explain.whatif import scores_of
from tracker.explain.why import Cause, Why
from tracker.protocol import Updates
from tracker.settings import settings_of
from tracker.tracker import Tracker

FACTORS = (0.5, 0.8, 1.25, 2.0)
MOST_AGES = 8  # ages tried beside the factors
MOST_COSTLY = 3  # causes for which advice is looked for


@dataclass(frozen=True)
class Trial:
    """A whole run with one changed setting: its matches, switches and HOTA (0..1)."""

    name: str
    before: float
    value: float
    matches: Matches
    switches: int
    hota: float

    @property
    def size(self) -> float:
        """How large the change is: the logarithm of its ratio."""
        return abs(float(np.log(self.value / self.before)))


Advice = dict[str, Any]


@dataclass(frozen=True)
class Advised:
    """What to set: for single switches, and for all switches of a cause. None: nothing tried helps.

    An ``Advice`` has ``name``, ``from``, ``to``, ``switches`` (of the whole video: before, after), ``HOTA`` (before,
    after), ``raises`` (whether the switches become more) and ``keeps``: how many switches the same change undoes. That
    of a cause counts in ``keeps`` its own switches only, says in ``of`` how many it has, and never raises.
    """

    by_switch: dict[Switch, Advice | None]
    by_cause: dict[str, Advice | None]


def most_costly(why: Why, causes: Sequence[Cause], truth: GroundTruth) -> list[Cause]:
    """The switches of those causes that cost the most HOTA."""
    name = next(iter(truth.rows))
    gained = gains(truth, {name: undone(why, list(causes), [], [])})
    codes = sorted(gained, key=lambda code: -gained[code]["HOTA"])[:MOST_COSTLY]
    return [cause for cause in causes if f"switch: {cause.code}" in codes]


def advise(
    why: Why, causes: Sequence[Cause], truth: GroundTruth, build: Callable[[dict[str, Any]], Updates]
) -> Advised:
    """Advice on these switches and their causes.

    build  makes the tracker with some settings changed. Of the changes that keep an id the smallest that does not raise
    the number of all switches is taken, or else the smallest. For a cause it is the change that keeps most of its ids
    without raising that number, the smallest of several
    """
    hota = scores_of(why.run, truth)["HOTA"]
    trials = [_trial(why, name, old, new, truth, build) for name, old, new in _changes(why, causes)]
    trials.sort(key=lambda one: (one.size, one.name))
    total = len(why.judge.all_switches)
    kept = [(one, {c.switch for c in causes if _keeps(one.matches, c.switch)}) for one in trials]

    def said(one: Trial, keeps: int) -> Advice:
        return {
            "name": one.name,
            "from": one.before,
            "to": one.value,
            "switches": [total, one.switches],
            "HOTA": [round(hota, 4), round(one.hota, 4)],
            "raises": one.switches > total,
            "keeps": keeps,
        }

    by_switch: dict[Switch, Advice | None] = {}
    for cause in causes:
        some = [(one, len(switches)) for one, switches in kept if cause.switch in switches]
        some = [pair for pair in some if pair[0].switches <= total] or some
        by_switch[cause.switch] = said(*some[0]) if some else None
    by_cause: dict[str, Advice | None] = {}
    for code in dict.fromkeys(cause.code for cause in causes):
        own = {cause.switch for cause in causes if cause.code == code}
        free = [(one, len(own & switches)) for one, switches in kept if one.switches <= total]
        best = max(free, key=lambda pair: pair[1], default=None)
        by_cause[code] = {**said(*best), "of": len(own)} if best is not None and best[1] else None
    return Advised(by_switch, by_cause)


def _changes(why: Why, causes: Sequence[Cause]) -> list[tuple[str, float, float]]:
    """Name, value and other value of every change to try."""
    tracker = why.run.tracker
    out = []
    for name, setting in settings_of(type(tracker)).items():
        old = vars(tracker).get(name)
        if setting.search is None or isinstance(old, bool) or not isinstance(old, (int, float)) or old <= 0:
            continue
        factors = [old * factor for factor in FACTORS]
        if setting.kind == "age":
            gaps = {
                one.frame - why.case(c.switch, one.track).start
                for c in causes
                for one in c.chain
                if one.code in EXPIRED_CODES
            }
            longer = sorted(gap + 1 for gap in gaps if gap >= old)
            factors += [float(age) for age in longer[:: max(1, len(longer) // MOST_AGES)]]
        whole = isinstance(old, int) or setting.kind in ("age", "count")
        for value in sorted({float(round(one)) if whole else round(one, 6) for one in factors} - {float(old), 0.0}):
            out.append((name, float(old), value))
    return out


def _trial(
    why: Why, name: str, old: float, new: float, truth: GroundTruth, build: Callable[[dict[str, Any]], Updates]
) -> Trial:
    """One run; a value that the setting cannot have counts as no change that helps."""
    whole = isinstance(vars(why.run.tracker).get(name), int)
    try:
        tracker = build({name: int(new) if whole else new})
    except ValueError:
        return Trial(name, old, old, why.matches, len(why.judge.all_switches), 0.0)
    assert isinstance(tracker, Tracker)
    run = Recorded(tracker, why.run.recording)
    matches = why.truth.match(run.reports)
    return Trial(name, old, new, matches, len(switches_of(matches)), scores_of(run, truth)["HOTA"])


def _keeps(matches: Matches, switch: Switch) -> bool:
    """Whether an object has one id before and after a switch, whatever its number is."""
    mine = (matches.truth == switch.truth) & (matches.partner >= 0)
    before = matches.partner[mine & (matches.frame <= switch.since)]
    after = matches.partner[mine & (matches.frame >= switch.frame)][:FIRST]
    if not len(before) or not len(after):
        return False
    return bool(np.count_nonzero(after == before[-1]) >= SHARE * len(after))
