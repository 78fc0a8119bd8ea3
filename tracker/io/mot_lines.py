"""The lines of a MOTChallenge text file as numbers.

A good file goes through one bulk parse. Only a file that fails it is read again line by line, which also takes blank
lines, trailing commas and other separators, or names the line that is wrong.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import numpy as np

from tracker.arrays import FloatArray, IntArray

COLUMNS = range(7, 11)  # how many a line may have


class MotFormatError(ValueError):
    """A file is not the MOTChallenge text it should be. One line: `path:line: what; what to do`."""


def fail(path: str | os.PathLike[str], line: int | np.int64, what: str, hint: str) -> NoReturn:
    """Raise MotFormatError for one line of a file."""
    raise MotFormatError(f"{path}:{int(line)}: {what}; {hint}")


def read_numbers(path: str | os.PathLike[str], layout: str) -> tuple[FloatArray, IntArray]:
    """The numbers of a file, (R, C) float64, NaN where a line is shorter, and the line of each row, (R,) from 1.

    C is the number of columns of the longest line, 7 to 10. layout: the columns by name, for errors. Raises
    MotFormatError for a file that cannot be read, is not text, or has a line that is not 7 to 10 numbers.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise MotFormatError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise MotFormatError(f"{path}: is a folder; give one of the text files in it") from None
    except OSError as error:
        raise MotFormatError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from None
    if not data.strip():
        return _nothing()
    try:
        table = np.loadtxt(path, delimiter=",", comments=None, ndmin=2, encoding="utf-8-sig")
    except ValueError:
        return _line_by_line(path, data, layout)
    count = data.count(b"\n") + (not data.endswith(b"\n"))
    if table.shape[1] not in COLUMNS or len(table) != count:
        return _line_by_line(path, data, layout)
    return table, np.arange(1, count + 1)


def _nothing() -> tuple[FloatArray, IntArray]:
    return np.empty((0, COLUMNS[-1])), np.empty(0, dtype=np.int64)


def _line_by_line(path: str | os.PathLike[str], data: bytes, layout: str) -> tuple[FloatArray, IntArray]:
    """What the bulk parse refused: commas, spaces or tabs between numbers, blank lines, trailing commas."""
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
            fail(path, number, f"{_first_word(fields)!r} is not a number", f"each line holds {layout}")
        if "_" in line:  # float() takes 1_000, the format does not
            fail(path, number, f"{line[:40]!r} is not a row of numbers", f"each line holds {layout}")
        if len(row) not in COLUMNS:
            fail(path, number, f"{len(row)} columns", f"each line holds {layout}")
        rows.append(row)
        lines.append(number)
    if not rows:
        return _nothing()
    widest = max(map(len, rows))
    table = np.array([row + [np.nan] * (widest - len(row)) for row in rows], dtype=np.float64)
    return table, np.array(lines, dtype=np.int64)


def _first_word(fields: list[str]) -> str:
    """The first field that is not a number, cut to 40 characters."""
    for field in fields:
        try:
            float(field)
        except ValueError:
            return field.strip()[:40]
    return fields[0][:40]
