"""One long video on many workers: each detects in pieces of it, and one tracker takes all that they found, in order.

What a frame is made of before the tracker takes it (image, detections, embeddings, camera motion) depends on that frame
and the one before alone, so a piece gives what the whole video gives there. The tracker remembers, and is never cut.
"""

from __future__ import annotations

import math
import os
import shutil
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeGuard

import numpy as np

from tracker.arrays import FloatArray, Image
from tracker.camera import METHODS, CameraEstimate, Compensated
from tracker.camera_glance import EVERY as GLANCES
from tracker.camera_glance import MEMORY, CameraGlance
from tracker.detect.detector import Described, RecordedDetector
from tracker.detections import Detections
from tracker.io.detections_file import DetectionsFolder, DetectionsWriter, parts_of, remove_detections
from tracker.io.source import SourceError, Span, span_of
from tracker.io.video import open_source
from tracker.many.job import files_named, line_of, worker_models
from tracker.run.open import Opened, Options, camera_failures, open_run, saved_camera
from tracker.run.pipeline import Pipeline
from tracker.tracks import Tracks
from tracker.workers.engine import Engine, run_all

FOLDER = ".pieces"  # below that of the run, while the workers write
LENGTHS = (50, 300)  # least and most frames of a piece: its start costs a seek and up to FAR frames, its loss all of it
ALONE = "leave --workers, --engine and --address out"
EACH = 4  # pieces a worker, so that none waits long for the last


@dataclass(frozen=True)
class Piece:
    """Frames of a source for one worker.

    options      of the run, with the source
    first, last  numbers of its frames, both included; last may be infinite
    begin        the first frame that the run has at all
    folder       for its detections
    """

    options: Options
    first: int
    last: float
    begin: int
    folder: str

    def part(self, start: int) -> str:
        """What ``--frames`` calls it, from ``start`` on."""
        return f"{start}:" if math.isinf(self.last) else f"{start}:{self.last:.0f}"


@dataclass(frozen=True)
class Made:
    """What a worker says of its piece.

    frames    in it
    whole     whether all of its frames could be read
    dropped   bad rows left out
    failures  frames whose camera motion was not found
    followed  frames in which it was looked for, where a glance decides that
    notes     lines for people about the source
    note      that of the detector
    """

    frames: int = 0
    whole: bool = False
    dropped: int = 0
    failures: int = 0
    followed: int = 0
    notes: tuple[str, ...] = ()
    note: str | None = None


class _NoTracker:
    """Takes the place of the tracker on a worker."""

    def update(self, detections: Detections, frame: Image | None = None, time: float | None = None) -> Tracks:
        return Tracks.of_boxes([], np.empty((0, 4)))

    def predict(self, reported: Tracks, time: float | None = None) -> Tracks:
        return reported

    def warp(self, matrix: FloatArray) -> None:
        return

    def reset(self) -> None:
        return


def make(piece: Piece) -> Made:
    """Detect, embed and estimate the camera's motion in a piece, into its folder; what was there goes.

    Raises ValueError as a run does.
    """
    overlap = 1 if piece.options.camera_motion in (*METHODS, "auto") and piece.options.every == 1 else 0
    while True:
        start = max(piece.first - overlap, piece.begin)
        made = _made(piece, start)
        if made is not None:
            return made
        overlap *= 8


def _made(piece: Piece, start: int) -> Made | None:
    """The piece, read from ``start`` on; None where an overlap was asked for and none of its frames can be read."""
    folder = Path(piece.folder)
    folder.mkdir(parents=True, exist_ok=True)
    remove_detections(folder)
    options = replace(piece.options, frames=piece.part(start))
    with closing(open_run(options, models=worker_models())) as opened, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="camera motion not found")  # counted, and told at the end
        pipeline, camera = _without_tracker(opened), opened.camera
        writer = DetectionsWriter(folder, {})
        seen = not isinstance(camera, CameraGlance) or _look_back(camera, piece, start)
        frames, before = 0, (0, 0, _followed(camera))
        try:
            with closing(iter(pipeline)) as steps:
                for step in steps:
                    frame = step.frame
                    if frame.number < piece.first:
                        before = pipeline.dropped, camera_failures(camera), _followed(camera)
                        continue
                    if pipeline.frames == 1 and piece.begin < start < piece.first:
                        return None
                    frames += 1
                    writer.write(frame.number, frame.time, step.detections, looked=step.looked, motion=step.motion)
        except SourceError:
            if frames:
                raise
            return Made()  # the source ends before, or none of these frames can be read
        writer.close(complete=True)
        return Made(
            frames,
            whole=seen and not pipeline.source.missing,
            dropped=pipeline.dropped - before[0],
            failures=camera_failures(camera) - before[1],
            followed=_followed(camera) - before[2],
            notes=tuple(pipeline.source.notes),
            note=pipeline.detector.note,
        )


