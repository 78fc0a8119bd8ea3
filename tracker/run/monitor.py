"""What watches a run for people and programs: health, metrics and events, as one sink."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tracker.io.sinks import Step
from tracker.io.whole import check_target
from tracker.live.events import EventFile, Events, Told
from tracker.live.health import Health, replaceable
from tracker.live.metrics import Metrics
from tracker.live.mqtt import Mqtt
from tracker.run.open import Opened


class Monitor:
    """A sink that tells how a run is doing and what happens in it. ``start`` begins; the driver closes it.

    told     called with each line for people: health, and what happens to the connection
    health   a JSON file to write every few seconds
    metrics  a port, or host:port, for Prometheus
    events   where events go: a file, or functions that take each line
    mqtt     the address of a broker's topic for the events too

    resume   go on with the events of an earlier run

    asked  whether there is anything to tell

    Raises ValueError, in one line, for what does not fit; nothing stays open then.
    """

    living = True  # see tracker.io.sinks.WantsLiving

    def __init__(
        self,
        opened: Opened,
        *,
        told: Callable[[str], None] | None = None,
        health: Path | None = None,
        metrics: str | None = None,
        events: Path | Sequence[Told] = (),
        mqtt: str | None = None,
        overwrite: bool = False,
        resume: bool = False,
    ) -> None:
        source = opened.pipeline.source
        self.asked = source.live or any(one for one in (health, metrics, events, mqtt))
        if health is not None:
            check_target(health, "--health", overwrite=True)  # that of a former run is replaced
            if not replaceable(health):
                raise ValueError(f"--health {health}: exists and is no health file; give another name")
        if isinstance(events, Path):
            check_target(events, "--events", overwrite=overwrite or resume)
        self.health = Health(source, told=told if source.live else None, path=health)
        self.events: Events | None = None
        self._file: EventFile | None = None
        self._resume = resume
        with ExitStack() as finish:
            finish.callback(self.health.close)
            if metrics is not None:
                finish.callback(Metrics(self.health, metrics).close)
            tellers: list[Told] = []
            if mqtt is not None:
                broker = Mqtt(mqtt, told=told)
                finish.callback(broker.close)
                tellers.append(broker)
            if isinstance(events, Path):
                self._file = EventFile(events)
                finish.callback(self._file.close)
                tellers.append(self._file)
            else:
                tellers += events
            if tellers:
                self.events = Events(tellers, opened.pipeline.detector.class_names, live=source.live)
            self._finish = finish.pop_all()
        if source.watch is not None:
            source.watch.tell = told

    def start(self) -> None:
        """Begin to tell; only now is a file of an earlier run replaced."""
        if self._file is not None and not self._resume:
            self._file.open()
        self.health.start()

    def write(self, step: Step) -> None:
        """Take one step."""
        if self.events is not None:
            self.events.write(step)
        self.health.write(step)

    def mark(self) -> dict[str, Any]:
        """Where the events stand, for ``tracker.io.sinks.Resumable``."""
        events = None if self.events is None else self.events.mark()
        return {"events": events, "file": None if self._file is None else self._file.mark()}

    def resume(self, mark: Mapping[str, Any]) -> None:
        """Go on from there; an event that was published after the mark is published again."""
        if self.events is not None and mark["events"] is not None:
            self.events.resume(mark["events"])
        if self._file is not None and mark["file"] is not None:
            self._file.resume(mark["file"])

    def close(self) -> None:
        """Finish the files, free the port, leave the broker; may be called again."""
        self._finish.close()
