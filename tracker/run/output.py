"""The folder of a run: ``tracks.txt``, the annotated ``tracks.mp4``, ``count.json``, ``log.sqlite``, ``run.json``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from tracker.count.live import Counter
from tracker.count.passages import Event
from tracker.count.places import Line, Zone
from tracker.count.report import event_dict
from tracker.export.formats import FORMATS
from tracker.export.sink import ExportSink
from tracker.io.claim import LOCK, Claim
from tracker.io.log_file import NAME as LOG
from tracker.io.log_file import remove_log
from tracker.io.passwords import is_url, place_of
from tracker.io.sinks import Sink, TextSink, VideoSink, fresh_folder
from tracker.live.events import Events
from tracker.run.log_sink import LogSink
from tracker.run.manifest import Facts, Manifest, date_of, facts_of, hashes_of
from tracker.run.open import Opened
from tracker.run.parts import Parts, remove_parts

TEXT, VIDEO, MANIFEST, COUNT = "tracks.txt", "tracks.mp4", "run.json", "count.json"
FILES = (TEXT, VIDEO, MANIFEST, COUNT, LOG)


def new_folder(source: str, algo: str, *, overwrite: bool = False) -> Path:
    """A folder below runs/ that is named for the run, with a number where that name is taken.

    overwrite  use the folder of that name even where it exists
    """
    stem = f"webcam{source}" if source.isdigit() else place_of(source) if is_url(source) else Path(source).stem
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in stem) or "run"
    folder = base = Path("runs") / f"{name}-{algo}"
    n = 1
    while folder.exists() and not overwrite:
        n += 1
        folder = base.with_name(f"{base.name}-{n}")
    return folder


class Output:
    """Where a run is written to; the folder is made at once, its files from the first step on.

    folder        a new or empty one, or with ``overwrite`` one whose results may be replaced. An earlier run's files
                  stay until the first step of this one
    command       what ``run.json`` says of the call: {"command": [...]} or {"call": {...}}
    video         whether to write the annotated video
    log           whether to keep the decision log, ``log.sqlite``
    class_column  write each track's class to column 8 of ``tracks.txt``
    places        lines and zones to count at, into ``count.json`` and the video
    saves         formats to export to as well (``tracker.export.FORMATS``)
    rotate        seconds after which the files go on in a new part (``tracker.run.parts``)
    events        told of what is counted too

    Raises ValueError where the folder cannot be used, where another run is writing to it, or where a result would
    replace a file that the run reads.
    """

    def __init__(
        self,
        folder: str | Path,
        opened: Opened,
        command: Facts,
        *,
        overwrite: bool = False,
        video: bool = True,
        log: bool = False,
        class_column: bool = False,
        places: Sequence[Line | Zone] = (),
        saves: Sequence[str] = (),
        rotate: float | None = None,
        events: Events | None = None,
    ) -> None:
        self.folder = fresh_folder(folder, overwrite=overwrite)
        self._claim = Claim(self.folder)
        self._opened = opened
        self.exports: ExportSink | None = None
        try:
            if saves:
                self.exports = _exports(self.folder, saves, opened)
            # Another run may have ended between the first look and the claim.
            if not overwrite and any(entry.name != LOCK for entry in self.folder.iterdir()):
                raise ValueError(f"{self.folder}: another run has just written there; give another folder")
            self._check_inputs()
        except BaseException:
            self.release()
            raise
        source, names = opened.pipeline.source, opened.pipeline.detector.class_names
        self.counter = None
        if places:
            told = None if events is None else partial(_tell, events)
            every = opened.options.every
            self.counter = Counter(
                places, frame_rate=source.frame_rate, step=every, path=self.folder / COUNT, told=told
            )
        overlays = [] if self.counter is None else [self.counter]

        def files(folder: Path, exports: ExportSink | None) -> list[Sink]:
            text = TextSink(folder / TEXT, classes=class_column)
            film = VideoSink(folder / VIDEO, source.frame_rate, names, overlays) if video else None
            return [
                sink for sink in (text, film, exports, LogSink(folder, opened) if log else None) if sink is not None
            ]

        self.manifest = Manifest(self.folder / MANIFEST, {**facts_of(opened), **command, "date": date_of()})
        along: list[Sink] = [] if self.counter is None else [self.counter]
        self.parts: Parts | None = None
        if rotate is None:
            text, *others = files(self.folder, self.exports)
            self.sinks = [text, *along, *others]
        else:
            self.exports = None  # it has checked the formats; each part has its own
            self.parts = Parts(
                self.folder,
                rotate,
                lambda part: files(part, _exports(part, saves, opened) if saves else None),
                along,
                lambda: self.manifest.facts,
            )
            self.sinks = [self.parts]

    def _check_inputs(self) -> None:
        targets = [self.folder / name for name in self._names]
        for path in [path for files in self._opened.inputs.values() for path in files]:
            if any(path.exists() and target.exists() and target.samefile(path) for target in targets):
                raise ValueError(f"{path}: would be replaced by the results; write to another folder")

    @property
    def _names(self) -> list[str]:
        """The names of the files that this run may write."""
        return [*FILES, *(path.name for path in (self.exports.paths.values() if self.exports else ()))]

    def release(self) -> None:
        """Let another run have the folder; may be called again."""
        self._claim.release()

    def begin(self) -> None:
        """Replace an earlier run's files by a ``run.json`` that says that this one is running."""
        for name in self._names:
            if not (self.folder / name).is_dir():
                (self.folder / name).unlink(missing_ok=True)
        remove_log(self.folder / LOG)
        remove_parts(self.folder, [*FILES, *(named.name for named in FORMATS.values())])
        for section, facts in hashes_of(self._opened).items():
            self.manifest.facts[section] = {**self.manifest.facts.get(section, {}), **facts}
        with suppress(OSError):  # raised again at the end, when the tracks are written
            self.manifest.write("running")

    @property
    def video(self) -> VideoSink | None:
        """The video, with parts that of the part which is written."""
        if self.parts is not None:
            return self.parts.video
        return next((sink for sink in self.sinks if isinstance(sink, VideoSink)), None)

    @property
    def coding(self) -> Facts:
        """How the video is coded, where there is one."""
        return {} if self.video is None or self.video.codec is None else {"video_codec": self.video.codec}

    @property
    def paths(self) -> dict[str, Path]:
        """The files that are there, by kind: tracks, video, run, count, log, and exports by format."""
        found = {"tracks": TEXT, "video": VIDEO, "run": MANIFEST, "count": COUNT, "log": LOG}
        paths = {kind: self.folder / name for kind, name in found.items()}
        paths |= {} if self.exports is None else self.exports.paths
        paths = {kind: path for kind, path in paths.items() if path.exists()}
        return paths if self.parts is None else {**paths, "parts": self.folder / "part-*"}


def _tell(events: Events, event: Event) -> None:
    events.counted(event.kind, event.place, event_dict(event))


def _exports(folder: Path, saves: Sequence[str], opened: Opened) -> ExportSink:
    source = opened.pipeline.source
    return ExportSink(
        folder,
        saves,
        names=opened.pipeline.detector.class_names,
        frame_rate=source.frame_rate,
        size=source.size,
        n_frames=source.n_frames if source.counted else None,
        source=source.name,
    )
