"""MOTChallenge text: detections, results and ground truth, one box a line.

    detections, results     frame,id,left,top,width,height,conf[,x,y,z]                        7 to 10 columns
    ground truth, MOT15     frame,id,left,top,width,height,flag[,x,y,z]                        7 or 10 columns
    ground truth, MOT16+    frame,id,left,top,width,height,flag,class[,vis]                    8 or 9 columns
    ground truth, VisDrone  frame,id,left,top,width,height,flag,class,truncation,occlusion     10 columns

Lines of one file may differ in their number of columns, as long as each has those that are needed: seven, or eight
where ground truth has classes; columns after the tenth are left out. `mot_lines` says how a line may be written. Frames
count from 1, ids from 0. Boxes are continuous pixels: right = left + width, with no shift of one pixel. Results have -1
in the last three columns, with two exceptions, which the official kit does not read (but it refuses a class above 1):
column 8 may hold the class, and column 10 is 1 in rows that were not detected but predicted or interpolated. Format:
Leal-Taixe 2015 (MOT15, section 3), Milan 2016 (MOT16, section 4); VisDrone's is that of its toolkit for MOT.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, TextIO, get_args

import numpy as np

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.detections import Invalid as Invalid
from tracker.io.mot_lines import DROP, MOST, fail, read_numbers
from tracker.io.mot_lines import MotFormatError as MotFormatError
from tracker.rows import Rows, repeats
from tracker.spelling import number_of

Layout = Literal["auto", "mot15", "mot16", "visdrone"]

_LARGEST_INTEGER = 2.0**53  # beyond it a float64 column no longer holds every integer
_SMALLEST_SIZE = 0.01  # the last decimal written


def read_detections(path: str | os.PathLike[str], *, invalid: Invalid = "raise", classed: bool = False) -> Rows:
    """Read a `det.txt`. The id column is ignored (ids are -1); scores may leave 0..1; an empty file has no rows.

    A file that begins with frame 0 and goes on is numbered from 1, with a note (`from_one`).
    classed=True reads column 8 as the class, as VisDrone's detections have it; MOT15's may hold a place there.
    invalid="drop" leaves out and counts rows with NaN or inf, a size that is not positive, or a frame below 1.
    Raises MotFormatError for those by default, and always for a wrong column count or a field that is not a number.
    """
    table, lines, notes = read_numbers(path, "frame,id,left,top,width,height,conf[,x,y,z]")
    table[:, 0], shifted = from_one(table[:, 0])
    notes += shifted
    good, said = _good(path, table, lines, invalid, ids=False, zero_size=False)
    table, lines = _kept(table, lines, good)
    classes = _filled(table[:, 7]).astype(np.int64) if classed and table.shape[1] > 7 else None
    return _rows(table, lines, good, notes + said, ids=np.full(len(table), -1), classes=classes)


def read_results(path: str | os.PathLike[str], *, invalid: Invalid = "raise") -> Rows:
    """Read a tracker's results. Ids count from 0; (frame, id) must be unique; an empty file has no rows.

    Column 8 is read as the class where it holds whole numbers from -1 on, and a 1 in column 10 marks an interpolated
    row where the last three columns hold no place in the world: -1 in column 9, and 1 or -1 in column 10.
    A box of zero width or height is kept: it overlaps nothing and the official kit counts it as a false positive.
    invalid="drop" leaves out and counts rows with NaN or inf, a negative size, a frame below 1, an id below 0, or a
    (frame, id) seen before. Raises MotFormatError for those by default, and always for a broken layout.
    """
    table, lines, notes = read_numbers(path, "frame,id,left,top,width,height,conf,-1,-1,-1")
    good, said = _good(path, table, lines, invalid, ids=True, zero_size=True)
    classed = len(table) and table.shape[1] > 7 and _is_class(_filled(table[:, 7]), -1, _LARGEST_INTEGER).all()
    table, lines = _kept(table, lines, good)
    marked = table.shape[1] == MOST and bool(((np.abs(table[:, 9]) == 1) & (table[:, 8] == -1)).all())
    return _rows(
        table,
        lines,
        good,
        notes + said,
        classes=_filled(table[:, 7]).astype(np.int64) if classed else None,
        interpolated=table[:, 9] == 1 if marked else None,
    )


def read_ground_truth(path: str | os.PathLike[str], layout: Layout = "auto", *, invalid: Invalid = "raise") -> Rows:
    """Read a `gt.txt` in the MOT15, the MOT16 (also of MOT17 and MOT20) or the VisDrone layout. Ids count from 0.

    layout="auto" tells them apart by the columns (`Rows.layout` says which it is); rows of the MOT15 layout have no
    classes (`Rows.has_classes`). Raises MotFormatError as `read_results` does, and when the columns contradict the
    layout named.
    """
    if layout not in get_args(Layout):
        raise ValueError(f"layout {layout!r} is unknown; use one of {', '.join(get_args(Layout))}")
    table, lines, notes = read_numbers(path, "frame,id,left,top,width,height,flag,class,visibility")
    found = _recognise(table)
    if layout == "auto":
        layout = found
    if layout != "mot15":
        _require_classes(path, table, lines, found)
    good, said = _good(path, table, lines, invalid, ids=True, zero_size=True)
    table, lines = _kept(table, lines, good)
    classed = layout != "mot15" and table.shape[1] > 7
    visible = layout == "mot16" and table.shape[1] > 8
    return _rows(
        table,
        lines,
        good,
        notes + said,
        classes=_filled(table[:, 7]).astype(np.int64) if classed else None,
        visibility=_filled(table[:, 8]) if visible else None,
        layout=layout,
    )


def from_one(frames: FloatArray) -> tuple[FloatArray, tuple[str, ...]]:
    """Frames (R,) of detections in the order of their file, numbered from 1, and what to say where they were not.

    A written number is that frame's number. Only detections that begin with frame 0 and go on are numbered one more, as
    the images of a folder are whose names count from 0.
    """
    if not len(frames) or frames[0] != 0 or not (frames >= 1).any() or (frames < 0).any():
        return frames, ()
    return frames + 1, ("frames count from 0; frame numbers are one more",)


def repeated(rows: Rows) -> str | None:
    """A line where detections repeat others exactly: each copy would start a track of its own. None where none does."""
    key = rows.frames * np.sqrt(2) + rows.boxes @ np.sqrt([3.0, 5, 7, 11])  # equal rows have equal keys
    ordered = np.sort(key)
    if not (ordered[1:] == ordered[:-1]).any():
        return None
    count = len(rows) - len(np.unique(np.column_stack([rows.frames, rows.boxes]), axis=0))
    return f"{count} of {len(rows)} rows repeat the frame and box of another row" if count else None


def format_rows(rows: Rows, *, classes: bool = True, marks: bool = True) -> str:
    """Results as text: a line of 10 columns for each row, in the order given, each ended by a newline; "" for no rows.

    Boxes are written with 2 decimals and scores with 4; a size that would round to zero is written as 0.01, so that
    the file stays valid. Column 8 is the class (-1: none, and everywhere where ``classes`` is False), column 10 is 1 in
    interpolated rows and -1 in others (everywhere where ``marks`` is False). Raises ValueError as ``Rows.check`` does.
    """
    rows.check()
    size = np.maximum(rows.boxes[:, 2:] - rows.boxes[:, :2], _SMALLEST_SIZE)
    numbers = [rows.frames, rows.ids, *rows.boxes[:, :2].T, *size.T, rows.scores]
    line = "%d,%d,%.2f,%.2f,%.2f,%.2f,%.4f,-1,-1,-1\n"
    if (classes and rows.has_classes) or (marks and rows.interpolated.any()):
        line = line.replace("-1,-1,-1", "%d,-1,%d")
        none = np.full(len(rows), -1)
        numbers += [rows.classes if classes else none, np.where(rows.interpolated, 1, -1) if marks else none]
    return "".join(map(line.__mod__, zip(*(column.tolist() for column in numbers), strict=True)))


def write_results(
    target: str | os.PathLike[str] | TextIO, rows: Rows, *, classes: bool = True, marks: bool = True
) -> None:
    """Write results as MOTChallenge text, ordered by frame; columns and errors as in ``format_rows``.

    target: a path (its folder must exist; an existing file is replaced) or an open text file.
    """
    text = format_rows(rows.by_frame(), classes=classes, marks=marks)
    if isinstance(target, (str, os.PathLike)):
        Path(target).write_text(text, encoding="ascii", newline="\n")
    else:
        target.write(text)


def _kept(table: FloatArray, lines: IntArray, good: BoolArray) -> tuple[FloatArray, IntArray]:
    """The good rows, ordered by frame; those of one frame in the order of the file."""
    if not good.all():
        table, lines = table[good], lines[good]
    frames = table[:, 0]
    if np.any(frames[1:] < frames[:-1]):
        order = np.argsort(frames, kind="stable")
        table, lines = table[order], lines[order]
    return table, lines


def _rows(
    table: FloatArray,
    lines: IntArray,
    good: BoolArray,
    notes: tuple[str, ...],
    *,
    ids: IntArray | None = None,
    classes: IntArray | None = None,
    interpolated: BoolArray | None = None,
    visibility: FloatArray | None = None,
    layout: str = "",
) -> Rows:
    """Rows of a table that ``_kept`` left. good: mask of the rows of the file."""
    count = len(table)
    boxes = table[:, 2:6].copy()
    boxes[:, 2:] += boxes[:, :2]
    return Rows(
        frames=table[:, 0].astype(np.int64),
        ids=table[:, 1].astype(np.int64) if ids is None else ids,
        boxes=boxes,
        scores=table[:, 6].copy(),
        classes=np.full(count, -1) if classes is None else classes,
        interpolated=np.zeros(count, dtype=bool) if interpolated is None else interpolated,
        visibility=np.full(count, -1.0) if visibility is None else visibility,
        lines=lines,
        dropped=len(good) - count,
        notes=notes,
        layout=layout,
    )


def _filled(column: FloatArray) -> FloatArray:
    """A copy of a column (R,) with the format's -1 where rows have none."""
    return np.where(np.isnan(column), -1.0, column)


