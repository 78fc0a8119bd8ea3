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


def advise(
    why: Why, causes: Sequence[Cause], truth: GroundTruth, build: Callable[[dict[str, Any]], Updates]
) -> dict[Switch, Advice | None]:
    """Advice on every switch, None where no setting tried keeps the id.

    build  makes the tracker with some settings changed. Of the changes that keep an id the smallest that does not raise
    the number of all switches is taken, or else the smallest

    Advice has ``name``, ``from``, ``to``, ``switches`` (before, after), ``HOTA`` (before, after), ``raises`` (whether
    the switches become more) and ``keeps``, how many of the switches the same change undoes.
    """
    hota = scores_of(why.run, truth)["HOTA"]
    trials = [_trial(why, name, old, new, truth, build) for name, old, new in _changes(why, causes)]
    trials.sort(key=lambda one: (one.size, one.name))
    count = len(causes)
    keeps = {id(one): {c.switch for c in causes if _keeps(one.matches, c.switch)} for one in trials}
    out: dict[Switch, Advice | None] = {}
    for cause in causes:
        some = [one for one in trials if cause.switch in keeps[id(one)]]
        free = [one for one in some if one.switches <= count]
        if not some:
            out[cause.switch] = None
            continue
        best = (free or some)[0]
        out[cause.switch] = {
            "name": best.name,
            "from": best.before,
            "to": best.value,
            "switches": [count, best.switches],
            "HOTA": [round(hota, 4), round(best.hota, 4)],
            "raises": best.switches > count,
            "keeps": len(keeps[id(best)]),
        }
    return out


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
