"""The bridge to motmetrics: a filled `MOTAccumulator`, and a second opinion on CLEAR and identity.

motmetrics and the official kit count CLEAR by different rules: in motmetrics a ground truth box stays with its last
partner however long the gap (the kit looks one frame back), an identity is mostly tracked from 80 % on (the kit: above
80 %), and fragments are counted within an identity's life. So these figures may differ a little on the same input; the
identity scores are defined alike and must agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tracker.evaluate.benchmark import GroundTruth, Source, load_ground_truth
from tracker.evaluate.frames import EPS, Frames
from tracker.evaluate.scores import Evaluation, SequenceScore
from tracker.rows import Rows

# motmetrics' name: ours, and whether it is a share (s) or a count (n)
_CLEAR = {
    "num_misses": ("FN", "n"),
    "num_false_positives": ("FP", "n"),
    "num_switches": ("IDSW", "n"),
    "num_fragmentations": ("Frag", "n"),
    "mostly_tracked": ("MT", "n"),
    "partially_tracked": ("PT", "n"),
    "mostly_lost": ("ML", "n"),
    "mota": ("MOTA", "s"),
    "motp": ("MOTP", "s"),
    "recall": ("Rcll", "s"),
    "precision": ("Prcn", "s"),
}
_IDENTITY = {"idf1": ("IDF1", "s"), "idp": ("IDP", "s"), "idr": ("IDR", "s")}
IDENTITY = tuple(title for title, _ in _IDENTITY.values())


def to_motmetrics(
    gt_ids: Iterable[ArrayLike],
    ids: Iterable[ArrayLike],
    similarity: Iterable[ArrayLike],
    threshold: float = 0.5,
    *,
    tolerance: float = EPS,
) -> Any:
    """A `motmetrics.MOTAccumulator` filled with per-frame arrays (arguments as in `clear`); distance is 1 - similarity.

    Pairs below `threshold` by more than `tolerance` get NaN, motmetrics' sign for "cannot match". The default tolerance
    is that of CLEAR; identity scores use 0. Raises ImportError without motmetrics.
    """
    import motmetrics

    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for g, t, s in zip(gt_ids, ids, similarity, strict=True):
        g_, t_ = np.asarray(g), np.asarray(t)
        s_ = np.asarray(s, dtype=np.float64).reshape(len(g_), len(t_))
        accumulator.update(g_.tolist(), t_.tolist(), np.where(s_ >= threshold - tolerance, 1 - s_, np.nan))
    return accumulator


def accumulators(
    truth: GroundTruth, results: Source, threshold: float = 0.5, *, tolerance: float = EPS
) -> dict[str, Any]:
    """An accumulator for each sequence with results, of the rows that count by the rules of `truth`.

    results: as `GroundTruth.score` takes them.
    """
    matched, _ = truth.match(results)
    out = {}
    for name in truth.sequences:
        source = matched.get(name)
        if source is None:
            continue
        rows = source if isinstance(source, Rows) else truth.read_file(name, source)
        gt_ids: list[Any] = []
        ids: list[Any] = []
        similarity: list[Any] = []
        for frames in truth.frames(name, rows):
            for g, t, s in _matrices(frames):
                gt_ids.append(g)
                ids.append(t)
                similarity.append(s)
        out[name] = to_motmetrics(gt_ids, ids, similarity, threshold, tolerance=tolerance)
    return out


@dataclass(frozen=True)
class Difference:
    """A figure of a sequence for which motmetrics has another value."""

    sequence: str
    figure: str
    ours: float
    theirs: float

    def __str__(self) -> str:
        shown = [f"{v:d}" if isinstance(v, int) else f"{100 * v:.4f}" for v in (self.ours, self.theirs)]
        return f"{self.figure} {shown[0]} (motmetrics {shown[1]})"


def differences(
    evaluation: Evaluation, results: Source, gt: Source | GroundTruth, threshold: float = 0.5
) -> list[Difference]:
    """Recompute CLEAR and identity with motmetrics and return the figures that differ.

    Sequences without results or without ground truth are skipped: motmetrics divides by zero there.
    """
    import motmetrics

    truth = gt if isinstance(gt, GroundTruth) else load_ground_truth(gt)
    host = motmetrics.metrics.create()
    found: list[Difference] = []
    filled = accumulators(truth, results, threshold)
    strict = accumulators(truth, results, threshold, tolerance=0.0)
    for score in evaluation.sequences:
        if score.name not in filled or not (score.dets and score.gt_dets):
            continue
        theirs: dict[str, float] = {}
        for accumulator, keys in ((filled[score.name], _CLEAR), (strict[score.name], _IDENTITY)):
            summary = host.compute(accumulator, metrics=list(keys), name=score.name).iloc[0]
            theirs |= {key: float(summary[key]) for key in keys}
        found += _compared(score, theirs)
    return found


def _compared(score: SequenceScore, theirs: dict[str, float]) -> Iterator[Difference]:
    ours = score.summary()
    for key, (title, kind) in (_CLEAR | _IDENTITY).items():
        value = 1 - theirs[key] if key == "motp" else theirs[key]  # motmetrics means the distance
        if kind == "n" and round(value) != ours[title]:
            yield Difference(score.name, title, ours[title], round(value))
        elif kind == "s" and abs(value - ours[title]) > 1e-9:
            yield Difference(score.name, title, ours[title], value)


def _matrices(frames: Frames) -> Iterable[tuple[Any, Any, Any]]:
    bounds = np.searchsorted(frames.row, frames.gt_start)
    for f in range(len(frames)):
        g = slice(frames.gt_start[f], frames.gt_start[f + 1])
        t = slice(frames.id_start[f], frames.id_start[f + 1])
        p = slice(bounds[f], bounds[f + 1])
        matrix = np.zeros((g.stop - g.start, t.stop - t.start))
        matrix[frames.row[p] - g.start, frames.col[p] - t.start] = frames.similarity[p]
        yield frames.gt[g], frames.ids[t], matrix