def _is_class(column: FloatArray, low: int = 1, high: float = 13) -> BoolArray:
    whole: BoolArray = (column == np.floor(column)) & (column >= low) & (column <= high)
    return whole


def _recognise(table: FloatArray) -> Literal["mot15", "mot16", "visdrone"]:
    """Layout of a ground truth table by its columns.

    Eight or nine hold a class (any from 0: other data sets have their own), unless the place is filled with -1. Ten are
    MOT15's, unless they are VisDrone's, or the eighth holds only classes of the benchmark and the ninth a visibility,
    as converters write.
    """
    columns = table.shape[1]
    if columns > 7:
        table = table[~np.isnan(table[:, 7])]  # the rows that have the column
    if columns <= 7 or not len(table):
        return "mot15"
    if columns <= 9:
        return "mot16" if _is_class(table[:, 7], 0, _LARGEST_INTEGER).all() else "mot15"
    if _is_visdrone(table):
        return "visdrone"
    visible = (_filled(table[:, 8]) >= -1) & (_filled(table[:, 8]) <= 1)
    return "mot16" if _is_class(table[:, 7]).all() and visible.all() else "mot15"


def _is_visdrone(table: FloatArray) -> bool:
    """Whether columns 8 to 10 are VisDrone's class (0, 1, ...), truncation (0, 1) and occlusion (0, 1, 2).

    A converter's class, visibility and filling may look the same where every visibility is 0 or 1. But MOT marks only
    pedestrians (class 1) for scoring and has no class 0; without any of these both readings give the same score.
    """
    classes, truncation, occlusion = table[:, 7:10].T
    if not (np.isin(truncation, (0, 1)).all() and np.isin(occlusion, (0, 1, 2)).all()):
        return False
    foreign = (classes == 0) | ((classes != 1) & (table[:, 6] != 0))
    return bool(_is_class(classes, 0, _LARGEST_INTEGER).all() and classes.any() and foreign.any())


