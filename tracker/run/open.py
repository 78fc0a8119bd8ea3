"""From what a user names to a pipeline: source, detector, embedder, algorithm and camera, opened and checked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from numpy.typing import ArrayLike

from tracker.algorithms import DEFAULT, algorithm, build, embeddings_of, read_params, short_name, takes_embeddings
from tracker.arrays import FloatArray, Image
from tracker.camera import (
    BESIDE,
    METHODS,
    OWN_CAMERA,
    CameraEstimate,
    CameraSaved,
    Compensated,
    file_beside,
    open_camera,
    pairs_setting,
)
from tracker.camera_glance import CameraGlance
from tracker.count.places import Zone, parse_zone
from tracker.detect.detector import Detector, RecordedDetector, as_detector
from tracker.detect.head import Head
from tracker.detect.network import ClassNames, providers_of, size_of
from tracker.detect.saved import Saved
from tracker.detections import Invalid
from tracker.io.detections_file import DetectionsFolder
from tracker.io.source import Frames, Source, span_of
from tracker.io.stream.options import Live
from tracker.kinds import ScoreKind
from tracker.log import Log
from tracker.protocol import EmbedderCall, Embeddings, Embeds, Updates, Warps
from tracker.run.pipeline import Pipeline, embedder_of
from tracker.scores import check_kind
from tracker.settings import at_least, frames_of, number, parsed, settings_of
from tracker.tracker import Tracker


@dataclass(frozen=True)
class Options:
    """What a run is made of: the arguments of ``tracker.track``, which explains them, and the options of `track`.

    keeps   whether the detections are saved: the embeddings of all are needed then
    images  whether anybody but detector, embedder and camera looks at the images
    """

    source: str | Path | int | Source | Frames
    algo: str | Updates | None = None
    detector: str | Path | Callable[[Image], object] | RecordedDetector | None = None
    reid: str | Path | EmbedderCall | None = None
    reid_runtime: str | None = None
    conf: float | None = None
    classes: Sequence[str | int] | None = None
    roi: str | ArrayLike | None = None
    settings: Mapping[str, Any] | None = None
    params: str | Path | None = None
    camera_motion: str = "auto"
    every: int = 1
    invalid: Invalid = "raise"
    head: str | type[Head] | Head | None = None
    names: ClassNames = None
    imgsz: int | str | tuple[int, int] | None = None
    device: str | Sequence[str] | None = None
    nms: str | None = None
    detector_runtime: str | None = None
    offline: bool = False
    log: bool = False
    live: Live | None = None
    frames: str | None = None
    seconds: str | None = None
    keeps: bool = False
    images: bool = True
    scores: ScoreKind | None = None

    def given(self) -> dict[str, Any]:
        """The arguments that differ from their defaults."""
        values = [(f.name, getattr(self, f.name), f.default) for f in fields(self)]
        return {name: value for name, value, default in values if type(value) is not type(default) or value != default}


@runtime_checkable
class _Named(Protocol):
    name: str


@runtime_checkable
class _Counted(Protocol):
    n_frames: int | None


@runtime_checkable
class _Live(Protocol):
    live: bool


@runtime_checkable
class _DeclaresEmbeddings(Protocol):
    embeddings: Embeddings


@dataclass
class Opened:
    """A run that is ready to start.

    options   as asked for, with what the parameter file adds
    algo      name of the algorithm in messages and files
    settings  every setting of the algorithm as it is used
    notes     lines for people: what was left out
    inputs    the files read, by the option that named them; those of an opened source are not known
    owns_source  whether the source was opened here, and is closed with the run
    """

    options: Options
    pipeline: Pipeline
    algo: str
    settings: dict[str, Any]
    camera: Callable[..., FloatArray] | None
    notes: list[str] = field(default_factory=list)
    inputs: dict[str, list[Path]] = field(default_factory=dict)
    owns_source: bool = False

    def close(self) -> None:
        """Release what was opened here; may be called again."""
        if self.owns_source:
            self.pipeline.source.close()

    @property
    def tracker(self) -> Updates:
        """The tracker itself, without its camera."""
        tracker = self.pipeline.tracker
        return tracker.tracker if isinstance(tracker, Compensated) else tracker

    @property
    def detector_name(self) -> str:
        """The detector as the user named it."""
        named = self.options.detector
        return str(named) if isinstance(named, (str, Path)) else self.pipeline.detector.name


class Models:
    """Detectors and embedders that several runs, one after the other, share: each is opened once."""

    def __init__(self) -> None:
        self._detectors: dict[str, tuple[Detector | RecordedDetector, list[str]]] = {}
        self._embedders: dict[str, EmbedderCall] = {}

    def detector(
        self, key: str, open_it: Callable[[Callable[[str], None]], Detector | RecordedDetector]
    ) -> tuple[Detector | RecordedDetector, list[str]]:
        """The detector of this key, and what was said when it was opened; recorded detections are of one video."""
        if key not in self._detectors:
            said: list[str] = []
            found = open_it(said.append)
            if isinstance(found, RecordedDetector):
                return found, said
            self._detectors[key] = (found, said)
        return self._detectors[key]

    def embedder(self, key: str, open_it: Callable[[], EmbedderCall]) -> EmbedderCall:
        """The embedder of this key."""
        if key not in self._embedders:
            self._embedders[key] = open_it()
        return self._embedders[key]


def open_run(options: Options, *, models: Models | None = None) -> Opened:
    """Open what the options name. No frame is read before the pipeline is iterated.

    models  those of earlier runs, to be used again

    Raises ValueError, in one line, for whatever does not fit; nothing stays open then.
    """
    _check_types(options)
    options = _with_camera_file(_with_params(options))
    at_least(1, options.every, "every")
    if isinstance(options.algo, str):
        algorithm(options.algo)  # an unknown name is refused before anything slow is opened
    source = _open_source(options.source, options.live)
    try:
        return _open(options, source, Models() if models is None else models)
    except BaseException:
        if source is not options.source:
            source.close()
        raise


def _check_types(options: Options) -> None:
    """Refuse, in one line, the arguments that no option can be."""
    number(options.conf, "conf")
    check_kind(options.scores)
    for name, value in (
        ("reid_runtime", options.reid_runtime),
        ("camera_motion", options.camera_motion),
        ("frames", options.frames),
        ("seconds", options.seconds),
        ("nms", options.nms),
        ("detector_runtime", options.detector_runtime),
    ):
        if not isinstance(value, str) and (value is not None or name == "camera_motion"):
            raise TypeError(f"{name} is a {type(value).__name__}; give text")
    if options.invalid not in ("raise", "drop"):
        raise ValueError(f"invalid={options.invalid!r}: use 'raise' or 'drop'")
    if options.params is not None and not isinstance(options.params, (str, Path)):
        raise TypeError(f"params is a {type(options.params).__name__}; give the path of a file of `track tune`")
    if options.reid is not None and not isinstance(options.reid, (str, Path)) and not callable(options.reid):
        raise TypeError(f"reid is a {type(options.reid).__name__}; give a name, a file or a callable (image, boxes)")
    classes, settings = options.classes, options.settings
    if isinstance(classes, str):
        raise ValueError(f"classes={classes!r} is one string; give a list of names")
    if classes is not None and not (
        isinstance(classes, Collection) and all(isinstance(c, (str, int)) for c in classes)
    ):
        raise TypeError("classes is no list of names; give names such as ['person', 'car'], or numbers")
    if settings is not None and not (isinstance(settings, Mapping) and all(isinstance(key, str) for key in settings)):
        raise TypeError("settings are no values by name; give a dict such as {'max_age': 30}")


def _open(options: Options, source: Source, models: Models) -> Opened:
    if options.detector is None or (isinstance(options.detector, str) and options.detector == "auto"):
        options = replace(options, detector=_default_detector(options.source, source))
    tracker, settings = _open_tracker(options, source.frame_rate)
    _check_abilities(options, tracker)
    if options.log:
        _keep_log(tracker)
    notes: list[str] = []
    detector, min_score = _open_detector(options, notes, models, live=source.live)
    embedder, left_out = _open_embedder(options, tracker, detector, models, live=source.live)
    saved = detector.folder if isinstance(detector, Saved) else None
    _check_saved(options, saved)
    camera = _open_camera(options, source, saved, tracker)
    pipeline = Pipeline(
        source,
        detector,
        tracker if camera is None else Compensated(tracker, camera),
        embedder=embedder,
        min_score=min_score,
        scores=None if isinstance(options.detector, (str, Path)) else options.scores,
        every=options.every,
        invalid=options.invalid,
        roi=_region(options.roi),
    )
    needed = options.images or pipeline.embedder is not None or not isinstance(camera, (CameraSaved, type(None)))
    if saved is not None and not needed and _has_all(saved, source):
        source.without_images(saved.numbers.tolist(), saved.times.tolist())
    if (span := span_of(options.frames, options.seconds)) is not None:
        source.select(span)
    return Opened(
        options,
        pipeline,
        algo=short_name(options.algo) if isinstance(options.algo, str) else type(tracker).__name__.lower(),
        settings=settings,
        camera=camera,
        notes=notes + left_out,
        inputs=_inputs(options, tracker, detector, embedded=pipeline.embedder is not None),
        owns_source=source is not options.source,
    )


def _check_saved(options: Options, saved: DetectionsFolder | None) -> None:
    """Refuse to detect in frames in which no detector ran when the detections were saved."""
    every = 1 if saved is None else saved.facts.get("every", 1)
    if options.every % every:
        raise ValueError(
            f"{options.detector}: was saved with every={every}, so that most frames have no detections; "
            f"track with every={every} (--every {every})"
        )


def _has_all(saved: DetectionsFolder, source: Source) -> bool:
    """Whether these detections are of the whole of this very source."""
    of = saved.facts.get("source")
    if not isinstance(of, Mapping) or not saved.facts.get("complete") or of.get("part") is not None:
        return False
    with suppress(OSError):
        return of.get("sha256") is not None and of["sha256"] == source.sha256()
    return False


def _open_camera(
    options: Options, source: Source, saved: DetectionsFolder | None, tracker: Updates
) -> Callable[..., FloatArray] | None:
    """What tells how the camera moves, where the tracker does not see to it: as it was saved, if by the same method."""
    how = options.camera_motion
    follows = isinstance(tracker, Tracker) and tracker.camera_from_pairs
    if how in ("pairs", "off") or (how == "auto" and not follows):
        return None
    same = saved is not None and saved.facts.get("camera_motion") == how
    if saved is None or saved.motions is None or not same or how not in (*METHODS, "auto"):
        if how == "auto":  # pairs are too few in some scenes
            return CameraGlance() if source.has_images else None
        return open_camera(how, frames=source.n_frames)
    return saved_camera(source, saved)


def saved_camera(
    source: Source, saved: DetectionsFolder, failures: int = 0, followed: int | None = None
) -> CameraSaved:
    """The camera whose motion was kept in a folder that has it; the counts as in ``CameraSaved``."""
    assert saved.motions is not None
    places = [source.place(number) for number in saved.numbers.tolist()]
    return CameraSaved(dict(zip(places, saved.motions, strict=True)), failures, followed)


def _with_params(options: Options) -> Options:
    """The options with those of the parameter file where they are not given, and with an algorithm."""
    if options.params is None:
        return options if options.algo is not None else replace(options, algo=DEFAULT)
    if not isinstance(options.algo, (str, type(None))):
        raise ValueError("params go with an algorithm's name; an instance has its own already")
    read = read_params(options.params, options.algo)
    conf = read.conf if options.conf is None else options.conf
    given = parsed(read.algo, algorithm(read.algo), options.settings or {})
    return replace(options, algo=read.algo, settings={**read.settings, **given}, conf=conf)


def _region(given: str | ArrayLike | None) -> Zone | None:
    """The region that detections are taken from. Raises ValueError for what is no polygon."""
    if given is None:
        return None
    try:
        return parse_zone(given, "roi") if isinstance(given, str) else Zone("roi", given)
    except ValueError as error:
        raise ValueError(f"--roi: {str(error).removeprefix('zone roi: ')}") from None


def _with_camera_file(options: Options) -> Options:
    """The options with the camera file in the sequence's folder, where that is asked for."""
    if options.camera_motion != BESIDE:
        return options
    if not isinstance(options.source, (str, Path)) or not Path(options.source).is_dir():
        raise ValueError(f"camera_motion={BESIDE} goes with the folder of a sequence; give a file (--camera-motion)")
    return replace(options, camera_motion=str(file_beside(Path(options.source))))


