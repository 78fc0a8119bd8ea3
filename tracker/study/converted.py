"""Detections in other formats and places than a tree's det.txt, written as such for the runs of a study."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tracker.detections import Invalid
from tracker.evaluate.rules import RULES, rules_by_name
from tracker.evaluate.sequences import Sequence as MotSequence
from tracker.evaluate.sequences import find_sequences
from tracker.io.readers import SUFFIXES, Form, form_of, read_found
from tracker.io.whole import whole
from tracker.rows import Rows, notes_of

FOLDER = "converted"
RATES: Mapping[Form, float] = {"kitti": 10.0, "bdd100k": 5.0}  # frames per second, which the files do not tell


def is_elsewhere(sequences: Sequence[MotSequence], detections: str) -> bool:
    """Whether the name of detections is a path of its own, and of no file in a sequence's ``det`` folder."""
    within = any(s.folder is not None and (s.folder / "det" / detections).is_file() for s in sequences)
    return not within and Path(detections).exists()


def converted(
    data: str | os.PathLike[str], detections: str, rules: str, only: list[str] | None, out: Path, invalid: Invalid
) -> tuple[list[MotSequence], str, list[str]]:
    """The sequences of ``data`` that have detections, the name of the det.txt that each has below ``out``, and notes.

    detections  a file of all sequences (JSON), or a folder of <seq>.txt or <seq>.json; of one sequence, its file
    rules       say what form text has; those of one class take its detections alone
    invalid     what to do with bad rows; boxes without width or height, which published files hold, are always left
                out of formats other than MOTChallenge's. A note says how many were

    Raises ValueError, in one line, where there are none.
    """
    given = Path(detections)
    chosen = RULES["plain"] if rules == "auto" else rules_by_name(rules)
    sequences = find_sequences(data, only)
    found: list[MotSequence] = []
    notes: list[str] = []
    for sequence in sequences:
        file = _file_of(sequence, given, len(sequences))
        if file is None:
            continue
        rows = read_found(
            file, form=chosen.form, kind=chosen.kind, video=sequence.name, truth=sequence.gt, invalid=invalid
        )
        notes += [f"{sequence.name}: detections: {note}" for note in notes_of(rows)]
        classes = [number for number, _ in chosen.counted]
        if classes and rows.has_classes:
            rows = rows.select(np.isin(rows.classes, classes))
        target = out / FOLDER / sequence.name
        (target / "det").mkdir(parents=True, exist_ok=True)
        with whole(target / "det" / f"{given.stem}.txt") as part:
            part.write_text(_text(rows), encoding="ascii")
        found.append(replace(sequence, folder=target, fps=sequence.fps or RATES.get(form_of(sequence.gt))))
    if not found:
        raise ValueError(
            f"--det {detections}: has no detections of {', '.join(s.name for s in sequences[:4])}; "
            "name each file <seq>.txt or <seq>.json, or give one JSON file of all"
        )
    return found, f"{given.stem}.txt", notes


def _file_of(sequence: MotSequence, given: Path, count: int) -> Path | None:
    """The file with a sequence's detections."""
    if given.is_file():
        return given if given.suffix.lower() == ".json" or count == 1 or given.stem == sequence.name else None
    files = [given / f"{sequence.name}{suffix}" for suffix in SUFFIXES]
    return next((file for file in files if file.is_file()), None)


def _text(rows: Rows) -> str:
    """Lines of det.txt, in full precision."""
    sizes = rows.boxes[:, 2:] - rows.boxes[:, :2]
    columns = (rows.frames, *rows.boxes[:, :2].T, *sizes.T, rows.scores)
    lines = zip(*(column.tolist() for column in columns), strict=True)
    return "".join("{},-1,{!r},{!r},{!r},{!r},{!r}\n".format(*line) for line in lines)
