"""Snapshots of a run, ``snapshot.npz`` in its folder, and going on from one: `track --snapshot 30s`, `--resume`.

A snapshot holds where the source was, all that pipeline and tracker remember, and where each sink stood. A run that is
killed at any time and resumed from its snapshot cuts its files back to there and goes on: for a file they become what
they would have been without the kill, byte for byte.
"""

from __future__ import annotations

import json
import time as clock
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tracker.io.passwords import is_url
from tracker.io.sinks import Resumable, Sink, Step
from tracker.io.snapshot import Packed, modules_of, read_snapshot, write_snapshot
from tracker.io.source import Place
from tracker.io.stream.options import Live
from tracker.run.manifest import Facts, facts_of, hashes_of, plain
from tracker.run.open import Opened
from tracker.spelling import shown

NAME = "snapshot.npz"
EVERY = 30.0  # seconds from one snapshot to the next, where a run is resumed and no other time is given
AGAIN = "give the options of the first call, or start again with --overwrite"


def seconds_between(text: str | float, option: str) -> float:
    """Seconds from "30s", "10m", "1h" or a number. Raises ValueError, naming the option, for anything else."""
    given = str(text).strip()
    unit = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(given[-1:])
    try:
        seconds = float(given[:-1]) * unit if unit else float(given)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 1e9:
        raise ValueError(f"{option} {shown(given)!r}: give a time such as 30s, 10m or 1h; 0: after every frame")
    return seconds


def live_as_before(live: Live | None, source: object, folder: str | Path | None) -> Live | None:
    """How to read the source of a run that goes on with the one in the folder: at the rate that was measured then."""
    path = None if folder is None else Path(folder) / NAME
    if path is None or not path.is_file() or not (isinstance(source, str) and is_url(source)):
        return live
    before = read_snapshot(path)[0].get("run", {}).get("source", {})
    return replace(live or Live(), rate=before["frame_rate"]) if before.get("kind") == "stream" else live


@dataclass(frozen=True)
class Captured:
    """What pipeline and source remember behind one step, taken apart."""

    place: Place | None
    packed: Packed


class Snapshots:
    """Writes the snapshots of one run, and reads that of the run it goes on with.

    folder  of the run
    opened  what runs
    writes  what the run writes beside ``tracks.txt``: part of what must be the same when it is resumed
    every   seconds between two; None: as the run that is resumed, or else EVERY
    resume  go on from the folder's snapshot, where it has one

    hashes   of the inputs
    resumed  the facts of the snapshot to go on from; None to begin
    due      whether it is time for the next one

    Raises ValueError, in one line, where the snapshot is damaged, of another version, or of another run.
    """

    def __init__(self, folder: Path, opened: Opened, writes: Facts, *, every: float | None, resume: bool) -> None:
        self.path = folder / NAME
        self.hashes = hashes_of(opened)
        self.resumed: dict[str, Any] | None = None
        self._run = json.loads(json.dumps(identity(opened, self.hashes, writes)))  # as it will be read
        self._date = ""
        self._live = opened.pipeline.source.live
        self._place: Place | None = None
        self._steps = 0
        self._written = clock.monotonic()
        if resume and self.path.exists():
            facts, self._saved = read_snapshot(self.path)
            _check(self.path, facts, self._run)
            if facts["place"] is not None:
                self.resumed = facts
            every = facts["every"] if every is None else every
        self.every = EVERY if every is None else every

    @property
    def date(self) -> str | None:
        """When the run first started, where it is resumed."""
        return None if self.resumed is None else self.resumed["date"]

    def check(self, opened: Opened, sinks: Sequence[Sink]) -> None:
        """Raise ValueError where something of the run cannot be resumed."""
        detector = opened.pipeline.detector
        if detector.remembers:
            raise ValueError(
                f"--snapshot: the detector {detector.name} remembers earlier images and cannot be saved; "
                "leave --snapshot and --resume out"
            )
        for sink in sinks:
            if not isinstance(sink, Resumable):
                raise ValueError(
                    f"--snapshot: {type(sink).__name__} cannot go on with what it wrote; leave it out "
                    "(an annotated video: --no-video), or give it mark() and resume(mark)"
                )
        try:
            self.capture(opened)
        except ValueError as error:
            raise ValueError(f"--snapshot: {error}") from None

    def passed(self, step: Step) -> None:
        """A step was made."""
        frame = step.frame
        self._steps = (self._steps or (self.resumed["place"]["read"] if self.resumed else 0)) + 1
        self._place = Place(frame.number, frame.time, self._steps, clock.time())

    @property
    def due(self) -> bool:
        if clock.monotonic() - self._written < self.every:
            return False
        self._written = clock.monotonic()
        return True

    def capture(self, opened: Opened) -> Captured:
        """What there is to save behind the last step; for the thread that tracks."""
        return Captured(self._place, Packed(opened.pipeline.memory, modules_of(opened.tracker)))

    def begin(self, date: str) -> None:
        """The run starts, or started, at ``date``. A new one gets a snapshot that says that it has no frame yet."""
        self._date = date
        if self.resumed is None:
            self._write(None, Packed(None), [])

    def write(self, captured: Captured, sinks: Sequence[Sink], notes: Sequence[str]) -> None:
        """Write a snapshot; for the thread that writes, once the sinks have the step."""
        marks = [sink.mark() for sink in sinks if isinstance(sink, Resumable)]
        whole = captured.packed
        whole.add(marks)
        self._write(captured.place, whole, notes)

    def _write(self, place: Place | None, packed: Packed, notes: Sequence[str]) -> None:
        at = None if place is None else vars(place)
        facts = {"what": "run", "run": self._run, "place": at, "notes": list(notes), "every": self.every}
        write_snapshot(self.path, {**facts, "date": self._date}, packed)

    def restore(self, opened: Opened, sinks: Sequence[Sink]) -> list[str]:
        """Put source, pipeline and sinks to where the snapshot stands; returns the notes of the earlier runs."""
        assert self.resumed is not None
        memory, marks = self._saved.value(modules_of(opened.tracker))
        self._place = Place(**self.resumed["place"])
        opened.pipeline.source.resume(self._place)
        opened.pipeline.restore(memory)
        for sink, mark in zip([sink for sink in sinks if isinstance(sink, Resumable)], marks, strict=True):
            sink.resume(mark)
        return list(self.resumed["notes"])


def identity(opened: Opened, hashes: Facts, writes: Facts) -> Facts:
    """What must be the same in a run that goes on with another: source, inputs, settings and what is written."""
    facts = {**facts_of(opened), "inputs": hashes["inputs"], "writes": plain(writes)}
    facts["source"] = {**facts["source"], **hashes["source"]}
    del facts["versions"]
    return facts


def _check(path: Path, facts: Mapping[str, Any], run: Facts) -> None:
    if facts.get("what") != "run":
        raise ValueError(f"{shown(str(path))}: is a snapshot of a tracker alone; {AGAIN}")
    if (other := difference(facts["run"], run)) is not None:
        raise ValueError(f"{shown(str(path))}: is of another run: {other}; {AGAIN}")


def difference(old: object, new: object, where: str = "") -> str | None:
    """The first place where two trees of facts differ, as a few words; None where they are equal."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            found = difference(old.get(key), new.get(key), f"{where}.{key}" if where else str(key))
            if found is not None:
                return found
        return None
    if old == new:
        return None
    if where.endswith("sha256"):
        return f"the content of {where.rpartition('.')[0]} is not the same"
    was, now = (shown(text if len(text := str(one)) <= 60 else f"{text[:57]}...") for one in (old, new))
    return f"{where} was {was} and is {now}"
