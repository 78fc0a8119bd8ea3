"""How far a command has come: one live line on a terminal; elsewhere a line now and then."""

from __future__ import annotations

import sys
import time as clock
from typing import TextIO


class Progress:
    """``progress(done, said)`` shows "frame 12 of 300: 25.1 fps, 5 objects, 0:11 left".

    unit   what is counted
    total  how many there are; None where unknown, and then the time left is not shown
    every  seconds between two lines where there is no terminal; 0 prints each

    Set ``skipped`` to how many were done before it began: they took no time. ``show`` shows a line of your own.
    """

    def __init__(self, unit: str, total: int | None, *, every: float = 10.0, stream: TextIO | None = None) -> None:
        self.unit = unit
        self.total = total
        self.stream = sys.stderr if stream is None else stream
        self.live = self.stream.isatty()
        self.every = min(every, 0.1) if self.live else every
        self.started = self.shown = clock.perf_counter()
        self.width = self.skipped = 0

    def rate(self, done: int) -> float:
        """How many a second."""
        return (done - self.skipped) / max(clock.perf_counter() - self.started, 1e-9)

    def due(self) -> bool:
        """Whether it is time for another line; asking takes the turn."""
        now = clock.perf_counter()
        if now - self.shown < self.every:
            return False
        self.shown = now
        return True

    def __call__(self, done: int, said: str = "") -> None:
        if not self.due():
            return
        parts = [said] if said else []
        of = "" if self.total is None else f" of {self.total}"
        if self.total is not None and done > self.skipped:
            parts.append(f"{_minutes(max(self.total - done, 0) / self.rate(done))} left")
        self.show(f"{self.unit} {done}{of}" + (f": {', '.join(parts)}" if parts else ""))

    def show(self, line: str) -> None:
        """Show a line: in place of the last on a terminal, below it elsewhere."""
        if self.live:
            self.stream.write("\r" + line.ljust(self.width))
            self.width = len(line)
        else:
            self.stream.write(line + "\n")
        self.stream.flush()

    def close(self, *, keep: bool = False) -> None:
        """Clear the live line, or leave it standing."""
        if self.live and self.width:
            self.stream.write("\n" if keep else "\r" + " " * self.width + "\r")
            self.stream.flush()
            self.width = 0


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
