"""MOTChallenge text: detections, results and ground truth, one box a line.

    detections, results   frame,id,left,top,width,height,conf[,x,y,z]        7 to 10 columns
    ground truth, MOT15   frame,id,left,top,width,height,flag[,x,y,z]        7 or 10 columns
    ground truth, MOT16+  frame,id,left,top,width,height,flag,class[,vis]    8 or 9 columns

Rows of one file may differ in their columns, as long as each has those that are needed: seven, or eight where ground
truth has classes. Frames count from 1. Boxes are continuous pixels: right = left + width, with no shift of one pixel.
Results have -1 in the last three columns, but 1 in column 10 of rows that nobody detected, predicted or interpolated.
`track --class-column` and `track refine` write the class to column 8, where there is one; the official kit reads
neither (but refuses a class above 1).
A good file goes through one bulk parse; only a file that fails it is read again line by line, so that the error can
name the line. Format: Leal-Taixe 2015 (MOT15, section 3), Milan 2016 (MOT16, section 4).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TextIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker.arrays import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from tracker.tracks import Tracks

Invalid = Literal["raise", "drop"]
Layout = Literal["auto", "mot15", "mot16"]

BOX_DECIMALS = 2
SCORE_DECIMALS = 4
_LARGEST_INTEGER = 2.0**53  # beyond it a float64 column no longer holds every integer


class MotFormatError(ValueError):
    """A file is not the MOTChallenge text it should be. One line: `path:line: what; what to do`."""


@dataclass(frozen=True, eq=False)
class MotRows:
    """Rows of one file, sorted by frame; rows of one frame keep the order of the file.

    frames: (R,) int64, from 1. ids: (R,) int64, -1 for detections. boxes: (R, 4) float64, xyxy in pixels.
    scores: (R,) float64, the confidence column as it is in the file (public detectors leave 0..1), for ground truth the
    0/1 flag "consider this box". classes: (R,) int64, -1 where the file has none. visibility: (R,) float64 in 0..1, -1
    where the file has none. lines: (R,) int64, line in the file, from 1. dropped: rows left out with invalid="drop".
    layout: "detections", "results", "mot15" or "mot16". interpolated: (R,) bool, rows of results that are marked so, or
    None where none is.
    """

    frames: IntArray
    ids: IntArray
    boxes: FloatArray
    scores: FloatArray
    classes: IntArray
    visibility: FloatArray
    lines: IntArray
    dropped: int = 0
    layout: str = "results"
    interpolated: BoolArray | None = None

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def last_frame(self) -> int:
        """Largest frame number, 0 when there are no rows."""
        return int(self.frames[-1]) if len(self.frames) else 0

    def at(self, frame: int) -> slice:
        """Rows of one frame as a slice into every column (empty where the frame has none)."""
        start, stop = np.searchsorted(self.frames, (frame, frame + 1))
        return slice(int(start), int(stop))

    def select(self, index: slice | BoolArray | IntArray) -> MotRows:
        """The rows that `index` picks (a slice, a mask or increasing positions)."""
        return MotRows(
            frames=self.frames[index],
            ids=self.ids[index],
            boxes=self.boxes[index],
            scores=self.scores[index],
            classes=self.classes[index],
            visibility=self.visibility[index],
            lines=self.lines[index],
            dropped=self.dropped,
            layout=self.layout,
            interpolated=None if self.interpolated is None else self.interpolated[index],
        )


def read_detections(path: str | os.PathLike[str], *, invalid: Invalid = "raise") -> MotRows:
    """Read a `det.txt`. The id column is ignored (ids are -1); scores may leave 0..1; an empty file has no rows.

    invalid="drop" leaves out and counts rows with NaN or inf, a size that is not positive, or a frame below 1.
    Raises MotFormatError for those by default, and always for a wrong column count or a field that is not a number.
    """
    table, lines = _read_table(path, tuple(range(7, 11)), "frame,id,left,top,width,height,conf[,x,y,z]")
    keep = _check(path, table, lines, invalid, ids_from=None, zero_size=False)
    return _rows(table, lines, keep, "detections", class_column=None)


def read_results(path: str | os.PathLike[str], *, invalid: Invalid = "raise") -> MotRows:
    """Read a tracker's results. Ids count from 1; (frame, id) must be unique; an empty file has no rows.

    Rows with 1 in column 10, which nobody detected, come back as `MotRows.interpolated`.
    A box of zero width or height is kept: it overlaps nothing and the official kit counts it as a false positive.
    invalid="drop" leaves out and counts rows with NaN or inf, a negative size, a frame or id below 1, or a (frame, id)
    seen before. Raises MotFormatError for those by default, and always for a broken layout.
    """
    table, lines = _read_table(path, tuple(range(7, 11)), "frame,id,left,top,width,height,conf,-1,-1,-1")
    keep = _check(path, table, lines, invalid, ids_from=1, zero_size=True)
    classes = len(table) and table.shape[1] > 7 and _is_class(_filled(table[:, 7]), -1, _LARGEST_INTEGER).all()
    return _rows(table, lines, keep, "results", class_column=7 if classes else None)


def read_ground_truth(path: str | os.PathLike[str], layout: Layout = "auto", *, invalid: Invalid = "raise") -> MotRows:
    """Read a `gt.txt` in the MOT15 or the MOT16 layout (MOT17 and MOT20 are laid out as MOT16).

    layout="auto" tells them apart by the columns and says what it took in `MotRows.layout`. Ids count from 0.
    Raises MotFormatError as `read_results` does, and when the columns contradict the layout asked for.
    """
    if layout not in ("auto", "mot15", "mot16"):
        raise ValueError(f"layout {layout!r} is unknown; use 'auto', 'mot15' or 'mot16'")
    table, lines = _read_table(path, tuple(range(7, 11)), "frame,id,left,top,width,height,flag,class,visibility")
    found = _recognise(table)
    if layout == "auto":
        layout = found
    if layout == "mot16" and table.shape[1] > 7 and np.isnan(table[:, 7]).any():
        row = int(np.argmax(np.isnan(table[:, 7])))
        _fail(path, lines[row], "no class in column 8, where other lines have one", "give every row its class")
    if layout == "mot16" and found == "mot15" and len(table):
        if table.shape[1] == 7:
            _fail(path, lines[0], "ground truth has 7 columns and no class column", "read it with the MOT15 layout")
        bad = int(np.argmin(_is_class(table[:, 7], 0, _LARGEST_INTEGER)))
        _fail(
            path,
            lines[bad],
            f"class column holds {table[bad, 7]:g}, which is no class (MOT15 keeps 3-D positions there)",
            "read it with the MOT15 layout",
        )
    keep = _check(path, table, lines, invalid, ids_from=0, zero_size=True)
    return _rows(table, lines, keep, layout, class_column=7 if layout == "mot16" else None)


def results_of(reports: Sequence[Tracks]) -> MotRows:
    """What a tracker reported for frames 1, 2, ... as results, without a file in between."""
    frames = np.repeat(np.arange(1, len(reports) + 1, dtype=np.int64), [len(tracks) for tracks in reports])
    none = np.full(len(frames), -1, dtype=np.int64)
    return MotRows(
        frames=frames,
        ids=np.concatenate([tracks.ids for tracks in reports]),
        boxes=np.concatenate([tracks.boxes for tracks in reports]),
        scores=np.concatenate([tracks.scores for tracks in reports]),
        classes=none,
        visibility=none.astype(np.float64),
        lines=np.arange(1, len(frames) + 1, dtype=np.int64),
    )


def format_rows(
    frame: int,
    ids: ArrayLike,
    boxes: ArrayLike,
    scores: ArrayLike | None = None,
    *,
    classes: ArrayLike | None = None,
    interpolated: ArrayLike | None = None,
    decimals: int = BOX_DECIMALS,
) -> str:
    """The text lines of one frame, in the order given, each ended by a newline; "" for no rows.

    frame: from 1. ids: (N,) integers from 1. boxes: (N, 4) xyxy pixels. scores: (N,), 1 when absent, written with
    4 decimals; boxes are written with `decimals` (2, the convention). A size that would round to zero is written as
    one unit of the last decimal, so that the file stays valid. classes: (N,) for column 8, interpolated: (N,) bool, a 1
    in column 10; -1 where absent.
    Raises ValueError for shapes that disagree, a frame or id below 1, NaN or inf, or a negative size.
    """
    ids_ = np.asarray(ids)
    return _format(np.full(ids_.shape, frame), ids_, boxes, scores, decimals, classes, interpolated)


def write_results(
    target: str | os.PathLike[str] | TextIO,
    frames: ArrayLike,
    ids: ArrayLike,
    boxes: ArrayLike,
    scores: ArrayLike | None = None,
    *,
    classes: ArrayLike | None = None,
    interpolated: ArrayLike | None = None,
    decimals: int = BOX_DECIMALS,
) -> None:
    """Write results as MOTChallenge text, 10 columns, sorted by frame (stable); columns and errors as in `format_rows`.

    target: a path (its folder must exist; an existing file is replaced) or an open text file. frames: (N,) from 1.
    classes: (N,) for column 8, interpolated: (N,) bool, a 1 in column 10; -1 where absent.
    """
    frames_ = np.asarray(frames)
    if frames_.ndim != 1:
        raise ValueError(f"frames has shape {frames_.shape}; give one frame number a row, (N,)")
    text = _format(frames_, np.asarray(ids), boxes, scores, decimals, classes, interpolated, sort=True)
    if hasattr(target, "write"):
        target.write(text)
    else:
        Path(target).write_text(text, encoding="ascii", newline="\n")


def _format(
    frames: NDArray[Any],
    ids: NDArray[Any],
    boxes: ArrayLike,
    scores: ArrayLike | None,
    decimals: int,
    classes: ArrayLike | None,
    interpolated: ArrayLike | None,
    sort: bool = False,
) -> str:
    count = len(frames)
    xyxy = np.asarray(boxes, dtype=np.float64).reshape(-1, 4) if count == 0 else np.asarray(boxes, dtype=np.float64)
    conf = np.ones(count) if scores is None else np.asarray(scores, dtype=np.float64)
    if ids.shape != (count,) or xyxy.shape != (count, 4) or conf.shape != (count,):
        raise ValueError(
            f"frames {frames.shape}, ids {ids.shape}, boxes {xyxy.shape}, scores {conf.shape} do not belong together; "
            "give (N,), (N,), (N, 4), (N,)"
        )
    if count == 0:
        return ""
    size = xyxy[:, 2:] - xyxy[:, :2]
    for what, bad in (
        ("the frame is below 1", frames < 1),
        ("the id is below 1", ids < 1),
        ("the box is not finite", ~np.isfinite(xyxy).all(axis=1)),
        ("the box has a negative size", (size < 0).any(axis=1)),
        ("the score is not finite", ~np.isfinite(conf)),
    ):
        if bad.any():
            row = int(np.argmax(bad))
            raise ValueError(f"row {row} (frame {frames[row]}, id {ids[row]}): {what}; results are not written")
    size = np.maximum(size, 10.0**-decimals)
    columns = [frames.astype(int), ids.astype(int), xyxy[:, 0], xyxy[:, 1], size[:, 0], size[:, 1], conf]
    kinds = np.full(count, -1) if classes is None else np.asarray(classes)
    marks = np.full(count, -1) if interpolated is None else np.where(interpolated, 1, -1)
    plain = bool((kinds == -1).all() and (marks == -1).all())
    if not plain:
        columns += [kinds, marks]
    if sort:
        order = np.argsort(frames, kind="stable")
        columns = [column[order] for column in columns]
    rest = "-1,-1,-1" if plain else "%d,-1,%d"
    line = f"%d,%d,{','.join([f'%.{decimals}f'] * 4)},%.{SCORE_DECIMALS}f,{rest}\n"
    return "".join(map(line.__mod__, zip(*(column.tolist() for column in columns), strict=True)))


def _rows(table: FloatArray, lines: IntArray, keep: BoolArray, layout: str, class_column: int | None) -> MotRows:
    """Table (R, C) of numbers to columns, only the rows in `keep`, sorted by frame."""
    kept = int(np.count_nonzero(keep))
    dropped = len(table) - kept
    if dropped:
        table, lines = table[keep], lines[keep]
    frames = table[:, 0].astype(np.int64)
    if np.any(frames[1:] < frames[:-1]):
        order = np.argsort(frames, kind="stable")
        table, lines, frames = table[order], lines[order], frames[order]
    boxes = table[:, 2:6].copy()
    boxes[:, 2:] += boxes[:, :2]
    has_class = class_column is not None and table.shape[1] > class_column
    has_visibility = layout == "mot16" and table.shape[1] > 8
    # Others keep a place in the world in the last three columns.
    marked = layout == "results" and table.shape[1] == 10 and bool((np.abs(table[:, 9]) == 1).all())
    marked = marked and bool((table[:, 8] == -1).all())
    return MotRows(
        frames=frames,
        ids=np.full(kept, -1) if layout == "detections" else table[:, 1].astype(np.int64),
        boxes=boxes,
        scores=table[:, 6].copy(),
        classes=_filled(table[:, 7]).astype(np.int64) if has_class else np.full(kept, -1),
        visibility=_filled(table[:, 8]) if has_visibility else np.full(kept, -1.0),
        lines=lines,
        dropped=dropped,
        layout=layout,
        interpolated=table[:, 9] == 1 if marked and (table[:, 9] == 1).any() else None,
    )


def _filled(column: FloatArray) -> FloatArray:
    """A copy of a column (R,) with the format's -1 where rows have none."""
    return np.where(np.isnan(column), -1.0, column)


