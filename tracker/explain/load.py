"""From a run's folder, or its log, to the run itself: the tracker is built again and given the same."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracker.algorithms import build
from tracker.detections import Invalid
from tracker.explain.recording import Recorded, Recording
from tracker.io.log_file import NAME, Logged, read_log
from tracker.io.run_folder import TEXT, read_run
from tracker.protocol import Updates
from tracker.rows import Rows
from tracker.spelling import shown
from tracker.tracker import Tracker

HOW = "run `track SOURCE --log` to keep a log"


@dataclass(frozen=True, eq=False)
class Loaded:
    """A run to explain.

    name   of its source
    run    with decisions, or None where there is no log
    rows   of tracks.txt, where there is no log
    size   width and height of the image in pixels, where known
    meta   what the log says of the run
    """

    name: str
    run: Recorded | None
    rows: Rows | None
    size: tuple[int, int] | None
    meta: dict[str, Any]


def load_run(path: str | os.PathLike[str], *, invalid: Invalid = "raise") -> Loaded:
    """A run's folder, its ``log.sqlite``, or its ``tracks.txt`` alone.

    invalid="drop" leaves out bad rows of a text and counts them; a log has none.
    Raises ValueError, in one line, for what is neither, and where the run does not come out again as the log has it.
    """
    given = Path(path)
    if given.is_dir() and (given / NAME).is_file():
        return _logged(given / NAME)
    if given.is_file():
        with given.open("rb") as file:
            if file.read(15) == b"SQLite format 3":
                return _logged(given)
    elif not given.is_dir():
        raise ValueError(f"{shown(str(given))}: no such file or folder; give the folder that `track` wrote")
    elif not (given / TEXT).is_file():
        logs = sorted(given.glob("*.sqlite"))
        raise ValueError(
            f"{shown(str(given))}: has the logs of {len(logs)} sequences; give one, such as {shown(logs[0].name)}, or "
            "sum up all by `track eval --why`"
            if logs
            else f"{shown(str(given))}: has neither {NAME} nor {TEXT}; give the folder that `track` wrote"
        )
    run = read_run(given, invalid=invalid)
    name = run.source or (given.name if given.is_dir() else given.stem)
    return Loaded(name, None, run.rows, run.size, {})


def tracker_of(meta: dict[str, Any], changed: dict[str, Any] | None = None) -> Updates:
    """The tracker of a log, with ``changed`` settings by name. Raises ValueError for an unknown name or value."""
    settings = {name: value for name, value in meta["settings"].items() if value is not None}
    return build(meta["algo"], {**settings, **(changed or {})})


def recording_of(log: Logged) -> Recording:
    """What the tracker of a log was given."""
    rate = float(log.meta.get("frame_rate") or 30.0)
    return Recording(log.detections, log.given, log.numbers, log.times, log.warps, rate)


def _logged(path: Path) -> Loaded:
    log = read_log(path)
    tracker = tracker_of(log.meta)
    if not isinstance(tracker, Tracker):
        raise ValueError(f"{shown(str(path))}: {log.meta['algo']} is no tracker.Tracker and cannot be run again")
    try:
        run = Recorded(tracker, recording_of(log))
    except ValueError as error:
        raise ValueError(f"{shown(str(path))}: the run cannot be repeated ({error}); {HOW} with this version") from None
    for frame, decisions in enumerate(run.decisions):
        if set(decisions.matched) != run.numbers.matched(log.matched[frame]):
            raise ValueError(
                f"{shown(str(path))}: the run comes out differently from frame {log.numbers[frame]} on: the log is of "
                f"another version of {log.meta['algo']}, or of settings that it does not hold; {HOW} with this version"
            )
    size = log.meta.get("size")
    return Loaded(
        str(log.meta.get("source")), run, None, None if size is None else (int(size[0]), int(size[1])), log.meta
    )
