"""One algorithm on one sequence: the detections it gets, the run, and the results that are kept for the next time.

A finished job leaves a results file and a record of what it was made from (see ``cache``) and how long each update
took. A later run that would make the same takes it as it is.
"""

from __future__ import annotations

import json
import math
import time as clock
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tracker.algorithms import build, short_name
from tracker.arrays import IntArray
from tracker.camera import CameraFile, Compensated
from tracker.detections import Detections
from tracker.explain.recording import Recording
from tracker.io.digest import sha256_of
from tracker.io.log_file import LogWriter, remove_log
from tracker.io.mot import Invalid, read_detections, write_results
from tracker.io.whole import whole
from tracker.kinds import ScoreKind
from tracker.log import Log
from tracker.protocol import Updates, answer_of
from tracker.rows import Rows, results_of
from tracker.scores import probabilities, unreached, why_nothing
from tracker.settings import settings_of
from tracker.study.vectors import read_vectors
from tracker.tracker import Tracker, most_scale_of
from tracker.tracks import Tracks


@dataclass(frozen=True)
class Job:
    """One algorithm on one sequence.

    label          of the run, a folder's name
    algo           name of the algorithm
    settings       parameters as given
    sequence       its name
    detections     file of MOTChallenge text
    embeddings     npz with a row for each detection, or None
    first, length  number of the first frame, from 1, which becomes frame 1, and how many numbers follow from there on
    times          the numbers are times and stay: only those that have detections are frames
    frame_rate     frames per second
    conf           least score of a detection, or None
    scores         what the scores in the file are, or None
    camera         file of the camera's motion, or None
    invalid        what to do with bad rows of the detections
    log            keep the decision log beside the results
    key            of all that the results depend on
    target         the file of results
    """

    label: str
    algo: str
    settings: tuple[tuple[str, Any], ...]
    sequence: str
    detections: str
    embeddings: str | None
    first: int
    length: int
    times: bool
    frame_rate: float
    conf: float | None
    key: str
    target: str
    log: bool = False
    scores: ScoreKind | None = None
    camera: str | None = None
    invalid: Invalid = "raise"

    @property
    def record(self) -> Path:
        """The file that says what the results were made from, and how long each update took."""
        return Path(self.target).with_suffix(".json")

    @property
    def log_file(self) -> Path:
        """The decision log of the run, where it is kept."""
        return Path(self.target).with_suffix(".sqlite")


def is_done(job: Job) -> bool:
    """Whether its results are there, made of the same, and unchanged since."""
    try:
        record = json.loads(job.record.read_text())
        same = record["key"] == job.key and record["results"] == sha256_of([Path(job.target)])
        return bool(same and (job.log_file.is_file() or not job.log))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def seconds_of(job: Job) -> list[float]:
    """Seconds of each update of a finished job."""
    seconds: list[float] = json.loads(job.record.read_text())["seconds"]
    return seconds


def note_of(job: Job) -> str | None:
    """What there is to say about the results of a finished job: why it has no tracks."""
    note: str | None = json.loads(job.record.read_text())["note"]
    return note


def tracker_of(
    algo: str, settings: Mapping[str, Any], frame_rate: float, camera: str | None, first: int
) -> tuple[Updates, Updates | Compensated]:
    """A fresh tracker, and the same moved with the camera where there is a file of its motion.

    first  number of the first frame, from 1, in the file
    """
    tracker = build(algo, settings, frame_rate=frame_rate)
    if isinstance(tracker, Tracker):
        tracker.warns = False  # a note of the study says it
    return tracker, tracker if camera is None else Compensated(tracker, CameraFile(camera, offset=first - 1))


