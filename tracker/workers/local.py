"""Worker processes of this machine, each with processors of its own."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time as clock
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from typing import Any, TypeVar

from tracker.processors import processors
from tracker.workers.engine import WorkerLost

T = TypeVar("T")
R = TypeVar("R")

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
LOOK, GRACE = 1.0, 3.0  # seconds from one look for the parent to the next, and for a task to end once it is gone
PARENT_GONE = 1  # PR_SET_PDEATHSIG of Linux's prctl


class Local:
    """``workers`` processes. A worker that is killed loses its task and nothing else; another takes its place.

    workers  by default one for each processor. The processors are dealt out among them, so that workers times threads
             is what this process may use; where the system cannot bind a process, each still computes with its share

    Ctrl-C does not reach the workers: whoever closes the engine decides. Workers end when this process does.
    """

    name = "local"

    def __init__(self, workers: int | None = None) -> None:
        mine = processors()
        n = workers or len(mine)
        self._slots = [_Slot(tuple(mine[place::n]) or (mine[place % len(mine)],)) for place in range(n)]

    @property
    def room(self) -> int:
        return len(self._slots)

    def submit(self, function: Callable[[T], R], task: T, /) -> Future[Any]:
        idle = next((slot for slot in self._slots if slot.idle), self._slots[0])
        return idle.submit(function, task)

    def close(self, *, at_once: bool = False) -> None:
        for slot in self._slots if at_once else []:
            slot.stop()
        for slot in self._slots:
            slot.close()


class _Slot:
    """A worker process, begun again whenever it is lost."""

    def __init__(self, cpus: tuple[int, ...]) -> None:
        self.cpus = cpus
        self._pool: ProcessPoolExecutor | None = None
        self._pid: Future[int] | None = None
        self._task: Future[Any] | None = None

    @property
    def idle(self) -> bool:
        return self._task is None or self._task.done()

    def submit(self, function: Callable[[T], R], task: T) -> Future[Any]:
        answer: Future[Any] = Future()
        answer.set_running_or_notify_cancel()
        try:
            future = self._opened().submit(function, task)
        except BrokenProcessPool:  # it was killed while it had nothing to do
            self._pool = None
            future = self._opened().submit(function, task)
        self._task = future
        future.add_done_callback(lambda done: self._pass_on(done, answer))
        return answer

    def _pass_on(self, future: Future[Any], answer: Future[Any]) -> None:
        error = WorkerLost("given up") if future.cancelled() else future.exception()
        if isinstance(error, BrokenProcessPool):
            if self._pool is not None:
                self._pool.shutdown(wait=False)
            self._pool = None
            error = WorkerLost("its worker process was killed (out of memory?)")
        if error is None:
            answer.set_result(future.result())
        else:
            answer.set_exception(error)

    def _opened(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1, mp_context=get_context("spawn"), initializer=_begin, initargs=(self.cpus, os.getpid())
            )
            with _threads(len(self.cpus)), _interrupts_ignored():  # a new process inherits both
                self._pid = self._pool.submit(os.getpid)
        return self._pool

    def stop(self) -> None:
        """Send the process TERM, where it has begun."""
        if self._pid is not None and self._pid.done() and not self._pid.cancelled() and not self._pid.exception():
            with suppress(ProcessLookupError):
                os.kill(self._pid.result(), signal.SIGTERM)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def _begin(cpus: tuple[int, ...], parent: int) -> None:
    """What a worker does first: keep to its processors, leave Ctrl-C to its parent, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "sched_setaffinity"):
        with suppress(OSError):
            os.sched_setaffinity(0, cpus)
    if sys.platform.startswith("linux"):
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PARENT_GONE, signal.SIGTERM)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process once its parent is gone: a task may take TERM for itself, and the next never comes."""
    while os.getppid() == parent:
        clock.sleep(LOOK)
    clock.sleep(GRACE)
    os._exit(1)


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
def _threads(number: int) -> Iterator[None]:
    """Processes started inside use so many threads in numerical libraries, or they would fight for the cores."""
    unset = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(unset, str(number)))
    try:
        yield
    finally:
        for name in unset:
            os.environ.pop(name, None)