def _is_class(column: FloatArray, low: int = 1, high: float = 13) -> BoolArray:
    whole: BoolArray = (column == np.floor(column)) & (column >= low) & (column <= high)
    return whole


def _recognise(table: FloatArray) -> Literal["mot15", "mot16"]:
    """Layout of a ground truth table by its columns.

    Eight or nine hold a class (any from 0: other data sets have their own), unless the place is filled with -1. Ten are
    MOT15's, unless the eighth holds only classes of the benchmark and the ninth a visibility, as converters write.
    """
    columns = table.shape[1]
    if columns > 7:
        table = table[~np.isnan(table[:, 7])]  # the rows that have the column
    if columns <= 7 or not len(table):
        return "mot15"
    if columns <= 9:
        return "mot16" if _is_class(table[:, 7], 0, _LARGEST_INTEGER).all() else "mot15"
    visible = (_filled(table[:, 8]) >= -1) & (_filled(table[:, 8]) <= 1)
    return "mot16" if _is_class(table[:, 7]).all() and visible.all() else "mot15"


def _check(
    path: str | os.PathLike[str],
    table: FloatArray,
    lines: IntArray,
    invalid: Invalid,
    ids_from: int | None,
    zero_size: bool,
) -> BoolArray:
    """Mask of the rows whose values are good; raises for the first bad one in the file unless invalid="drop"."""
    if invalid not in ("raise", "drop"):
        raise ValueError(f"invalid={invalid!r} is unknown; use 'raise' or 'drop'")
    number = table[:, :7]
    finite: BoolArray = np.logical_and.reduce(np.isfinite(number), axis=1)
    sizes: FloatArray = np.minimum(number[:, 4], number[:, 5])
    small: BoolArray = sizes < 0 if zero_size else sizes <= 0
    frame, ids = number[:, 0], number[:, 1]
    checks: list[tuple[BoolArray, Callable[[int], tuple[str, str]]]] = [
        (~finite, lambda r: (f"NaN or inf in {_column_name(number[r])}", "remove the row or read with invalid='drop'")),
        (
            (frame != np.floor(frame)) | (frame > _LARGEST_INTEGER),
            lambda r: (f"frame {frame[r]:g} is not a whole number", "frames are 1, 2, 3, ..."),
        ),
        (
            frame < 1,
            lambda r: (f"frame {frame[r]:g}", "frames count from 1; add 1 to every frame if yours count from 0"),
        ),
        (
            small,
            lambda r: (
                f"width {number[r, 4]:g} and height {number[r, 5]:g}",
                "sizes must be positive; are the columns left,top,right,bottom or center,size?",
            ),
        ),
    ]
    if ids_from is not None:
        checks += [
            (
                (ids != np.floor(ids)) | (np.abs(ids) > _LARGEST_INTEGER),
                lambda r: (f"id {ids[r]:g} is not a whole number", "ids are whole numbers"),
            ),
            (
                ids < ids_from,
                lambda r: (
                    f"id {ids[r]:g}",
                    f"ids count from {ids_from}; give every box an id (is this a detections file?)",
                ),
            ),
        ]
    bad = np.zeros(len(table), dtype=bool)
    with np.errstate(invalid="ignore"):
        for mask, _ in checks:
            bad |= mask
    if ids_from is not None:
        repeated = _repeated(frame, ids, ~bad)
        first = {int(r): int(f) for r, f in repeated}
        if first:
            bad[list(first)] = True
            mask = np.zeros(len(table), dtype=bool)
            mask[list(first)] = True
            checks.append(
                (
                    mask,
                    lambda r: (
                        f"frame {frame[r]:.0f} has id {ids[r]:.0f} twice (first in line {lines[first[r]]})",
                        "an id names one box a frame",
                    ),
                )
            )
    if invalid == "raise" and bad.any():
        row = int(np.argmax(bad))
        what, hint = next(say(row) for mask, say in checks if mask[row])
        more = int(np.count_nonzero(bad)) - 1
        _fail(path, lines[row], what + (f" ({more} more bad rows)" if more else ""), hint)
    good: BoolArray = ~bad
    return good


