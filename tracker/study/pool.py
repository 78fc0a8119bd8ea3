"""Jobs of a study on any engine, and Ctrl-C, which lets running jobs finish."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tracker.processors import processors
from tracker.study.job import Job, run_job
from tracker.workers.engine import Engine, run_all
from tracker.workers.local import Local


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
        for number, ended in enumerate(run_all(mine, run_job, longest_first, again=lambda _: False), start=1):
            if ended.error is not None:
                raise ended.error
            done(number)
    finally:
        if engine is None:
            mine.close()  # Ctrl-C stops new jobs; those that run are finished and kept
