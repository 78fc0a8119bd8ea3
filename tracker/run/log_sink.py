"""The sink that keeps a run's decision log beside its results; see ``tracker.io.log_file``."""

from __future__ import annotations

from pathlib import Path

from tracker.io.log_file import NAME, LogWriter
from tracker.io.sinks import Step
from tracker.run.manifest import Facts, plain, versions
from tracker.run.open import Opened


class LogSink:
    """Writes ``log.sqlite`` into ``folder``; steps without decisions, between two of ``every``, are left out."""

    def __init__(self, folder: Path, opened: Opened) -> None:
        self.path = folder / NAME
        self._writer = LogWriter(self.path, facts_of(opened))

    @property
    def seconds(self) -> float:
        """Spent writing."""
        return self._writer.seconds

    def write(self, step: Step) -> None:
        if step.decisions is not None:
            self._writer.write(step.frame.number, step.detections, step.decisions)

    def mark(self) -> int | None:
        return self._writer.mark()

    def resume(self, mark: int | None) -> None:
        self._writer.resume(mark)

    def close(self) -> None:
        self._writer.close()


def facts_of(opened: Opened) -> Facts:
    """What the log says of the run: enough to build the tracker again."""
    cls, named = type(opened.tracker), opened.options.algo
    source = opened.pipeline.source
    return {
        "algo": named if isinstance(named, str) else f"{cls.__module__}:{cls.__qualname__}",
        "settings": {name: plain(value) for name, value in opened.settings.items()},
        "frame_rate": source.frame_rate,
        "size": source.size,
        "source": source.name,
        "every": opened.options.every,
        "trackwhy": versions().get("trackwhy"),
    }
