"""The folder of a run: ``tracks.txt``, the annotated ``tracks.mp4``, ``count.json``, ``log.sqlite``, ``run.json``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from tracker.arrays import Image
from tracker.count.live import KEPT, Counter, kept_at
from tracker.count.passages import Event
from tracker.count.places import Line, Zone
from tracker.count.report import event_dict
from tracker.export.crops import NAME as CROPS
from tracker.export.crops import CropSink
from tracker.export.formats import FORMATS
from tracker.export.sink import ExportSink
from tracker.io.anonymise import AnonymisedSink, Region
from tracker.io.claim import LOCK, Claim
from tracker.io.detections_file import Embeddings
from tracker.io.log_file import NAME as LOG
from tracker.io.log_file import remove_log
from tracker.io.passwords import is_url, place_of
from tracker.io.sinks import Look, Overlay, Sink, TextSink, VideoSink, fresh_folder
from tracker.live.events import Events
from tracker.run.detections_sink import DetectionsSink
from tracker.run.log_sink import LogSink
from tracker.run.manifest import Facts, Manifest, date_of, facts_of, hashes_of
from tracker.run.open import Opened
from tracker.run.parts import Files, Parts, remove_parts
from tracker.run.snapshots import NAME as SNAPSHOT
from tracker.run.snapshots import Snapshots

TEXT, VIDEO, MANIFEST, COUNT = "tracks.txt", "tracks.mp4", "run.json", "count.json"
COUNTING = tuple(kept_at(Path(COUNT), what).name for what in KEPT)
FILES = (TEXT, VIDEO, MANIFEST, COUNT, *COUNTING, LOG, SNAPSHOT)


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
    saves         formats to export to as well (``tracker.export.FORMATS``), and "crops"
    anonymise     what of every box to hide in the video and in crops
    detections    a folder to save the detections to, and how to keep their embeddings (``tracker.io.detections_file``)
    snapshot      seconds from one snapshot to the next (``tracker.run.snapshots``); None: no snapshots
    resume        go on with the run whose snapshot is in the folder; a new or empty folder begins one
    look          how the video shows the tracks
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
        detections: tuple[Path, Embeddings] | None = None,
        snapshot: float | None = None,
        resume: bool = False,
        anonymise: Region | None = None,
        look: Look | None = None,
    ) -> None:
        self.folder = fresh_folder(folder, overwrite=overwrite or resume)
        self.begun = False
        self.snapshots: Snapshots | None = None
        self._claim = Claim(self.folder)
        self._opened = opened
        self.exports: ExportSink | None = None
        self.crops = CropSink(self.folder / CROPS) if CROPS in saves else None
        self.anonymise = anonymise
        try:
            if forms := [form for form in saves if form != CROPS]:
                self.exports = _exports(self.folder, forms, opened)
            # Another run may have ended between the first look and the claim.
            resumes = resume and (self.folder / SNAPSHOT).is_file()
            if not (overwrite or resumes) and any(entry.name != LOCK for entry in self.folder.iterdir()):
                why = "has no snapshot to go on from" if resume else "another run has just written there"
                raise ValueError(f"{self.folder}: {why}; give another folder")
            self._check_inputs()
            if resume or snapshot is not None:
                writes = {
                    "class_column": class_column,
                    "detections": None if detections is None else list(map(str, detections)),
                    "log": log,
                    "places": [repr(one) for one in places],
                    "save": list(saves),
                }
                self.snapshots = Snapshots(self.folder, opened, writes, every=snapshot, resume=resumes)
            self.detections: DetectionsSink | None = None
            if detections is not None:
                folder, how = detections
                self.detections = DetectionsSink(folder, opened, how, overwrite=overwrite, resume=resumes)
        except BaseException:
            self.release()
            raise
        source, names = opened.pipeline.source, opened.pipeline.detector.class_names
        self.counter = None
        if places:
            told = None if events is None else partial(_tell, events)
            every = opened.options.every
            self.counter = Counter(
                places,
                frame_rate=source.frame_rate,
                step=every,
                told=told,
                path=self.folder / COUNT,
                names=dict(names or {}),
            )
        overlays: list[Overlay] = [] if self.counter is None else [self.counter]
        if opened.pipeline.roi is not None:
            overlays.insert(0, _Outline(opened.pipeline.roi))

        def files(folder: Path) -> Files:
            """What is written to the folder of the run, or of a part of it."""
            exports = _exports(folder, forms, opened) if forms else None
            crops = CropSink(folder / CROPS) if CROPS in saves else None
            film = VideoSink(folder / VIDEO, source.frame_rate, names, overlays, look) if video else None
            images: list[Sink] = [sink for sink in (film, crops) if sink is not None]
            if anonymise is not None and images:
                images = [AnonymisedSink(anonymise, images)]
            decisions = LogSink(folder, opened) if log else None
            others: list[Sink] = [*images, *(sink for sink in (exports, decisions) if sink is not None)]
            return Files(TextSink(folder / TEXT, classes=class_column), others, film)

        along: list[Sink] = [] if self.counter is None else [self.counter]
        self.parts: Parts | None = None
        self._film: VideoSink | None = None
        if rotate is None:
            whole = files(self.folder)
            # The text, then what counts, then the images, which show the counts, then the exports and the log.
            self.sinks: list[Sink] = [whole.text, *along, *whole.others]
            self._film = whole.video
        else:
            self.parts = Parts(self.folder, rotate, files, along, lambda: self.manifest.facts)
            self.sinks = [self.parts]
        self.sinks += [] if self.detections is None else [self.detections]
        self._resumed = None if self.snapshots is None else self.snapshots.resumed
        date = date_of() if self.snapshots is None or self.snapshots.date is None else self.snapshots.date
        self.manifest = Manifest(self.folder / MANIFEST, {**facts_of(opened), **command, "date": date})

    def _check_inputs(self) -> None:
        targets = [self.folder / name for name in self._names]
        for path in [path for files in self._opened.inputs.values() for path in files]:
            if any(path.exists() and target.exists() and target.samefile(path) for target in targets):
                raise ValueError(f"{path}: would be replaced by the results; write to another folder")

    @property
    def _names(self) -> list[str]:
        """The names of the files that this run may write."""
        return [*FILES, *(path.name for path in (self.exports.paths.values() if self.exports else ()))]

    @property
    def goes_on_behind(self) -> int | None:
        """The last frame of the run that this one goes on with; None where it begins one."""
        return None if self._resumed is None else self._resumed["place"]["number"]

    def release(self) -> None:
        """Let another run have the folder; may be called again."""
        self._claim.release()

    def begin(self) -> None:
        """Replace an earlier run's files by a ``run.json`` that says that this one is running."""
        self.begun = True
        if self._resumed is None:
            self._remove_earlier()
        else:  # what an earlier run was writing when it was killed
            for pattern in (f".{SNAPSHOT}.*.part", f".{MANIFEST}.*"):
                for part in self.folder.glob(pattern):
                    part.unlink(missing_ok=True)
        hashes = hashes_of(self._opened) if self.snapshots is None else self.snapshots.hashes
        for section, facts in hashes.items():
            self.manifest.facts[section] = {**self.manifest.facts.get(section, {}), **facts}
        if self.goes_on_behind is not None:
            self.manifest.facts["goes_on_behind_frame"] = self.goes_on_behind
        if self.detections is not None:
            self.detections.begin(hashes["source"]["sha256"], goes_on=self._resumed is not None)
        if self.snapshots is not None:
            self.snapshots.begin(self.manifest.facts["date"])
        with suppress(OSError):  # raised again at the end, when the tracks are written
            self.manifest.write("running")

    def _remove_earlier(self) -> None:
        for name in self._names:
            if not (self.folder / name).is_dir():
                (self.folder / name).unlink(missing_ok=True)
        remove_log(self.folder / LOG)
        remove_parts(self.folder, [*FILES, *(named.name for named in FORMATS.values())])
        if self.crops is not None:
            self.crops.clear()

    @property
    def video(self) -> VideoSink | None:
        """The video, with parts that of the part which is written."""
        return self._film if self.parts is None else self.parts.video

    @property
    def coding(self) -> Facts:
        """How the video is coded, where there is one."""
        return {} if self.video is None or self.video.codec is None else {"video_codec": self.video.codec}

    @property
    def paths(self) -> dict[str, Path]:
        """The files that are there, by kind: tracks, video, run, count, log, and exports by format."""
        found = {"tracks": TEXT, "video": VIDEO, "run": MANIFEST, "count": COUNT, "log": LOG, "crops": CROPS}
        paths = {kind: self.folder / name for kind, name in found.items()}
        paths |= {} if self.exports is None else self.exports.paths
        paths |= {} if self.detections is None else {"detections": self.detections.folder}
        paths = {kind: path for kind, path in paths.items() if path.exists()}
        return paths if self.parts is None else {**paths, "parts": self.folder / "part-*"}


def _tell(events: Events, event: Event) -> None:
    events.counted(event.kind, event.place, event_dict(event))


class _Outline:
    """Draws the region of the detector."""

    def __init__(self, roi: Zone) -> None:
        self._corners = roi.points

    def draw(self, image: Image, occupied: object) -> None:
        """Draw it on a (H, W, 3) BGR image, in place."""
        from tracker.draw.lines import outline

        outline(image, self._corners)


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
