"""What an engine is given to run: a function with its task, refused by a worker with another version of the package."""

from __future__ import annotations

import importlib.metadata
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class WrongVersion(ValueError):
    """A worker has another version of the package than the caller."""


class NotShared(ValueError):
    """A worker of a cluster does not see a file or folder of the caller."""


@lru_cache(maxsize=1)
def version() -> str:
    """The version of the package that is installed here."""
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version("trackwhy")
    return "not installed"


@dataclass(frozen=True)
class Call(Generic[T, R]):
    """``function(task)``, asked for by a caller with that version of the package. sees: paths that must be there."""

    function: Callable[[T], R]
    task: T
    version: str
    sees: tuple[str, ...] = ()


def run_call(call: Call[T, R]) -> R:
    """What the function returns. Raises WrongVersion and NotShared on a worker that cannot do the task."""
    if call.version != version():
        raise WrongVersion(f"a worker has trackwhy {version()}, this machine {call.version}; install the same on both")
    for path in call.sees:
        if not os.path.exists(path):
            raise NotShared(
                f"a worker on {socket.gethostname()} does not see {path}; all machines of a cluster need the videos, "
                "the models and the folder for results under the same paths (a shared disk)"
            )
    return call.function(call.task)
