"""Sequences to score an algorithm on, again and again: their detections stay in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from tracker.arrays import IntArray
from tracker.detections import Detections
from tracker.evaluate.benchmark import GroundTruth, One
from tracker.evaluate.rules import RULES
from tracker.evaluate.scores import SequenceScore, combine
from tracker.protocol import answer_of
from tracker.rows import Rows
from tracker.study.choices import METRICS
from tracker.study.job import Job, numbered_detections, rows_of, tracker_of
from tracker.study.pool import found_anywhere, in_order
from tracker.workers.engine import Engine

Scores = dict[str, float]
SHOWN = (*METRICS, "IDSW")
THRESHOLD = 0.5  # overlap of a match in CLEAR and identity


@dataclass(frozen=True, eq=False)
class Fold:
    """Sequences to score on.

    truth   their ground truth
    frames  detections of each frame, by sequence
    rates   frames per second, by sequence
    numbers (N,) of the frames, by sequence; 1, 2, ... by default
    cameras file of the camera's motion, if any, and number of the first frame in it, by sequence
    jobs    what the detections of each sequence are read from, for workers
    engine  whose workers track and score each sequence; None: this process
    """

    truth: GroundTruth
    frames: Mapping[str, list[Detections]]
    rates: Mapping[str, float]
    numbers: Mapping[str, IntArray] = field(default_factory=dict)
    cameras: Mapping[str, tuple[str | None, int]] = field(default_factory=dict)
    jobs: Mapping[str, Job] = field(default_factory=dict)
    engine: Engine | None = None

    def score(self, algo: str, settings: Mapping[str, Any], conf: float | None) -> Scores:
        """Scores 0..1, and switches, of an algorithm on all sequences together, a fresh tracker on each."""
        if self.engine is None:
            rows = {name: self.track(algo, settings, conf, name) for name in self.frames}
            combined = self.truth.score(rows, look=False).combined
        else:
            trials = [self._trial(self.engine, name, algo, settings, conf) for name in self.truth.sequences]
            combined = combine(in_order(self.engine, score_trial, trials))
        summary = combined.summary()
        return {name: int(summary[name]) if name == "IDSW" else round(summary[name], 6) for name in SHOWN}

    def track(self, algo: str, settings: Mapping[str, Any], conf: float | None, name: str) -> Rows:
        """What an algorithm reports on one sequence."""
        tracker, moved = tracker_of(algo, settings, self.rates[name], *self.cameras.get(name, (None, 1)))
        kept = (found if conf is None else found[found.scores >= conf] for found in self.frames[name])
        reports = [answer_of(tracker, moved.update(found, None, None)) for found in kept]
        return rows_of(self.numbers.get(name, np.arange(1, len(reports) + 1)), reports)

    def _trial(self, engine: Engine, name: str, algo: str, settings: Mapping[str, Any], conf: float | None) -> Trial:
        job = found_anywhere(replace(self.jobs[name], algo=algo), engine)
        return Trial(job, self.truth.only(name), dict(settings), conf)


@dataclass(frozen=True, eq=False)
class Trial:
    """One sequence for a worker to track and score.

    job       the algorithm, and what the detections are read from
    truth     ground truth of the sequence
    settings  of the algorithm; conf: the least score of a detection
    """

    job: Job
    truth: GroundTruth
    settings: dict[str, Any]
    conf: float | None


def score_trial(trial: Trial) -> SequenceScore:
    """Track the sequence of a trial and score it."""
    name, job = trial.job.sequence, trial.job
    fold = _fold_of(replace(job, algo="", key=""))
    rows = fold.track(job.algo, trial.settings, trial.conf, name)
    return trial.truth.score_one(One(trial.truth, name, rows, THRESHOLD, look=False)).score


@lru_cache(maxsize=64)
def _fold_of(job: Job) -> Fold:
    """The detections of a job, which a worker reads once for all trials."""
    numbers, frames = numbered_detections(job)
    name = job.sequence
    empty = GroundTruth({}, {}, RULES["plain"], "")
    return Fold(empty, {name: frames}, {name: job.frame_rate}, {name: numbers}, {name: (job.camera, job.first)})
