"""A detector from one word, as the command's ``--detector`` takes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracker.detect.hog import HOG
from tracker.detect.motion import Motion
from tracker.detect.names import class_mask
from tracker.detect.onnx import ONNX, HeadError
from tracker.detect.recorded import Recorded
from tracker.detect.yunet import YuNet, is_yunet
from tracker.detections import Invalid
from tracker.spelling import nearest

NAMES = ("hog", "motion", "yunet")
FORMS = "hog, motion, yunet:MODEL.onnx, MODEL.onnx, DETECTIONS.txt or DETECTIONS.npz"


def open_detector(
    spec: str,
    *,
    conf: float | None = None,
    classes: Sequence[str] | None = None,
    invalid: Invalid = "raise",
    providers: Sequence[str] | None = None,
    threads: int | None = None,
) -> Any:
    """A detector, or a ``Recorded`` (which has ``at(number)`` and is not called).

    spec       ``hog``, ``motion``, ``yunet:PATH``, the path of an ONNX file (YuNet is recognised), of a MOTChallenge
               det.txt or of an .npz
    conf       least score; None is the detector's own default: hog 0.3, motion 0, yunet 0.8, ONNX 0.5, files 0 (all)
    classes    names of the classes to keep; None keeps all
    invalid    what to do with bad rows of a file, "raise" or "drop"
    providers, threads  for ONNX files, see ``ONNX``
    Raises ValueError, in one line, for anything it cannot open, with the nearest name for an unknown word.
    """
    threshold: dict[str, Any] = {} if conf is None else {"conf": conf}
    suffix = Path(spec).suffix.lower()
    if spec == "yunet":
        raise ValueError("yunet needs its model file; pass yunet:face_detection_yunet.onnx, or the file itself")
    if spec == "hog":
        return _only(HOG(**threshold), classes)
    if spec == "motion":
        return _only(Motion(**threshold), classes)
    if spec.startswith("yunet:"):
        return _only(YuNet(spec.removeprefix("yunet:"), **threshold), classes)
    if suffix == ".onnx":
        try:
            return ONNX(spec, classes=classes, providers=providers, threads=threads, **threshold)
        except HeadError as error:
            if not is_yunet(error.outputs):
                raise
        return _only(YuNet(spec, **threshold), classes)
    if suffix in (".txt", ".npz", ".csv"):
        if classes is not None:
            raise ValueError(f"{spec}: recorded detections have no class names to choose from; leave the classes out")
        return Recorded(spec, conf=conf, invalid=invalid)
    if spec and Path(spec).exists():
        raise ValueError(f"{spec}: is no detector; give {FORMS}")
    raise ValueError(f"unknown detector {spec!r}{nearest(spec, NAMES)}; give {FORMS}")


def _only(detector: Any, classes: Sequence[str] | None) -> Any:
    """The detector of a single class, if that class is among those wanted."""
    if classes is not None:
        names = detector.class_names
        for name in classes:
            if name.strip().lower() not in (known.lower() for known in names.values()):
                class_mask([name], names, len(names), f"detector {detector.name}")
    return detector
