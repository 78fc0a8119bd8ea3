"""Tracks: what a tracker reports for one frame, one array per quantity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker.arrays import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from pandas import DataFrame

    from tracker.results import DataFrameLike, SupervisionLike

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

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Tracks:
        """The tracks that ``to_dict`` gave, or JSON made of it; columns that are missing are filled as by ``of_boxes``.

        Raises ValueError as ``of_boxes`` does, and without ids or boxes.
        """
        columns = {name: _from_plain(name, column) for name, column in values.items() if name not in ("frame", "time")}
        for name in ("ids", "boxes"):
            if name not in columns:
                raise ValueError(f"tracks have no {name!r} (there are: {', '.join(values) or 'none'})")
        time = values.get("time")
        return cls.of_boxes(
            columns.pop("ids"),
            columns.pop("boxes"),
            frame=int(values.get("frame", 0)),
            time=None if time is None else float(time),
            **columns,
        )

    @classmethod
    def from_pandas(cls, table: DataFrameLike) -> Tracks:
        """The tracks of one frame, from the columns that ``to_pandas`` gives; a frame of polars is read too.

        Only id, left, top, right and bottom are needed, others are filled as by ``of_boxes``. Raises ValueError for
        a table without these, with rows of several frames, and as ``of_boxes`` does.
        """
        names = [str(name) for name in table.columns]
        needed = ("id", *_CORNERS)
        if missing := [name for name in needed if name not in names]:
            raise ValueError(f"tracks DataFrame has no column {missing[0]!r} (there are: {', '.join(names) or 'none'})")

        def column(name: str) -> NDArray[Any]:
            return np.asarray(table[name].to_numpy())

        known = {to: column(name) for name, to in _FLAT.items() if name in names}
        for to, parts in _SPREAD.items():
            if set(parts) <= set(names):
                known[to] = np.column_stack([column(part) for part in parts])
        if "state" in names:
            known["confirmed"] = column("state") != "tentative"
        frame, time = (_of_one_frame(name, column(name)) if name in names else None for name in ("frame", "time"))
        return cls.of_boxes(
            known.pop("ids"),
            known.pop("boxes"),
            frame=0 if frame is None else int(frame),
            time=None if time is None or np.isnan(time) else float(time),
            **known,
        )

    @classmethod
    def from_supervision(cls, detections: SupervisionLike, *, frame: int = 0, time: float | None = None) -> Tracks:
        """Tracks from ``supervision.Detections`` with a tracker_id, such as a tracker of theirs gives.

        Raises ValueError where they have no tracker_id, and as ``of_boxes`` does.
        """
        ids, classes, scores = (getattr(detections, name, None) for name in ("tracker_id", "class_id", "confidence"))
        if ids is None:
            raise ValueError("tracks of supervision have no tracker_id; give what a tracker returned")
        columns = {"classes": classes, "detection_classes": classes, "scores": scores}
        known = {name: np.asarray(column) for name, column in columns.items() if column is not None}
        return cls.of_boxes(ids, detections.xyxy, frame=frame, time=time, **known)

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

        def spread(name: str, columns: NDArray[Any]) -> dict[str, NDArray[Any]]:
            return dict(zip(_SPREAD[name], columns.T, strict=True))

        return {
            "id": self.ids,
            **spread("boxes", self.boxes),
            "score": self.scores,
            "class_id": self.classes,
            "state": self.states,
            "age": self.ages,
            "hits": self.hits,
            "missed": self.missed,
            **spread("velocities", self.velocities),
            "detection": self.detections,
            "detection_class_id": self.detection_classes,
            **spread("detection_boxes", self.detection_boxes),
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


def _from_plain(name: str, column: Any) -> NDArray[Any]:
    """The inverse of ``_plain``; ValueError for what is no regular list."""
    try:
        values = np.array(column, dtype=object)
        values[values == None] = np.nan  # noqa: E711 (of each value)
        return values.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"tracks {name} are not numbers in a regular list") from None


def _of_one_frame(name: str, column: NDArray[Any]) -> float | None:
    """The value that all rows share, None without rows; ValueError where they differ."""
    values = np.unique(column.astype(np.float64))
    if len(values) > 1:
        raise ValueError(
            f"tracks DataFrame holds {len(values)} values of {name!r}; give the rows of one frame, such as "
            "table[table['frame'] == 1]"
        )
    return None if not len(values) else float(values[0])


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


_CORNERS = ("left", "top", "right", "bottom")
# The names in tables of one value per track: of a column, and of the parts of one that is spread out.
_FLAT = {
    "id": "ids",
    "score": "scores",
    "class_id": "classes",
    "age": "ages",
    "hits": "hits",
    "missed": "missed",
    "detection": "detections",
    "detection_class_id": "detection_classes",
}
_SPREAD = {
    "boxes": _CORNERS,
    "velocities": ("velocity_x", "velocity_y"),
    "detection_boxes": tuple(f"detection_{name}" for name in _CORNERS),
}

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
