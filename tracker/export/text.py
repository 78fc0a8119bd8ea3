"""CSV and JSON lines: one row a line, with the columns of ``Table.columns``."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.export.table import Table
from tracker.spelling import cell

DECIMALS = {"time": 4, "score": 4}  # of other numbers 2, as in tracks.txt
UNKNOWN = {"class": "", "class_id": -1, "detection": -1}  # beside NaN
CHUNK = 50_000  # rows made into Python objects at once


def write_csv(path: Path, table: Table) -> None:
    """Write CSV below a header line; an unknown value is an empty field, observed is 1 or 0."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.columns())
        for part in _parts(table):
            part["class"] = [None if name is None else cell(name) for name in part["class"]]
            part["observed"] = list(map(int, part["observed"]))
            writer.writerows(zip(*part.values(), strict=True))  # it writes None as an empty field


def write_jsonl(path: Path, table: Table) -> None:
    """Write an object a line; an unknown value is null."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for part in _parts(table):
            for row in zip(*part.values(), strict=True):
                file.write(json.dumps(dict(zip(part, row, strict=True)), ensure_ascii=False) + "\n")


def _parts(table: Table) -> Iterator[dict[str, list[Any]]]:
    """Lists of values by column, rounded, None for what is unknown; CHUNK rows at a time."""
    columns = table.columns()
    for start in range(0, len(table.rows), CHUNK):
        yield {name: _values(name, column[start : start + CHUNK]) for name, column in columns.items()}


def _values(name: str, column: NDArray[Any]) -> list[Any]:
    if column.dtype.kind == "f":
        column = column.round(DECIMALS.get(name, 2))
    unknown = column != column if column.dtype.kind == "f" else column == UNKNOWN.get(name)
    values: list[Any] = column.tolist()
    for k in np.flatnonzero(unknown).tolist():
        values[k] = None
    return values
