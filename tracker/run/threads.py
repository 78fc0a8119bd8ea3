"""Decoding, detecting, tracking and writing in parallel, by bounded queues and threads; results keep their order.

OpenCV, onnxruntime and PyAV release the interpreter's lock while they work, so the threads do run at the same time.
"""

from __future__ import annotations

import threading
import time as clock
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, Full, Queue
from types import GeneratorType
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

DEPTH = 4  # items waiting in a queue: enough to smooth, few enough to bound memory


class Prefetch(Generic[T]):
    """Iterate over ``items`` while a thread fetches the next ones; ``seconds`` is the time that fetching took.

    An error of ``items`` is raised where its item would have come. ``close()`` ends the thread and the iteration of
    ``items``; the end of the iteration calls it, and it may be called again.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self.seconds = 0.0
        self._queue: Queue[tuple[T | None, BaseException | None]] = Queue(DEPTH)
        self._stop = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._fetch, args=(iter(items),), name="decode", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if self._ended:
            raise StopIteration
        item, error = self._queue.get()
        if error is not None:
            self.close()
            raise error
        if item is None:
            self.close()
            raise StopIteration
        return item

    def close(self) -> None:
        """End the thread."""
        self._ended = True
        self._stop.set()
        while self._thread.is_alive():
            with suppress(Empty):
                self._queue.get(timeout=0.01)  # the thread may be waiting for room
        self._thread.join()

    def _fetch(self, items: Iterator[T]) -> None:
        try:
            while not self._stop.is_set():
                started = clock.perf_counter()
                item = next(items, None)
                self.seconds += clock.perf_counter() - started
                self._put((item, None))
                if item is None:
                    return
        except BaseException as error:  # raised again in the thread that iterates
            self._put((None, error))
        finally:
            if isinstance(items, GeneratorType):
                items.close()  # by the thread that ran it: it may hold files that this thread opened

    def _put(self, entry: tuple[T | None, BaseException | None]) -> None:
        while not self._stop.is_set():
            with suppress(Full):
                self._queue.put(entry, timeout=0.05)
                return


class ParallelMap(Generic[T, R]):
    """Iterate over ``work(item)`` of the ``items``, in their order, while ``workers`` threads work on the next ones.

    At most ``workers`` + 2 items are taken beyond those given. An error of ``items`` or ``work`` is raised where its
    result would have come, and ends the iteration. ``close()`` drops what has not begun and waits for the rest; the end
    of the iteration calls it, and it may be called again. The caller closes ``items``.
    """

    def __init__(self, work: Callable[[T], R], items: Iterable[T], workers: int) -> None:
        self.workers = workers
        self._work = work
        self._items = iter(items)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="detect")
        self._begun: deque[Future[R]] = deque()
        self._more = True

    def __iter__(self) -> Iterator[R]:
        return self

    def __next__(self) -> R:
        while self._more and len(self._begun) < self.workers + 2:
            try:
                self._begun.append(self._pool.submit(self._work, next(self._items)))
            except StopIteration:
                self._more = False
            except Exception as error:  # raised after the results before it
                failed: Future[R] = Future()
                failed.set_exception(error)
                self._begun.append(failed)
                self._more = False
        if not self._begun:
            self.close()
            raise StopIteration
        try:
            return self._begun.popleft().result()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the threads."""
        self._more = False
        self._begun.clear()
        self._pool.shutdown(cancel_futures=True)


class BackgroundWriter(Generic[T]):
    """Gives items to ``write`` in a thread of its own, in their order; ``seconds`` is the time that took.

    The next ``put``, or ``finish``, raises an error of ``write``; items after the error are dropped.
    """

    def __init__(self, write: Callable[[T], None]) -> None:
        self.seconds = 0.0
        self._write = write
        self._queue: Queue[T | None] = Queue(DEPTH)
        self._error: BaseException | None = None
        self._finished = False
        self._thread = threading.Thread(target=self._run, name="write", daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        """Hand over an item; waits while the queue is full."""
        self._raise()
        self._queue.put(item)

    def finish(self) -> None:
        """Wait until everything handed over is written."""
        if not self._finished:
            self._queue.put(None)
            self._finished = True
        self._thread.join()
        self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _run(self) -> None:
        failed = False
        while (item := self._queue.get()) is not None:
            if failed:
                continue  # keep the queue empty, so that nobody waits for room
            started = clock.perf_counter()
            try:
                self._write(item)
            except BaseException as error:  # raised again in the thread that puts
                self._error, failed = error, True
            self.seconds += clock.perf_counter() - started