def _open_source(source: str | Path | int | Source | Frames, live: Live | None) -> Source:
    if live is not None and not isinstance(live, Live):
        raise TypeError(f"live is a {type(live).__name__}; give a tracker.io.video.Live")
    if isinstance(source, (str, Path, int)) and not isinstance(source, bool):
        from tracker.io.video import open_source

        opened = open_source(source, live)
        if live is not None and opened.kind not in ("stream", "webcam"):
            opened.close()
            raise ValueError(
                f"{opened.name}: is no webcam and no URL; leave live out (--keep-all, --reconnect, --give-up, --stall)"
            )
        return opened
    if live is not None:
        raise ValueError("live goes with a webcam number or a URL; open your source with it: open_source(url, live)")
    if isinstance(source, Source):
        return source
    if isinstance(source, Frames):
        own = source  # a name for the closure, of the narrower type
        return Source(
            source.name if isinstance(source, _Named) else type(source).__name__,
            "frames",
            lambda _: (frame for frame in own),
            frame_rate=source.frame_rate,
            n_frames=source.n_frames if isinstance(source, _Counted) else None,
            live=isinstance(source, _Live) and source.live,
        )
    # Its text may be a whole video.
    raise ValueError(
        f"source: cannot be a {type(source).__name__}; give a file, a folder, a webcam number, a URL or an open source"
    )


