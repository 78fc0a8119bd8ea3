"""How far a command has come: one live line with a bar on a terminal, by rich; elsewhere a line now and then."""

from __future__ import annotations

import sys
import time as clock
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

BAR = 24  # characters


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
        self.skipped = 0
        self._screen: Live | None = None

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
        count = f"{self.unit} {done}{of}"
        if self.live and self.total:
            self._refresh(_with_bar(count, done / self.total, ", ".join(parts)))
        else:
            self.show(count + (f": {', '.join(parts)}" if parts else ""))

    def show(self, line: str) -> None:
        """Show a line: in place of the last on a terminal, below it elsewhere."""
        if self.live:
            from rich.text import Text

            self._refresh(Text(line))
        else:
            self.stream.write(line + "\n")
            self.stream.flush()

    def _refresh(self, shown: RenderableType) -> None:
        from rich.console import Console
        from rich.live import Live

        if self._screen is None:
            console = Console(file=self.stream)
            # Without a thread of its own, and without taking over what others print.
            self._screen = Live(
                console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
            )
            self._screen.start()
            console.show_cursor(True)  # a run that is killed would leave none
        self._screen.update(shown, refresh=True)

    def close(self, *, keep: bool = False) -> None:
        """Clear the live line, or leave it standing."""
        screen, self._screen = self._screen, None
        if screen is not None:
            screen.transient = not keep
            screen.stop()


def _with_bar(count: str, share: float, said: str) -> RenderableType:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    line = Table.grid(padding=(0, 1))
    line.add_row(Text(count), ProgressBar(total=1.0, completed=min(share, 1.0), width=BAR), Text(said))
    return line


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
