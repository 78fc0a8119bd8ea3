"""Corrections made by hand in a report (``track report``), replayed on results: merge, swap, split, rename, delete.

A file ``edits.json`` holds ``source`` (the name of the video), ``size`` (of its images), and ``edits``, done in their
order. Each has ``op`` and ``id``, and

merge   into         every row of ``id`` becomes a row of ``into``; no frame may have both
swap    other, frame  from the frame on the two change places
split   frame, to    from the frame on ``id`` is ``to``, an id that is not there yet
rename  to           ``id`` is ``to``, an id that is not there yet
delete  first, last  the rows of ``id`` in these frames go

``where`` lists each id that must be there already, with a frame and its box there, xyxy. What it says must still hold:
an edit of other results is refused, and one of a run made anew is not.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeGuard, get_args

import numpy as np

from tracker.arrays import BoolArray
from tracker.boxes import iou_xyxy
from tracker.rows import Rows
from tracker.spelling import shown

VERSION = 1
QUARTER = 0.25  # pixels: reports keep boxes no finer
SAME = 0.5  # least IoU of a box with the one that an edit names
MOST = 2**31 - 1  # of an id or a frame

Op = Literal["merge", "swap", "split", "rename", "delete"]
NEEDED: dict[Op, tuple[str, ...]] = {
    "merge": ("into",),
    "swap": ("other", "frame"),
    "split": ("frame", "to"),
    "rename": ("to",),
    "delete": ("first", "last"),
}


@dataclass(frozen=True)
class Where:
    """A track in a frame: its box (left, top, right, bottom) in pixels."""

    id: int
    frame: int
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Edit:
    """One correction; which of the numbers it has depends on ``op``, as the module says; the others are -1."""

    op: Op
    id: int
    into: int = -1
    other: int = -1
    frame: int = -1
    to: int = -1
    first: int = -1
    last: int = -1
    where: tuple[Where, ...] = ()

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids that must be there."""
        return tuple(id for id in (self.id, self.into, self.other) if id >= 0)

    def __str__(self) -> str:
        return {
            "merge": f"merge {self.id} into {self.into}",
            "swap": f"swap {self.id} and {self.other} from frame {self.frame} on",
            "split": f"split {self.id} at frame {self.frame}, {self.to} from there on",
            "rename": f"rename {self.id} to {self.to}",
            "delete": f"delete {self.id} in frames {self.first} to {self.last}",
        }[self.op]


@dataclass(frozen=True)
class EditFile:
    """The edits of a file, and the video they are of: its name, "" where unknown, and the size of its images."""

    source: str
    size: tuple[int, int] | None
    edits: tuple[Edit, ...]


def read_edits(path: str | os.PathLike[str]) -> EditFile:
    """Read ``edits.json``. Raises ValueError, in one line that names the edit, for what is none."""
    name = shown(os.fspath(path))
    try:
        given = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name}: is no JSON ({error}); download edits.json from a report again") from None
    if not isinstance(given, dict) or not isinstance(given.get("edits"), list):
        raise ValueError(f"{name}: has no list of edits; download edits.json from a report again")
    if given.get("version") != VERSION:
        raise ValueError(
            f"{name}: edits of version {shown(str(given.get('version')))}; this trackwhy reads version {VERSION}, so "
            "make them again in a new report"
        )
    edits = []
    for k, one in enumerate(given["edits"], start=1):
        try:
            edits.append(_edit(one))
        except ValueError as error:
            raise ValueError(f"{name}: edit {k}: {error}") from None
    source, size = given.get("source"), None
    match given.get("size"):
        case [width, height] if _is_number(width) and _is_number(height):
            size = width, height
    return EditFile(source if isinstance(source, str) else "", size, tuple(edits))


def apply_edits(rows: Rows, edits: Sequence[Edit]) -> Rows:
    """The rows after the edits, ordered by id, then frame; ``rows`` is not changed.

    Raises ValueError, in one line that names the edit, where one does not fit: an id or a frame that is not there, a
    box that is another's, an id that is taken.
    """
    rows = rows.by_track()
    for k, edit in enumerate(edits, start=1):
        try:
            rows = _applied(rows, edit).by_track()
        except ValueError as error:
            raise ValueError(f"edit {k} ({edit}): {error}") from None
    return rows


def refuse_other(edits: EditFile, source: str, size: tuple[int, int] | None) -> None:
    """Raise ValueError for edits of another video: another name, or images of another size, where both are known."""
    if edits.source and source and edits.source != source:
        raise ValueError(
            f"the edits are of {shown(edits.source)}, the results of {shown(source)}; give the run they are of"
        )
    if edits.size is not None and size is not None and edits.size != size:
        theirs, own = (f"{width}x{height}" for width, height in (edits.size, size))
        raise ValueError(f"the edits are of {theirs} images, the results of {own} ones; give the run they are of")


