"""One line per track: when it was there, how far it went, what it is."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.export.table import Table
from tracker.spelling import cell


def summary(table: Table) -> dict[str, NDArray[Any]]:
    """Columns of T tracks, ordered by id.

    id, class_id (that of most rows, -1 without), class, first_frame, last_frame, seconds (from the first to the last
    frame, NaN where times are unknown), rows, observed (rows with a detection), path (pixels that the foot went; jitter
    adds to it), displacement (pixels from the first foot to the last), mean_score (of observed rows, NaN without)
    """
    order = np.lexsort((table.rows.frames, table.rows.ids))
    rows, times = table.rows.select(order), table.times[order]
    starts = rows.starts[:-1]
    lengths = np.diff(rows.starts)
    last = starts + lengths - 1
    if not len(rows):
        starts = last = np.empty(0, dtype=np.int64)
        lengths = starts
    feet = np.column_stack((rows.boxes[:, [0, 2]].mean(axis=1), rows.boxes[:, 3])).reshape(-1, 2)
    steps = np.hypot(*np.diff(feet, axis=0, prepend=feet[:1]).T)
    steps[starts] = 0
    seen = ~rows.interpolated
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = _sums(seen.astype(np.int64), starts)
        means = _sums(np.where(seen, rows.scores, 0.0), starts) / observed
    classes = [_most(rows.classes[a : a + n]) for a, n in zip(starts.tolist(), lengths.tolist(), strict=True)]
    return {
        "id": rows.ids[starts],
        "class_id": np.array(classes, dtype=np.int64),
        "class": np.array([table.names.get(number, "") for number in classes], dtype=object),
        "first_frame": rows.frames[starts],
        "last_frame": rows.frames[last],
        "seconds": times[last] - times[starts],
        "rows": lengths,
        "observed": observed,
        "path": _sums(steps, starts),
        "displacement": np.hypot(*(feet[last] - feet[starts]).T),
        "mean_score": means,
    }


def write_summary(path: Path, table: Table) -> None:
    """Write ``summary`` as CSV; an unknown value is an empty field."""
    columns = summary(table)
    lists = [
        (column.round(4 if name == "mean_score" else 3) if column.dtype.kind == "f" else column).tolist()
        for name, column in columns.items()
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in zip(*lists, strict=True):
            fields = dict(zip(columns, row, strict=True))
            fields["class"] = cell(fields["class"])
            fields["class_id"] = "" if fields["class_id"] < 0 else fields["class_id"]
            writer.writerow(["" if value != value else value for value in fields.values()])


def _sums(values: NDArray[Any], starts: NDArray[np.int64]) -> NDArray[Any]:
    """Sums over the tracks that begin at ``starts``."""
    return np.add.reduceat(values, starts) if len(starts) else values[:0]


def _most(classes: NDArray[np.int64]) -> int:
    values, counts = np.unique(classes, return_counts=True)
    return int(values[counts.argmax()])
