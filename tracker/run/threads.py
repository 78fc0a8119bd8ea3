"""Overlap of decoding, detecting, tracking and writing by bounded queues and threads. Order and results stay the same.

OpenCV, onnxruntime and PyAV release the interpreter's lock while they work, so the threads really run side by side.
"""

from __future__ import annotations

import threading
import time as clock
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

DEPTH = 4  # items waiting in a queue: enough to smooth, few enough to bound memory


class Ahead(Generic[T]):
    """Iterate over ``items``, whose next ones are fetched by a thread meanwhile; ``seconds`` is the time they took.

    An error of ``items`` is raised where its item would have come. ``close()`` ends the thread and the iteration of
    ``items``; it is called at the end by itself and may be called again.
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
            try:
                self._queue.get(timeout=0.01)  # it may be waiting for room
            except Empty:
                continue
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
        except BaseException as error:  # handed to the thread that iterates
            self._put((None, error))
        finally:
            # A source's own files are closed by the thread that read them.
            close: Callable[[], None] | None = getattr(items, "close", None)
            if close is not None:
                close()

    def _put(self, entry: tuple[T | None, BaseException | None]) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(entry, timeout=0.05)
                return
            except Full:
                continue


class Abreast(Generic[T, R]):
    """Iterate over ``work(item)`` of the ``items``, in their order, the next ones worked on by ``workers`` threads.

    At most ``workers`` + 2 items are taken beyond those given. An error of ``items`` or ``work`` is raised where its
    result would have come, and ends the iteration. ``close()`` leaves out what has not begun and waits for the rest; it
    is called at the end by itself and may be called again. ``items`` are the caller's to close.
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
            except Exception as error:  # its turn comes after the results before it
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


class Behind(Generic[T]):
    """Gives items to ``write`` in a thread of its own, in their order; ``seconds`` is the time that took.

    An error of ``write`` is raised by the next ``put`` or by ``finish``; items after it are left out.
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
            self._finished = True
            self._queue.put(None)
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
                continue  # emptied, so that nobody waits for room
            started = clock.perf_counter()
            try:
                self._write(item)
            except BaseException as error:  # handed to the thread that puts
                self._error, failed = error, True
            self.seconds += clock.perf_counter() - started