def _look_back(camera: CameraGlance, piece: Piece, start: int) -> bool:
    """Let the camera glance at the frames before ``start`` that decide what it gives from there on; nothing is detected
    in them. Returns whether all of them could be read."""
    begin = max(start - MEMORY, piece.begin)
    begin -= (begin - piece.begin) % GLANCES  # one of those that it glances at
    if begin >= start:
        return True
    with open_source(str(piece.options.source)) as source:
        source.select(Span(begin, start - 1))
        for frame in source:
            camera(frame.image)
        return not source.missing


def _without_tracker(opened: Opened) -> Pipeline:
    """The same pipeline up to the tracker."""
    pipeline, camera = opened.pipeline, opened.camera
    return Pipeline(
        pipeline.source,
        pipeline.detector,
        Compensated(_NoTracker(), camera) if _looks(camera, opened.options) else _NoTracker(),
        embedder=None if pipeline.embeds_itself else pipeline.embedder,
        min_score=pipeline.min_score,
        scores=pipeline.scores,
        every=pipeline.every,
        invalid=pipeline.invalid,
        roi=pipeline.roi,
    )


def _looks(camera: Callable[..., FloatArray] | None, options: Options) -> TypeGuard[CameraEstimate | CameraGlance]:
    """Whether the camera looks at images on a worker: in frames without detections its tracks would be masked out."""
    return isinstance(camera, (CameraEstimate, CameraGlance)) and options.every == 1


def _followed(camera: Callable[..., FloatArray] | None) -> int:
    return camera.followed if isinstance(camera, CameraGlance) else 0


def check(opened: Opened) -> None:
    """Raise ValueError, in one line, where pieces of the source would not give what the whole gives, or no gain."""
    source, detector, options = opened.pipeline.source, opened.pipeline.detector, opened.options
    why = None
    if source.live or not isinstance(options.source, (str, Path)):
        why = f"{source.name} is live and has no pieces; {ALONE}"
    elif isinstance(detector, RecordedDetector):
        why = f"{detector.name} is recorded, so there is nothing to detect; {ALONE}"
    elif detector.remembers:
        why = f"the detector {detector.name} remembers earlier images, which pieces cut off; {ALONE}"
    elif source.n_frames is None:
        why = f"{source.name} does not say how many frames it has; {ALONE}"
    elif options.seconds is not None:
        why = "--seconds names no frames to share out; give --frames"
    elif options.every > 1 and isinstance(opened.camera, CameraEstimate):
        why = f"--every with camera motion from images needs the tracks, which workers do not have; {ALONE}"
    if why is not None:
        raise ValueError(f"--workers: {why}")


def pieces_of(opened: Opened, options: Options, folder: Path, room: int) -> list[Piece]:
    """The pieces of an opened run, for so many tasks at a time.

    options  of the run as a worker opens it
    folder   that gets a folder for each piece
    """
    span = span_of(options.frames, None)
    begin, last = (1, math.inf) if span is None else (span.first, span.last)
    frames = opened.pipeline.source.n_frames or 1
    length = min(max(math.ceil(frames / (EACH * room)), LENGTHS[0]), LENGTHS[1])
    length = math.ceil(length / options.every) * options.every  # each begins with a frame to detect in
    firsts = range(begin, begin + max(frames, 1), length)
    ends = [*(first - 1 for first in firsts[1:]), last]  # what a source announces may be too few
    return [
        Piece(options, first, end, begin, str(folder / f"{k + 1:06d}"))
        for k, (first, end) in enumerate(zip(firsts, ends, strict=True))
    ]


