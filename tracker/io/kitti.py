"""KITTI tracking files: labels and detections, one box a line, read into ``Rows``.

    label_02/SEQ.txt   frame id type truncated occluded alpha left top right bottom h w l x y z rotation [score]
    detections         frame,type,left,top,right,bottom,score[, 3D box, ...], as PointRCNN's are published with AB3DMOT

Frames in the files count from 0, in ``Rows`` from 1. Cars and pedestrians are scored apart, so a reader takes one kind.
Format: Geiger 2012 (CVPR, "Are we ready for autonomous driving?") and the devkit of the tracking benchmark; which boxes
count: the benchmark's 2D rules, as its official evaluation (TrackEval) applies them.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from tracker.arrays import FloatArray
from tracker.detections import Invalid
from tracker.io.mot_lines import DROP, MotFormatError
from tracker.rows import Rows, as_detections, as_rows, with_own_ids
from tracker.spelling import shown

Kind = Literal["car", "pedestrian"]

# Of each kind: the type of its labels, that of boxes which may be taken for it, and the number of detections' type.
TYPES: dict[Kind, tuple[str, str, int]] = {"car": ("car", "van", 2), "pedestrian": ("pedestrian", "person", 1)}
# What the class column of the ground truth holds; ``tracker.evaluate.rules`` scores by it.
COUNTED, ALIKE, REGION = 1, 2, 13
MOST_OCCLUDED, MOST_TRUNCATED = 2, 0  # of boxes that count


def is_kitti(path: str | os.PathLike[str]) -> bool:
    """Whether a text file's first line is a label: a frame, an id and then a word."""
    try:
        with open(path, encoding="utf-8") as file:
            fields = file.readline(1000).split()
    except (OSError, UnicodeDecodeError):
        return False
    return len(fields) in (15, 16, 17, 18) and fields[0].isdecimal() and fields[2].isalpha()


def read_kitti_labels(path: str | os.PathLike[str], kind: Kind, *, invalid: Invalid = "raise") -> Rows:
    """Ground truth of one kind. Classes are 1 for the kind, 2 for what may be taken for it, 13 for "DontCare" regions.

    The scores are 1 for boxes that count, 0 for others: those of class 2 and 13, and those occluded or truncated more
    than the benchmark allows. Regions get ids of their own. Raises MotFormatError, with file and line, for a line with
    too few columns or a field that is not a number, and for a box of negative size; invalid="drop" leaves out those of
    NaN, inf or a negative size.
    """
    own, alike, _ = TYPES[kind]
    table: list[tuple[float, ...]] = []
    for number, fields in _lines(path, None):
        name = fields[2].lower() if len(fields) > 2 else ""
        if name not in (own, alike, "dontcare"):
            continue
        if len(fields) < 10:
            raise MotFormatError(f"{shown(path)}:{number}: {len(fields)} columns; KITTI's labels have 17")
        frame, track, truncated, occluded, *box = _numbers(
            path, number, fields[:2] + fields[3:5] + fields[6:10], invalid
        )
        kept = name == own and truncated <= MOST_TRUNCATED and occluded <= MOST_OCCLUDED
        label = {own: COUNTED, alike: ALIKE}.get(name, REGION)
        table.append((frame + 1, track, *box, kept, label, number))
    rows = np.array(table, dtype=np.float64).reshape(-1, 9)
    ids = with_own_ids(rows[:, 1], rows[:, 7] == REGION)
    try:
        found = as_rows(rows[:, 0], ids, rows[:, 2:6], rows[:, 6], rows[:, 7], lines=rows[:, 8], invalid=invalid)
    except ValueError as error:
        raise MotFormatError(f"{shown(path)}: {error}; {DROP}") from None
    return replace(found.by_frame(), layout="kitti")


def read_kitti_detections(path: str | os.PathLike[str], kind: Kind, *, invalid: Invalid = "raise") -> Rows:
    """Detections of one kind, scores as the file has them (PointRCNN's are logits, about -1 to 16).

    Boxes without width or height, which the published files hold, are left out and counted in ``Rows.dropped``. Raises
    MotFormatError, with file and line, for a line with too few columns or a field that is not a number; invalid="drop"
    leaves out those of NaN or inf, too.
    """
    table = []
    for number, fields in _lines(path, ","):
        if len(fields) < 7:
            raise MotFormatError(f"{shown(path)}:{number}: {len(fields)} columns; expected frame,type,box,score")
        frame, label, *rest = _numbers(path, number, fields[:7], invalid)
        if label == TYPES[kind][2]:
            table.append((frame + 1, *rest, number))
    rows: FloatArray = np.array(table, dtype=np.float64).reshape(-1, 7)
    return as_detections(rows[:, 0], rows[:, 1:5], rows[:, 5], lines=rows[:, 6], invalid=invalid)


def _lines(path: str | os.PathLike[str], separator: str | None) -> list[tuple[int, list[str]]]:
    """The fields of each line that is not blank, with its number from 1."""
    with open(path, encoding="utf-8") as file:
        return [(number, line.split(separator)) for number, line in enumerate(file, start=1) if line.strip()]


def _numbers(path: str | os.PathLike[str], number: int, fields: list[str], invalid: Invalid) -> list[Any]:
    try:
        values = [float(field) for field in fields]
    except ValueError:
        values = None
    if values is None:
        raise MotFormatError(f"{shown(path)}:{number}: a field is not a number; is this one of KITTI's files?")
    if invalid == "raise" and not np.isfinite(values).all():
        raise MotFormatError(f"{shown(path)}:{number}: NaN or inf in a field; give numbers; {DROP}")
    return values
