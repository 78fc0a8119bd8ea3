"""Sequences to score an algorithm on, again and again: their detections stay in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tracker.arrays import IntArray
from tracker.detections import Detections
from tracker.evaluate.benchmark import GroundTruth
from tracker.protocol import answer_of
from tracker.rows import Rows
from tracker.study.choices import METRICS
from tracker.study.job import rows_of, tracker_of

Scores = dict[str, float]
SHOWN = (*METRICS, "IDSW")


@dataclass(frozen=True, eq=False)
class Fold:
    """Sequences to score on.

    truth   their ground truth
    frames  detections of each frame, by sequence
    rates   frames per second, by sequence
    numbers (N,) of the frames, by sequence; 1, 2, ... by default
    cameras file of the camera's motion, if any, and number of the first frame in it, by sequence
    """

    truth: GroundTruth
    frames: Mapping[str, list[Detections]]
    rates: Mapping[str, float]
    numbers: Mapping[str, IntArray] = field(default_factory=dict)
    cameras: Mapping[str, tuple[str | None, int]] = field(default_factory=dict)

    def score(self, algo: str, settings: Mapping[str, Any], conf: float | None) -> Scores:
        """Scores 0..1, and switches, of an algorithm on all sequences together, a fresh tracker on each."""
        rows = {name: self.track(algo, settings, conf, name) for name in self.frames}
        summary = self.truth.score(rows, look=False).combined.summary()
        return {name: int(summary[name]) if name == "IDSW" else round(summary[name], 6) for name in SHOWN}

    def track(self, algo: str, settings: Mapping[str, Any], conf: float | None, name: str) -> Rows:
        """What an algorithm reports on one sequence."""
        tracker, moved = tracker_of(algo, settings, self.rates[name], *self.cameras.get(name, (None, 1)))
        kept = (found if conf is None else found[found.scores >= conf] for found in self.frames[name])
        reports = [answer_of(tracker, moved.update(found, None, None)) for found in kept]
        return rows_of(self.numbers.get(name, np.arange(1, len(reports) + 1)), reports)
