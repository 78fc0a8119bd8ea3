"""``tracker.track``: a run as an iterator of images and tracks."""

from __future__ import annotations

import signal
import weakref
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from types import TracebackType
from typing import Any

from numpy.typing import ArrayLike

from tracker.arrays import Image
from tracker.detect.detector import RecordedDetector
from tracker.detect.head import Head
from tracker.detect.network import ClassNames
from tracker.detections import Detections, Invalid
from tracker.io.detections_file import Embeddings
from tracker.io.sinks import Sink, Step
from tracker.io.source import Frames
from tracker.io.stream.options import Live
from tracker.io.video import Source
from tracker.kinds import ScoreKind
from tracker.protocol import EmbedderCall, Updates
from tracker.run.driver import Driver
from tracker.run.manifest import Facts, State, plain
from tracker.run.open import Options, open_run
from tracker.run.output import Output
from tracker.run.snapshots import live_as_before, seconds_between
from tracker.spelling import number_of
from tracker.tracks import Tracks


class Run:
    """What ``tracker.track`` returns: iterate over it to get (image, tracks) of each frame, once.

    notes   lines for people: what was assumed, left out or could not be read; complete at the end
    counts  frames, missing_frames, detections, dropped (bad rows), tracks, rows; so far
    detections  those of the last frame given; ``tracks.detections`` counts in them, so that
            ``run.detections.payload[tracks.detections]`` are the masks or landmarks of tracks without a -1 there
    state   "running", "complete", "incomplete" (frames could not be read), "interrupted" or "failed"

    Leaving the loop, by ``break`` or an error, finishes the files; so does ``close()``, or the end of ``with track(...)
    as run``. Ctrl-C in the loop's body raises KeyboardInterrupt there, elsewhere once the frame in progress is
    written. TERM and HUP finish the files before they end the process. All this in the main thread, and where no one
    else handles these signals.
    """

    def __init__(self, driver: Driver, *, strict: bool) -> None:
        self._driver = driver
        self._strict = strict
        self.detections = Detections.empty()
        # The generator does not hold this object: when this is forgotten, the generator ends and finishes the files.
        self._steps = driver.steps()
        self._finish = weakref.finalize(self, _finish, driver, self._steps)
        self._driver.interrupts.busy = False
        self._driver.interrupts.close = _closing(weakref.ref(self))

    @property
    def notes(self) -> list[str]:
        return self._driver.notes

    @property
    def counts(self) -> Facts:
        return self._driver.counts

    @property
    def state(self) -> State:
        return self._driver.state

    def __iter__(self) -> Run:
        return self

    def __next__(self) -> tuple[Image | None, Tracks]:
        driver = self._driver
        driver.interrupts.busy = True
        try:
            step = next(self._steps, None)
        finally:
            driver.interrupts.busy = False
        if step is not None and driver.interrupts.received is None:
            image, tracks = step.frame.image, step.tracks
            self.detections = step.detections
            # The thread that writes reads the step while the caller may draw on the image.
            return deepcopy((image, tracks)) if driver.writes_aside else (image, tracks)
        if self._finish.alive:
            self._end()
        raise StopIteration

    def _end(self) -> None:
        """Raise what the end of the iteration has to say."""
        driver = self._driver
        self.close()
        if driver.interrupts.received is not None:  # now it takes the effect it had before
            signal.raise_signal(driver.interrupts.received)
            raise KeyboardInterrupt
        if driver.missing and self._strict:
            lost = f"{'at least ' if driver.at_least else ''}{number_of(driver.missing, 'frame')}"
            raise ValueError(
                f"{driver.opened.pipeline.source.name}: {lost} could not be read (a damaged or "
                "cut file?); the others were given; invalid='drop' leaves this unsaid"
            )
        if driver.opened.pipeline.source.cut and self._strict:
            raise ValueError(driver.opened.pipeline.source.cut)

    def close(self) -> None:
        """Finish the files and release the source; may be called again."""
        self._finish()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _checked(sinks: Sequence[Sink]) -> list[Sink]:
    """The sinks; TypeError, naming the first that is none."""
    if isinstance(sinks, (str, bytes)) or not isinstance(sinks, Iterable):
        raise TypeError(f"sinks is a {type(sinks).__name__}; give a list of objects with write(step) and close()")
    given = list(sinks)
    for place, sink in enumerate(given):
        if isinstance(sink, type) or not isinstance(sink, Sink):
            named = f"the class {sink.__name__}" if isinstance(sink, type) else f"a {type(sink).__name__}"
            raise TypeError(f"sinks[{place}] is {named}; give an object with write(step) and close()")
    return given