def _default_detector(named: str | Path | int | Source | Frames, source: Source) -> str:
    """ "auto"; for a sequence folder without images its own recorded detections."""
    if source.has_images:
        return "auto"
    recorded = Path(named) / "det" / "det.txt" if isinstance(named, (str, Path)) else None
    return "hog" if recorded is None or not recorded.is_file() else str(recorded)  # the pipeline refuses hog


def _open_tracker(options: Options, frame_rate: float) -> tuple[Updates, dict[str, Any]]:
    """The tracker, and its settings as they are used."""
    algo = options.algo
    if isinstance(algo, type):
        raise ValueError(f"algo={algo.__name__}: give its name, or an instance: {algo.__name__}()")
    if not isinstance(algo, str):
        if options.settings:
            raise ValueError("settings go with an algorithm's name; an instance has its own already")
        if algo is None or not hasattr(algo, "update"):
            raise ValueError(
                f"algo={algo!r}: give an algorithm's name, or an object with update(detections, frame, time)"
            )
        return algo, _settings_used(algo)
    cls = algorithm(algo)
    given = {"frame_rate": frame_rate} if "frame_rate" in settings_of(cls) else {}
    if "ids_at_birth" in settings_of(cls):
        given["ids_at_birth"] = False
    given |= parsed(algo, cls, options.settings or {})
    given |= pairs_setting(options.camera_motion, cls, options.settings or {})
    if options.every > 1:
        given |= _lengthened(cls, given, frame_rate, options.every)
    tracker = build(algo, given)
    defaults = {name: setting.default for name, setting in settings_of(cls).items()}
    return tracker, {**defaults, **given, **_settings_used(tracker)}


