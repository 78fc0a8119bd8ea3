"""A detector from one text, as the command's ``--detector`` takes it: one table of what such a text may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from tracker.detect.auto import STORE, choose
from tracker.detect.detector import Detector, RecordedDetector
from tracker.detect.files import IR
from tracker.detect.head import Head
from tracker.detect.heads import heads
from tracker.detect.hog import HOG
from tracker.detect.motion import Motion
from tracker.detect.names import class_mask
from tracker.detect.network import ClassNames
from tracker.detect.onnx import DEFAULT_NMS, ONNX
from tracker.detect.recorded import Recorded
from tracker.detect.saved import Saved
from tracker.detect.yunet import YuNet
from tracker.detections import Invalid
from tracker.io.detections_file import is_detections
from tracker.kinds import ScoreKind
from tracker.models import FetchError, to_stderr
from tracker.spelling import nearest

# What to do with a network in another format, by the ending of its file.
_CHECKPOINT = (
    "is a PyTorch checkpoint; export it to ONNX, with ultralytics by `yolo export model={} format=onnx`, else by the "
    "project that trained it, and pass the .onnx"
)
EXPORTS = {
    ".pt": _CHECKPOINT,
    ".pth": _CHECKPOINT,
    ".engine": "is a TensorRT engine, which runs on one kind of GPU; pass the .onnx that it was built from",
    ".tflite": "is a TensorFlow Lite model; pass what `python -m tf2onnx.convert --tflite {} --output new.onnx` makes",
}


class _Threshold(TypedDict, total=False):
    conf: float


@dataclass(frozen=True)
class _Options:
    """What ``open_detector`` takes beside the text."""

    conf: float | None
    classes: Sequence[str] | None
    invalid: Invalid
    providers: Sequence[str] | None
    threads: int | None
    head: str | type[Head] | Head | None
    names: ClassNames
    size: tuple[int, int] | None
    nms: str | None
    runtime: str | None
    offline: bool
    scores: ScoreKind | None
    tell: Callable[[str], None]

    @property
    def threshold(self) -> _Threshold:
        """The least score as an argument, left out where the detector's own default is wanted."""
        return {} if self.conf is None else {"conf": self.conf}


@dataclass(frozen=True)
class _Form:
    """One way to name a detector: how it is written, the line of ``--help``, whether a text fits, and what opens it."""

    form: str
    about: str
    fits: Callable[[str], bool]
    open: Callable[[str, _Options], Detector | RecordedDetector]


def _auto(spec: str, options: _Options) -> Detector | RecordedDetector:
    choice = choose(offline=options.offline)
    try:
        detector = _form_of(choice.detector).open(choice.detector, options)
    except ValueError as error:
        raise ValueError("; ".join((str(error), *choice.notes))) from None
    for note in choice.notes:
        options.tell(note)
    return detector


def _hog(spec: str, options: _Options) -> Detector:
    return _of_classes(HOG(**options.threshold), options)


def _motion(spec: str, options: _Options) -> Detector:
    return _of_classes(Motion(**options.threshold), options)


def _yunet(spec: str, options: _Options) -> Detector:
    path = spec.removeprefix("yunet").removeprefix(":")
    if not path:
        raise ValueError("yunet needs its model file; pass yunet:face_detection_yunet.onnx, or the file itself")
    return _of_classes(YuNet(path, **options.threshold), options)


def _onnx(spec: str, options: _Options) -> Detector:
    detector = ONNX(
        spec,
        classes=options.classes,
        providers=options.providers,
        threads=options.threads,
        head=options.head,
        class_names=options.names,
        size=options.size,
        nms=options.nms or DEFAULT_NMS,
        runtime=options.runtime,
        **options.threshold,
    )
    # OpenCV runs YuNet at the size of each image, where small faces stay as large as they are.
    return _yunet(f"yunet:{spec}", options) if detector.head == "yunet" else detector


def _named(spec: str, options: _Options) -> Detector:
    model = STORE.catalogue.get(spec)
    try:
        path = STORE.get(spec, forbidden=options.offline)
    except FetchError as error:
        assert model is not None
        raise ValueError(
            f"{error}; `track models get {spec}` where there is a network, or {model.by_hand(error)}"
        ) from None
    return _onnx(str(path), options if model is None or options.head else replace(options, head=model.head))


def _unexported(spec: str, options: _Options) -> Detector:
    raise ValueError(f"{spec}: {EXPORTS[Path(spec).suffix.lower()].format(spec)}")


def _recorded(spec: str, options: _Options) -> RecordedDetector:
    if options.classes is not None:
        raise ValueError(f"{spec}: recorded detections have no class names to choose from; leave the classes out")
    return Recorded(spec, conf=options.conf, scores=options.scores, invalid=options.invalid)


def _ends(*suffixes: str) -> Callable[[str], bool]:
    return lambda spec: Path(spec).suffix.lower() in suffixes


def _saved(spec: str, options: _Options) -> RecordedDetector:
    return Saved(spec, conf=options.conf, classes=options.classes)