def _require_classes(path: str | os.PathLike[str], table: FloatArray, lines: IntArray, found: str) -> None:
    """Raise MotFormatError where ground truth has no class column; found: the layout recognised."""
    if table.shape[1] > 7 and np.isnan(table[:, 7]).any():
        row = int(np.argmax(np.isnan(table[:, 7])))
        fail(path, lines[row], "no class in column 8, where other lines have one", "give every row its class")
    if found != "mot15" or not len(table):
        return
    if table.shape[1] == 7:
        fail(path, lines[0], "ground truth has 7 columns and no class column", "read it with the MOT15 layout")
    row = int(np.argmin(_is_class(table[:, 7], 0, _LARGEST_INTEGER)))
    fail(
        path,
        lines[row],
        f"class column holds {table[row, 7]:g}, which is no class (MOT15 keeps 3-D positions there)",
        "read it with the MOT15 layout",
    )


def _good(
    path: str | os.PathLike[str],
    table: FloatArray,
    lines: IntArray,
    invalid: Invalid,
    ids: bool,
    zero_size: bool,
) -> tuple[BoolArray, tuple[str, ...]]:
    """Mask of the rows whose values are good, and what to say where most are not.

    Raises for the first bad row in the file unless invalid="drop". ids: whether ids are read. zero_size: whether a box
    may have no width or height.
    """
    if invalid not in ("raise", "drop"):
        raise ValueError(f"invalid={invalid!r} is unknown; use 'raise' or 'drop'")
    with np.errstate(invalid="ignore"):
        faults = list(_value_faults(table, zero_size))
        if ids:
            faults += _id_faults(table[:, 1])
    good: BoolArray = ~np.logical_or.reduce([mask for mask, _ in faults])
    if ids:
        faults.append(_repeat_fault(table, lines, good))
        good &= ~faults[-1][0]
    if good.all():
        return good, ()
    row = int(np.argmin(good))
    what, hint = next(describe(row) for mask, describe in faults if mask[row])
    bad, total = int(np.count_nonzero(~good)), len(good)
    if total > 3 and 2 * bad > total:
        hint += f"; {bad} of {total} rows are bad: are the columns frame,id,left,top,width,height,conf?"
        if invalid == "drop":
            return good, (f"line {lines[row]}: {what}; {hint}",)
    elif invalid == "raise":
        hint += f"{'' if hint.endswith('?') else ';'} {DROP}"
    if invalid == "raise":
        fail(path, lines[row], what + (f" ({number_of(bad - 1, 'more bad row')})" if bad > 1 else ""), hint)
    return good, ()