def _lengthened(cls: type[Any], given: Mapping[str, Any], frame_rate: float, every: int) -> dict[str, float]:
    """The ages of a frame or more that must grow with ``every``: one frame means that a track may be missed once, and
    the next chance to see it comes ``every`` frames later.
    """
    grown = {}
    for name, setting in settings_of(cls).items():
        if setting.kind == "age":
            frames = frames_of(given.get(name, setting.default), given.get("frame_rate", frame_rate), name)
            if frames >= 1:
                grown[name] = max(frames, 2.0 * every - 1)
    return grown


def _settings_used(tracker: Updates) -> dict[str, Any]:
    """The settings of a tracker that it has as attributes, with the values that it uses."""
    return {name: getattr(tracker, name) for name in settings_of(type(tracker)) if hasattr(tracker, name)}


def _check_abilities(options: Options, tracker: Updates) -> None:
    """Refuse the options that need a method which the tracker does not have; see ``tracker.protocol``."""
    name = type(tracker).__name__
    if options.camera_motion not in OWN_CAMERA and not isinstance(tracker, Warps):
        raise ValueError(
            f"camera_motion={options.camera_motion}: {name} has no method warp(matrix), so its tracks cannot move with "
            "the camera; leave camera_motion out (--camera-motion)"
        )
    # One that declares embeddings="none" ignores them, and a note says so.
    silent = not isinstance(tracker, _DeclaresEmbeddings) and embeddings_of(type(tracker)) == "none"
    if options.reid is not None and silent:
        raise ValueError(f"reid={_shown(options.reid)}: {name} takes no embedder; leave reid out (--reid)")


