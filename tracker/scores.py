"""What a detector's scores mean, and whether they reach what an algorithm asks.

Thresholds of a score are for probabilities. Some detectors give percentages or logits; whoever knows says so
(`--scores`, ``scores=``), and the scores become probabilities where they are read, before any threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tracker.arrays import FloatArray
from tracker.kinds import SCORE_KINDS, ScoreKind
from tracker.settings import Setting
from tracker.spelling import nearest

MOST_LOGIT = 25.0  # a probability of 1 - 1e-11
HIGHEST = {"probability": 1.0, "percent": 100.0}
ROUNDING = 1e-3  # what rounding may add to the highest, as a share of it; such scores are cut


def check_kind(kind: object) -> None:
    """Raise ValueError unless ``kind`` is one of SCORE_KINDS, or None."""
    if kind is not None and kind not in SCORE_KINDS:
        known = ", ".join(SCORE_KINDS)
        raise ValueError(f"scores={kind!r}{nearest(str(kind), SCORE_KINDS)}; give {known} (--scores)")


def probabilities(scores: ArrayLike, kind: ScoreKind) -> FloatArray:
    """Scores (N,) of this kind as probabilities 0..1; their order stays.

    Raises ValueError for an unknown kind, and for scores that are not of this kind: below 0, or above 1 or 100 per
    cent.
    """
    check_kind(kind)
    given: FloatArray = np.asarray(scores, dtype=np.float64)
    if kind == "logit":
        falling = np.exp(-np.abs(given))  # never overflows
        return np.where(given >= 0, 1.0, falling) / (1.0 + falling)
    most = HIGHEST[kind]
    low, high = float(given.min(initial=0.0)), float(given.max(initial=0.0))
    if low < -ROUNDING * most or high > (1 + ROUNDING) * most:
        wrong = low if low < -ROUNDING * most else high
        others = " or ".join(other for other in SCORE_KINDS if other != kind)
        raise ValueError(f"score {wrong:g} is no {kind} (0 to {most:g}); is it a {others} (--scores)?")
    return (given / most).clip(0.0, 1.0)


def like_percentages(low: float, high: float) -> bool:
    """Whether scores from ``low`` to ``high`` may be percentages."""
    return low >= 0 and 2 <= high <= HIGHEST["percent"]


def doubt(low: float, high: float, kind: ScoreKind | None) -> str | None:
    """A line where recorded scores from ``low`` to ``high`` are hardly of the kind they were said to be, else None.

    kind  of the scores as they were recorded; None: nothing was said, and they should be probabilities
    """
    run = f"scores run from {low:g} to {high:g}"
    within = low >= 0 and high <= 1
    if kind is None and not within:
        like = "percent" if like_percentages(low, high) else "logit"
        return (
            f"{run}, not 0..1; steady finds their scale; for other algorithms lower the thresholds, or say it where "
            f"they are of a known kind (--scores {like})"
        )
    if kind == "logit" and high > MOST_LOGIT:
        return f"{run}, and logits seldom exceed {MOST_LOGIT:g}; is --scores {kind} right?"
    if kind in ("logit", "percent") and within and low < high:
        return f"{run}, as probabilities do; is --scores {kind} right?"
    return None


@dataclass(frozen=True)
class Threshold:
    """A threshold that no score reached: the setting's name and value, its effect, and its value for these scores."""

    name: str
    value: float
    effect: str
    scaled: float


def unreached(
    settings: Mapping[str, Setting], values: Mapping[str, Any], best: float, most_scale: float = 1.0
) -> Threshold | None:
    """The threshold that stays out of reach where ``best`` is the highest score; None where there is none.

    settings, values  of the algorithm, by name
    most_scale        by which the algorithm multiplies weak scores at most, before it compares them
    """
    for name, setting in settings.items():
        least = values.get(name)
        if not isinstance(least, (int, float)):
            continue
        if setting.role == "birth" and best * most_scale < least:
            return Threshold(name, least, "starts tracks at", least / most_scale)
        if setting.role == "floor" and best * most_scale <= least:
            return Threshold(name, least, "uses no detection at or below", least / most_scale)
    return None


def why_nothing(algo: str, count: int, best: float, threshold: Threshold) -> str:
    """One line: why ``count`` detections, the best of which scores ``best``, make no track."""
    scaled = "" if threshold.scaled == threshold.value else f" ({threshold.scaled:.2g} where all scores are weak)"
    return (
        f"no tracks: the best of {count} detections scores {best:.2g}, {algo} {threshold.effect} "
        f"{threshold.name}={threshold.value:g}{scaled}; lower that (--set), or say what the scores mean (--scores)"
    )
