"""Detections: what a detector saw in one frame, checked once, here, at the edge."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.kinds import ScoreKind
from tracker.results import UNDERSTOOD, Names, columns_of, to_numpy
from tracker.scores import like_percentages, probabilities

Invalid = Literal["raise", "drop"]

# No image has larger coordinates or smaller sizes; within these bounds areas and ratios stay finite and exact enough.
LARGEST_COORDINATE = 1e8
SMALLEST_SIZE = 1e-6


NORMALISED = 1.5  # boxes that lie within so many pixels are parts of an image
WIDE = 32  # pixels of an image that is clearly larger than that
NORMALISED_BOXES = "all boxes lie within 0..1; give pixels: multiply them by the image's width and height"


def normalised(boxes: FloatArray) -> bool:
    """Whether all boxes (N, 4) lie within 0..1, as parts of an image and not in its pixels."""
    return bool(((boxes >= -0.5) & (boxes <= NORMALISED)).all())


def percentages(low: float, high: float) -> str | None:
    """What to say where scores from ``low`` to ``high`` may be percentages, else None."""
    if not like_percentages(low, high):
        return None
    return f"scores run from {low:g} to {high:g}: if they are percentages, say so (--scores percent)"


class Detections:
    """Boxes of one frame with scores, classes and optional embeddings and payload; read-only.

    boxes       (N, 4) left, top, right, bottom in pixels; finite, right > left, bottom > top; may lie outside the image
    scores      (N,) finite, usually 0..1 (unbounded scores of public detectors are accepted; ``with_probabilities``
                makes percentages and logits probabilities); default 1
    classes     (N,) integers; default 0
    embeddings  (N, D) finite appearance vectors, float32, or None
    payload     anything with one entry per detection (masks, keypoints, names), carried along, or None
    invalid     "raise": a bad row raises ValueError naming it; "drop": bad rows are left out and counted

    After construction ``dropped`` counts the rows left out and ``rows`` (N,) holds, for each detection, its row in the
    input. Index with a mask, a slice or an index array to get a part: ``detections[detections.scores > 0.5]``.
    ``twins`` (2, N) is None, or class and score of a weaker box of another class on the same object, -1 and 0 without
    one (``with_twins``); the vote about a track's class counts it.
    """

    __slots__ = (
        "boxes",
        "classes",
        "dropped",
        "embeddings",
        "floats",
        "integers",
        "payload",
        "rows",
        "scores",
        "twins",
        "whole",
    )

    # The columns are views into these two, so that a tracker takes what it matched in two operations.
    floats: FloatArray  # (5, N) score, left, top, right, bottom
    integers: IntArray  # (2, N) row, class
    boxes: FloatArray
    scores: FloatArray
    rows: IntArray
    classes: IntArray
    embeddings: NDArray[np.float32] | None
    payload: NDArray[Any] | None
    twins: FloatArray | None
    dropped: int
    whole: bool  # rows count from 0: nothing was left out or picked

    def __init__(
        self,
        boxes: ArrayLike,
        scores: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        *,
        embeddings: ArrayLike | None = None,
        payload: Any = None,
        invalid: Invalid = "raise",
    ) -> None:
        if invalid not in ("raise", "drop"):
            raise ValueError(f"invalid={invalid!r}: use 'raise' or 'drop'")
        corners = _numbers(boxes, "boxes", width=4)
        n = len(corners)
        self.floats = np.ones((5, n))
        self.floats[1:] = corners.T
        if scores is not None:
            self.floats[0] = _same_length(_numbers(scores, "scores"), n, "scores")
        # Checked as floats first: a NaN class has no integer.
        labels = np.zeros(n) if classes is None else _same_length(_numbers(classes, "classes"), n, "classes")
        self.embeddings = None
        if embeddings is not None:
            vectors = _numbers(embeddings, "embeddings", width=-1, dtype=np.float32)
            self.embeddings = _same_length(vectors, n, "embeddings")
        self.payload = None if payload is None else _same_length(_per_detection(payload), n, "payload")

        good, complaint = _check(corners, self.floats[0], labels, self.embeddings)
        if complaint is not None and invalid == "raise":
            raise ValueError(f"detections {complaint}; correct the row, or pass invalid='drop' to leave it out")
        self.integers = np.empty((2, n), dtype=np.int64)
        self.integers[0] = np.arange(n)
        self.integers[1] = np.where(good, labels, 0)
        self.dropped = 0
        self.twins = None
        self.whole = True
        if complaint is None:
            self._freeze()
        else:
            self._take(self, good)
            self.dropped = n - len(self)

    @classmethod
    def empty(cls) -> Detections:
        """No detections: a frame in which nothing was detected."""
        return cls(np.empty((0, 4)))

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, which: Any) -> Detections:
        """The detections that ``which`` (boolean mask, slice or integer array) selects, in its order."""
        if isinstance(which, (int, np.integer)):
            which = [which]
        part = object.__new__(Detections)
        part._take(self, which)
        part.dropped = self.dropped
        return part

    def __repr__(self) -> str:
        width = "none" if self.embeddings is None else f"{self.embeddings.shape[1]}-d"
        return f"Detections({len(self)} boxes, embeddings {width}, dropped {self.dropped})"

    def with_embeddings(self, embeddings: ArrayLike | None, *, invalid: Invalid = "raise") -> Detections:
        """The same detections with (N, D) embeddings; ValueError where there are none or they do not fit.

        Those whose embedding is not finite raise too, or with ``invalid="drop"`` are left out.
        """
        if embeddings is None:
            raise ValueError("the embedder gave nothing; expected an array (N, D)")
        both = Detections(
            self.boxes, self.scores, self.classes, embeddings=embeddings, payload=self.payload, invalid=invalid
        )
        kept = both.rows
        both.integers = self.integers[:, kept]
        both.whole = self.whole and both.whole
        both.twins = None if self.twins is None else self.twins[:, kept]
        both._freeze()
        return both

    def with_payload(self, payload: Any) -> Detections:
        """The same detections with another payload, one entry each, or None."""
        part = self[:]
        part.whole = self.whole
        part.payload = None if payload is None else _same_length(_per_detection(payload), len(self), "payload")
        part._freeze()
        return part

    def with_twins(self, classes: IntArray, scores: FloatArray) -> Detections:
        """The same detections with the class (N,), -1 for none, and the score (N,) of a weaker box on each object."""
        part = self[:]
        part.whole = self.whole
        part.twins = np.stack((classes, scores)).astype(np.float64)
        part._freeze()
        return part

    def with_scores(self, scores: Mapping[int, float]) -> Detections:
        """The same detections with other scores, by row; rows that are not here are ignored."""
        part = self[:]
        part.whole = self.whole
        part.floats = self.floats.copy()
        for row, score in scores.items():
            part.floats[0, self.rows == row] = score
        part._freeze()
        return part

    def with_probabilities(self, kind: ScoreKind) -> Detections:
        """The same detections with scores 0..1, made of scores of this kind: "probability", "percent" or "logit".

        Raises ValueError for scores that are not of this kind.
        """
        part = self[:]
        part.whole = self.whole
        part.floats = self.floats.copy()
        part.floats[0] = probabilities(self.scores, kind)
        part._freeze()
        return part

    def numbered(self) -> Detections:
        """The same detections, ``rows`` counting them from 0."""
        part = self[:]
        part.integers = self.integers.copy()
        part.integers[0] = np.arange(len(self))
        part.whole = True
        part._freeze()
        return part

    def _take(self, other: Detections, which: Any) -> None:
        self.floats = other.floats[:, which]
        self.integers = other.integers[:, which]
        self.embeddings = None if other.embeddings is None else other.embeddings[which]
        self.payload = None if other.payload is None else other.payload[which]
        self.twins = None if other.twins is None else other.twins[:, which]
        self.whole = False
        self._freeze()

    def _freeze(self) -> None:
        for array in (self.floats, self.integers, self.embeddings, self.payload, self.twins):
            if array is not None:
                array.flags.writeable = False
        self.scores = self.floats[0]
        self.boxes = self.floats[1:].T
        self.rows, self.classes = self.integers[0], self.integers[1]


def as_detections(value: Any, *, invalid: Invalid = "raise", names: Names | None = None) -> Detections:
    """Whatever a detector gave for one image, as Detections, recognised by its attributes; no library is imported.

    Accepted, in tensors on any device and of any type or in arrays:

    - Detections; None (nothing seen); an array (N, 4..6) of left, top, right, bottom [, score [, class]]
    - a torchvision dict (``boxes``, ``scores``, ``labels``), or one of Hugging Face's ``post_process``
    - ``supervision.Detections``; ultralytics ``Results``; ``Instances`` of detectron2; ``DetDataSample`` of mmdet, or
      its list of arrays (N, 5), one per class; results of YOLOv5's torch.hub (``xyxy``)
    - what a pipeline of Hugging Face gives: dicts of ``score``, ``label`` and ``box``
    - norfair's Detections with two points each
    - ([left, top, width, height], score, class) per object, as deep-sort-realtime takes it
    - a DataFrame of pandas or polars, by the names of its columns: xmin, ymin, xmax, ymax or x1, y1, x2, y2 or left,
      top, right, bottom or left, top, width, height; score, confidence or conf; class, class_id, label or name
    - a list that holds one of these, as models give for a batch of one image; a generator of what a list may hold

    names  of the classes, by number or in order, for results that say them in words ("person"). Other words get a
           number that depends on the word alone; the words are then the payload, unless there are masks

    Masks, else keypoints, become the payload. ``rows`` of the result count within ``value``. Raises ValueError for
    anything else, such as the list of a larger batch, and for bad rows unless ``invalid="drop"``.
    """
    if isinstance(value, Detections):
        return value if value.whole else value.numbered()
    if value is None:
        return Detections.empty()
    if isinstance(value, Iterator):  # a generator of rows
        value = list(value)
    columns = None if isinstance(value, np.ndarray) else columns_of(value, names)
    if columns is not None:
        boxes, scores, classes, embeddings, payload = columns
        return Detections(boxes, scores, classes, embeddings=embeddings, payload=payload, invalid=invalid)
    array = to_numpy(value)
    try:
        array = _real(array)
    except (TypeError, ValueError):
        raise ValueError(f"detections of type {type(value).__name__} are not understood; give {UNDERSTOOD}") from None
    if array.size == 0:
        return Detections.empty()
    if array.ndim != 2 or not 4 <= array.shape[1] <= 6:
        raise ValueError(
            f"detections array has shape {array.shape}; expected (N, 4), (N, 5) or (N, 6): "
            "left, top, right, bottom [, score [, class]]"
        )
    scores = array[:, 4] if array.shape[1] > 4 else None
    classes = array[:, 5] if array.shape[1] > 5 else None
    return Detections(array[:, :4], scores, classes, invalid=invalid)


def _numbers(value: ArrayLike, name: str, width: int | None = None, dtype: type = np.float64) -> NDArray[Any]:
    """A copy of shape (N,) or, with a width, (N, width); width -1 takes any."""
    try:
        if type(value) is np.ndarray and value.dtype == dtype:
            array: NDArray[Any] = value.copy()
        else:
            array = _real(value, dtype)
    except (TypeError, ValueError):
        raise ValueError(f"detections {name} are not numbers in a regular array") from None
    if array.shape == (0,) and width is not None:
        return array.reshape(0, max(width, 0))  # an empty list has no second axis to check
    if width is None and array.ndim != 1:
        raise ValueError(f"detections {name} have shape {array.shape}; expected (N,)")
    if width is not None and (array.ndim != 2 or (array.shape[1] != width if width >= 0 else 0 in array.shape[1:])):
        raise ValueError(f"detections {name} have shape {array.shape}; expected (N, {width if width >= 0 else 'D'})")
    return array


def _real(value: Any, dtype: type = np.float64) -> NDArray[Any]:
    """A copy of an array of real numbers; what is masked, or too large for a float, is not finite.

    Raises ValueError or TypeError for text, times and complex numbers, which numpy would convert.
    """
    given: Any = np.asanyarray(value)
    if given.dtype.kind not in "biufO":
        raise TypeError
    if isinstance(given, np.ma.MaskedArray):
        given = np.ma.filled(given.astype(np.float64), np.nan)
    with np.errstate(over="ignore"):
        try:
            array: NDArray[Any] = np.array(given, dtype=dtype)
        except OverflowError:  # an integer of Python beyond all floats
            array = np.vectorize(_float, otypes=[dtype])(given)
    return array


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _per_detection(payload: Any) -> NDArray[Any]:
    if isinstance(payload, np.ndarray):
        return payload.copy()
    if not hasattr(payload, "__len__"):
        raise ValueError(f"detections payload is a {type(payload).__name__}; give an array or list, one entry per box")
    array = np.empty(len(payload), dtype=object)
    for i, one in enumerate(payload):  # assigned whole, a list of lists would be taken for a matrix
        array[i] = one
    return array


def _same_length(array: NDArray[Any], n: int, name: str) -> NDArray[Any]:
    if len(array) != n:
        raise ValueError(f"detections {name} have {len(array)} rows for {n} boxes; give one per box")
    return array


def _all_good(
    boxes: FloatArray, scores: FloatArray, labels: FloatArray, embeddings: NDArray[np.float32] | None
) -> bool:
    """Whether every row is good, as nearly always; much faster than ``_check``."""
    inside = np.abs(boxes) <= LARGEST_COORDINATE
    if np.count_nonzero(inside) < boxes.size:
        return False
    sized = boxes[:, 2:] - boxes[:, :2] >= SMALLEST_SIZE
    whole = (labels == np.rint(labels)) & (np.abs(labels) < 2**53)
    return (
        np.count_nonzero(sized) == sized.size
        and np.count_nonzero(np.isfinite(scores)) == len(scores)
        and np.count_nonzero(whole) == len(whole)
        and (embeddings is None or np.count_nonzero(np.isfinite(embeddings)) == embeddings.size)
    )


def _check(
    boxes: FloatArray, scores: FloatArray, labels: FloatArray, embeddings: NDArray[np.float32] | None
) -> tuple[BoolArray, str | None]:
    """Which rows are good, and the complaint about the first bad one."""
    if _all_good(boxes, scores, labels, embeddings):
        return np.ones(len(boxes), dtype=bool), None
    # NaN fails every comparison, so these lines catch it too.
    inside: BoolArray = np.all(np.abs(boxes) <= LARGEST_COORDINATE, axis=1)
    with np.errstate(invalid="ignore"):
        sized: BoolArray = np.all(boxes[:, 2:] - boxes[:, :2] >= SMALLEST_SIZE, axis=1)
    whole = (np.abs(labels) < 2**53) & (labels == np.round(labels))
    good: BoolArray = inside & sized & np.isfinite(scores) & whole
    if embeddings is not None:
        good &= np.isfinite(embeddings).all(axis=1)
    if good.all():
        return good, None
    row = int(np.argmin(good))
    values = ", ".join(f"{value:g}" for value in boxes[row])
    if not np.isfinite(boxes[row]).all():
        what = f"box [{values}] is not finite"
    elif not inside[row]:
        what = f"box [{values}] has a coordinate beyond {LARGEST_COORDINATE:g} pixels"
    elif not sized[row]:
        what = f"box [{values}] has no positive width and height (expected left, top, right, bottom)"
    elif not np.isfinite(scores[row]):
        what = f"score {scores[row]:g} is not finite"
    elif embeddings is not None and not np.isfinite(embeddings[row]).all():
        what = "embedding holds NaN or infinity"
    else:
        what = f"class {labels[row]:g} is not an integer"
    return good, f"row {row}: {what}"