def _finish(driver: Driver, steps: Generator[Step, None, None]) -> None:
    driver.interrupts.busy = True
    try:
        steps.close()
    finally:
        driver.interrupts.busy = False
        driver.opened.close()


def _closing(run: weakref.ref[Run]) -> Callable[[], None]:
    def close() -> None:
        known = run()
        if known is not None:
            known.close()

    return close


def track(
    source: str | Path | int | Source | Frames,
    *,
    algo: str | Updates | None = None,
    detector: str | Path | Callable[[Image], object] | RecordedDetector | None = None,
    reid: str | Path | EmbedderCall | None = None,
    reid_runtime: str | None = None,
    conf: float | None = None,
    classes: Sequence[str | int] | None = None,
    roi: str | ArrayLike | None = None,
    settings: Mapping[str, Any] | None = None,
    params: str | Path | None = None,
    camera_motion: str = "auto",
    every: int = 1,
    invalid: Invalid = "raise",
    head: str | type[Head] | Head | None = None,
    names: ClassNames = None,
    imgsz: int | str | tuple[int, int] | None = None,
    device: str | Sequence[str] | None = None,
    nms: str | None = None,
    detector_runtime: str | None = None,
    offline: bool = False,
    save: str | Path | None = None,
    log: bool = False,
    scores: ScoreKind | None = None,
    live: Live | None = None,
    sinks: Sequence[Sink] = (),
    frames: str | None = None,
    seconds: str | None = None,
    save_detections: str | Path | None = None,
    snapshot: str | float | None = None,
    resume: bool = False,
) -> Run:
    """Yield (image, tracks) for every frame of a source; lazy, in bounded memory.

    source    video file, folder of images, MOTChallenge sequence folder, webcam number, URL, an opened ``Source``, or
              any object that has ``frame_rate`` and iterates over ``tracker.io.video.Frame``
    algo      name of an algorithm, ``my_module:Mine`` or ``./mine.py:Mine`` for a class of your own, or an instance of
              either (``tracker.protocol.Updates``); default that of ``params``, or else "steady". An instance that
              has seen another clip goes on with its ids, as if this one followed it at once; reset() forgets them. By
              name a tracker gives ids when tracks are first reported, unless settings have ids_at_birth=True
    detector  "auto", "hog", "motion", a model that `track models` lists ("yolox-nano"), MODEL.onnx, recorded DETS.txt
              or DETS.npz, or any callable image -> detections. Without it: "auto", or the recorded det/det.txt of a
              sequence folder without images. "auto" is "yolox-nano" where it is in the cache or can be fetched, or else
              "hog"; a line on stderr says what is fetched before it is, and ``notes`` say why it is "hog"
    reid      "default" (the packaged model), "histogram", MODEL.onnx, or any callable (image, boxes (N, 4)) -> (N, D).
              Without it: the packaged model where the algorithm needs embeddings, none where it only can use them.
              Left out where recorded detections bring embeddings of their own
    reid_runtime  what runs the ReID model: "onnxruntime" (default) or "openvino", where that is installed
    conf      least score of a detection; default the detector's own
    scores    what the scores of recorded detections, or of your own callable, are: "probability", "percent" or "logit".
              They become probabilities first, for every algorithm, and ``conf`` is one. Without it they stay as they
              are; Steady finds their scale
    classes   names of the classes to keep, where the detector has names, or their numbers
    roi       a region of the image, as corners (P, 2) in pixels or "10,10 90,10 90,80": detections whose foot point
              (middle of the box's lower edge) lies outside are left out
    settings  parameters of the algorithm by name
    params    a file of ``track tune``: settings and, if it has one, conf, where they are not given here
    camera_motion  "auto": as the algorithm does by default (Steady finds the camera's motion in its own pairs of tracks
              and detections). "pairs" makes any of ours do so; "off"; "flow", "orb" or "ecc" estimate it from the
              images; or a file of one affine map per frame
    every     detect in the first of every so many frames and predict between: there ``detections`` are -1. A max_age
              of a frame or more still lets a track be missed once
    invalid   "raise" or "drop" bad rows of the detector
    head      for MODEL.onnx: the name of the head that reads its outputs, where the file does not tell
              (``tracker.detect.heads.heads()`` lists them), or a ``tracker.detect.Head``
    names     for MODEL.onnx: the class names in order, by number, or a file of them (one per line, data.yaml, JSON)
    imgsz     for MODEL.onnx of a free input size: 640, "640x480" (width x height) or (height, width)
    device    for MODEL.onnx: onnxruntime's providers, such as "cuda,cpu"; the CPU by default
    nms       for MODEL.onnx: which overlapping boxes are one object. "per-object" (default): those of one class, and
              twins of different classes, such as car and truck; "per-class", "agnostic", "soft", "soft-linear": see
              ``tracker.detect.ONNX``
    detector_runtime  for MODEL.onnx: what runs it: "onnxruntime" (default), "openvino", where that is installed, or
              "auto": OpenVINO where it is installed
    offline   fetch no model; the environment's TRACKWHY_OFFLINE=1 forbids it too
    save      a new or empty folder that gets tracks.txt (MOTChallenge), the annotated tracks.mp4 and run.json
              (``tracker.run.manifest``), frame by frame, as the command `track` writes them
    log       keep the decision log and the detections in ``save``'s folder too, as log.sqlite: ``tracker.explain`` and
              `track explain` read it (``tracker.io.log_file``)
    live      how a webcam or a URL is read: ``tracker.io.video.Live(keep_all=True, reconnect=0)``; by default the
              newest frame is tracked, and a URL whose connection is lost is connected again
    sinks     objects of your own with write(step) and close() (``tracker.io.sinks.Sink``): each gets every step, in the
              thread that writes the files, and is closed however the run ends
    frames, seconds  a part of the source: "100:200" are its frames 100 to 200, "10:20.5" those from second 10 on and
              before 20.5. Either end may be left out; frames keep their numbers and times
    save_detections  a new or empty folder that gets what was detected, with embeddings, camera motion and times:
              ``detector`` takes it (``tracker.io.detections_file``). Goes with ``save``
    snapshot  save the state of the run in ``save``'s folder every so often, "30s" or seconds, so that a run that is
              killed can go on (``tracker.run.snapshots``). No video is written, and ``sinks`` must be
              ``tracker.io.sinks.Resumable``
    resume    go on with the run that left a snapshot in ``save``'s folder, behind its last frame; the other arguments
              must be the same. A new or empty folder begins a run

    image is BGR uint8 (H, W, 3), None for a sequence without its images; with ``save`` or ``sinks`` a copy, so that you
    may draw on it. The iterator is a ``Run``: its ``notes`` say what was assumed or left out. Raises ValueError, in one
    line, for what does not fit. The source is closed at the end, or when the iterator is closed or forgotten.
    """
    options = Options(
        source,
        algo=algo,
        detector=detector,
        reid=reid,
        reid_runtime=reid_runtime,
        conf=conf,
        classes=classes,
        roi=roi,
        settings=settings,
        params=params,
        camera_motion=camera_motion,
        every=every,
        invalid=invalid,
        head=head,
        names=names,
        imgsz=imgsz,
        device=device,
        nms=nms,
        detector_runtime=detector_runtime,
        offline=offline,
        log=log,
        live=live_as_before(live, source, save) if resume else live,
        frames=frames,
        seconds=seconds,
        keeps=save_detections is not None,
        scores=scores,
    )
    sinks = _checked(sinks)
    if save is not None and not isinstance(save, (str, Path)):
        raise TypeError(f"save is a {type(save).__name__}; give the path of a folder")
    if log and save is None:
        raise ValueError("log=True goes with save: the log is written into its folder")
    between = None if snapshot is None else seconds_between(snapshot, "snapshot")
    saved = resume or between is not None
    if save_detections is not None and save is None:
        raise ValueError("save_detections goes with save: it is a second folder of the same run")
    if saved and save is None:
        raise ValueError("snapshot and resume go with save: snapshots are written into its folder")
    opened = open_run(options)
    try:
        given = options.given()
        call = {name: plain(vars(value) if isinstance(value, Live) else value) for name, value in given.items()}
        output = None
        if save is not None:
            said = {"call": {**call, "save": plain(save)}}
            kept: tuple[Path, Embeddings] | None = (
                None if save_detections is None else (Path(save_detections), "float32")
            )
            output = Output(
                save, opened, said, log=log, video=not saved, detections=kept, snapshot=between, resume=resume
            )
        return Run(Driver(opened, output, sinks), strict=invalid == "raise")
    except BaseException:
        opened.close()
        raise
