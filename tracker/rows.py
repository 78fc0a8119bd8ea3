"""Rows: the one table of boxes that text files are read into and that is scored, repaired and written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.detections import Invalid
from tracker.spelling import number_of
from tracker.tracks import Tracks


@dataclass(frozen=True, eq=False, repr=False)
class Rows:
    """R rows, each a box in a frame; one array per column.

    frames        (R,) int64, from 1
    ids           (R,) int64, from 0, -1 in detections
    boxes         (R, 4) float64 left, top, right, bottom in pixels
    scores        (R,) float64: the confidence as the file gives it (public detectors leave 0..1); in ground truth 1
                  for boxes that count and 0 for others
    classes       (R,) int64, -1 where there is none
    interpolated  (R,) bool: True where nothing was detected and the box is predicted or interpolated
    visibility    (R,) float64 in 0..1, -1 where ground truth does not say
    lines         (R,) int64: line in the file, or place among the rows given, from 1; 0 in rows added by repair
    dropped       how many rows the reader left out with invalid="drop"
    notes         what the reader has to say about an unusual file, a line each
    layout        of ground truth, as the reader recognised it: "mot15", "mot16", "visdrone", "kitti", "coco",
                  "bdd100k" or "cvat"; else ""

    Readers return rows ordered by frame, as they are in the file within a frame; ``as_rows`` and ``refine`` return them
    ordered by id, then frame. Everything that takes rows takes both, except ``at`` and ``starts``.
    The constructor checks nothing; ``as_rows`` does.
    """

    frames: IntArray
    ids: IntArray
    boxes: FloatArray
    scores: FloatArray
    classes: IntArray
    interpolated: BoolArray
    visibility: FloatArray
    lines: IntArray
    dropped: int = 0
    notes: tuple[str, ...] = ()
    layout: str = ""

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        ids = number_of(len(np.unique(self.ids)), "id")
        return f"Rows({number_of(len(self), 'row')}, {ids}, last frame {self.last_frame})"

    @property
    def last_frame(self) -> int:
        """Largest frame number, 0 when there are no rows."""
        return int(self.frames.max(initial=0))

    @property
    def has_classes(self) -> bool:
        """Whether any row has a class."""
        return bool((self.classes >= 0).any())

    def columns(self) -> dict[str, NDArray[Any]]:
        """Every array by the name of its column."""
        return {name: getattr(self, name) for name in _COLUMNS}

    def select(self, index: slice | BoolArray | IntArray) -> Rows:
        """The rows that ``index`` (a slice, a mask or positions) picks, in its order."""
        columns: dict[str, Any] = {name: column[index] for name, column in self.columns().items()}
        return replace(self, **columns)

    def by_frame(self) -> Rows:
        """These rows ordered by frame, otherwise in the order they have; the same object where that changes nothing."""
        return self if self._by_frame else self.select(np.argsort(self.frames, kind="stable"))

    def by_track(self) -> Rows:
        """These rows ordered by id, then frame; the same object where that changes nothing."""
        return self if self._by_track else self.select(np.lexsort((self.frames, self.ids)))

    def at(self, frame: int) -> slice:
        """Rows of one frame as a slice into every column, empty where the frame has none.

        Raises ValueError for rows that are not ordered by frame.
        """
        if not self._by_frame:
            raise ValueError("these rows are not ordered by frame; call at() on rows.by_frame()")
        start, stop = np.searchsorted(self.frames, (frame, frame + 1))
        return slice(int(start), int(stop))

    @property
    def starts(self) -> IntArray:
        """(T + 1,) first row of each track, and the number of rows: track k has rows starts[k]:starts[k + 1].

        Raises ValueError for rows that are not ordered by id and frame.
        """
        if not self._by_track:
            raise ValueError("these rows are not ordered by track; take starts or spans of rows.by_track()")
        changes = np.flatnonzero(np.diff(self.ids)) + 1
        return np.concatenate(([0], changes, [len(self)])) if len(self) else np.zeros(1, dtype=np.int64)

    @property
    def spans(self) -> list[tuple[int, int]]:
        """First row of each track, and the row after its last; errors as for ``starts``."""
        return list(pairwise(self.starts.tolist()))

    def check(self) -> None:
        """Refuse rows that neither results nor ground truth can have.

        Raises ValueError, naming frame and id in one line, for a frame below 1, an id below 0, NaN or inf, a negative
        size, or two rows of one frame and id.
        """
        again = np.zeros(len(self), dtype=bool)
        again[repeats(self.frames, self.ids)[0]] = True
        for bad, what in (
            (self.frames < 1, "frames count from 1"),
            (self.ids < 0, "ids count from 0"),
            (~np.isfinite(self.boxes).all(axis=1) | ~np.isfinite(self.scores), "NaN or inf in its box or score"),
            ((self.boxes[:, 2:] < self.boxes[:, :2]).any(axis=1), "its box has a negative size; give xyxy"),
            (again, "two rows; an id names one box a frame"),
        ):
            if bad.any():
                row = int(np.argmax(bad))
                raise ValueError(f"frame {self.frames[row]}, id {self.ids[row]}: {what}")

    @cached_property
    def _by_frame(self) -> bool:
        return bool((self.frames[1:] >= self.frames[:-1]).all())

    @cached_property
    def _by_track(self) -> bool:
        later = self.frames[1:] >= self.frames[:-1]
        return bool(((self.ids[1:] > self.ids[:-1]) | (self.ids[1:] == self.ids[:-1]) & later).all())


_COLUMNS = tuple(field.name for field in fields(Rows) if field.name not in ("dropped", "notes", "layout"))


def as_rows(
    frames: ArrayLike,
    ids: ArrayLike,
    boxes: ArrayLike,
    scores: ArrayLike | None = None,
    classes: ArrayLike | None = None,
    interpolated: ArrayLike | None = None,
    *,
    visibility: ArrayLike | None = None,
    lines: ArrayLike | None = None,
    invalid: Invalid = "raise",
) -> Rows:
    """Rows of a result from columns in any order: checked, copied, and ordered by id, then frame.

    frames (R,) from 1, ids (R,) from 0: whole numbers. boxes (R, 4) xyxy in pixels. scores (R,), 1 by default; classes
    (R,), -1 by default; interpolated (R,), False by default; visibility (R,), -1 by default; lines (R,), by default
    1, 2, ... Raises ValueError, in one line, for shapes that disagree, and as ``Rows.check`` does; with invalid="drop"
    the rows that it refuses are left out and counted in ``Rows.dropped``.
    """
    if invalid == "drop":
        kept = _sound(frames, ids, boxes, scores)
        frames, ids, boxes = np.asarray(frames)[kept], np.asarray(ids)[kept], np.asarray(boxes)[kept]
        scores, classes, interpolated, visibility, lines = (
            None if column is None else np.asarray(column)[kept]
            for column in (scores, classes, interpolated, visibility, lines)
        )
        found = as_rows(frames, ids, boxes, scores, classes, interpolated, visibility=visibility, lines=lines)
        return replace(found, dropped=int(np.count_nonzero(~kept)))
    count = np.shape(frames)[0] if np.ndim(frames) == 1 else -1
    size = max(count, 0)
    columns: dict[str, Any] = {
        "frames": _whole("frames", frames),
        "ids": _whole("ids", ids),
        "boxes": _numbers("boxes", boxes),
        "scores": np.ones(size) if scores is None else _numbers("scores", scores),
        "classes": np.full(size, -1) if classes is None else _whole("classes", classes),
        "interpolated": np.zeros(size, dtype=bool) if interpolated is None else np.asarray(interpolated, dtype=bool),
        "visibility": np.full(size, -1.0) if visibility is None else _numbers("visibility", visibility),
        "lines": np.arange(1, size + 1) if lines is None else _whole("lines", lines),
    }
    if count == 0:
        columns["boxes"] = columns["boxes"].reshape(-1, 4)
    shapes = {name: column.shape for name, column in columns.items()}
    if any(shape != ((count, 4) if name == "boxes" else (count,)) for name, shape in shapes.items()):
        said = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"{said} do not belong together; give (R,) of each and boxes (R, 4)")
    order = np.lexsort((columns["frames"], columns["ids"]))
    columns = {name: column[order] for name, column in columns.items()}
    rows = Rows(**columns)
    rows.check()
    return rows


def _sound(frames: ArrayLike, ids: ArrayLike, boxes: ArrayLike, scores: ArrayLike | None) -> BoolArray:
    """Mask (R,) of the rows that ``Rows.check`` does not refuse: of those with one frame and id the first."""
    frame, track, corners = (np.asarray(column, dtype=np.float64) for column in (frames, ids, boxes))
    corners = corners.reshape(-1, 4)
    kept = np.isfinite(np.column_stack((frame, track, corners))).all(axis=1)
    kept &= (frame >= 1) & (track >= 0) & np.all(corners[:, 2:] >= corners[:, :2], axis=1)
    if scores is not None:
        kept &= np.isfinite(np.asarray(scores, dtype=np.float64))
    places = kept.nonzero()[0]
    _, first = np.unique(np.column_stack((frame, track))[places], axis=0, return_index=True)
    once: BoolArray = np.zeros(len(kept), dtype=bool)
    once[places[first]] = True
    return once


def as_detections(
    frames: ArrayLike,
    boxes: ArrayLike,
    scores: ArrayLike,
    classes: ArrayLike | None = None,
    *,
    lines: ArrayLike,
    invalid: Invalid = "raise",
) -> Rows:
    """Rows of detections from columns in any order, ordered by frame; their ids are -1.

    Arguments as in ``as_rows``. Boxes without width or height are left out and counted in ``Rows.dropped``. Raises
    ValueError, in one line, for a frame below 1 and for NaN or inf; with invalid="drop" those rows are left out, too.
    """
    corners = _numbers("boxes", boxes).reshape(-1, 4)
    # What is not finite is left to the check.
    solid = ~np.isfinite(corners).all(axis=1) | (corners[:, 2:] > corners[:, :2]).all(axis=1)
    columns = [np.asarray(column)[solid] for column in (frames, scores, lines)]
    labels = None if classes is None else np.asarray(classes)[solid]
    places = np.arange(int(solid.sum()))
    found = as_rows(
        columns[0], places, corners[solid], columns[1], labels, lines=columns[2], invalid=invalid
    ).by_frame()
    return replace(found, ids=np.full(len(found), -1), dropped=found.dropped + int(np.count_nonzero(~solid)))


def with_own_ids(ids: NDArray[np.generic], regions: BoolArray) -> NDArray[Any]:
    """A copy of ids (R,) in which each row of the mask ``regions`` (R,), which is no object, has an id of its own."""
    out = np.array(ids)
    out[regions] = max(out.max(initial=0), 0) + 1 + np.arange(np.count_nonzero(regions))
    return out


def results_of(reports: Sequence[Tracks], first: int = 1) -> Rows:
    """What a tracker reported for the frames ``first``, ``first`` + 1, ..., as rows ordered by frame.

    Within a frame the rows keep the order of the report. Tracks without a detection in their frame are marked as
    interpolated.
    """
    frames = np.repeat(np.arange(first, first + len(reports)), [len(tracks) for tracks in reports])
    none = np.empty(0, dtype=np.int64)
    return Rows(
        frames=frames,
        ids=np.concatenate([none, *(tracks.ids for tracks in reports)]),
        boxes=np.concatenate([np.empty((0, 4)), *(tracks.boxes for tracks in reports)]),
        scores=np.concatenate([np.empty(0), *(tracks.scores for tracks in reports)]),
        classes=np.concatenate([none, *(tracks.classes for tracks in reports)]),
        interpolated=np.concatenate([none, *(tracks.detections for tracks in reports)]) == -1,
        visibility=np.full(len(frames), -1.0),
        lines=np.arange(1, len(frames) + 1),
    )


def left_out(rows: Rows) -> str:
    """How many rows the reader left out."""
    return f"{number_of(rows.dropped, 'bad row')} left out"


def notes_of(rows: Rows) -> list[str]:
    """What the reader said about the rows, and how many it left out."""
    return [*rows.notes, *([left_out(rows)] if rows.dropped else [])]


def are_times(last: int, rows: int) -> bool:
    """Whether frame numbers up to ``last`` are times (Unix seconds, milliseconds) and do not count frames.

    Then they are far larger than ``rows`` rows explain, and only the frames that have rows exist.
    """
    return last > 100 * rows + 100_000


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of one or more tables, one table after the other."""
    columns = [part.columns() for part in parts]
    arrays: dict[str, Any] = {name: np.concatenate([part[name] for part in columns]) for name in _COLUMNS}
    return Rows(
        **arrays,
        dropped=sum(part.dropped for part in parts),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def repeats(frames: IntArray, ids: IntArray) -> tuple[IntArray, IntArray]:
    """Rows (K,) that have frame and id of an earlier row, and the first row (K,) that has them."""
    key = np.sort(frames * (ids.max(initial=0) + 1) + ids)  # cheaper than the two columns, and mostly enough
    if not (key[1:] == key[:-1]).any():
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    order = np.lexsort((ids, frames))
    again = np.zeros(len(order), dtype=bool)
    again[1:] = (frames[order[1:]] == frames[order[:-1]]) & (ids[order[1:]] == ids[order[:-1]])
    first = np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))
    return order[again], order[first[again]]


def _whole(name: str, column: ArrayLike) -> IntArray:
    _refuse_masked(name, column)
    values = np.asarray(column)
    if values.size and not np.issubdtype(values.dtype, np.integer):
        whole = np.issubdtype(values.dtype, np.floating) and np.isfinite(values) & (np.trunc(values) == values)
        whole = whole & (np.abs(values) < 2**63) if np.issubdtype(values.dtype, np.floating) else whole
        if not np.all(whole):
            raise ValueError(f"{name} are not whole numbers")
    return values.astype(np.int64)


def _numbers(name: str, column: ArrayLike) -> FloatArray:
    _refuse_masked(name, column)
    try:
        return np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} are not numbers in a regular array") from None


def _refuse_masked(name: str, column: ArrayLike) -> None:
    if np.ma.is_masked(column):
        raise ValueError(f"{name} hold masked values; leave these rows out")