# Mask (R,) of the rows with a fault, and a function of a row that returns what is wrong and what to do.
_Fault = tuple[BoolArray, Callable[[int], tuple[str, str]]]
_NAMES = ("frame", "id", "left", "top", "width", "height", "confidence")


def _not_whole(number: float) -> str:
    """What is wrong with a number that should be a whole one."""
    return "beyond 2^53" if abs(number) > _LARGEST_INTEGER else "not a whole number"


def _value_faults(table: FloatArray, zero_size: bool) -> Iterator[_Fault]:
    values = table[:, :7]
    frames, sizes = values[:, 0], values[:, 4:6]
    finite = np.isfinite(values)
    yield (
        ~np.logical_and.reduce(finite, axis=1),
        lambda r: (f"NaN or inf in {_NAMES[finite[r].argmin()]}", "give numbers"),
    )
    yield (
        (frames != np.floor(frames)) | (frames > _LARGEST_INTEGER),
        lambda r: (
            f"frame {frames[r]:g} is {_not_whole(frames[r])}",
            "frames are 1, 2, 3, ...; are these times?",
        ),
    )
    yield (
        frames < 1,
        lambda r: (f"frame {frames[r]:g}", "frames count from 1; add 1 to every frame if yours count from 0"),
    )
    smaller = np.minimum(sizes[:, 0], sizes[:, 1])
    yield (
        smaller < 0 if zero_size else smaller <= 0,
        lambda r: (
            f"width {sizes[r, 0]:g} and height {sizes[r, 1]:g}",
            "sizes must be positive; are the columns left,top,right,bottom or center,size?",
        ),
    )


def _id_faults(ids: FloatArray) -> Iterator[_Fault]:
    yield (
        (ids != np.floor(ids)) | (np.abs(ids) > _LARGEST_INTEGER),
        lambda r: (f"id {ids[r]:g} is {_not_whole(ids[r])}", "ids are whole numbers up to 2^53"),
    )
    yield (
        ids < 0,
        lambda r: (f"id {ids[r]:g}", "ids count from 0; give every box an id (is this a detections file?)"),
    )


def _repeat_fault(table: FloatArray, lines: IntArray, good: BoolArray) -> _Fault:
    """Rows that have frame and id of an earlier good row."""
    places = np.flatnonzero(good)
    again, first = repeats(*table[places, :2].astype(np.int64).T)
    line_of = dict(zip(places[again].tolist(), lines[places[first]].tolist(), strict=True))
    mask = np.zeros(len(table), dtype=bool)
    mask[places[again]] = True
    return mask, lambda r: (
        f"frame {table[r, 0]:.0f} has id {table[r, 1]:.0f} twice (first in line {line_of[r]})",
        "an id names one box a frame",
    )
