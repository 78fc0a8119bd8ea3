"""Algorithms side by side on a MOTChallenge tree: run on its detections, timed, scored, and kept for the next time.

An interrupted run goes on where it stopped, and a repeated one only scores: see ``job``, ``jobs`` and ``cache``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tracker.algorithms import Params, algorithm, build, parameters, read_params, short_name
from tracker.arrays import FloatArray
from tracker.camera import pairs_setting
from tracker.evaluate.benchmark import GroundTruth, load_ground_truth
from tracker.evaluate.scores import Evaluation
from tracker.evaluate.sequences import Sequence as MotSequence
from tracker.evaluate.sequences import find_detections, find_sequences
from tracker.io.mot import Invalid
from tracker.io.passwords import refuse_url
from tracker.kinds import ScoreKind
from tracker.scores import check_kind
from tracker.settings import number
from tracker.study.choices import Split
from tracker.study.converted import converted, is_elsewhere
from tracker.study.data import notes_on
from tracker.study.embeddings import MissingImages
from tracker.study.job import Job, is_done, note_of, seconds_of
from tracker.study.jobs import Tree, jobs_of, names_in_labels
from tracker.study.pool import run_jobs
from tracker.study.split import halved, parts_of
from tracker.workers.engine import Engine

FIGURES = {"fps": ".0f", "median ms": ".3f", "p99 ms": ".3f"}  # and how the table shows them
Progress = Callable[[int, int, int], None]


@dataclass(frozen=True, eq=False)
class Run:
    """One algorithm over all sequences.

    label       says what was run; the folder's name
    evaluation  its scores
    seconds     (N,) of each update
    cached      how many sequences were taken from an earlier run
    truth       what it was scored against, and the file of each sequence's results, by name
    """

    label: str
    evaluation: Evaluation
    seconds: FloatArray
    cached: int
    truth: GroundTruth
    files: Mapping[str, str]

    def figures(self) -> dict[str, float | None]:
        """Frames per second, and median and 99th percentile of an update in ms; None where nothing was run."""
        if not len(self.seconds):
            return dict.fromkeys(FIGURES)
        values = (
            len(self.seconds) / max(float(self.seconds.sum()), 1e-9),
            1000 * float(np.median(self.seconds)),
            1000 * float(np.percentile(self.seconds, 99)),
        )
        return dict(zip(FIGURES, values, strict=True))

    def speed(self) -> dict[str, str]:
        """The figures as the table shows them."""
        return {title: "-" if value is None else f"{value:{FIGURES[title]}}" for title, value in self.figures().items()}


def bench(
    data: str | os.PathLike[str],
    algos: Sequence[str],
    *,
    settings: Mapping[str, Any] | None = None,
    params: str | os.PathLike[str] | None = None,
    split: Split = "full",
    out: str | os.PathLike[str] = "runs/bench",
    detections: str = "det.txt",
    conf: float | None = None,
    reid: str | None = None,
    rules: str = "auto",
    sequences: list[str] | None = None,
    workers: int | Engine | None = None,
    log: bool = False,
    scores: ScoreKind | None = None,
    camera_motion: str = "auto",
    invalid: Invalid = "raise",
    progress: Progress | None = None,
) -> tuple[list[Run], list[str]]:
    """Run and score algorithms; returns a Run for each that ran, and notes on what was left out.

    data        a MOTChallenge tree with ``<seq>/det/<detections>`` and ``<seq>/gt/gt.txt``, or other ground truth that
                ``tracker.io.readers`` reads, where ``detections`` is a path
    detections  name of a file in each ``det`` folder; or the path of a file or folder of detections in any format
    algos       names, or classes of your own: ``my_module:Mine``, ``./mine.py:Mine``; ``sort@.6`` has a conf of its own
    settings    parameters by name, for every algorithm that has them, or ``sort.max_age`` for one
    params      a file of ``track tune``, for the algorithm that it is for; ``settings`` win over it
    split       "second-half" is the public validation half of MOT17: 0-based frames from n // 2 + 1 on, numbered from 1
                again, with a fresh tracker; "first-half" is the rest
    out         folder: results go to ``out/<split>/<label>/<seq>.txt``
    conf        least score of a detection
    reid        embedder for all algorithms that take embeddings, run on ``img1`` or a video beside it where there is no
                det.npz; None: the packaged model, for those alone that need one
    rules       what counts, as ``load_ground_truth`` takes it
    sequences   names of those to run; None: all that have detections
    workers     processes, by default one a core; 1 gives the cleanest times; or an engine, whose workers see the same
                files (``tracker.workers.open.open_engine``). A script that uses several needs
                ``if __name__ == "__main__":``, as any that starts processes does
    scores      what the scores of the detections are: "probability", "percent" or "logit"; they become probabilities
                first. None: they stay as they are
    camera_motion  "auto": as each algorithm does by default; "pairs", "off", "gmc" (the file in each sequence's folder
                ``gmc``), a file of one affine map per frame, or a folder of <seq>.txt
    invalid     what to do with bad rows of detections and ground truth: "raise", or "drop" and count them in the notes
    log         keep the decision log of each sequence beside its results, ``<seq>.sqlite``, for `track explain`
    progress    progress(done, cached, all) is called as jobs end

    Raises ValueError, in one line, for what cannot be run at all.
    """
    refuse_url(out, "a folder")
    check_kind(scores)
    every = find_sequences(data, sequences)
    if is_elsewhere(every, detections):
        known, detections, notes = converted(data, detections, rules, sequences, Path(out), invalid)
    else:
        known, notes = find_detections(data, sequences, detections), []
    notes += _without_detections(every, known, detections, bool(sequences))
    notes += notes_on(known, detections, scores, invalid)
    whole = load_ground_truth(data, rules, [s.name for s in known], invalid)
    truth = halved(whole, split)
    entries = list(dict.fromkeys(_entry(one, conf) for one in algos))
    for _, least in entries:
        number(least, "conf")
    algos = list(dict.fromkeys(algo for algo, _ in entries))
    tuned = None if params is None else read_params(params, algos[0] if len(algos) == 1 else None)
    if tuned is not None and tuned.algo not in algos:
        raise ValueError(f"{params}: is for {tuned.algo}, which is not among the algorithms ({', '.join(algos)})")
    tree = Tree(known, detections, split, parts_of(whole, list(whole.rows), split), Path(out), reid)
    tree = replace(tree, log=log, scores=scores, camera=camera_motion, invalid=invalid)
    jobs, missing = _all_jobs(entries, settings or {}, tuned, tree)
    done = {id(job) for job in jobs if is_done(job)}
    waiting = [job for job in jobs if id(job) not in done]

    def say(finished: int) -> None:
        if progress is not None:
            progress(finished + len(done), len(done), len(jobs))

    say(0)
    run_jobs(waiting, workers, say)
    empty = [f"{job.sequence}: {note}" for job in jobs if (note := note_of(job))]
    runs = [_scored(label, jobs, done, truth) for label in dict.fromkeys(job.label for job in jobs)]
    return runs, notes + missing + empty


def _entry(text: str, conf: float | None) -> tuple[str, float | None]:
    """An algorithm and the least score of its detections, which may stand behind an @: ``sort@.6``."""
    algo, at, own = text.rpartition("@")
    try:
        return (algo, float(own)) if at and algo else (text, conf)
    except ValueError:
        return text, conf


def _all_jobs(
    entries: Sequence[tuple[str, float | None]], settings: Mapping[str, Any], tuned: Params | None, tree: Tree
) -> tuple[list[Job], list[str]]:
    """The jobs of every algorithm, and notes on those that lack embeddings. ValueError where no job is left."""
    algos = list(dict.fromkeys(algo for algo, _ in entries))
    names = names_in_labels(algos)
    jobs: list[Job] = []
    missing: list[str] = []
    for algo, least in entries:
        values, name = _settings_for(algo, settings, algos), names[algo]
        if tuned is not None and algo == tuned.algo:
            values = tuned.settings | values
            least = tuned.conf if least is None else least
        values = pairs_setting(tree.camera, algorithm(algo), values) | values
        build(algo, values)  # unknown names and values show now, not in a worker
        try:
            jobs += jobs_of(algo, name, values, least, tree)
        except MissingImages as error:
            missing.append(f"{algo} was not run: {error}")
    if not jobs:
        raise ValueError("; ".join(missing) or "no algorithm to run; name one with --algo")
    return jobs, missing


def _settings_for(algo: str, settings: Mapping[str, Any], algos: Sequence[str]) -> dict[str, Any]:
    """The settings meant for one algorithm. Raises ValueError for one that no algorithm has."""
    own = parameters(algorithm(algo))
    values = {}
    for key, value in sorted(settings.items(), key=lambda item: "." in item[0]):  # one algorithm's own come last
        owner, _, short = key.rpartition(".")
        if owner and not any(owner in (other, short_name(other)) for other in algos):
            raise ValueError(f"setting {key}: {owner} is not among the algorithms ({', '.join(algos)})")
        if not owner and not any(key in parameters(algorithm(other)) for other in algos):
            raise ValueError(f"setting {key}: none of {', '.join(algos)} has it; `track algos` lists what they have")
        if owner in (algo, short_name(algo)) or (not owner and short in own):
            values[short] = value
    return values


def _scored(label: str, jobs: Sequence[Job], done: set[int], truth: GroundTruth) -> Run:
    own = [job for job in jobs if job.label == label]
    files = {job.sequence: job.target for job in own}
    evaluation = truth.score(files, tracker=label)
    seconds = np.array([second for job in own for second in seconds_of(job)], dtype=float)
    return Run(label, evaluation, seconds, sum(id(job) in done for job in own), truth, files)


def _without_detections(
    every: Sequence[MotSequence], known: Sequence[MotSequence], detections: str, named: bool
) -> list[str]:
    """Notes on sequences that have no detections; ValueError where they were asked for by name."""
    have = {s.name for s in known}
    bare = [s.name for s in every if s.name not in have]
    if bare and named:
        raise ValueError(f"no det/{detections} in {', '.join(bare)}; add it or leave them out of the sequences")
    return [f"no det/{detections} in {', '.join(bare)}; left out"] if bare else []
