"""Jobs in several processes, and Ctrl-C, which lets running jobs finish."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context

from tracker.study.job import Job, run_job

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run_all(jobs: Sequence[Job], workers: int | None, done: Callable[[int], None]) -> None:
    """Run the jobs; ``done`` is called with their number as they end.

    workers  processes, by default one a core; 1 runs them in this process
    """
    workers = min(len(jobs), workers or os.cpu_count() or 1)
    if workers <= 1:
        for number, job in enumerate(jobs, start=1):
            run_job(job)
            done(number)
        return
    longest_first = sorted(jobs, key=lambda job: -job.length)  # no worker is left with a long one at the end
    # Ctrl-C stops new jobs; those that run are finished and kept.
    ignore = (signal.SIGINT, signal.SIG_IGN)
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=signal.signal, initargs=ignore)
    with _one_thread(), pool:
        with _interrupts_ignored():  # a new process inherits it, and so ignores Ctrl-C before its initializer runs too
            waiting = [pool.submit(run_job, job) for job in longest_first]
        try:
            for number, future in enumerate(as_completed(waiting), start=1):
                future.result()
                done(number)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ctrl-C does nothing inside, nor in processes started inside; only the main thread may set that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes started inside use one thread each in numerical libraries, or they would fight for the cores."""
    unset = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(unset, "1"))
    try:
        yield
    finally:
        for name in unset:
            os.environ.pop(name, None)
