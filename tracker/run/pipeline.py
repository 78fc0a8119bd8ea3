"""From a source to tracks: frames -> detector -> embedder -> tracker, one frame at a time, as an iterator.

The stages of a file overlap. One thread decodes ahead; where the detector allows it (``concurrent``), as many threads
as there are processors each detect and embed on a frame of their own; the tracker takes the frames in their order.
Frames side by side give exactly what one after the other gives, which larger batches of a network do not promise.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.algorithms import DEFAULT, algorithm, build, read_params, takes_embeddings
from tracker.camera import Compensated, open_camera
from tracker.detect.session import processors
from tracker.detections import Detections, Invalid, as_detections
from tracker.io.sinks import Sink, Step, TextSink, VideoSink, fresh_folder
from tracker.run.threads import Abreast, Ahead
from tracker.settings import at_least
from tracker.tracks import Tracks

if TYPE_CHECKING:
    from tracker.arrays import Image
    from tracker.io.video import Frame, Source

STAGES = ("decode", "detect", "embed", "associate")

MOST_ABREAST = 16  # frames detected at once: each costs the memory of a frame and of the network's maps


@dataclass(frozen=True, eq=False)
class _Seen:
    """A frame, whether the detector looked, what it found, the bad rows left out, and the seconds it took."""

    frame: Frame
    looked: bool
    detections: Detections
    dropped: int
    detecting: float
    embedding: float


class _Timed:
    """An embedder that the tracker itself calls; ``seconds`` is the time spent in it."""

    def __init__(self, embedder: Any) -> None:
        self.embedder = embedder
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        if name == "embedder":  # not there yet, while being unpickled
            raise AttributeError(name)
        return getattr(self.embedder, name)

    def __call__(self, image: Image, boxes: Any) -> Any:
        started = clock.perf_counter()
        try:
            return self.embedder(image, boxes)
        finally:
            self.seconds += clock.perf_counter() - started


class Pipeline:
    """Iterate to run; each ``Step`` is made when it is asked for, and nothing of it is kept.

    Meanwhile a thread decodes the next few frames of a file, and a detector that is ``concurrent`` looks at them.

    source    frames: ``tracker.io.video.Source``, or anything with ``frame_rate`` that iterates over ``Frame``
    detector  callable image -> detections (anything ``as_detections`` takes), or recorded ones with ``at(number)``
    tracker   an algorithm's instance; what it remembers stays
    embedder  callable (image, boxes) -> (N, D), used where the detections bring no embeddings; default the tracker's.
              A tracker that has one and ``lone_iou`` < 1 calls it itself, for the detections that need a look
    every     detect in the first of every so many frames; the others get the tracks of the last such frame, moved on
              by their motion (``predicted``). The tracker is told nothing of them, so nothing counts as missed there
    invalid   what to do with bad rows of the detector: "raise" or "drop" (counted in ``dropped``)

    ``seconds`` holds the time spent per stage, by each of the threads that shared it; ``frames`` the steps made.
    """

    def __init__(
        self,
        source: Any,
        detector: Any,
        tracker: Any,
        *,
        embedder: Callable[[Image, Any], Any] | None = None,
        min_score: float | None = None,
        every: int = 1,
        invalid: Invalid = "raise",
    ) -> None:
        self.source = source
        self.detector = detector
        self.tracker = tracker
        self.embedder = embedder if embedder is not None else getattr(tracker, "embedder", None)
        self.min_score = min_score
        self.every = at_least(1, every, "every")
        self.invalid: Invalid = invalid
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self.frames = 0
        self.dropped = 0
        own = getattr(tracker, "embedder", None)
        self._tracker_embeds = own is not None and getattr(tracker, "embeds_itself", False)

    def __iter__(self) -> Iterator[Step]:
        if hasattr(self.detector, "reset"):  # what it learned from another video
            self.detector.reset()
        live = getattr(self.source, "live", False)
        concurrent = not live and getattr(self.detector, "concurrent", False)
        # An embedder that one thread at a time may use comes after the frames are in their order again.
        embed_ahead = self.embedder is None or getattr(self.embedder, "concurrent", False)
        abreast = min(processors(), MOST_ABREAST) if concurrent else 1
        with ExitStack() as finish:
            # Of a live source only what is asked for is fetched: frames waiting in a queue would be old ones.
            decoded = self._timed(self.source) if live else self._ahead(finish)
            numbered = enumerate(decoded)
            see = partial(self._see, embed=embed_ahead or not concurrent)
            seen: Iterator[_Seen] = map(see, numbered)
            if concurrent:
                seen = Abreast(see, numbered, abreast)
                finish.callback(seen.close)
            last: float | None = None
            timed = self.embedder if isinstance(self.embedder, _Timed) else _Timed(None)
            first = self.tracker.state.frame if self.every > 1 else 0
            tracks: Tracks | None = None
            for made, one in enumerate(seen, start=1):
                frame, detections = one.frame, one.detections
                self.seconds["detect"] += one.detecting / abreast
                self.seconds["embed"] += one.embedding / abreast
                self.dropped += one.dropped
                started = clock.perf_counter()
                if concurrent and not embed_ahead:
                    detections, dropped = self._embed(frame, detections)
                    self.dropped += dropped
                embedded = clock.perf_counter()
                # Some containers repeat a timestamp; a tracker's time must increase.
                time = frame.time if last is None else max(frame.time, last + 0.1 / self.source.frame_rate)
                last = time
                before = timed.seconds
                if one.looked or tracks is None:
                    tracks = self.tracker.update(detections, frame.image, time)
                else:
                    if isinstance(self.tracker, Compensated):
                        self.tracker.carry(frame.image, tracks.boxes)
                    tracks = self.tracker.predict(tracks, time)
                if self.every > 1:  # the tracker counts only the frames it was given
                    tracks = replace(tracks, frame=first + made)
                within = timed.seconds - before
                self.seconds["embed"] += embedded - started + within
                self.seconds["associate"] += clock.perf_counter() - embedded - within
                self.frames += 1
                yield Step(frame, detections, tracks)

    def _ahead(self, finish: ExitStack) -> Iterator[Frame]:
        """The frames, decoded ahead by a thread that ``finish`` ends."""
        ahead: Ahead[Frame] = Ahead(self.source)
        finish.callback(ahead.close)
        for frame in ahead:
            self.seconds["decode"] = ahead.seconds
            yield frame

    def _timed(self, source: Any) -> Iterator[Frame]:
        frames = iter(source)
        while True:
            started = clock.perf_counter()
            frame = next(frames, None)
            self.seconds["decode"] += clock.perf_counter() - started
            if frame is None:
                return
            yield frame

    def _see(self, numbered: tuple[int, Frame], *, embed: bool) -> _Seen:
        """Detect, and embed, on one frame; changes nothing of the pipeline, so that threads may share it."""
        index, frame = numbered
        looked = index % self.every == 0
        started = clock.perf_counter()
        detections, dropped = self._detect(frame) if looked else (Detections.empty(), 0)
        detected = clock.perf_counter()
        if embed:
            detections, more = self._embed(frame, detections)
            dropped += more
        return _Seen(frame, looked, detections, dropped, detected - started, clock.perf_counter() - detected)

    def _detect(self, frame: Frame) -> tuple[Detections, int]:
        """The detections of a frame, and how many bad rows were left out."""
        if hasattr(self.detector, "at"):
            found = self.detector.at(frame.number)
        elif frame.image is None:
            raise ValueError(
                f"{self.source.name} has no images to run a detector on; give recorded detections (detector='det.txt')"
            )
        else:
            found = self.detector(frame.image)
        try:
            detections = as_detections(found, invalid=self.invalid)
        except ValueError as error:
            raise ValueError(f"frame {frame.number}: {error}") from None
        dropped = detections.dropped
        if self.min_score is not None:
            detections = detections[detections.scores >= self.min_score]
        return detections, dropped

    def _embed(self, frame: Frame, detections: Detections) -> tuple[Detections, int]:
        """The detections with embeddings, and how many had to be left out."""
        if self.embedder is None or detections.embeddings is not None or len(detections) == 0:
            return detections, 0
        if self._tracker_embeds and frame.image is not None:
            return detections, 0
        if frame.image is None:
            raise ValueError(
                f"{self.source.name} has no images to embed; give detections with embeddings (.npz), "
                "or an algorithm without appearance (sort)"
            )
        embedded = detections.with_embeddings(self.embedder(frame.image, detections.boxes), invalid=self.invalid)
        return embedded, embedded.dropped


def open_pipeline(
    source: str | Path | int | Source,
    *,
    algo: str | Any | None = None,
    detector: str | Path | Callable[[Any], Any] = "hog",
    reid: str | Path | Callable[[Any, Any], Any] | None = None,
    reid_runtime: str | None = None,
    conf: float | None = None,
    classes: Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    params: str | Path | None = None,
    camera_motion: str = "off",
    every: int = 1,
    invalid: Invalid = "raise",
) -> Pipeline:
    """Open what the command's options name; see ``track`` for the arguments. Nothing is read before iteration."""
    from tracker.detect import open_detector
    from tracker.io.video import open_source

    if params is not None:
        if not isinstance(algo, (str, type(None))):
            raise ValueError("params go with an algorithm's name; an instance has its own already")
        read = read_params(params, algo)
        algo, settings = read.algo, {**read.settings, **(settings or {})}
        conf = read.conf if conf is None else conf
    algo = DEFAULT if algo is None else algo
    if isinstance(algo, str):
        algorithm(algo)  # an unknown name is said before anything slow is opened
    at_least(1, every, "every")
    opened: Any = open_source(source) if isinstance(source, (str, Path, int)) else source
    if not hasattr(opened, "frame_rate"):
        what = f"a {type(opened).__name__} is none"  # its text may be a whole video
        raise ValueError(f"source: {what}; give a file, a folder, a webcam number, a URL or an opened source")
    if isinstance(algo, type):
        raise ValueError(f"algo={algo.__name__}: give its name, or an instance: {algo.__name__}()")
    try:
        embedder = None
        if isinstance(algo, str):
            tracker = build(algo, settings, frame_rate=opened.frame_rate)
            max_age = getattr(tracker, "max_age", 0.0)
            if every > 1 and max_age >= 1:  # one frame means: may be missed once. That now takes two looks
                tracker.max_age = max(max_age, 2.0 * every - 1)  # type: ignore[attr-defined]
        elif settings:
            raise ValueError("settings go with an algorithm's name; an instance has its own already")
        else:
            tracker = algo
        # Frames side by side, one thread each, are faster than all threads on one frame, but not sooner done.
        threads = None if getattr(opened, "live", False) else 1
        if isinstance(detector, (str, Path)):
            found: Any = open_detector(str(detector), conf=conf, classes=classes, invalid=invalid, threads=threads)
            conf = None
        else:
            found = detector
            if not callable(found) and not hasattr(found, "at"):
                raise ValueError(f"detector={found!r}: give a name, a file or a callable image -> detections")
            if classes is not None:
                raise ValueError("classes by name go with a detector named by text; filter in your own callable")
        wanted = takes_embeddings(type(tracker), reid)
        brought = getattr(found, "embedded", False)  # recorded, so that nothing is left to embed
        if wanted and not brought and getattr(tracker, "embedder", None) is None:
            from tracker.embed import open_embedder

            reid = "default" if reid is None else reid
            if reid_runtime is not None and not isinstance(reid, (str, Path)):
                raise ValueError(f"reid_runtime={reid_runtime!r} goes with a model's name or file, not with a callable")
            if not getattr(found, "concurrent", False):
                threads = None
            embedder = (
                open_embedder(str(reid), runtime=reid_runtime, threads=threads)
                if isinstance(reid, (str, Path))
                else reid
            )
            if getattr(tracker, "embeds_itself", False):
                tracker.embedder = embedder = _Timed(embedder)  # type: ignore[attr-defined]
        camera = open_camera(camera_motion, frames=opened.n_frames)
        if camera is not None:
            tracker = Compensated(tracker, camera)
        return Pipeline(opened, found, tracker, embedder=embedder, min_score=conf, every=every, invalid=invalid)
    except BaseException:
        if opened is not source:
            opened.close()
        raise