def _keep_log(tracker: Updates) -> None:
    """Let the tracker log its decisions, each until it is written."""
    if not isinstance(tracker, Tracker):
        raise ValueError(
            f"log: {type(tracker).__name__} logs no decisions; derive it from tracker.Tracker, or leave log out (--log)"
        )
    tracker.log = Log(keep=1)


def _open_detector(
    options: Options, notes: list[str], models: Models, *, live: bool
) -> tuple[Detector | RecordedDetector, float | None]:
    """The detector, and the least score where the detector does not keep it itself. Adds lines for people to notes."""
    given = options.detector
    if isinstance(given, (str, Path)):
        from tracker.detect import open_detector

        # Frames side by side, one thread each, are faster than all threads on one frame, but each comes later.
        threads = None if live else 1

        def opened(tell: Callable[[str], None]) -> Detector | RecordedDetector:
            return open_detector(
                str(given),
                conf=options.conf,
                classes=None if options.classes is None else [str(one) for one in options.classes],
                invalid=options.invalid,
                threads=threads,
                head=options.head,
                names=options.names,
                size=size_of(options.imgsz),
                providers=providers_of(options.device),
                nms=options.nms,
                runtime=options.detector_runtime,
                offline=options.offline,
                scores=options.scores,
                tell=tell,
            )

        found, said = models.detector(_network_of(options, threads), opened)
        notes += said
        return found, None
    for name in ("head", "names", "imgsz", "device", "nms", "detector_runtime"):
        if name in options.given():
            option = name.replace("_", "-")
            raise ValueError(f"{name} goes with the file of a model as the detector; leave {name} out (--{option})")
    detector = as_detector(given, invalid=options.invalid)
    if options.classes is not None:
        raise ValueError("classes by name go with a detector named by text; filter in your own callable")
    return detector, options.conf


def _network_of(options: Options, threads: int | None) -> str:
    """What tells one opened detector from another."""
    asked = (options.detector, options.conf, options.classes, options.invalid, options.head, options.names)
    return repr((*asked, options.imgsz, options.device, options.nms, options.detector_runtime, threads))


