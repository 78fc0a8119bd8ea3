"""CSV and JSON lines: one row a line, with the columns of ``Table.columns``."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tracker.export.table import Table
from tracker.spelling import cell

DECIMALS = {"time": 4, "score": 4}  # of other numbers 2, as in tracks.txt
CHUNK = 50_000  # rows made into Python objects at once


def write_csv(path: Path, table: Table) -> None:
    """Write CSV below a header line; an unknown value is an empty field, observed is 1 or 0."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.columns())
        for row in _rows(table):
            writer.writerow([_field(value) for value in row.values()])


def write_jsonl(path: Path, table: Table) -> None:
    """Write an object a line; an unknown value is null."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in _rows(table):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _rows(table: Table) -> Iterator[dict[str, Any]]:
    """Each row by column, rounded, None for what is unknown."""
    columns = table.columns()
    for start in range(0, len(table.rows), CHUNK):
        lists = []
        for name, column in columns.items():
            part = column[start : start + CHUNK]
            values = part.round(DECIMALS.get(name, 2)).tolist() if part.dtype.kind == "f" else part.tolist()
            lists.append([None if _unknown(name, value) else value for value in values])
        for row in zip(*lists, strict=True):
            yield dict(zip(columns, row, strict=True))


def _unknown(name: str, value: object) -> bool:
    return value != value or value == "" or (name in ("class_id", "detection") and value == -1)


def _field(value: object) -> object:
    if isinstance(value, str):
        return cell(value)
    return "" if value is None else int(value) if isinstance(value, bool) else value
