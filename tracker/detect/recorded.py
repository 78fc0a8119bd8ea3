"""Detections read from a file: MOTChallenge text (det.txt) or a numpy archive (.npz)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from tracker.arrays import IntArray
from tracker.detect.detector import RecordedDetector
from tracker.detect.doubts import NORMALISED_BOXES, Doubts
from tracker.detections import Detections, Invalid
from tracker.io.detections_file import OPTIONAL, REQUIRED, columns_of, names_wrong, with_twins
from tracker.io.log_file import read_log
from tracker.io.mot import from_one, read_detections, repeated
from tracker.io.npz import Arrays, read_arrays
from tracker.kinds import ScoreKind
from tracker.scores import check_kind, doubt
from tracker.spelling import number_of, shown

LARGEST_FRAME = 2**53


class Recorded(RecordedDetector):
    """Detections by frame number, from a file. It looks at no image: call ``at(number)``, not the object.

    path     ``.npz`` with the arrays ``frame`` (R,) integers from 1, ``xyxy`` (R, 4) pixels and optionally ``score``
             (R,), ``class`` (R,) integers, ``embedding`` (R, D), rows in any order (``tracker.io.detections_file``);
             ``log.sqlite``: what a run with a log was given; any other file is read as MOTChallenge text: frame, id,
             left, top, width, height, score. One that begins with frame 0 and goes on is numbered from 1, with a note
    conf     least score; None keeps all
    scores   what the scores are: "probability", "percent" or "logit"; they become probabilities, and ``conf`` is one.
             None: they stay as they are
    invalid  "raise": a bad row raises ValueError naming it; "drop": bad rows are left out and counted in ``dropped``

    Attributes: ``dropped``, ``frames`` (the last frame number with a detection, 0 where there is none), ``embedded``
    (whether the detections have embeddings).
    Raises ValueError, in one line, for a file that is missing or holds something else.
    """

    device = "none"
    dropped: int = 0

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        conf: float | None = None,
        scores: ScoreKind | None = None,
        invalid: Invalid = "raise",
    ) -> None:
        check_kind(scores)
        self.name = os.path.basename(path)
        self.model_files = (Path(path),)
        if str(path).lower().endswith(".sqlite"):
            frames, detections, notes = _read_log(path)
        elif str(path).lower().endswith(".npz"):
            frames, detections, notes = _read_npz(path, invalid)
        else:
            frames, detections, notes = _read_text(path, invalid)
        self._notes = [f"{shown(self.name)}: {note}" for note in notes]
        self.dropped = detections.dropped
        self._complaint = _first_complaint(path) if self.dropped else None
        given = detections.scores
        self._doubt = doubt(float(given.min()), float(given.max()), scores) if len(given) else None
        if scores is not None:
            try:
                detections = detections.with_probabilities(scores)
            except ValueError as error:
                raise ValueError(f"{shown(path)}: {error}") from None
        order = np.argsort(frames, kind="stable")
        self._doubts = Doubts()
        self._doubts.see(detections.boxes, detections.scores, None)
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
            lines.append(f"{number_of(self.dropped, 'row')} left out; the first: {self._complaint}")
        if 2 * self.dropped > self.dropped + self._doubts.rows:
            lines.append(f"{self.name}: that is more than half of all rows; are the columns what they should be?")
        if self._doubt is not None:
            lines.append(f"{self.name}: {self._doubt}")
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
        part.dropped = 0
        return part.numbered()


# Frame numbers (N,), the detections (N), and notes on how the file was read.
_Read = tuple[IntArray, Detections, tuple[str, ...]]


def _read_text(path: str | os.PathLike[str], invalid: Invalid) -> _Read:
    rows = read_detections(path, invalid=invalid)
    detections = Detections(rows.boxes, rows.scores, invalid=invalid)
    frames = rows.frames[detections.rows]
    detections.dropped += rows.dropped
    again = repeated(rows)
    return frames, detections, (*rows.notes, again) if again else rows.notes


def _read_log(path: str | os.PathLike[str]) -> _Read:
    """What the tracker was given in a run with a decision log."""
    logged = read_log(Path(path))
    used = [found[: int(n)] for found, n in zip(logged.detections, logged.given, strict=True)]
    columns = columns_of(used)
    detections = Detections(columns["xyxy"], columns["score"], columns["class"], embeddings=columns.get("embedding"))
    frames = np.repeat(logged.numbers, [len(found) for found in used])
    return frames, with_twins(detections, columns.get("twin")), ()


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
        detections = with_twins(detections, kept.get("twin"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    detections.dropped += len(frames) - len(kept["frame"])
    return frames[numbered].astype(np.int64)[detections.rows], detections, notes


def _load_npz(path: str | os.PathLike[str]) -> Arrays:
    if not Path(path).is_file():
        raise ValueError(f"{path}: no such file; give a det.txt or an .npz of detections")
    expected = f"expected {', '.join(REQUIRED)} and, if wanted, {', '.join(OPTIONAL)}"
    arrays = read_arrays(path, expected, check=names_wrong, only=(*REQUIRED, *OPTIONAL))
    for name, array in arrays.items():
        if array.ndim == 0:
            raise ValueError(f"{path}: {name} is a single number; expected one row per detection")
    return arrays