def detect(
    opened: Opened, pieces: Sequence[Piece], engine: Engine, folder: Path, told: Callable[[int], None] = lambda _: None
) -> None:
    """Let the workers make the pieces, and let the run read what they made instead of detecting itself.

    opened  the run, before its first frame. What it writes of itself must have been noted: its detector is replaced
    folder  that gets all detections
    told    called with the number of frames that are done

    The run decodes by itself only where images are needed: for a video or crops, for a tracker that embeds by itself or
    is not the library's, and where frames could not be read. Raises what a worker raised, with the frames.
    """
    made: dict[int, Made] = {}
    for ended in run_all(
        engine,
        make,
        pieces,
        again=lambda one: isinstance(one.error, (OSError, MemoryError)),
        sees=lambda piece: (*files_named(piece.options), str(Path(piece.folder).parent)),
    ):
        if ended.result is None:
            assert ended.error is not None
            if isinstance(ended.error, (ValueError, OSError, MemoryError)):
                raise ended.error
            raise ValueError(f"frames {pieces[ended.place].part(pieces[ended.place].first)}: {line_of(ended.error)}")
        made[ended.place] = ended.result
        told(sum(one.frames for one in made.values()))
    if any(one.frames for one in made.values()):  # else the run finds out why
        join(pieces, folder)
        _take(opened, DetectionsFolder(folder), [made[place] for place in range(len(pieces))])


def join(pieces: Sequence[Piece], folder: Path) -> None:
    """Move the detections of all pieces into one folder, as one run would have saved them."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [part for piece in pieces for part in parts_of(Path(piece.folder))]
    for k, part in enumerate(parts):
        os.replace(part, folder / f"{k + 1:06d}.npz")
    writer = DetectionsWriter(folder, {})
    writer.resume(len(parts))
    writer.close(complete=True)


def _take(opened: Opened, folder: DetectionsFolder, made: Sequence[Made]) -> None:
    """Replace detector and camera of the run by what was made, and its images where nobody needs them."""
    pipeline, options = opened.pipeline, opened.options
    if not np.array_equal(folder.looked, np.arange(len(folder.looked)) % options.every == 0):
        raise ValueError(
            f"--workers: {pipeline.source.name} has frames that cannot be read, so that --every counts differently in "
            f"pieces; {ALONE}, or --every"
        )
    pipeline.detector = Found(pipeline.detector, folder, next((one.note for one in made if one.note), None))
    pipeline.dropped += sum(one.dropped for one in made)
    whole = all(one.whole for one in made)
    glances = isinstance(opened.camera, CameraGlance)  # it counts images, so those that are lost would shift it
    looks = _looks(opened.camera, options) and (whole or not glances)
    of_ours = type(opened.tracker).__module__.startswith("tracker.")  # others may look at the image
    alone = looks or not isinstance(opened.camera, (CameraEstimate, CameraGlance))  # no camera needs the images
    if whole and alone and of_ours and not options.images and not pipeline.embeds_itself:
        pipeline.source.without_images(folder.numbers.tolist(), folder.times.tolist())
        for line in (line for one in made for line in one.notes):
            pipeline.source.note(line)
    if looks and isinstance(pipeline.tracker, Compensated):
        if folder.motions is None:
            raise ValueError(f"{folder.folder}: a piece is without camera motion")
        failures, followed = sum(one.failures for one in made), sum(one.followed for one in made)
        opened.camera = saved_camera(pipeline.source, folder, failures, followed if glances else None)
        pipeline.tracker.camera = opened.camera


class Found(RecordedDetector):
    """What the workers found, told as the detector that found it. ``at`` raises ValueError for a frame of no piece."""

    def __init__(self, detector: Described, folder: DetectionsFolder, note: str | None) -> None:
        self.name, self.device, self.class_names = detector.name, detector.device, detector.class_names
        self.model_files = detector.model_files
        self._dropped = detector.dropped
        self._note = note
        self._folder = folder
        self._numbers = set(folder.numbers.tolist())

    @property
    def dropped(self) -> int:
        return self._dropped

    @property
    def note(self) -> str | None:
        return self._note

    def at(self, number: int) -> Detections:
        if number not in self._numbers:
            raise ValueError("no worker could read it; has the file changed? Leave --workers out")
        return self._folder.at(number).numbered()


def cleared(folder: Path) -> Path:
    """The folder for pieces below that of a run; what a killed run left there goes."""
    pieces = folder / FOLDER
    with suppress(FileNotFoundError):
        shutil.rmtree(pieces)
    pieces.mkdir(parents=True)  # by which a worker on another machine sees that it shares the folder
    return pieces
