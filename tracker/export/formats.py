"""The formats by name, and ``export``, which writes one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tracker.export.crops import NAME as CROPS
from tracker.export.datasets import write_coco, write_fiftyone, write_mot_zip, write_trackeval, write_yolo
from tracker.export.parquet import write_parquet
from tracker.export.summary import write_summary
from tracker.export.table import Table
from tracker.export.text import write_csv, write_jsonl
from tracker.io.cvat import write_cvat
from tracker.io.whole import whole, writing
from tracker.spelling import nearest


class Format(NamedTuple):
    """How a table is written; the name in the folder of a run; whether that is a folder; whether the size is needed."""

    write: Callable[[Path, Table], None]
    name: str
    folder: bool = False
    sized: bool = False


def _cvat(path: Path, table: Table) -> None:
    labels, places = table.labels("cvat")
    write_cvat(path, table.rows, labels, places, size=table.size, n_frames=table.n_frames, source=table.source)


FORMATS = {
    "csv": Format(write_csv, "tracks.csv"),
    "jsonl": Format(write_jsonl, "tracks.jsonl"),
    "parquet": Format(write_parquet, "tracks.parquet"),
    "coco": Format(write_coco, "coco.json", sized=True),
    "yolo": Format(write_yolo, "yolo", folder=True, sized=True),
    "cvat": Format(_cvat, "cvat.xml"),
    "mot-zip": Format(write_mot_zip, "mot.zip"),
    "fiftyone": Format(write_fiftyone, "fiftyone.json", sized=True),
    "summary": Format(write_summary, "summary.csv"),
    "trackeval": Format(write_trackeval, "trackeval", folder=True),
}


def format_named(name: str) -> Format:
    """The format of a name. Raises ValueError, with the nearest name, where there is none."""
    if name not in FORMATS:
        known = [*FORMATS, CROPS]
        raise ValueError(f"format {name!r} is unknown{nearest(name, known)}; give one of {', '.join(known)}")
    return FORMATS[name]


def export(table: Table, form: str, path: Path) -> None:
    """Write a table in a format.

    path: a file, which is written whole or not at all, or for "yolo" and "trackeval" a folder. Files that are there are
    replaced. Raises ValueError for an unknown
    format, for what the format needs and the table lacks, and where the file cannot be written.
    """
    chosen = format_named(form)
    if chosen.folder:
        with writing(path):
            chosen.write(path, table)
    else:
        with whole(path) as part:
            chosen.write(part, table)