def _edit(given: object) -> Edit:
    if not isinstance(given, dict):
        raise ValueError("is no object; download edits.json from a report again")
    op = given.get("op")
    if not _is_op(op):
        raise ValueError(f"op is {shown(json.dumps(op))}; give one of {', '.join(get_args(Op))}")
    numbers = {name: _whole(name, given.get(name)) for name in ("id", *NEEDED[op])}
    where = given.get("where", [])
    if not isinstance(where, list):
        raise ValueError("where is no list; download edits.json from a report again")
    edit = Edit(op, where=tuple(_where(one) for one in where), **numbers)
    lacking = set(edit.ids) - {place.id for place in edit.where}
    if lacking:
        raise ValueError(f"where lacks id {min(lacking)}; download edits.json from a report again")
    return edit


def _is_op(value: object) -> TypeGuard[Op]:
    return value in get_args(Op)


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST


def _whole(name: str, value: object) -> int:
    if not _is_number(value):
        raise ValueError(f"{name} is {shown(json.dumps(value))}; give a whole number from 0 to {MOST}")
    return value


def _where(given: object) -> Where:
    if not isinstance(given, Mapping):
        raise ValueError("where holds no object; download edits.json from a report again")
    match given.get("box"):
        case [left, top, right, bottom] if all(_is_place(n) for n in (left, top, right, bottom)):
            box = float(left), float(top), float(right), float(bottom)
        case other:
            raise ValueError(f"box is {shown(json.dumps(other))}; give left, top, right and bottom in pixels")
    return Where(_whole("id", given.get("id")), _whole("frame", given.get("frame")), box)


def _is_place(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _applied(rows: Rows, edit: Edit) -> Rows:
    """The rows after one edit, in any order."""
    for id in edit.ids:
        _rows_of(rows, id)
    for place in edit.where:
        _check_where(rows, place)
    own = _rows_of(rows, edit.id)
    ids = rows.ids.copy()
    if edit.op == "delete":
        gone = own & (rows.frames >= edit.first) & (rows.frames <= edit.last)
        _need(gone, f"id {edit.id} has no rows there")
        return rows.select(~gone)
    if edit.op == "merge":
        other = _rows_of(rows, edit.into)
        if edit.into == edit.id:
            raise ValueError("the two are one id")
        both = np.intersect1d(rows.frames[own], rows.frames[other])
        if len(both):
            raise ValueError(f"both are in frame {both[0]}")
        ids[own] = edit.into
    elif edit.op == "swap":
        other = _rows_of(rows, edit.other)
        if edit.other == edit.id:
            raise ValueError("the two are one id")
        later = rows.frames >= edit.frame
        _need((own | other) & later, f"neither has rows from frame {edit.frame} on")
        ids[own & later], ids[other & later] = edit.other, edit.id
    else:
        if (rows.ids == edit.to).any():
            raise ValueError(f"there is an id {edit.to} already")
        later = own if edit.op == "rename" else own & (rows.frames >= edit.frame)
        if edit.op == "split":
            _need(later, f"id {edit.id} has no rows from frame {edit.frame} on")
            _need(own & ~later, f"id {edit.id} has no rows before frame {edit.frame}")
        ids[later] = edit.to
    return replace(rows, ids=ids)


def _rows_of(rows: Rows, id: int) -> BoolArray:
    own: BoolArray = rows.ids == id
    return _need(own, f"there is no id {id}")


def _need(mask: BoolArray, why: str) -> BoolArray:
    if not mask.any():
        raise ValueError(why)
    return mask


def _check_where(rows: Rows, place: Where) -> None:
    """Raise ValueError where the track is not where the edit saw it."""
    at = np.flatnonzero((rows.ids == place.id) & (rows.frames == place.frame))
    if not len(at):
        raise ValueError(
            f"id {place.id} is not in frame {place.frame}, where the edit saw it; make it again in a new report"
        )
    overlap = float(iou_xyxy(np.array([place.box]), rows.boxes[at]).max())
    near = np.abs(rows.boxes[at] - place.box).max() <= QUARTER  # a box without area overlaps nothing
    if overlap < SAME and not near:
        raise ValueError(
            f"id {place.id} is elsewhere in frame {place.frame} than the edit saw it (IoU {overlap:.2f}); make it "
            "again in a new report"
        )
