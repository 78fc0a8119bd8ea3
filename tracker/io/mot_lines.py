"""The lines of a MOTChallenge text file as numbers.

A good file goes through one bulk parse. Only a file that fails it is read again line by line. That takes what the
official kit takes (semicolons, tabs or spaces, trailing separators) and, with a note, what the kit refuses but can mean
only one thing: a line that names the columns, comments, UTF-16, decimal commas. Or it names the line that is wrong.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from tracker.arrays import FloatArray, IntArray
from tracker.io.mot_header import Header, is_header
from tracker.spelling import shown

LEAST, MOST = 7, 10  # columns: how many a line must have, and how many are read
DROP = "--invalid drop (invalid='drop' in Python) leaves bad rows out"

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class MotFormatError(ValueError):
    """A file is not the MOTChallenge text it should be. One line: `path:line: what; what to do`."""


class Numbers(NamedTuple):
    """table (R, C) float64, NaN where a line is shorter; lines (R,) of the file, from 1; notes on unusual reading."""

    table: FloatArray
    lines: IntArray
    notes: tuple[str, ...] = ()


def fail(path: str | os.PathLike[str], line: int | np.int64, what: str, hint: str) -> NoReturn:
    """Raise MotFormatError for one line of a file."""
    raise MotFormatError(f"{shown(path)}:{int(line)}: {what}; {hint}")


def read_numbers(path: str | os.PathLike[str], layout: str) -> Numbers:
    """The numbers of a file: C is the number of columns of the longest line, 7 to 10; further ones are left out.

    layout: the columns by name, for errors. Raises MotFormatError for a file that cannot be read, is not text, or has a
    line that is not 7 or more numbers.
    """
    data = _bytes_of(path)
    if not data.strip():
        return _nothing()
    marked = data.startswith(_MARKS[0][0])
    try:
        if marked and not data[3:].strip():
            return _nothing()
        table = np.loadtxt(path, delimiter=",", comments=None, ndmin=2, encoding="utf-8-sig")
    except ValueError:
        return _line_by_line(path, data, layout)
    count = data.count(b"\n") + (not data.endswith(b"\n"))
    if table.shape[1] < LEAST or len(table) != count:
        return _line_by_line(path, data, layout)
    return Numbers(_narrow(table), np.arange(1, count + 1), (_MARKED,) if marked else ())


def first_id(path: str | os.PathLike[str]) -> float | None:
    """The id of the first row of a file, None where it has no row that can be read."""
    try:
        numbers = read_numbers(path, "")
    except MotFormatError:
        return None
    return float(numbers.table[0, 1]) if len(numbers.table) else None


_REFUSED = "the official kit refuses such a file"
_MARKED = f"it begins with a byte order mark, which was skipped; {_REFUSED}"


def _bytes_of(path: str | os.PathLike[str]) -> bytes:
    where = shown(path)
    if Path(path).is_fifo():  # it can be read once, and to wait for its writer would hang
        raise MotFormatError(f"{where}: is a pipe; write the rows to a file first")
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise MotFormatError(f"{where}: no such file; check the path") from None
    except IsADirectoryError:
        raise MotFormatError(f"{where}: is a folder; give one of the text files in it") from None
    except OSError as error:
        raise MotFormatError(
            f"{where}: cannot be read ({error.strerror}); check the path and its permissions"
        ) from None


def _nothing() -> Numbers:
    return Numbers(np.empty((0, MOST)), np.empty(0, dtype=np.int64))


def _narrow(table: FloatArray) -> FloatArray:
    return table[:, :MOST].copy() if table.shape[1] > MOST else table


def _line_by_line(path: str | os.PathLike[str], data: bytes, layout: str) -> Numbers:
    """What the bulk parse refused."""
    text, notes = _text_of(path, data, layout)
    header: Header | None = None
    rows: list[list[float]] = []
    lines: list[int] = []
    comments = commas = 0
    for number, line in enumerate(text.splitlines(), start=1):
        line, hash_, _ = line.partition("#")
        comments += bool(hash_)
        line = line.strip()
        if not line:
            continue
        fields, decimal = _fields(line)
        if not rows and header is None and is_header(fields):
            header = _header(path, number, fields)
            notes.append(_said(number, header, layout))
            continue
        row = _row(path, number, line, fields, layout, LEAST if header is None else header.least)
        commas += decimal
        # Beyond the columns that are read, one long line would widen the whole table.
        rows.append(row if header is not None and header.arranged else row[:MOST])
        lines.append(number)
    if comments:
        notes.append(f"comments, in {comments} line{'s' if comments > 1 else ''}, are skipped; {_REFUSED}")
    if commas:
        notes.append(f"commas within numbers are read as decimal points; {_REFUSED}")
    if not rows:
        return _nothing()._replace(notes=tuple(notes))
    widest = max(map(len, rows))
    table = np.array([row + [np.nan] * (widest - len(row)) for row in rows], dtype=np.float64)
    if header is not None and header.arranged:
        table = header.arrange(table)
    return Numbers(_narrow(table), np.array(lines, dtype=np.int64), tuple(notes))


def _text_of(path: str | os.PathLike[str], data: bytes, layout: str) -> tuple[str, list[str]]:
    """The text of a file and what to say about its encoding."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    start = data[:200]
    if encoding == "utf-8" and len(start) > 3 and not (any(start[1::2]) and any(start[::2])):
        encoding = "utf-16-be" if any(start[1::2]) else "utf-16-le"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    if re.match(r"\s*(\{\s*\"|<\s*[?!a-zA-Z]|\[\s*[{\[\"])", text):
        raise MotFormatError(f"{shown(path)}: is JSON or XML; give MOTChallenge text ({layout})")
    if "\0" in text:
        raise MotFormatError(f"{shown(path)}: not a text file; give MOTChallenge text ({layout})")
    if encoding.startswith("utf-16"):
        return text, [f"it is UTF-16 text; {_REFUSED}"]
    return text, [_MARKED] if encoding == "utf-8-sig" else []


