"""Tasks for many workers, on whatever has ``submit``: processes of this machine, Dask, Ray, or a pool of your own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from tracker.workers.call import Call, WrongVersion, run_call, version

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
    sees: Callable[[T], Iterable[str]] = lambda _: (),
) -> Iterator[Ended[R]]:
    """Run ``function`` on every task, and yield each as it ends, in whatever order that is.

    Never more than ``engine.room`` tasks are with the engine, and no result is kept, however many tasks there are.

    tries  how often a task is tried before its end is final
    again  whether an end is worth another try; a lost worker always is
    sees   paths that a worker on another machine must see to do a task; where it does not, the error is NotShared

    A task that fails stops no other. The engine stays open. Leaving the iteration leaves the running tasks to
    ``engine.close``. Raises WrongVersion where a worker has another version of the package than this process.
    """
    ended: SimpleQueue[int] = SimpleQueue()
    waiting = deque((place, 1) for place in range(len(tasks)))
    running: dict[int, tuple[Answer, int]] = {}
    while waiting or running:
        while waiting and len(running) < engine.room:
            place, number = waiting.popleft()
            paths = () if engine.name == "local" else tuple(sees(tasks[place]))
            running[place] = engine.submit(run_call, Call(function, tasks[place], version(), paths)), number
            running[place][0].add_done_callback(partial(_note, ended, place))
        place = ended.get()
        end = _end(place, *running.pop(place))
        if isinstance(end.error, WrongVersion):
            raise end.error
        if end.tries < tries and (isinstance(end.error, WorkerLost) or again(end)):
            waiting.append((place, end.tries + 1))
        else:
            yield end
        del end


def _note(ended: SimpleQueue[int], place: int, _: object) -> None:
    ended.put(place)  # not the answer: it would hold itself, and its result, until Python looks for cycles


def _end(place: int, answer: Answer, tries: int) -> Ended[Any]:
    try:
        return Ended(place, answer.result(), None, tries)
    except Exception as error:
        return Ended(place, None, error, tries)
