"""Signals that ask a run to stop: Ctrl-C, TERM and HUP let it finish its files first.

Handlers are replaced in the main thread only, and only where nobody has set one: a program that handles signals itself
keeps its handlers, and under nohup, which ignores HUP, a run goes on.
"""

from __future__ import annotations

import math
import signal
import threading
import time as clock
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType

PRESS = 1.0  # seconds that one press of Ctrl-C may last: a key held down, or a shell and a user at once

# What each signal does where nobody has set a handler. Windows has no SIGHUP.
DEFAULTS: dict[int, Callable[[int, FrameType | None], None] | signal.Handlers] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
if hasattr(signal, "SIGHUP"):
    DEFAULTS[signal.SIGHUP] = signal.SIG_DFL


class Interrupts:
    """Inside this context, the first signal to stop is noted in ``received``; the run reads it between two steps.

    A signal more than PRESS seconds after the first one raises KeyboardInterrupt: the user has lost patience.

    busy   whether the run is working. Where it is not, because the user's own code runs between two steps of an
           iterator, Ctrl-C raises KeyboardInterrupt as usual; TERM and HUP call ``close`` and then end the process
    close  finishes the files of a run that is not busy
    stop   called with the first signal, in the handler: lets a source that waits for frames end

    The context may be entered again inside itself. In a thread other than the main one it does nothing.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.busy = True
        self.close: Callable[[], None] | None = None
        self.stop: Callable[[], None] | None = None
        self._first = math.inf
        self._depth = 0

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            if not self._depth:
                _entered.append(self)
                _replace_handlers()
            self._depth += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._depth:
            self._depth -= 1
            if not self._depth:
                _entered.remove(self)
                if not _entered:
                    _restore_handlers()

    def note(self, number: int) -> None:
        """Take notice of a signal."""
        if self.received is None:
            self._first, self.received = clock.monotonic(), number
            if self.stop is not None:
                self.stop()
        elif clock.monotonic() - self._first > PRESS:
            raise KeyboardInterrupt


# Of all runs in this process: they may be nested, as in zip(track(a), track(b)).
_entered: list[Interrupts] = []
_replaced: set[int] = set()


def _replace_handlers() -> None:
    for number, default in DEFAULTS.items():
        if signal.getsignal(number) == default:
            with suppress(ValueError):  # embedded: Python's main thread is not the process's
                signal.signal(number, _handle)
                _replaced.add(number)


def _restore_handlers() -> None:
    for number in sorted(_replaced):
        if signal.getsignal(number) is _handle:  # else somebody has set a handler meanwhile
            with suppress(ValueError):
                signal.signal(number, DEFAULTS[number])
    _replaced.clear()


def _handle(number: int, _: FrameType | None) -> None:
    working = [run for run in _entered if run.busy]
    for run in working:
        run.note(number)
    if working:
        return
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    for run in list(_entered):
        if run.close is not None:
            with suppress(Exception):  # the process ends; what could not be written stays unwritten
                run.close()
    signal.signal(number, DEFAULTS[number])
    signal.raise_signal(number)
