"""How much of a score, or of the difference between two trackers, is chance: intervals and a paired test.

Two units. ``sequences``: the scores of whole sequences are drawn with replacement (the bootstrap of Efron 1979), which
says what other sequences of the same kind may give. ``blocks``: each sequence is cut into blocks of frames; the scores
are computed once more without each block in turn, and the pseudo-values of that jackknife (Tukey 1958) are drawn with
replacement. Identities thus keep their whole length but for one block, where scoring each block alone would forget
every error that spans two of them. Each sequence keeps its number of blocks: this says what other footage of the same
scenes may give, and is what a single sequence allows.

All trackers get the same draws, so that a difference is compared frame for frame: what makes a sequence hard is hard
for both.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from tracker.arrays import FloatArray
from tracker.evaluate.benchmark import GroundTruth, Source
from tracker.evaluate.scores import SequenceScore, combine
from tracker.rows import Rows
from tracker.spelling import shown

Unit = Literal["sequences", "blocks"]
UNITS: tuple[Unit, ...] = ("sequences", "blocks")
TITLES = ("HOTA", "AssA", "IDF1", "MOTA")

BLOCKS = 10  # of each sequence
LEAST = 5  # units below which an interval says nothing
DRAWS = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A score, a share of 1, or a difference of two, with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """One tracker less another in one score.

    p  how often chance alone gives a difference as large, either way, if there is none: two-sided, from the same draws
    """

    first: str
    second: str
    title: str
    interval: Interval
    p: float

    @property
    def chance(self) -> bool:
        """Whether chance alone may give it: p is 5 % or more."""
        return self.p >= 1 - LEVEL


@dataclass(frozen=True, eq=False)
class Chance:
    """Draws of the scores TITLES.

    unit, units  what was drawn, and how many there are
    strata       groups in which they were drawn: sequences, each with its blocks, or 1
    values       (T,) the scores of each tracker as they are
    draws        (D, T) of each tracker; the same draw of units for all
    """

    unit: Unit
    units: int
    strata: int
    values: Mapping[str, FloatArray]
    draws: Mapping[str, FloatArray]

    @property
    def about(self) -> str:
        """What was drawn, in words."""
        return "sequences" if self.unit == "sequences" else f"blocks of frames, {self.units // self.strata} a sequence"

    def interval(self, tracker: str, title: str) -> Interval:
        """The interval of one score."""
        place = TITLES.index(title)
        return self._interval(self.values[tracker][place], self.draws[tracker][:, place])

    def difference(self, first: str, second: str, title: str) -> Difference:
        """``first`` less ``second`` in one score."""
        place = TITLES.index(title)
        value = self.values[first][place] - self.values[second][place]
        drawn = self.draws[first][:, place] - self.draws[second][:, place]
        interval = self._interval(value, drawn)
        # Around 0, as if there were no difference; the drawn values lie around the one that was found.
        centred = self._widened(value, drawn) - value
        p = (1 + np.count_nonzero(np.abs(centred) >= abs(value) - 1e-12)) / (1 + len(drawn))
        return Difference(first, second, title, interval, float(min(p, 1.0)))

    def _interval(self, value: float, drawn: FloatArray) -> Interval:
        tail = 100 * (1 - LEVEL) / 2
        low, high = np.percentile(self._widened(value, drawn), (tail, 100 - tail))
        return Interval(float(value), float(low), float(high))

    def _widened(self, value: float, drawn: FloatArray) -> FloatArray:
        """The draws, wider by what a sample of few units shows too little of the spread, as Student's t is."""
        from scipy.special import ndtri, stdtrit

        each = self.units / self.strata
        level = (1 + LEVEL) / 2
        wider = np.sqrt(each / (each - 1)) * stdtrit(self.units - self.strata, level) / ndtri(level)
        out: FloatArray = value + (drawn - value) * wider
        return out