def run_job(job: Job) -> None:
    """Run one job and write its results and its record, both complete or not at all."""
    numbers, frames = numbered_detections(job)
    tracker, moved = tracker_of(job.algo, dict(job.settings), job.frame_rate, job.camera, job.first)
    seconds: list[float] = []
    reports: list[Tracks] = []
    target = Path(job.target)
    target.parent.mkdir(parents=True, exist_ok=True)
    log = _Logging(job, tracker, numbers) if job.log else None
    for found in frames:
        started = clock.perf_counter()
        tracks = moved.update(found, None, None)
        seconds.append(clock.perf_counter() - started)
        reports.append(answer_of(tracker, tracks))
        if log is not None:
            log.write()
    if log is not None:
        log.writer.close()
    with suppress(OSError):
        job.record.unlink()
    # det.txt has no classes, so column 8 stays -1.
    with whole(target) as part:
        write_results(part, rows_of(numbers, reports), classes=False)
        results = sha256_of([part])
    note = None if any(map(len, reports)) else starved(job.algo, tracker, frames)
    record = {**asdict(job), "results": results, "seconds": [round(s, 7) for s in seconds], "note": note}
    with whole(job.record) as part:
        part.write_text(json.dumps(record), encoding="utf-8")


def starved(algo: str, tracker: Updates, frames: Sequence[Detections]) -> str | None:
    """Why the tracker starts no track, where no score of all frames reaches what it asks."""
    count, best = sum(map(len, frames)), max((f.scores.max() for f in frames if len(f)), default=math.inf)
    low = unreached(settings_of(type(tracker)), vars(tracker), float(best), most_scale_of(tracker))
    return None if low is None else why_nothing(short_name(algo), count, float(best), low)


class _Logging:
    """Keeps the log of a job; written in the time between two updates, which is not counted."""

    def __init__(self, job: Job, tracker: Updates, numbers: IntArray) -> None:
        if not isinstance(tracker, Tracker):
            raise ValueError(f"log: {job.algo} logs no decisions; derive it from tracker.Tracker, or leave out --log")
        tracker.log = self.log = Log(keep=1)
        self.numbers: list[int] = numbers.tolist()
        remove_log(job.log_file)
        every = numbered_detections(replace(job, conf=None))[1]
        self.recording = Recording.of(every, job.conf)  # with those that scored too little, which explain a lot
        settings = {name: getattr(tracker, name) for name in settings_of(type(tracker))}
        facts = {
            "algo": job.algo,
            "settings": {name: value for name, value in settings.items() if isinstance(value, (bool, int, float))},
            "frame_rate": job.frame_rate,
            "size": None,
            "source": job.sequence,
        }
        self.writer = LogWriter(job.log_file, facts)
        self.frame = 0

    def write(self) -> None:
        """The log of the update that has just been done."""
        found, used = self.recording.found[self.frame], int(self.recording.given[self.frame])
        self.writer.write(self.numbers[self.frame], found, self.log.frames[-1], used)
        self.frame += 1


def numbered_detections(job: Job) -> tuple[IntArray, list[Detections]]:
    """The number (N,) of each frame in the results, and its detections."""
    rows = read_detections(job.detections, invalid=job.invalid)
    embeddings = None if job.embeddings is None else read_vectors(job.embeddings, rows)
    if job.scores is not None:
        try:
            rows = replace(rows, scores=probabilities(rows.scores, job.scores))
        except ValueError as error:
            raise ValueError(f"{job.detections}: {error}") from None
    keep = np.ones(len(rows), dtype=bool) if job.conf is None else rows.scores >= job.conf
    stop = job.first + job.length
    if job.times:
        numbers = np.unique(rows.frames[(rows.frames >= job.first) & (rows.frames < stop)])
    else:
        numbers = np.arange(job.first, stop)
    frames = []
    for number in numbers.tolist():
        at = rows.at(number)
        mask = keep[at]
        frames.append(
            Detections(
                rows.boxes[at][mask],
                rows.scores[at][mask],
                embeddings=None if embeddings is None else embeddings[at][mask],
            )
        )
    return (numbers if job.times else numbers - (job.first - 1)), frames


def rows_of(numbers: IntArray, reports: Sequence[Tracks]) -> Rows:
    """What a tracker reported for the frames ``numbers`` (N,)."""
    rows = results_of(reports)
    return replace(rows, frames=numbers[rows.frames - 1])
