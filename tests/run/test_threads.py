"""The queues: order, errors, an early end, and no thread left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tracker.run.threads import DEPTH, BackgroundWriter, ParallelMap, Prefetch


class Counted:
    """0, 1, 2 ... ``n`` - 1, then an error if wanted; knows how far it was read and whether it was closed."""

    def __init__(self, n: int, error: Exception | None = None) -> None:
        self.n, self.error = n, error
        self.given, self.closed = 0, False

    def __iter__(self) -> Iterator[int]:
        try:
            for number in range(self.n):
                self.given += 1
                yield number
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def test_ahead_keeps_the_order_and_ends() -> None:
    items = Counted(100)
    ahead = Prefetch(items)
    assert list(ahead) == list(range(100))
    assert items.closed
    assert next(ahead, None) is None


def test_ahead_is_bounded_and_can_be_left_early() -> None:
    items = Counted(1000)
    ahead = Prefetch(items)
    assert next(ahead) == 0
    ahead.close()
    ahead.close()
    assert items.closed
    assert items.given <= DEPTH + 2
    assert list(ahead) == []


def test_an_error_comes_where_its_item_would() -> None:
    ahead = Prefetch(Counted(3, ValueError("cut short")))
    assert [next(ahead) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="cut short"):
        next(ahead)


def test_abreast_keeps_the_order_whichever_is_done_first() -> None:
    later = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert later.wait(10)  # until another thread has done 1
        later.set()
        return -number

    assert list(ParallelMap(work, Counted(50), 2)) == [-number for number in range(50)]


def test_abreast_uses_every_worker_at_once() -> None:
    together = threading.Barrier(3)
    assert list(ParallelMap(lambda number: together.wait(10) >= 0, Counted(9), 3)) == [True] * 9


def test_abreast_is_bounded_and_can_be_left_early() -> None:
    items = Counted(1000)
    abreast = ParallelMap(abs, items, 2)
    assert next(abreast) == 0
    abreast.close()
    abreast.close()
    assert items.given <= 1 + 2 + 2
    assert list(abreast) == []


def test_errors_of_work_and_of_items_come_in_their_turn() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise OSError("three")
        return number

    abreast = ParallelMap(work, Counted(100), 2)
    assert [next(abreast) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="three"):
        next(abreast)
    assert next(abreast, None) is None

    abreast = ParallelMap(work, Counted(2, ValueError("cut short")), 4)
    assert [next(abreast), next(abreast)] == [0, 1]
    with pytest.raises(ValueError, match="cut short"):
        next(abreast)
    assert next(abreast, None) is None


def test_behind_writes_everything_in_order() -> None:
    written: list[int] = []
    behind = BackgroundWriter(written.append)
    for number in range(50):
        behind.put(number)
    behind.finish()
    behind.finish()
    assert written == list(range(50))


def test_an_error_in_writing_is_raised_once_and_nobody_hangs() -> None:
    written: list[int] = []

    def write(number: int) -> None:
        if number == 3:
            raise OSError(28, "No space left on device")
        written.append(number)

    behind = BackgroundWriter(write)

    def put_many() -> None:
        for number in range(10_000):
            behind.put(number)

    with pytest.raises(OSError, match="No space"):
        put_many()
    behind.finish()
    assert written == [0, 1, 2]
