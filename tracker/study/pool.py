"""Work on many sequences on any engine, and Ctrl-C, which lets running jobs finish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from tracker.algorithms import from_anywhere
from tracker.evaluate.benchmark import One, Scored
from tracker.processors import processors
from tracker.study.job import Job, run_job
from tracker.workers.engine import Engine, run_all
from tracker.workers.local import Local

T = TypeVar("T")
R = TypeVar("R")


def run_jobs(jobs: Sequence[Job], workers: int | Engine | None, done: Callable[[int], None]) -> None:
    """Run the jobs; ``done`` is called with their number as they end.

    workers  processes, by default one a core; 1 runs them in this process; or an engine (``tracker.workers``)
    """
    engine = workers if workers is None or not isinstance(workers, int) else None
    n = 0 if engine is not None else min(len(jobs), workers if isinstance(workers, int) else len(processors()))
    if engine is None and n <= 1:
        for number, job in enumerate(jobs, start=1):
            run_job(job)
            done(number)
        return
    longest_first = sorted(jobs, key=lambda job: -job.length)  # no worker is left with a long one at the end
    mine = engine or Local(n)
    try:
        tasks = [found_anywhere(job, mine) for job in longest_first]
        for folder in {Path(task.target).parent for task in tasks}:
            folder.mkdir(parents=True, exist_ok=True)
        for number, ended in enumerate(run_all(mine, run_job, tasks, again=lambda _: False, sees=_needed), start=1):
            if ended.error is not None:
                raise ended.error
            done(number)
    finally:
        if engine is None:
            mine.close()  # Ctrl-C stops new jobs; those that run are finished and kept


def in_order(engine: Engine, function: Callable[[T], R], tasks: Sequence[T]) -> list[R]:
    """What the function returns for each task, in the order of the tasks; raises the first one's error."""
    ends = sorted(run_all(engine, function, tasks, again=lambda _: False), key=lambda end: end.place)
    for end in ends:
        if end.error is not None:
            raise end.error
    return [end.result for end in ends if end.result is not None]


class Scoring:
    """Scores sequences on the workers of an engine: ``each`` of ``GroundTruth.score``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, function: Callable[[One], Scored], ones: list[One]) -> list[Scored]:
        return in_order(self._engine, function, [_found_anywhere(one, self._engine) for one in ones])


def found_anywhere(job: Job, engine: Engine) -> Job:
    """The job with absolute paths, where the engine's workers may run in other folders than this process."""
    if engine.name == "local":
        return job
    return replace(
        job,
        algo=from_anywhere(job.algo),
        detections=_absolute(job.detections),
        embeddings=None if job.embeddings is None else _absolute(job.embeddings),
        target=_absolute(job.target),
        camera=None if job.camera is None else _absolute(job.camera),
    )


def _found_anywhere(one: One, engine: Engine) -> One:
    if engine.name == "local" or not isinstance(one.results, Path):
        return one
    sequence = one.truth.sequences[one.name]
    truth = one.truth.only(one.name)
    truth.sequences[one.name] = replace(sequence, gt=sequence.gt.resolve())
    return replace(one, truth=truth, results=one.results.resolve())


def _needed(job: Job) -> list[str]:
    return [job.detections, str(Path(job.target).parent)]


def _absolute(path: str) -> str:
    return str(Path(path).resolve())
