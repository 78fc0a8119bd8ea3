"""Tasks for many workers, on whatever has ``submit``: processes of this machine, Dask, Ray, or a pool of your own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")

TRIES = 2  # how often a task is tried


class WorkerLost(Exception):
    """The worker that had a task is gone: killed, out of memory, or its machine is."""


class Answer(Protocol):
    """What ``submit`` returns: a future of concurrent.futures, of Dask, or one like them."""

    def add_done_callback(self, fn: Callable[[Any], object], /) -> object:
        """Call ``fn`` with this object once the task has ended, in any thread."""
        ...

    def result(self) -> Any:
        """What the function returned; raises what it raised, and WorkerLost where its worker is gone."""
        ...


class Engine(Protocol):
    """Runs functions elsewhere.

    room  how many tasks it wants to have at a time
    name  for messages
    """

    name: str

    @property
    def room(self) -> int: ...

    def submit(self, function: Callable[[T], R], task: T, /) -> Answer:
        """Begin ``function(task)``; both can be pickled."""
        ...

    def close(self, *, at_once: bool = False) -> None:
        """Let the workers go. ``at_once`` stops what they are doing, by the signal TERM where they have one."""
        ...


@dataclass(frozen=True)
class Ended(Generic[R]):
    """A task that has ended: its place in the list, its result or else the error, and how often it was tried."""

    place: int
    result: R | None
    error: Exception | None
    tries: int


def run_all(
    engine: Engine,
    function: Callable[[T], R],
    tasks: Sequence[T],
    *,
    tries: int = TRIES,
    again: Callable[[Ended[R]], bool] = lambda ended: ended.error is not None,
) -> Iterator[Ended[R]]:
    """Run ``function`` on every task, and yield each as it ends, in whatever order that is.

    tries  how often a task is tried before its end is final
    again  whether an end is worth another try; a lost worker always is

    A task that fails stops no other. The engine stays open. Leaving the iteration leaves the running tasks to
    ``engine.close``.
    """
    ended: SimpleQueue[tuple[int, Answer]] = SimpleQueue()
    waiting = deque((place, 1) for place in range(len(tasks)))
    tried: dict[int, int] = {}
    while waiting or tried:
        while waiting and len(tried) < engine.room:
            place, number = waiting.popleft()
            tried[place] = number
            _begin(engine, function, tasks[place], place, ended)
        place, answer = ended.get()
        number = tried.pop(place)
        end = _end(answer, place, number)
        if number < tries and (isinstance(end.error, WorkerLost) or again(end)):
            waiting.append((place, number + 1))
        else:
            yield end


def _end(answer: Answer, place: int, tries: int) -> Ended[Any]:
    try:
        return Ended(place, answer.result(), None, tries)
    except Exception as error:
        return Ended(place, None, error, tries)


def _begin(
    engine: Engine, function: Callable[[T], R], task: T, place: int, ended: SimpleQueue[tuple[int, Answer]]
) -> None:
    answer = engine.submit(function, task)
    answer.add_done_callback(lambda _: ended.put((place, answer)))
