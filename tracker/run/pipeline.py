"""From a source to tracks: frames -> detector -> embedder -> tracker, one frame at a time, as an iterator.

The stages of a file overlap. One thread decodes ahead; where the detector allows it (``concurrent``), as many threads
as there are processors each detect and embed on a frame of their own; the tracker takes the frames in their order.
Frames side by side give exactly what one after the other gives, which larger batches of a network do not promise.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, runtime_checkable

from tracker.arrays import EmbeddingArray, FloatArray, Image
from tracker.camera import Compensated
from tracker.count.paths import feet_of
from tracker.count.places import Zone
from tracker.detect.detector import Detector, RecordedDetector, as_detector
from tracker.detections import Detections, Invalid, as_detections
from tracker.io.sinks import Step
from tracker.io.snapshot import restore_state, state_of
from tracker.io.video import Frame, Source
from tracker.kinds import ScoreKind
from tracker.log import Decisions
from tracker.processors import processors
from tracker.protocol import Clocked, EmbedderCall, Embeds, Predicts, Updates, answer_of
from tracker.run.threads import ParallelMap, Prefetch
from tracker.settings import at_least
from tracker.tracker import Tracker
from tracker.tracks import Tracks

STAGES = ("decode", "detect", "embed", "associate")

MOST_PARALLEL = 16  # frames detected at once: each costs the memory of a frame and of the network's maps


@runtime_checkable
class Concurrent(Protocol):
    """An embedder that says whether several threads may call it at once; one that does not say so may not."""

    concurrent: bool


@runtime_checkable
class _HoldsEmbedder(Protocol):
    embedder: EmbedderCall | None


@runtime_checkable
class _Lists(Protocol):
    """A tracker that tells every track that lives, reported or not."""

    @property
    def tracks(self) -> Tracks: ...


def embedder_of(tracker: Updates) -> EmbedderCall | None:
    """The embedder that a tracker brings, or None."""
    return tracker.embedder if isinstance(tracker, _HoldsEmbedder) else None


@dataclass(frozen=True, eq=False)
class _Looked:
    """A frame before the tracker takes it.

    looked      whether the detector ran
    dropped     bad rows left out
    detecting, embedding  seconds
    """

    frame: Frame
    looked: bool
    detections: Detections
    dropped: int
    detecting: float
    embedding: float


class Pipeline:
    """Iterate to run; each ``Step`` is made when it is asked for, and nothing of it is kept.

    Meanwhile a thread decodes the next few frames of a file, and a detector that is ``concurrent`` looks at them.

    source    the frames
    detector  a detector, or any callable image -> detections (whatever ``as_detections`` takes)
    tracker   any tracker, ``Compensated`` or not; what it remembers stays
    embedder  callable (image, boxes (N, 4)) -> (N, D), for detections without embeddings; default the tracker's own. A
              tracker that ``embeds_itself`` calls its own embedder, and the pipeline calls none
    min_score detections of a lower score are left out
    roi       a region of the image: detections whose foot point lies outside are left out
    scores    what the detector's scores are: "probability", "percent" or "logit"; they become probabilities. None: they
              stay as they are
    every     detect in the first of every so many frames; the others get the tracks of the last such frame, as the
              tracker predicts them. The tracker's update is not called there, so nothing counts as missed
    invalid   what to do with bad rows of the detector: "raise" or "drop" (counted in ``dropped``)

    ``seconds`` holds the time spent per stage, divided by the threads that shared it; ``frames`` counts the steps made;
    ``bare`` is the tracker without its camera. Set ``keeps_living`` for steps that have every living track.
    Raises ValueError for an ``every`` above 1 with a tracker that has no ``predict``.
    """

    def __init__(
        self,
        source: Source,
        detector: Detector | RecordedDetector | Callable[[Image], object],
        tracker: Updates | Compensated,
        *,
        embedder: EmbedderCall | None = None,
        min_score: float | None = None,
        scores: ScoreKind | None = None,
        every: int = 1,
        invalid: Invalid = "raise",
        roi: Zone | None = None,
    ) -> None:
        bare: Updates = tracker.tracker if isinstance(tracker, Compensated) else tracker
        self.bare = bare
        if isinstance(bare, Tracker):
            bare.warns = False  # the detector's note says it
        self.source = source
        self.detector = as_detector(detector, invalid=invalid)
        self.tracker = tracker
        self.embedder = embedder_of(bare) if embedder is None else embedder
        self.min_score = min_score
        self.roi = roi
        self.scores = scores
        self.every = at_least(1, every, "every")
        self.invalid: Invalid = invalid
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self.frames = 0
        self.dropped = 0
        self.keeps_living = False
        self._goes_on = False
        self._predicts = bare if isinstance(bare, Predicts) else None
        if self.every > 1 and self._predicts is None:
            raise ValueError(
                f"every={every}: {type(bare).__name__} has no method predict(tracks, time) for the frames between; "
                "leave every out (--every)"
            )
        self._order = _Order(self)
        self._embeds_itself = bare if isinstance(bare, Embeds) and bare.embeds_itself and bare.embedder else None

    def __iter__(self) -> Generator[Step, None, None]:
        self.detector.reset()  # forget another video
        if not self._goes_on:
            self._order = _Order(self)
            self.frames = 0
        self._goes_on = False
        live = self.source.live
        parallel = not live and self.detector.concurrent
        # An embedder that only one thread at a time may use runs after the frames are in their order again.
        embed_late = parallel and not (self.embedder is None or _is_concurrent(self.embedder))
        workers = min(len(processors()), MOST_PARALLEL) if parallel else 1
        look = partial(self._look, embed=not embed_late)
        with ExitStack() as finish:
            # Frames of a live source are fetched one by one: those waiting in a queue would be old ones.
            numbered = enumerate(self._timed() if live else self._prefetched(finish), self.frames)
            frames: Iterator[_Looked] = map(look, numbered)
            if parallel:
                frames = ParallelMap(look, numbered, workers)
                finish.callback(frames.close)
            for one in frames:
                self.seconds["detect"] += one.detecting / workers
                self.seconds["embed"] += one.embedding / workers
                self.dropped += one.dropped
                yield self._track(self._embed_late(one) if embed_late else one)

    @property
    def embeds_itself(self) -> bool:
        """Whether the tracker calls the embedder, for the detections that it chooses."""
        return self._embeds_itself is not None

    @property
    def memory(self) -> dict[str, object]:
        """All that is remembered of the frames so far; see ``restore``. Raises ValueError where that cannot be told."""
        camera = self.tracker.camera if isinstance(self.tracker, Compensated) else None
        return {
            "frames": self.frames,
            "dropped": self.dropped,
            "order": self._order.memory,
            "tracker": state_of(self.bare),
            "camera": None if camera is None else state_of(camera),
            "warps": self.bare.log.warps if isinstance(self.bare, Tracker) and self.bare.log is not None else [],
        }

    def restore(self, memory: Mapping[str, Any]) -> None:
        """Remember what another pipeline like this one gave as ``memory``, and go on behind its frames."""
        self.frames, self.dropped = memory["frames"], memory["dropped"]
        self._order.memory = memory["order"]
        restore_state(self.bare, memory["tracker"])
        if isinstance(self.tracker, Compensated):
            restore_state(self.tracker.camera, memory["camera"])
        if isinstance(self.bare, Tracker) and self.bare.log is not None:
            self.bare.log.warps = memory["warps"]
        self._goes_on = True

    def _track(self, one: _Looked) -> Step:
        """Let the tracker take one frame."""
        started, embedded = clock.perf_counter(), self.seconds["embed"]
        with self._timing_the_embedder():
            tracks = self._order.take(one)
        self.seconds["associate"] += clock.perf_counter() - started - (self.seconds["embed"] - embedded)
        self.frames += 1
        motion = self.tracker.motion if isinstance(self.tracker, Compensated) else None
        decisions = self._decisions if one.looked else None
        living = self.bare.tracks if one.looked and self.keeps_living and isinstance(self.bare, _Lists) else None
        return Step(one.frame, one.detections, tracks, decisions, one.looked, motion, living)

    @property
    def _decisions(self) -> Decisions | None:
        """Those of the last update, where the tracker keeps a log."""
        log = self.bare.log if isinstance(self.bare, Tracker) else None
        return log.frames[-1] if log is not None and log.frames else None

    def _prefetched(self, finish: ExitStack) -> Iterator[Frame]:
        """The frames, decoded ahead by a thread that ``finish`` ends."""
        ahead: Prefetch[Frame] = Prefetch(self.source)
        finish.callback(ahead.close)
        for frame in ahead:
            self.seconds["decode"] = ahead.seconds
            yield frame

    def _timed(self) -> Iterator[Frame]:
        frames = iter(self.source)
        while True:
            started = clock.perf_counter()
            frame = next(frames, None)
            self.seconds["decode"] += clock.perf_counter() - started
            if frame is None:
                return
            yield frame

    @contextmanager
    def _timing_the_embedder(self) -> Iterator[None]:
        """Count what a tracker that embeds itself spends in its embedder as embedding."""
        tracker = self._embeds_itself
        embedder = None if tracker is None else tracker.embedder
        if tracker is None or embedder is None:
            yield
            return

        def timed(image: Image, boxes: FloatArray) -> EmbeddingArray:
            started = clock.perf_counter()
            try:
                found: EmbeddingArray = embedder(image, boxes)
                return found
            finally:
                self.seconds["embed"] += clock.perf_counter() - started

        tracker.embedder = timed
        try:
            yield
        finally:
            tracker.embedder = embedder

    def _look(self, numbered: tuple[int, Frame], *, embed: bool) -> _Looked:
        """Detect, and embed, on one frame; changes nothing of the pipeline, so that threads may share it."""
        index, frame = numbered
        looked = index % self.every == 0
        started = clock.perf_counter()
        detections, dropped = self._detect(frame) if looked else (Detections.empty(), 0)
        detected = clock.perf_counter()
        if embed:
            detections, more = self._embed(frame, detections)
            dropped += more
        return _Looked(frame, looked, detections, dropped, detected - started, clock.perf_counter() - detected)

    def _detect(self, frame: Frame) -> tuple[Detections, int]:
        """The detections of a frame, and how many bad rows were left out."""
        if not isinstance(self.detector, RecordedDetector) and frame.image is None:
            raise ValueError(
                f"{self.source.name} has no images to run a detector on; give recorded detections (detector='det.txt')"
            )
        try:
            if isinstance(self.detector, RecordedDetector):
                found = self.detector.at(frame.number)
            else:
                assert frame.image is not None
                found = self.detector(frame.image)
            detections = as_detections(found, invalid=self.invalid)
            if self.scores is not None:
                detections = detections.with_probabilities(self.scores)
        except ValueError as error:
            raise ValueError(f"frame {frame.number}: {error}") from None
        dropped = detections.dropped
        if self.min_score is not None:
            detections = detections[detections.scores >= self.min_score]
        if self.roi is not None and len(detections):
            detections = detections[self.roi.contains(feet_of(detections.boxes))]
        return detections, dropped

    def _embed(self, frame: Frame, detections: Detections) -> tuple[Detections, int]:
        """The detections with embeddings, and how many had to be left out."""
        if self.embedder is None or detections.embeddings is not None or len(detections) == 0:
            return detections, 0
        if self._embeds_itself is not None and frame.image is not None:
            return detections, 0
        if frame.image is None:
            raise ValueError(
                f"{self.source.name} has no images to embed; give detections with embeddings (.npz), "
                "or an algorithm without appearance (sort)"
            )
        embedded = detections.with_embeddings(self.embedder(frame.image, detections.boxes), invalid=self.invalid)
        return embedded, embedded.dropped

    def _embed_late(self, one: _Looked) -> _Looked:
        """The same frame with embeddings, made in the thread that tracks."""
        started = clock.perf_counter()
        detections, dropped = self._embed(one.frame, one.detections)
        self.dropped += dropped
        self.seconds["embed"] += clock.perf_counter() - started
        return replace(one, detections=detections)


class _Order:
    """Frames given to a tracker one after the other: their times increase, and those without detections are predicted.

    The reports are numbered by frames of the source: between detections the tracker does not count, and a tracker of
    the user's own need not count at all.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.time: float | None = None
        self.offset = 0.0  # seconds from the source's times to the tracker's
        self.tracks: Tracks | None = None
        self.number = 0

    @property
    def memory(self) -> dict[str, object]:
        """All of it, as ``Pipeline.memory`` holds it."""
        return {"time": self.time, "offset": self.offset, "tracks": self.tracks, "number": self.number}

    @memory.setter
    def memory(self, memory: Mapping[str, Any]) -> None:
        self.time, self.offset = memory["time"], memory["offset"]
        self.tracks, self.number = memory["tracks"], memory["number"]

    def take(self, one: _Looked) -> Tracks:
        """The tracks of the next frame."""
        pipeline, tracker = self.pipeline, self.pipeline.tracker
        if self.time is None and isinstance(tracker, Clocked) and tracker.last_time is not None:
            # The tracker has seen another clip: this one follows it.
            self.offset = tracker.last_time + 1 / pipeline.source.frame_rate - one.frame.time
        # Some containers repeat a timestamp; a tracker's time must increase.
        time = one.frame.time + self.offset
        if self.time is not None:
            time = max(time, self.time + 0.1 / pipeline.source.frame_rate)
        self.time = time
        if isinstance(tracker, Compensated):
            tracker.at(pipeline.source.place(one.frame.number))
        if one.looked or self.tracks is None or pipeline._predicts is None:
            tracks = answer_of(pipeline.bare, tracker.update(one.detections, one.frame.image, time))
        else:
            if isinstance(tracker, Compensated):
                tracker.carry(one.frame.image, self.tracks.boxes)
            tracks = answer_of(pipeline.bare, pipeline._predicts.predict(self.tracks, time), "predict")
        self.number = self.number + 1 if self.number else max(tracks.frame, 1)
        if pipeline.every > 1 or tracks.frame == 0:
            tracks = replace(tracks, frame=self.number, time=time)
        self.tracks = tracks
        return tracks


def _is_concurrent(embedder: EmbedderCall) -> bool:
    return isinstance(embedder, Concurrent) and embedder.concurrent