def _open_embedder(
    options: Options, tracker: Updates, detector: Detector | RecordedDetector, models: Models, *, live: bool
) -> tuple[EmbedderCall | None, list[str]]:
    """The embedder to call, None where none is needed or the tracker brings one; and what was left out."""
    reid, runtime = options.reid, options.reid_runtime
    needed = takes_embeddings(type(tracker), reid)
    if not needed or detector.embedded or embedder_of(tracker) is not None:
        return None, _left_out(options, tracker, needed=needed, embedded=detector.embedded)
    if reid is not None and not isinstance(reid, (str, Path)):
        if runtime is not None:
            raise ValueError(f"reid_runtime={runtime!r} goes with a model's name or file, not with a callable")
        embedder: EmbedderCall = reid
    else:
        from tracker.embed import open_embedder

        # As for the detector, whose threads call it.
        threads = 1 if detector.concurrent and not live else None
        named = "default" if reid is None else str(reid)
        opened = partial(open_embedder, named, runtime=runtime, threads=threads)
        embedder = models.embedder(repr((named, runtime, threads)), opened)
    # A log, and saved detections, need the embeddings, so that the pipeline makes them.
    if isinstance(tracker, Embeds) and tracker.embeds_itself and not (options.log or options.keeps):
        tracker.embedder = embedder
    return embedder, []


def _left_out(options: Options, tracker: Updates, *, needed: bool, embedded: bool) -> list[str]:
    """A line where an option for the embedder has no use."""
    if options.reid is not None:
        why = f"{type(tracker).__name__} brings its own embedder"
        if not needed:
            why = f"{short_name(options.algo) if isinstance(options.algo, str) else why.split()[0]} uses no appearance"
        elif embedded:
            why = f"{_shown(options.detector)} brings embeddings"
        return [f"{why}; --reid {_shown(options.reid)} is left out"]
    if options.reid_runtime is not None:
        return [f"no ReID model is used; --reid-runtime {options.reid_runtime} is left out"]
    return []


def _inputs(
    options: Options, tracker: Updates, detector: Detector | RecordedDetector, *, embedded: bool
) -> dict[str, list[Path]]:
    """The files that the options name, beside those of an opened source."""
    found: dict[str, list[Path]] = {"detector": list(detector.model_files)}
    if isinstance(options.source, (str, Path)):
        found["source"] = [Path(options.source)]
    if embedded and isinstance(options.reid, (str, Path, type(None))):
        from tracker.embed import model_files

        found["embedder"] = model_files("default" if options.reid is None else str(options.reid))
    if isinstance(options.names, (str, Path)):
        found["names"] = [Path(options.names)]
    if options.params is not None:
        found["params"] = [Path(options.params)]
    if options.camera_motion not in (*OWN_CAMERA, *METHODS):
        found["camera_motion"] = [Path(options.camera_motion)]
    module = type(tracker).__module__
    if not module.startswith("tracker.algorithms."):
        code = sys.modules[module].__file__ if hasattr(sys.modules.get(module), "__file__") else None
        found["algorithm"] = [] if code is None else [Path(code)]
    return {role: files for role, files in found.items() if files}


def camera_failures(camera: Callable[..., FloatArray] | None) -> int:
    """In how many frames the camera's motion was not found."""
    return camera.failures if isinstance(camera, (CameraEstimate, CameraGlance, CameraSaved)) else 0


def camera_rested(camera: Callable[..., FloatArray] | None) -> bool:
    """Whether there was no motion of the camera to look for."""
    return camera is None or (isinstance(camera, (CameraGlance, CameraSaved)) and camera.followed == 0)


def _shown(value: object) -> str:
    return str(value) if isinstance(value, (str, Path)) else getattr(value, "__name__", type(value).__name__)
