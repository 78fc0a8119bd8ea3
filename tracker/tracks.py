"""Tracks: what a tracker reports for one frame, one array per quantity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker.arrays import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from pandas import DataFrame

_SHOWN = ("id", "left", "top", "right", "bottom", "score", "class_id", "state", "age")  # in a notebook


@dataclass(frozen=True)
class Track:
    """One row of Tracks; see there for units."""

    id: int
    box: FloatArray
    detection_box: FloatArray
    score: float
    class_id: int
    detection_class_id: int
    state: str
    age: int
    hits: int
    missed: int
    velocity: FloatArray
    detection: int


@dataclass(frozen=True, eq=False)
class Tracks:
    """The tracks of one frame; arrays of N rows, copies of the tracker's state.

    ids              (N,) positive, unique within a tracker, never reused
    boxes            (N, 4) filtered left, top, right, bottom in pixels
    detection_boxes  (N, 4) the matched detection's own box, NaN where the track has none in this frame
    scores           (N,) score of the last matched detection
    classes          (N,) class of the track: that of its first detection until others outweigh it
    detection_classes  (N,) class of the last matched detection, as the detector gave it
    confirmed        (N,) bool: past its probation
    ages             (N,) updates since birth, 1 at birth
    hits             (N,) detections matched since birth
    missed           (N,) updates since the last match, 0 when matched in this frame
    velocities       (N, 2) of the box centre, pixels per frame
    detections       (N,) index of the matched detection in the update's input, -1 where there is none: the box is a
                     prediction. -2 where the tracker does not say, as ``of_boxes`` fills it in
    frame            1-based number of the update
    time             seconds, as given to the update, or None

    Between the frames of a detector that runs on every Nth frame only, boxes are predicted, ``detections`` are -1 and
    ``missed`` does not grow: without a detector nothing is missed.

    A subclass may add columns of N rows. Iterating gives a ``Track`` per row, and so does a whole number as index.
    """

    ids: IntArray
    boxes: FloatArray
    detection_boxes: FloatArray
    scores: FloatArray
    classes: IntArray
    detection_classes: IntArray
    confirmed: BoolArray
    ages: IntArray
    hits: IntArray
    missed: IntArray
    velocities: FloatArray
    detections: IntArray
    frame: int
    time: float | None = None

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raise ValueError where a column is no array of one row for each id."""
        n = np.shape(self.ids)[:1]
        for name, value in vars(self).items():
            if name in ("frame", "time"):
                continue
            width = _COLUMNS[name][1] if name in _COLUMNS else None
            shape = n if width is None else (*n, width)
            known = isinstance(value, np.ndarray) and len(n) == 1
            if not known or (value.shape != shape if name in _COLUMNS else value.shape[:1] != n):
                found = value.shape if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
                said = shape if len(n) == 1 else "(N,)"
                raise ValueError(f"tracks {name}: {found}; give an array {said}, a row for each id")

    @classmethod
    def of(cls, **columns: Any) -> Tracks:
        """``Tracks(**columns)`` of all columns, faster: a frozen dataclass sets its fields one by one."""
        tracks = object.__new__(cls)
        tracks.__dict__.update(columns)
        return tracks

    @property
    def states(self) -> NDArray[np.str_]:
        """(N,) "tentative" (on probation), "confirmed", or "lost" (confirmed, without a detection in this frame)."""
        return np.where(self.confirmed, np.where(self.missed > 0, "lost", "confirmed"), "tentative")

    @classmethod
    def of_boxes(
        cls, ids: ArrayLike, boxes: ArrayLike, *, frame: int = 0, time: float | None = None, **columns: ArrayLike
    ) -> Tracks:
        """Tracks known only by ids (N,) and boxes (N, 4): the report of a tracker of your own.

        columns  further columns that are known. Defaults: confirmed, one hit, in this frame, class 0, score 1,
                 velocity 0, detection -2

        Raises ValueError for an unknown column, a wrong shape, and ids that are not whole numbers, each once.
        """
        own = _ids(ids)
        n = len(own)
        given: dict[str, ArrayLike] = {"ids": own, "boxes": boxes, **columns}
        table: dict[str, Any] = {}
        for name, (kind, width, default) in _COLUMNS.items():
            shape = (n,) if width is None else (n, width)
            array: NDArray[Any] = np.full(shape, default, dtype=kind)
            if name in given:
                array = _column(name, given.pop(name), kind)
            table[name] = array.reshape(shape) if array.size == 0 == n else array
            if table[name].shape != shape:
                raise ValueError(f"tracks {name} have shape {array.shape}; expected {shape}")
        if given:
            raise ValueError(f"tracks have no column {next(iter(given))!r}; they have: {', '.join(_COLUMNS)}")
        return cls.of(**table, frame=frame, time=time)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        shown = ", ".join(map(str, self.ids[:8].tolist())) + (", ..." if len(self) > 8 else "")
        return f"Tracks(frame {self.frame}, {len(self)} tracks: ids [{shown}])"

    def _repr_html_(self) -> str:
        """A table, for notebooks."""
        columns = {name: column for name, column in self._flat().items() if name in _SHOWN}
        heads = "".join(f"<th>{name}</th>" for name in columns)
        lists = [(column.round(2) if column.dtype.kind == "f" else column).tolist() for column in columns.values()]
        rows = zip(*lists, strict=True)
        lines = ["".join(f"<td>{value}</td>" for value in row) for row in rows]
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        return f"<p>Tracks of frame {self.frame}</p><table><tr>{heads}</tr>{body}</table>"

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, ready for JSON: a list for each column, ``frame`` and ``time``; null for NaN."""
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: _plain(v) if isinstance(v, np.ndarray) else v for k, v in columns.items()}

    def to_pandas(self) -> DataFrame:
        """A row per track: frame, time, id, left, top, right, bottom and the other columns, pairs and boxes spread out.

        Raises ImportError where pandas is not installed.
        """
        import pandas

        n = len(self)
        time = np.full(n, np.nan if self.time is None else self.time)
        return pandas.DataFrame({"frame": np.full(n, self.frame), "time": time, **self._flat()})

    def to_supervision(self) -> Any:
        """``supervision.Detections``, with the ids as tracker_id. Raises ImportError where it is not installed."""
        import supervision

        return supervision.Detections(
            xyxy=self.boxes.astype(np.float32),
            confidence=self.scores.astype(np.float32),
            class_id=self.classes.copy(),
            tracker_id=self.ids.copy(),
        )

    def _flat(self) -> dict[str, NDArray[Any]]:
        """Columns of one value per track."""
        corners = ("left", "top", "right", "bottom")
        return {
            "id": self.ids,
            **dict(zip(corners, self.boxes.T, strict=True)),
            "score": self.scores,
            "class_id": self.classes,
            "state": self.states,
            "age": self.ages,
            "hits": self.hits,
            "missed": self.missed,
            **dict(zip(("velocity_x", "velocity_y"), self.velocities.T, strict=True)),
            "detection": self.detections,
            "detection_class_id": self.detection_classes,
            **{f"detection_{name}": edge for name, edge in zip(corners, self.detection_boxes.T, strict=True)},
        }

    @overload
    def __getitem__(self, which: int) -> Track: ...

    @overload
    def __getitem__(self, which: slice | BoolArray | IntArray | list[int]) -> Tracks: ...

    def __getitem__(self, which: int | slice | BoolArray | IntArray | list[int]) -> Track | Tracks:
        """The track at a place, or the tracks that ``which`` (mask, slice or integer array) selects, in its order."""
        if isinstance(which, (int, np.integer)):
            return self._track(int(which))
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        kept: dict[str, Any] = {k: v[which] if isinstance(v, np.ndarray) else v for k, v in columns.items()}
        return type(self)(**kept)

    def __iter__(self) -> Iterator[Track]:
        return map(self._track, range(len(self)))

    def _track(self, i: int) -> Track:
        confirmed, missed = bool(self.confirmed[i]), int(self.missed[i])
        return Track(
            id=int(self.ids[i]),
            box=self.boxes[i],
            detection_box=self.detection_boxes[i],
            score=float(self.scores[i]),
            class_id=int(self.classes[i]),
            detection_class_id=int(self.detection_classes[i]),
            state=("lost" if missed else "confirmed") if confirmed else "tentative",
            age=int(self.ages[i]),
            hits=int(self.hits[i]),
            missed=missed,
            velocity=self.velocities[i],
            detection=int(self.detections[i]),
        )


def _plain(column: NDArray[Any]) -> list[Any]:
    """An array as lists, None for NaN."""
    values = column.astype(object)
    values[column != column] = None
    plain: list[Any] = values.tolist()
    return plain


def _ids(ids: ArrayLike) -> IntArray:
    """Ids (N,) as integers; ValueError unless they are whole numbers that differ."""
    given = _column("ids", ids, np.float64).reshape(-1)
    if not (np.abs(given) < 2**53).all() or (given != np.floor(given)).any():
        raise ValueError("tracks ids are not whole numbers; give integers (N,)")
    own = given.astype(np.int64)
    if len(np.unique(own)) < len(own):
        raise ValueError(f"tracks ids hold {_first_repeated(own)} twice; an id names one box of a frame")
    return own


def _first_repeated(ids: IntArray) -> int:
    values, counts = np.unique(ids, return_counts=True)
    return int(values[counts > 1][0])


def _column(name: str, values: ArrayLike, kind: type) -> NDArray[Any]:
    """A copy of a column as an array; ValueError for what is no regular array of numbers."""
    try:
        return np.array(values, dtype=kind)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"tracks {name} are not numbers in a regular array") from None


# Column: type, width of its rows, and what `of_boxes` fills in.
_COLUMNS: dict[str, tuple[type, int | None, float]] = {
    "ids": (np.int64, None, 0),
    "boxes": (np.float64, 4, np.nan),
    "detection_boxes": (np.float64, 4, np.nan),
    "scores": (np.float64, None, 1),
    "classes": (np.int64, None, 0),
    "detection_classes": (np.int64, None, 0),
    "confirmed": (np.bool_, None, True),
    "ages": (np.int64, None, 1),
    "hits": (np.int64, None, 1),
    "missed": (np.int64, None, 0),
    "velocities": (np.float64, 2, 0),
    "detections": (np.int64, None, -2),
}
