"""Detections read from a file: MOTChallenge text (det.txt) or a numpy archive (.npz)."""

from __future__ import annotations

import math
import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray, IntArray
from tracker.detect.detector import RecordedDetector
from tracker.detect.doubts import NORMALISED_BOXES, Doubts
from tracker.detections import Detections, Invalid
from tracker.io.mot import from_one, read_detections, repeated
from tracker.spelling import shown

REQUIRED = ("frame", "xyxy")
OPTIONAL = ("score", "class", "embedding")

# An archive of real detections is compressed to a tenth at best; zeros to a thousandth.
LARGEST_EXPANSION = 100
LEAST_SUSPECT = 1 << 24  # bytes; a smaller archive is read whatever its rate
LARGEST_FRAME = 2**53


class Recorded(RecordedDetector):
    """Detections by frame number, from a file. It looks at no image: call ``at(number)``, not the object.

    path     ``.npz`` with the arrays ``frame`` (R,) integers from 1, ``xyxy`` (R, 4) pixels and optionally ``score``
             (R,), ``class`` (R,) integers, ``embedding`` (R, D), rows in any order; any other file is read as
             MOTChallenge text: frame, id, left, top, width, height, score. One that begins with frame 0 and goes on is
             numbered from 1, with a note
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
            frames, detections, notes = _read_npz(path, invalid)
        else:
            frames, detections, notes = _read_text(path, invalid)
        self._notes = [f"{shown(self.name)}: {note}" for note in notes]
        self.dropped = detections.dropped
        self._complaint = _first_complaint(path) if self.dropped else None
        order = np.argsort(frames, kind="stable")
        self._doubts = Doubts()
        self._doubts.see(detections.boxes, detections.scores, None)
        self._outside = _range_outside(detections.scores)
        if conf is not None:
            order = order[detections.scores[order] >= conf]
        self._frames, self._detections = frames[order], detections[order]
        self.frames = int(self._frames[-1]) if len(self._frames) else 0
        self.embedded = self._detections.embeddings is not None

    @property
    def note(self) -> str | None:
        """What a person should know about the file: an unusual form, rows left out, scores outside 0..1 (public
        detectors have such), boxes that are parts of an image; or None.
        """
        lines = list(self._notes)
        if self._complaint is not None:
            lines.append(f"{self.dropped} rows left out; the first: {self._complaint}")
        if 2 * self.dropped > self.dropped + self._doubts.rows:
            lines.append(f"{self.name}: that is more than half of all rows; are the columns what they should be?")
        if self._outside is not None:
            low, high = self._outside
            percent = "; if they are percentages, divide them by 100" if low >= 0 and 2 <= high <= 100 else ""
            lines.append(
                f"{self.name}: scores run from {low:g} to {high:g}, not 0..1; "
                f"steady finds its scale, thresholds of other algorithms need adjusting{percent}"
            )
        if self._doubts.normalised:
            lines.append(f"{self.name}: {NORMALISED_BOXES}")
        return "; ".join(lines) or None

    @property
    def numbers(self) -> list[int]:
        """The numbers of the frames that have detections, in order."""
        return [int(number) for number in np.unique(self._frames)]

    def __len__(self) -> int:
        """How many detections of the file were kept."""
        return len(self._frames)

    def at(self, number: int) -> Detections:
        """Detections of frame ``number``, counted from 1; empty where the file has none. Their ``dropped`` is 0."""
        start, stop = np.searchsorted(self._frames, (number, number + 1))
        part = self._detections[slice(int(start), int(stop))]
        return Detections(part.boxes, part.scores, part.classes, embeddings=part.embeddings)


# Frame numbers (N,), the detections (N), and notes on how the file was read.
_Read = tuple[IntArray, Detections, tuple[str, ...]]


def _read_text(path: str | os.PathLike[str], invalid: Invalid) -> _Read:
    rows = read_detections(path, invalid=invalid)
    detections = Detections(rows.boxes, rows.scores, invalid=invalid)
    frames = rows.frames[detections.rows]
    detections.dropped += rows.dropped
    again = repeated(rows)
    return frames, detections, (*rows.notes, again) if again else rows.notes


def _first_complaint(path: str | os.PathLike[str]) -> str | None:
    """What is wrong with the first bad row of a file, in the words of the error that it raises."""
    try:
        Recorded(path, invalid="raise")
    except ValueError as error:
        return str(error)
    return None


def _read_npz(path: str | os.PathLike[str], invalid: Invalid) -> _Read:
    arrays = _load_npz(path)
    frames = arrays["frame"]
    if frames.ndim != 1 or frames.dtype.kind not in "iuf":
        raise ValueError(f"{path}: frame is {frames.dtype} {frames.shape}; expected integers (R,)")
    for name, array in arrays.items():
        if array.dtype.kind not in "iufb":
            raise ValueError(f"{path}: {name} is {array.dtype}; expected numbers")
    wrong = [name for name, array in arrays.items() if len(array) != len(frames)]
    if wrong:
        raise ValueError(
            f"{path}: {wrong[0]} has {len(arrays[wrong[0]])} rows, frame has {len(frames)}; give one row per detection"
        )
    frames, notes = from_one(frames)
    numbered = (frames >= 1) & (frames <= LARGEST_FRAME) & (frames == np.round(frames))  # False for NaN too
    if invalid == "raise" and not numbered.all():
        row = int(np.argmin(numbered))
        raise ValueError(f"{path}: row {row}: frame {frames[row]:.17g} is not a whole number from 1 to 2^53")
    kept = {name: array[numbered] for name, array in arrays.items()}
    try:
        detections = Detections(
            kept["xyxy"], kept.get("score"), kept.get("class"), embeddings=kept.get("embedding"), invalid=invalid
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    detections.dropped += len(frames) - len(kept["frame"])
    return frames[numbered].astype(np.int64)[detections.rows], detections, notes


def _load_npz(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    if not Path(path).is_file():
        raise ValueError(f"{path}: no such file; give a det.txt or an .npz of detections")
    expected = f"expected {', '.join(REQUIRED)} and, if wanted, {', '.join(OPTIONAL)}"
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError(f"{path}: is not a numpy archive; {expected}")
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            names = [shown(name) for name in members]
            if not set(REQUIRED) <= set(names) <= {*REQUIRED, *OPTIONAL}:
                held = ", ".join(name[:60] for name in names[:8]) + (", ..." if len(names) > 8 else "")
                raise ValueError(f"{path}: holds the arrays {held or 'none'}; {expected}")
            _check_size(path, [info.file_size for info in members.values()])
            arrays = {name: _read_member(path, archive, name, info) for name, info in members.items()}
    except Exception as error:  # zipfile, its decompressors and numpy raise a dozen classes for damaged files
        if isinstance(error, ValueError) and str(error).startswith(f"{path}:"):
            raise
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise ValueError(f"{path}: is damaged, or is not a numpy archive ({shown(reason)}); {expected}") from None
    for name, array in arrays.items():
        if array.ndim == 0:
            raise ValueError(f"{path}: {name} is a single number; expected one row per detection")
    return arrays


def _check_size(path: str | os.PathLike[str], sizes: list[int]) -> None:
    """Refuse an archive by what it says it expands to, before it is read."""
    total, stored = sum(sizes), os.path.getsize(path)
    if total > LEAST_SUSPECT and total > LARGEST_EXPANSION * stored:
        raise ValueError(
            f"{path}: {stored} bytes would expand to {total}, {total // max(stored, 1)}-fold; "
            "save the detections again with numpy.savez"
        )


def _read_member(
    path: str | os.PathLike[str], archive: zipfile.ZipFile, name: str, info: zipfile.ZipInfo
) -> NDArray[Any]:
    """One array, once its header and its size agree: numpy would first reserve whatever the header says."""
    with archive.open(info) as member:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy takes some damaged headers for those of Python 2
            version = np.lib.format.read_magic(member)
            old = version == (1, 0)
            read_header = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
            shape, _, dtype = read_header(member)
        if dtype.hasobject or dtype.names is not None:
            raise ValueError(f"{path}: {name} holds Python objects or records; expected numbers")
        if math.prod(shape) * dtype.itemsize != info.file_size - member.tell():
            raise ValueError(f"{path}: {name} is damaged: its header says {shape}, which is not what it holds")
    with archive.open(info) as member, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
    return array


def _range_outside(scores: FloatArray) -> tuple[float, float] | None:
    if len(scores) == 0 or (scores.min() >= 0 and scores.max() <= 1):
        return None
    return float(scores.min()), float(scores.max())
