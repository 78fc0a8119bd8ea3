"""A run that is to be shown: its rows, its explanation, what ``run.json`` says, and its video where it can be found."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tracker.evaluate.benchmark import GroundTruth
from tracker.explain.explanation import Explanation, explain_loaded
from tracker.explain.load import Loaded
from tracker.explain.whatif import rows_of
from tracker.io.log_file import NAME as LOG
from tracker.io.mot import read_results
from tracker.io.run_folder import MANIFEST, TEXT
from tracker.report.pack import Json
from tracker.rows import Rows, are_times, left_out, notes_of
from tracker.spelling import shown

ANNOTATED = "tracks.mp4"  # the video that `track` writes, with the boxes drawn in
HIDE = "--anonymise"
RATE = 30.0  # frames per second where nothing is known

Facts = Mapping[str, Json]


@dataclass(frozen=True, eq=False)
class Given:
    """One run.

    folder    where its files lie
    name      of the video; named: whether it is known, and not the file's or the folder's
    rows      of tracks.txt, ordered by id and frame
    explained what ``tracker.explain`` says
    truth     the ground truth's rows, ordered by id and frame, or None
    facts     run.json, or else what the log says of the run
    rate      frames per second; rated: whether it is known
    size      width and height of the image in pixels; sized: whether it is known, and not only what the boxes need
    frames    number of the last frame
    source    the video that was tracked, where it lies where run.json has it, else None; of a run that hid who is in
              the images its own video
    digest    SHA-256 of what was tracked, "" where unknown
    notes     lines for people
    """

    folder: Path
    name: str
    named: bool
    rows: Rows
    explained: Explanation
    truth: Rows | None
    facts: Facts
    rate: float
    rated: bool
    sized: bool
    size: tuple[int, int]
    frames: int
    source: Path | None
    digest: str
    notes: tuple[str, ...]


def open_given(path: str | os.PathLike[str], loaded: Loaded, truth: GroundTruth | None) -> Given:
    """A run and what explains it. Raises ValueError as ``tracker.explain`` does, and for rows that are no video's."""
    given = Path(path)
    folder = given if given.is_dir() else given.parent
    rows = _rows(given, loaded).by_track()
    if are_times(rows.last_frame, len(rows)):
        raise ValueError(
            f"{shown(str(given))}: frame numbers up to {rows.last_frame} are times; a report counts frames"
        )
    facts = _facts(folder / MANIFEST) if given.is_dir() or given.name in (LOG, TEXT) else {}
    source = facts.get("source")
    about: Facts = source if isinstance(source, Mapping) else {}
    rate = about.get("frame_rate") or loaded.meta.get("frame_rate")
    rated = isinstance(rate, (int, float)) and rate > 0
    notes = notes_of(rows)
    hidden = any(word.partition("=")[0] == HIDE for word in _words(facts.get("command")))
    if hidden:
        notes.append(f"The run hid who is in the images ({HIDE}), so pictures are those of {ANNOTATED}.")
    explained = explain_loaded(loaded, truth, cost=truth is not None and loaded.run is not None)
    if loaded.run is None:
        notes.append("There is no log, so nothing says why an id changed. Run `track SOURCE --log` to keep one.")
    if not len(rows):
        notes.append("The run has no tracks.")
    if not rated:
        notes.append(f"The frame rate is not known, so times assume {RATE:g} frames a second.")
    gt = None if truth is None else next(iter(truth.rows.values())).by_track()
    notes += [] if gt is None or not gt.dropped else [f"Ground truth: {left_out(gt)}."]
    numbers = [] if loaded.run is None else loaded.run.recording.numbers.tolist()
    last = about.get("frames")
    return Given(
        folder=folder,
        name=str(about.get("name") or loaded.name),
        named=bool(about.get("name")) or loaded.run is not None,
        rows=rows,
        explained=explained,
        truth=gt,
        facts=facts or {"algorithm": {"name": loaded.meta.get("algo"), "parameters": loaded.meta.get("settings")}},
        rate=float(rate) if rated and isinstance(rate, (int, float)) else RATE,
        rated=rated,
        sized="size" in about or loaded.size is not None,
        size=_size(about.get("size"), loaded, rows),
        frames=max([rows.last_frame, *numbers[-1:], last if isinstance(last, int) else 0, 1]),
        source=_drawn(folder) if hidden else _source(facts, about, folder),
        digest="" if hidden else str(about.get("sha256") or ""),
        notes=tuple(notes),
    )


def _rows(given: Path, loaded: Loaded) -> Rows:
    """tracks.txt where it is there; of `track bench --log` the results beside the log; else what the log gives."""
    if loaded.run is None:
        assert loaded.rows is not None
        return loaded.rows
    text = given / TEXT if given.is_dir() else given.with_name(TEXT) if given.name == LOG else given.with_suffix(".txt")
    return read_results(text) if text.is_file() else rows_of(loaded.run)


def _facts(manifest: Path) -> Facts:
    """run.json; nothing where there is none that can be read."""
    try:
        facts = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _size(known: Json, loaded: Loaded, rows: Rows) -> tuple[int, int]:
    """The image's size, or as much as the boxes need."""
    if isinstance(known, list) and len(known) == 2 and all(isinstance(n, int) and n > 0 for n in known):
        return known[0], known[1]
    if loaded.size is not None:
        return loaded.size
    right, bottom = rows.boxes[:, 2:].max(axis=0, initial=160).astype(int).tolist()
    return min(right + 1, 16384), min(bottom + 1, 16384)


def _drawn(folder: Path) -> Path | None:
    """The video that the run itself wrote."""
    video = folder / ANNOTATED
    return video if video.is_file() else None


def _source(facts: Facts, about: Facts, folder: Path) -> Path | None:
    """The source as the command line or the call named it, from here or from the run's folder."""
    name = about.get("name")
    for word in _words(facts.get("command"), facts.get("call")):
        path = Path(word)
        if path.name != name:
            continue
        for place in (path, folder / path.name, folder.parent / path.name):
            if place.exists():
                return place
    return None


def _words(*values: Json) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from _words(*value.values())
        elif isinstance(value, (list, tuple)):
            yield from _words(*value)
