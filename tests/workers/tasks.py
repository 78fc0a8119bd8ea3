"""What workers are told to do in tests; they import it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def double(number: int) -> int:
    return 2 * number


def refuse_odd(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number


def die_once(mark: str) -> str:
    """Kill the process the first time that a mark's name is given."""
    path = Path(mark)
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return path.name


def hold_on(mark: str) -> None:
    """Take TERM for itself, and go on."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(mark).write_text(str(os.getpid()))
    time.sleep(60)


def die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def process(_: int) -> tuple[int, list[int], bool]:
    """The process, its processors, and whether it ignores Ctrl-C."""
    time.sleep(0.05)
    return os.getpid(), sorted(os.sched_getaffinity(0)), signal.getsignal(signal.SIGINT) == signal.SIG_IGN
