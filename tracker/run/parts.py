"""Outputs that rotate: after every so many seconds a new part, a folder that is a run of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tracker.export.crops import NAME as CROPS
from tracker.export.crops import CropSink
from tracker.io.log_file import NAME as LOG
from tracker.io.log_file import remove_log
from tracker.io.sinks import Sink, Step, Tally, VideoSink
from tracker.run.manifest import Facts, Manifest, date_of

NAME = "part-{:04d}"
PATTERN = "part-[0-9][0-9][0-9][0-9]*"


@dataclass(frozen=True)
class Files:
    """The sinks of a run or a part of it: the text, the others in their order, and the video among them."""

    text: Sink
    others: list[Sink]
    video: VideoSink | None


@dataclass
class _Part:
    """One part while it is written."""

    folder: Path
    number: int
    start: float
    files: Files
    tally: Tally
    manifest: Manifest
    end: float = 0.0

    @property
    def facts(self) -> Facts:
        return {
            "counts": {
                "frames": self.tally.frames,
                "detections": self.tally.detections,
                "tracks": len(self.tally.ids),
                "rows": self.tally.rows,
            },
            "part": {
                "number": self.number,
                "first_frame": self.tally.first,
                "last_frame": self.tally.last,
                "start": self.start,
                "end": self.end,
            },
        }


class Parts:
    """A sink that writes ``part-0001``, ``part-0002``, ... below a folder, each for ``period`` seconds of the source.

    A part is the folder of a run: its files are finished when the next one begins, and its run.json is "complete" then.
    Frame numbers, times and ids go on from part to part. A step belongs to the part in whose period its time lies, so a
    part without frames is left out.

    make    the sinks of a part in that folder
    along   sinks that go on through all parts: each takes a step after the text
    facts   what run.json says of the run
    """

    def __init__(
        self,
        folder: Path,
        period: float,
        make: Callable[[Path], Files],
        along: Sequence[Sink],
        facts: Callable[[], Facts],
    ) -> None:
        self._folder, self._period, self._make = folder, period, make
        self._along, self._facts = list(along), facts
        self._part: _Part | None = None
        self._start = 0.0

    @property
    def video(self) -> VideoSink | None:
        """That of the part which is written."""
        return None if self._part is None else self._part.files.video

    def write(self, step: Step) -> None:
        """Take one step."""
        time = step.frame.time
        if self._part is None:
            self._start = time
        number = int((time - self._start) // self._period) + 1
        if self._part is None or number > self._part.number:
            self._finish()
            self._part = self._begin(number, time)
        part = self._part
        for sink in [part.files.text, *self._along, *part.files.others, part.tally]:
            sink.write(step)
        part.end = time

    def close(self) -> None:
        """Finish the part, and what goes along; may be called again."""
        self._finish()
        for sink in self._along:
            sink.close()

    def _begin(self, number: int, time: float) -> _Part:
        folder = self._folder / NAME.format(number)
        folder.mkdir(exist_ok=True)
        facts = {key: value for key, value in self._facts().items() if key not in ("counts", "notes", "parts")}
        facts["date"] = date_of()  # when the part began
        part = _Part(folder, number, time, self._make(folder), Tally(), Manifest(folder / "run.json", facts))
        part.manifest.write("running")
        return part

    def _finish(self) -> None:
        part, self._part = self._part, None
        if part is None:
            return
        for sink in [part.files.text, *part.files.others]:
            sink.close()
        part.manifest.write("complete", **part.facts)


def remove_parts(folder: Path, names: Sequence[str]) -> None:
    """Remove the files of those names from an earlier run's parts, and the folders that are empty then."""
    for part in sorted(folder.glob(PATTERN)):
        if part.is_dir() and not part.is_symlink():
            for name in names:
                if not (part / name).is_dir():
                    (part / name).unlink(missing_ok=True)
            remove_log(part / LOG)
            CropSink(part / CROPS).clear()
            if not any(part.iterdir()):
                part.rmdir()