def _fields(line: str) -> tuple[list[str], bool]:
    """The fields of a line, and whether any of them was written with a decimal comma."""
    decimal = False
    parts = line.split("\t")
    if ";" in line:
        fields = line.rstrip("; \t").split(";")
        decimal = "," in line
    elif "," in line and len(parts) >= LEAST and all(part.strip(" ,") == part.strip() for part in parts):
        fields, decimal = parts, True
    elif "," in line:
        fields = line.rstrip(", \t").split(",")
    else:
        fields = line.split()
    fields = [field.strip().strip("\"'") for field in fields]
    return ([field.replace(",", ".") for field in fields] if decimal else fields), decimal


def _row(
    path: str | os.PathLike[str], number: int, line: str, fields: list[str], layout: str, least: int
) -> list[float]:
    """The numbers of a line; raises MotFormatError where it holds none or too few."""
    try:
        row = [float(field) for field in fields]
    except ValueError:
        what, hint = f"{_first_word(fields)!r} is not a number", f"each line holds {layout}"
        if len(fields) in (15, 16, 17, 18) and fields[2].isalpha():
            hint += "; this looks like a label file of KITTI; give it as ground truth with the rules kitti-car"
        fail(path, number, what, hint)
    if any(part.count('"') % 2 for part in line.split(",")):
        fail(path, number, "a comma within quotes", "write numbers without thousands separators")
    if "_" in line:  # float() takes 1_000, the format does not
        fail(path, number, f"{line[:40]!r} is not a row of numbers", f"each line holds {layout}")
    if len(row) < least:
        fail(path, number, f"{len(row)} columns", f"each line holds {layout}")
    return row


def _header(path: str | os.PathLike[str], number: int, fields: list[str]) -> Header:
    header = Header(fields)
    if not header.understood:
        fail(
            path,
            number,
            f"this line names columns in an order that is not understood ({shown(','.join(fields))[:80]})",
            "name them frame,id,left,top,width,height,conf, or remove the line",
        )
    return header


def _said(number: int, header: Header, layout: str) -> str:
    if header.arranged:
        return f"line {number} names the columns, and they are read by these names; {_REFUSED}"
    return f"line {number} holds words and is skipped; the columns are read as {layout}; {_REFUSED}"


def _first_word(fields: list[str]) -> str:
    """The first field that is not a number, cut to 40 characters."""
    for field in fields:
        try:
            float(field)
        except ValueError:
            return field.strip()[:40]
    return fields[0][:40]
