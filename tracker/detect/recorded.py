"""Detections read from a file: MOTChallenge text (det.txt) or a numpy archive (.npz)."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray, IntArray
from tracker.detect.detector import RecordedDetector
from tracker.detections import Detections, Invalid

REQUIRED = ("frame", "xyxy")
OPTIONAL = ("score", "class", "embedding")


class Recorded(RecordedDetector):
    """Detections by frame number, from a file. It looks at no image: call ``at(number)``, not the object.

    path     ``.npz`` with the arrays ``frame`` (R,) integers from 1, ``xyxy`` (R, 4) pixels and optionally ``score``
             (R,), ``class`` (R,) integers, ``embedding`` (R, D), rows in any order; any other file is read as
             MOTChallenge text: frame, id, left, top, width, height, score
    conf     least score; None keeps all
    invalid  "raise": a bad row raises ValueError naming it; "drop": bad rows are left out and counted in ``dropped``

    Attributes: ``dropped``, ``frames`` (the last frame number with a detection, 0 where there is none), ``embedded``
    (whether the detections have embeddings).
    Raises ValueError, in one line, for a file that is missing or holds something else.
    """

    device = "none"
    dropped: int = 0

    def __init__(self, path: str | os.PathLike[str], *, conf: float | None = None, invalid: Invalid = "raise") -> None:
        self.name = os.path.basename(path)
        self.model_files = (Path(path),)
        if str(path).lower().endswith(".npz"):
            frames, detections = _read_npz(path, invalid)
        else:
            frames, detections = _read_text(path, invalid)
        self.dropped = detections.dropped
        self._complaint = _first_complaint(path) if self.dropped else None
        order = np.argsort(frames, kind="stable")
        self._outside = _range_outside(detections.scores)
        if conf is not None:
            order = order[detections.scores[order] >= conf]
        self._frames, self._detections = frames[order], detections[order]
        self.frames = int(self._frames[-1]) if len(self._frames) else 0
        self.embedded = self._detections.embeddings is not None

    @property
    def note(self) -> str | None:
        """A line on rows left out and on scores outside 0..1 (public detectors have such), or None."""
        lines = [] if self._complaint is None else [f"{self.dropped} rows left out; the first: {self._complaint}"]
        if self._outside is not None:
            low, high = self._outside
            lines.append(
                f"{self.name}: scores run from {low:g} to {high:g}, not 0..1; "
                "steady finds its scale, thresholds of other algorithms need adjusting"
            )
        return "; ".join(lines) or None

    def __len__(self) -> int:
        """How many detections of the file were kept."""
        return len(self._frames)

    def at(self, number: int) -> Detections:
        """Detections of frame ``number``, counted from 1; empty where the file has none. Their ``dropped`` is 0."""
        start, stop = np.searchsorted(self._frames, (number, number + 1))
        part = self._detections[slice(int(start), int(stop))]
        return Detections(part.boxes, part.scores, part.classes, embeddings=part.embeddings)


def _read_text(path: str | os.PathLike[str], invalid: Invalid) -> tuple[IntArray, Detections]:
    from tracker.io.mot import read_detections

    rows = read_detections(path, invalid=invalid)
    detections = Detections(rows.boxes, rows.scores, invalid=invalid)
    frames = rows.frames[detections.rows]
    detections.dropped += rows.dropped
    return frames, detections


def _first_complaint(path: str | os.PathLike[str]) -> str | None:
    """What is wrong with the first bad row of a file, in the words of the error that it raises."""
    try:
        Recorded(path, invalid="raise")
    except ValueError as error:
        return str(error)
    return None


def _read_npz(path: str | os.PathLike[str], invalid: Invalid) -> tuple[IntArray, Detections]:
    arrays = _load_npz(path)
    frames = arrays["frame"]
    if frames.ndim != 1 or not np.issubdtype(frames.dtype, np.number):
        raise ValueError(f"{path}: frame is {frames.dtype} {frames.shape}; expected integers (R,)")
    wrong = [name for name, array in arrays.items() if len(array) != len(frames)]
    if wrong:
        raise ValueError(
            f"{path}: {wrong[0]} has {len(arrays[wrong[0]])} rows, frame has {len(frames)}; give one row per detection"
        )
    numbered = (frames >= 1) & (frames == np.round(frames))  # False for NaN too
    if invalid == "raise" and not numbered.all():
        row = int(np.argmin(numbered))
        raise ValueError(f"{path}: row {row}: frame {frames[row]:g} is not a whole number from 1")
    kept = {name: array[numbered] for name, array in arrays.items()}
    try:
        detections = Detections(
            kept["xyxy"], kept.get("score"), kept.get("class"), embeddings=kept.get("embedding"), invalid=invalid
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    detections.dropped += len(frames) - len(kept["frame"])
    return kept["frame"].astype(np.int64)[detections.rows], detections


def _load_npz(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    if not Path(path).is_file():
        raise ValueError(f"{path}: no such file; give a det.txt or an .npz of detections")
    expected = f"expected {', '.join(REQUIRED)} and, if wanted, {', '.join(OPTIONAL)}"
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path}: is not a numpy archive; {expected}")
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            names = list(archive.files)
            unknown = [name for name in names if name not in REQUIRED + OPTIONAL]
            if unknown or not set(REQUIRED) <= set(names):
                raise ValueError(f"{path}: holds the arrays {', '.join(names) or 'none'}; {expected}")
            arrays = {name: archive[name] for name in names}
    except (zipfile.BadZipFile, EOFError, OSError):
        raise ValueError(f"{path}: is not a numpy archive; {expected}") from None
    except ValueError as error:
        if str(error).startswith(f"{path}:"):
            raise
        raise ValueError(f"{path}: holds Python objects or no arrays; {expected}") from None
    for name, array in arrays.items():
        if array.ndim == 0:
            raise ValueError(f"{path}: {name} is a single number; expected one row per detection")
    return arrays


def _range_outside(scores: FloatArray) -> tuple[float, float] | None:
    if len(scores) == 0 or (scores.min() >= 0 and scores.max() <= 1):
        return None
    return float(scores.min()), float(scores.max())