def _repeated(frame: FloatArray, ids: FloatArray, good: BoolArray) -> list[tuple[int, int]]:
    """Pairs (row, first row with the same frame and id) among the good rows."""
    if not good.any():
        return []
    width = ids[good].max() + 1
    if frame[good].max() * width < _LARGEST_INTEGER:  # one key for both tells at once, and cheaply, that none repeats
        key = np.sort(frame[good] * width + ids[good])
        if not (key[1:] == key[:-1]).any():
            return []
    rows = np.flatnonzero(good)
    order = rows[np.lexsort((rows, ids[rows], frame[rows]))]
    same = (frame[order[1:]] == frame[order[:-1]]) & (ids[order[1:]] == ids[order[:-1]])
    pairs = []
    first = -1
    for k in np.flatnonzero(same):
        if k == 0 or not same[k - 1]:
            first = int(order[k])
        pairs.append((int(order[k + 1]), first))
    return pairs


def _column_name(row: FloatArray) -> str:
    names = ("frame", "id", "left", "top", "width", "height", "confidence")
    return names[int(np.argmax(~np.isfinite(row)))]


def _read_table(path: str | os.PathLike[str], columns: tuple[int, ...], layout: str) -> tuple[FloatArray, IntArray]:
    """Numbers of the file, (R, C) float64, NaN where a row is shorter, and the line of each row, (R,) from 1."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise MotFormatError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise MotFormatError(f"{path}: is a folder; give one of the text files in it") from None
    except OSError as error:
        raise MotFormatError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from None
    if not data.strip():
        return np.empty((0, columns[-1])), np.empty(0, dtype=np.int64)
    try:
        table = np.loadtxt(path, delimiter=",", comments=None, ndmin=2, encoding="utf-8-sig")
    except ValueError:
        return _read_lines(path, data, columns, layout)
    count = data.count(b"\n") + (not data.endswith(b"\n"))
    if table.shape[1] not in columns or len(table) != count:
        return _read_lines(path, data, columns, layout)
    return table, np.arange(1, count + 1)


def _read_lines(
    path: str | os.PathLike[str], data: bytes, columns: tuple[int, ...], layout: str
) -> tuple[FloatArray, IntArray]:
    """The careful reading: blank lines, trailing commas, spaces or tabs for commas; or the error with its line."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise MotFormatError(f"{path}: not a text file; give MOTChallenge text ({layout})")
    rows: list[list[float]] = []
    lines: list[int] = []
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line:
            continue
        fields = line.rstrip(", \t").split(",") if "," in line else line.split()
        try:
            row = [float(field) for field in fields]
        except ValueError:
            _fail(path, number, f"{_first_word(fields)!r} is not a number", f"each line holds {layout}")
        if "_" in line:  # float() takes 1_000, the format does not
            _fail(path, number, f"{line[:40]!r} is not a row of numbers", f"each line holds {layout}")
        if len(row) not in columns:
            _fail(path, number, f"{len(row)} columns", f"each line holds {layout}")
        rows.append(row)
        lines.append(number)
    if not rows:
        return np.empty((0, columns[-1])), np.empty(0, dtype=np.int64)
    widest = max(map(len, rows))
    table = np.array([row + [np.nan] * (widest - len(row)) for row in rows], dtype=np.float64)
    return table, np.array(lines, dtype=np.int64)


def _first_word(fields: list[str]) -> str:
    """The first field that is no number, short enough for one line."""
    for field in fields:
        try:
            float(field)
        except ValueError:
            return field.strip()[:40]
    return fields[0][:40]


def _fail(path: str | os.PathLike[str], line: int | np.int64, what: str, hint: str) -> NoReturn:
    raise MotFormatError(f"{path}:{int(line)}: {what}; {hint}")