def chance(
    truth: GroundTruth,
    results: Mapping[str, Source],
    *,
    unit: Unit | None = None,
    threshold: float = 0.5,
    seed: int = 0,
) -> Chance:
    """Draw scores of several trackers on the same ground truth.

    results    of each tracker by name, as ``GroundTruth.score`` takes them
    unit       "sequences" or "blocks"; None: sequences where there are at least LEAST, else blocks
    threshold  overlap of a match in CLEAR and identity
    seed       of the draws

    Raises ValueError where there are fewer than LEAST sequences to draw, or frames to make blocks of.
    """
    names = list(truth.sequences)
    if unit is None:
        unit = "sequences" if len(names) >= LEAST else "blocks"
    if unit == "sequences" and len(names) < LEAST:
        raise ValueError(
            f"intervals over {len(names)} sequences say nothing; give at least {LEAST}, or take blocks of frames"
        )
    scores = {name: truth.score(files, threshold=threshold, look=False).sequences for name, files in results.items()}
    values = {name: _figures(combine(own)) for name, own in scores.items()}
    rng = np.random.default_rng(seed)
    if unit == "sequences":
        chosen = rng.integers(0, len(names), (DRAWS, len(names)))
        draws = {
            name: np.array([_figures(combine([own[k] for k in drawn])) for drawn in chosen.tolist()])
            for name, own in scores.items()
        }
        return Chance(unit, len(names), 1, values, draws)
    cuts = {name: _cuts(truth, name) for name in names}
    units = sum(map(len, cuts.values()))
    if units < LEAST:
        raise ValueError("the ground truth has too few frames to make blocks of; give longer sequences")
    # Each sequence keeps its share: what is asked is what other footage of the same scenes would give.
    starts = np.cumsum([0, *map(len, cuts.values())])
    chosen = np.concatenate(
        [rng.integers(a, b, (DRAWS, b - a)) for a, b in itertools.pairwise(starts.tolist()) if a < b], axis=1
    )
    draws = {}
    for name, own in scores.items():
        pseudo = _pseudo_values(truth, truth.read(results[name]), own, cuts, threshold)
        draws[name] = pseudo[chosen].mean(axis=1)
        # The mean of the pseudo-values lies near the score, not on it.
        draws[name] += values[name] - pseudo.mean(axis=0)
    return Chance(unit, units, sum(map(bool, cuts.values())), values, draws)


def _pseudo_values(
    truth: GroundTruth,
    rows: Mapping[str, Rows],
    scores: Sequence[SequenceScore],
    cuts: Mapping[str, Sequence[tuple[int, int]]],
    threshold: float,
) -> FloatArray:
    """(U, T) of the jackknife over all blocks of all sequences."""
    units = sum(map(len, cuts.values()))
    whole = _figures(combine(scores))
    out = []
    for place, name in enumerate(truth.sequences):
        for first, last in cuts[name]:
            without = truth.score_without(name, rows[name], first, last, threshold=threshold)
            rest = combine([*scores[:place], without, *scores[place + 1 :]])
            out.append(units * whole - (units - 1) * _figures(rest))
    return np.array(out)


def _cuts(truth: GroundTruth, name: str) -> list[tuple[int, int]]:
    """First and last frame of each block of a sequence that has ground truth."""
    frames = np.unique(truth.rows[name].frames)
    parts = np.array_split(frames, min(BLOCKS, max(len(frames), 1)))
    return [(int(part[0]), int(part[-1])) for part in parts if len(part)]


def _figures(score: SequenceScore) -> FloatArray:
    found = score.summary()
    return np.array([found[title] for title in TITLES])


def as_text(found: Chance) -> str:
    """The intervals, and each pair of trackers, in per cent."""
    names = list(found.values)
    margin = max(map(len, map(shown, names)))
    lines = []
    for name in names:
        cells = [_percent(title, found.interval(name, title)) for title in TITLES]
        lines.append(f"{shown(name).ljust(margin)}  {'  '.join(cells)}")
    for first, second in itertools.combinations(names, 2):
        for title in TITLES:
            one = found.difference(first, second, title)
            verdict = "may be chance" if one.chance else "is more than chance"
            p = f"p = {one.p:.3f}" if one.p >= 0.001 else "p < 0.001"
            lines.append(
                f"{shown(first)} - {shown(second)}: {_percent(title, one.interval, signed=True)}, {p}: {verdict}"
            )
    return "\n".join(lines)


def _percent(title: str, interval: Interval, *, signed: bool = False) -> str:
    form = "+.2f" if signed else ".2f"
    value, low, high = (format(100 * x, form) for x in (interval.value, interval.low, interval.high))
    return f"{title} {value} [{low}, {high}]"


def as_dict(found: Chance) -> dict[str, object]:
    """The same, ready for JSON, as fractions."""
    names = list(found.values)
    pairs = [
        asdict(found.difference(first, second, title))
        for first, second in itertools.combinations(names, 2)
        for title in TITLES
    ]
    scores = {name: {title: asdict(found.interval(name, title)) for title in TITLES} for name in names}
    return {"unit": found.unit, "units": found.units, "scores": scores, "differences": pairs}