def track(
    source: str | Path | int | Source,
    *,
    algo: str | Any | None = None,
    detector: str | Path | Callable[[Any], Any] = "hog",
    reid: str | Path | Callable[[Any, Any], Any] | None = None,
    reid_runtime: str | None = None,
    conf: float | None = None,
    classes: Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    params: str | Path | None = None,
    camera_motion: str = "off",
    every: int = 1,
    invalid: Invalid = "raise",
    save: str | Path | None = None,
) -> Iterator[tuple[Image | None, Tracks]]:
    """Yield (image, tracks) for every frame of a source; lazy, in bounded memory.

    source    video file, folder of images, MOTChallenge sequence folder, webcam number, URL, or an opened ``Source``
    algo      name of an algorithm, or an instance of one; default that of ``params``, or else "steady"
    detector  "hog", "motion", MODEL.onnx, recorded DETS.txt or DETS.npz, or any callable image -> detections
    reid      "default" (the packaged model), "histogram", MODEL.onnx, or any callable (image, boxes (N, 4)) -> (N, D).
              Without it: the packaged model where the algorithm needs embeddings, none where it only can use them.
              Left out where recorded detections bring embeddings of their own
    reid_runtime  what runs the ReID model: "onnxruntime" (default) or "openvino", where that is installed
    conf      least score of a detection; default the detector's own
    classes   names of the classes to keep, where the detector has names
    settings  parameters of the algorithm by name
    params    a file of ``track tune``: settings and, if it has one, conf, where they are not given here
    camera_motion  "off", "flow", "orb" or "ecc" to estimate it from the images, or a file of one affine map per frame
    every     detect in the first of every so many frames and predict between: there ``detections`` are -1. A max_age
              of a frame or more still lets a track be missed once
    invalid   "raise" or "drop" bad rows of the detector
    save      a new or empty folder that gets tracks.txt (MOTChallenge) and the annotated tracks.mp4, frame by frame

    image is BGR uint8 (H, W, 3), None for a sequence without its images. Raises ValueError with one line that says what
    is wrong. The source is closed at the end, or when the iterator is closed or forgotten.
    """
    pipeline = open_pipeline(
        source,
        algo=algo,
        detector=detector,
        reid=reid,
        reid_runtime=reid_runtime,
        conf=conf,
        classes=classes,
        settings=settings,
        params=params,
        camera_motion=camera_motion,
        every=every,
        invalid=invalid,
    )

    sinks: list[Sink] = []
    if save is not None:
        folder = fresh_folder(save)
        names = getattr(pipeline.detector, "class_names", None)
        sinks += [TextSink(folder / "tracks.txt"), VideoSink(folder / "tracks.mp4", pipeline.source.frame_rate, names)]

    def run() -> Iterator[tuple[Image | None, Tracks]]:
        with ExitStack() as finish:
            if pipeline.source is not source:
                finish.callback(pipeline.source.close)
            for sink in sinks:
                finish.callback(sink.close)
            for step in pipeline:
                for sink in sinks:
                    sink.write(step)
                yield step.frame.image, step.tracks
        if pipeline.source.missing and invalid == "raise":
            raise ValueError(
                f"{pipeline.source.name}: {pipeline.source.missing} frames could not be read (a damaged or cut file?); "
                "the others were given; invalid='drop' leaves this unsaid"
            )

    return run()
