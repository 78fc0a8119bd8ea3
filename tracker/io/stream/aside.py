"""Calls that may hang, in a thread of their own: the main thread stays free for Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")

LOOK = 0.1  # seconds from one look of a waiting thread to the next


def aside(call: Callable[[], R], release: Callable[[R], None]) -> R:
    """What ``call()`` returns or raises. Where the caller is interrupted meanwhile, ``release`` gets the result."""
    lock = threading.Lock()
    done = threading.Event()
    results: list[R] = []
    errors: list[BaseException] = []
    left = False

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # raised again in the thread that waits
            errors.append(error)
        else:
            with lock:
                results.append(result)
                late = left
            if late:
                release(result)
        done.set()

    try:
        threading.Thread(target=run, name="connect", daemon=True).start()
        while not done.wait(LOOK):
            pass
    except BaseException:
        with lock:
            left = True
            early = list(results)
        for result in early:
            release(result)
        raise
    if errors:
        raise errors[0]
    return results[0]