# The first that fits opens it.
FORMS = (
    _Form("auto", "yolox-nano where it is here or can be fetched, else hog", lambda spec: spec == "auto", _auto),
    _Form("hog", "people, by OpenCV's built-in detector", lambda spec: spec == "hog", _hog),
    _Form("motion", "whatever moves before a static camera", lambda spec: spec == "motion", _motion),
    _Form("NAME", f"a model that `track models` lists, such as {', '.join(STORE.catalogue)}", STORE.knows, _named),
    _Form("yunet:MODEL.onnx", "faces, by OpenCV's YuNet", lambda spec: spec.split(":")[0] == "yunet", _yunet),
    _Form("MODEL.onnx", f"a network with the head {', '.join(heads())}", _ends(".onnx"), _onnx),
    _Form("MODEL.xml", "the same in OpenVINO's format", _ends(IR), _onnx),
    _Form("FOLDER", "what --save-detections kept", lambda spec: is_detections(Path(spec)), _saved),
    _Form("DETECTIONS.txt", "recorded, as MOTChallenge text", _ends(".txt", ".csv"), _recorded),
    _Form("DETECTIONS.npz", "recorded, as numpy arrays", _ends(".npz"), _recorded),
    _Form("log.sqlite", "recorded, as --log keeps it", _ends(".sqlite"), _recorded),
)
_UNEXPORTED = _Form("", "", _ends(*EXPORTS), _unexported)

# What a model of the user's own cannot be called.
RESERVED = tuple(form.form.split(":")[0] for form in FORMS if form.form[0].islower())


def detector_help() -> str:
    """What ``open_detector`` takes, as one sentence for ``--help``."""
    return "; ".join(f"{form.form}: {form.about}" for form in FORMS)


def open_detector(
    spec: str,
    *,
    conf: float | None = None,
    classes: Sequence[str] | None = None,
    invalid: Invalid = "raise",
    providers: Sequence[str] | None = None,
    threads: int | None = None,
    head: str | type[Head] | Head | None = None,
    names: ClassNames = None,
    size: tuple[int, int] | None = None,
    nms: str | None = None,
    runtime: str | None = None,
    offline: bool = False,
    scores: ScoreKind | None = None,
    tell: Callable[[str], None] = to_stderr,
) -> Detector | RecordedDetector:
    """The detector that a text names. A ``RecordedDetector`` has ``at(number)``, any other is called with an image.

    spec       ``auto`` (``yolox-nano`` where it is in the cache or can be fetched, or else ``hog``), ``hog``,
               ``motion``, the name of a model that `track models` lists, ``yunet:PATH``, the path of an ONNX file
               (YuNet is recognised), of an OpenVINO .xml, of a MOTChallenge det.txt or of an .npz
    conf       least score; None is the default of the detector's class, for a file all
    classes    names of the classes to keep; None keeps all
    invalid    what happens to bad rows of a file, "raise" or "drop"
    providers, threads, head, size, nms, runtime  for networks, see ``ONNX``
    names      its ``class_names``
    offline    fetch no model; the environment's TRACKWHY_OFFLINE=1 forbids it too
    scores     of a file: what they are, "probability", "percent" or "logit"; see ``Recorded``
    tell       gets the two lines that ``auto`` has to say where it is ``hog``; by default they go to stderr, as does
               the line before a model is fetched: what, from where, how large, its licence

    Raises ValueError, in one line, for anything it cannot open, with the nearest name for an unknown one.
    """
    options = _Options(
        conf, classes, invalid, providers, threads, head, names, size, nms, runtime, offline, scores, tell
    )
    form = _form_of(spec)
    if form.open not in (_onnx, _named, _unexported):
        _refuse_network_options(spec, options)
    if options.scores is not None and form.open is not _recorded:
        raise ValueError(
            f"scores go with recorded detections; those of {spec} are probabilities, leave scores out (--scores)"
        )
    return form.open(spec, options)


def _form_of(spec: str) -> _Form:
    """The form that a text has; ValueError where it has none."""
    for form in (*FORMS, _UNEXPORTED):
        if form.fits(spec):
            return form
    names = ", ".join(form.form for form in FORMS)
    if spec and Path(spec).exists():
        raise ValueError(f"{spec}: is no detector; give {names}")
    known = (*RESERVED, *STORE.catalogue, *STORE.own)
    raise ValueError(f"unknown detector {spec!r}{nearest(spec, known)}; give {names}")


def _refuse_network_options(spec: str, options: _Options) -> None:
    """ValueError for options that only a network in a file can use."""
    for name, option, value in (
        ("head", "--head", options.head),
        ("names", "--names", options.names),
        ("size", "--imgsz", options.size),
        ("providers", "--device, --provider", options.providers),
        ("nms", "--nms", options.nms),
        ("runtime", "--detector-runtime", options.runtime),
    ):
        if value is not None:
            raise ValueError(f"{name} goes with MODEL.onnx or MODEL.xml, not with {spec}; leave it out ({option})")


def _of_classes(detector: Detector, options: _Options) -> Detector:
    """The detector of one class, once it is clear that the class is wanted."""
    if options.classes is not None:
        names = detector.class_names or {}
        class_mask(options.classes, names, len(names), f"detector {detector.name}")
    return detector
