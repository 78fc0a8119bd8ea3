"""``track SOURCE --workers N``: the frames are looked at by workers, in pieces of the source."""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time as clock
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tracker.commands.words import engine_of

if TYPE_CHECKING:
    from tracker.run.open import Opened, Options
    from tracker.run.output import Output
    from tracker.workers.engine import Engine


def shared_out(args: Namespace) -> bool:
    """Whether the options ask for workers."""
    return "workers" in args and (args.workers is not None or args.engine != "local" or args.address is not None)


@contextmanager
def _cleaning_up() -> Iterator[None]:
    """Inside, TERM ends the process as Ctrl-C does, by an exception, so that no piece stays behind."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class Shares:
    """The work of one run, shared out; ``close`` lets the workers go. Without workers it does nothing.

    options  of the run; "auto" is settled here, so that the detector is the same on all workers
    facts    what ``run.json`` says of it
    seconds  that the workers took

    Raises ValueError, in one line, where a cluster does not answer, or for options that go with one process only.
    """

    def __init__(self, args: Namespace, options: Options) -> None:
        self.options = options
        self._notes: tuple[str, ...] = ()
        self._talks = not (args.json or args.quiet)
        self._engine: Engine | None = None
        self._done = False
        self.seconds = 0.0
        if not shared_out(args):
            return
        if args.snapshot is not None or args.resume:
            raise ValueError("--snapshot, --resume: go with one process; leave --workers, --engine and --address out")
        if options.detector in (None, "auto"):
            from tracker.detect.auto import choose

            choice = choose(offline=options.offline)
            self.options, self._notes = replace(options, detector=choice.detector), choice.notes
        self._engine = engine_of(args)

    @property
    def facts(self) -> dict[str, Any]:
        if self._engine is None:
            return {}
        from tracker.many.pieces import LENGTHS

        return {"workers": {"engine": self._engine.name, "tasks": self._engine.room, "longest_piece": LENGTHS[1]}}

    def check(self, opened: Opened) -> None:
        """Raise ValueError where the run cannot be shared out."""
        if self._engine is not None:
            from tracker.many.pieces import check

            check(opened)
            opened.notes[:0] = self._notes

    @contextmanager
    def detected(self, opened: Opened, output: Output) -> Iterator[None]:
        """Let the workers detect; inside, the run reads what they found. Frees ``output`` where that fails."""
        if self._engine is None:
            yield
            return
        from tracker.many.pieces import cleared

        folder = cleared(output.folder)
        try:
            try:
                with _cleaning_up():
                    self._detect(self._engine, opened, output)
            except BaseException:
                output.release()
                raise
            yield
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # it has results
                output.folder.rmdir()

    def _detect(self, engine: Engine, opened: Opened, output: Output) -> None:
        from tracker.many.job import from_anywhere
        from tracker.many.pieces import FOLDER, detect, pieces_of
        from tracker.progress import Progress

        options, folder = self.options, (output.folder / FOLDER).resolve()
        if engine.name != "local":
            options = from_anywhere(options)
        pieces = pieces_of(opened, options, folder, engine.room)
        progress = Progress("frame", opened.pipeline.source.n_frames) if self._talks else None

        def told(done: int) -> None:
            if progress is not None:
                progress(done, f"detected at {progress.rate(done):.1f} fps")

        started = clock.perf_counter()
        try:
            detect(opened, pieces, engine, folder / "all", told)
            self.seconds = clock.perf_counter() - started
            self._done = True
        finally:
            if progress is not None:
                progress.close()

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close(at_once=not self._done)
            self._engine = None
