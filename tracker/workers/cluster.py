"""Workers of a Dask or a Ray cluster, which somebody else runs; or one on this machine, for trying it."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time as clock
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tracker.spelling import shown
from tracker.workers.engine import Answer, WorkerLost

T = TypeVar("T")
R = TypeVar("R")

PATIENCE = 7.0  # seconds to wait for a cluster's address
TRIES_OF_RAY = "RAY_NUM_REDIS_GET_RETRIES", "5"  # a second each, to connect
SILENT: dict[str, Any] = {"configure_logging": False, "log_to_driver": False}
FRESH = 1.0  # seconds for which the size of a cluster is believed
AHEAD = 8  # tasks handed out for each that runs: a cluster takes some 30 ms to fetch the next


class Room:
    """How many tasks a cluster wants at a time; it is asked at most once every FRESH seconds, as a call takes a while.

    slots  asks how many tasks it runs at a time
    """

    def __init__(self, slots: Callable[[], int]) -> None:
        self._slots = slots
        self._asked = -FRESH
        self._room = AHEAD

    def now(self) -> int:
        if clock.monotonic() - self._asked >= FRESH:
            self._room = AHEAD * max(1, self._slots())
            self._asked = clock.monotonic()
        return self._room


class Dask:
    """The workers of a Dask scheduler at ``address``; without one ``workers`` processes on this machine.

    Raises ValueError where dask.distributed is not installed or the address does not answer.
    """

    name = "dask"

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        try:
            import distributed
        except ImportError:
            raise ValueError("--engine dask needs the package distributed; install trackwhy's extra dask") from None
        dask: Any = distributed
        self._cluster: Any = None
        if address is None:
            self._cluster = dask.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0")
        else:
            reach(address, "dask")
        try:
            self._client: Any = _in_time(lambda: dask.Client(self._cluster or address, timeout=PATIENCE))
        except Exception as error:  # of several kinds
            raise ValueError(
                f"--address {shown(str(address))}: no Dask scheduler answers there ({_line(error)}); give the address "
                "that `dask scheduler` prints"
            ) from None

        self._room = Room(lambda: sum(self._client.nthreads().values()))

    @property
    def room(self) -> int:
        return self._room.now()

    def submit(self, function: Callable[[T], R], task: T, /) -> Answer:
        return _Dasked(self._client.submit(function, task, pure=False))

    def close(self, *, at_once: bool = False) -> None:
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


class _Dasked:
    """A future of Dask, which tries a task of a lost worker again by itself before it gives up."""

    def __init__(self, future: Any) -> None:
        self._future = future

    def add_done_callback(self, fn: Callable[[Any], object], /) -> None:
        self._future.add_done_callback(fn)

    def result(self) -> Any:
        from distributed import CancelledError, KilledWorker

        try:
            return self._future.result()
        except (KilledWorker, CancelledError) as error:
            raise WorkerLost(f"its worker is gone ({type(error).__name__})") from None


class Ray:
    """The workers of a Ray cluster at ``address``; without one ``workers`` processes on this machine.

    Raises ValueError where ray is not installed or the address does not answer.
    """

    name = "ray"

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        os.environ.setdefault(*TRIES_OF_RAY)  # read when ray is imported
        try:
            import ray
        except ImportError:
            raise ValueError("--engine ray needs the package ray; install trackwhy's extra ray") from None
        self._ray: Any = ray
        if address is None:
            with _errors_only():
                ray.init("local", num_cpus=workers, include_dashboard=False, **SILENT)
        else:
            if address != "auto":
                reach(address, "ray")
            self._join(address)

        self._room = Room(lambda: int(self._ray.cluster_resources().get("CPU", 1)))
        self._remote: dict[Callable[..., Any], Any] = {}  # a function is sent to the cluster once

    def _join(self, address: str) -> None:
        try:
            with _errors_only(), _nothing_printed():
                _in_time(lambda: self._ray.init(address=address, **SILENT))
        except Exception as error:  # of several kinds
            raise ValueError(
                f"--address {shown(address)}: no Ray cluster answers there ({_line(error)}); this machine must be one "
                "of its nodes, or the address ray://HOST:10001; a cluster with a token wants RAY_AUTH_MODE=token"
            ) from None

    @property
    def room(self) -> int:
        return self._room.now()

    def submit(self, function: Callable[[T], R], task: T, /) -> Answer:
        if function not in self._remote:
            self._remote[function] = self._ray.remote(function).options(num_cpus=1, max_retries=1)
        return _Rayed(self._remote[function].remote(task).future())

    def close(self, *, at_once: bool = False) -> None:
        self._ray.shutdown()


class _Rayed:
    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def add_done_callback(self, fn: Callable[[Any], object], /) -> None:
        self._future.add_done_callback(fn)

    def result(self) -> Any:
        from ray.exceptions import RayError, RayTaskError

        try:
            return self._future.result()
        except RayTaskError as error:
            raise (error.cause if isinstance(error.cause, Exception) else error) from None
        except RayError as error:
            raise WorkerLost(f"its worker is gone ({type(error).__name__})") from None


def _in_time(call: Callable[[], R]) -> R:
    """What the call returns. Raises what it raises, and TimeoutError after PATIENCE: where something else listens at an
    address, Dask waits for ever and Ray for a minute."""
    answer: Future[R] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return answer.result(PATIENCE)
    except FutureTimeout:
        raise TimeoutError(f"{PATIENCE:g} seconds waited") from None


@contextmanager
def _nothing_printed() -> Iterator[None]:
    """Inside, nothing reaches standard error, where the C++ of Ray writes past Python."""
    with open(os.devnull, "wb") as nothing:
        kept = os.dup(2)
        os.dup2(nothing.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextmanager
def _errors_only() -> Iterator[None]:
    """Inside, Ray logs no notes and warnings."""
    logger = logging.getLogger("ray")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def reach(address: str, engine: str) -> None:
    """Raise ValueError unless something listens at ``host:port``, whatever the scheme; the engines wait minutes."""
    parts = urlsplit(address if "//" in address else f"//{address}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        example = "tcp://10.0.0.1:8786" if engine == "dask" else "10.0.0.1:6379 or ray://10.0.0.1:10001"
        raise ValueError(f"--address {shown(address)}: give host and port, such as {example}")
    try:
        socket.create_connection((host, port), timeout=PATIENCE).close()
    except OSError as error:
        why = error.strerror or str(error)
        raise ValueError(
            f"--address {shown(str(address))}: nothing answers there ({why}); is the cluster up?"
        ) from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
