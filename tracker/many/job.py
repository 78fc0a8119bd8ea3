"""One video of many: what a worker is told, what it does, and how one sees later that it is done."""

from __future__ import annotations

import hashlib
import json
import os
import time as clock
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from tracker.algorithms import from_anywhere as algo_from_anywhere
from tracker.count.places import Line, Zone
from tracker.io.claim import Taken
from tracker.io.digest import sha256_of
from tracker.io.passwords import is_url
from tracker.io.sinks import Look
from tracker.io.whole import whole
from tracker.many.remote import fetched
from tracker.run.driver import Driver
from tracker.run.manifest import plain
from tracker.run.open import Models, Options, open_run
from tracker.run.output import MANIFEST, Output
from tracker.spelling import number_of
from tracker.workers.call import version

FAILED = "failed.json"  # in the folder of a video that could not be tracked

State = Literal["complete", "incomplete", "failed", "kept"]


@dataclass(frozen=True)
class Saved:
    """What is written: the arguments of ``Output``."""

    video: bool = True
    log: bool = False
    class_column: bool = False
    places: tuple[Line | Zone, ...] = ()
    saves: tuple[str, ...] = ()
    look: Look | None = None


@dataclass(frozen=True)
class Job:
    """A video to track.

    name     of its folder
    folder   to write to
    options  of the run, with the source
    saved    what is written
    command  the command line, for run.json
    key      of all that the results depend on, but for the source
    """

    name: str
    folder: str
    options: Options
    saved: Saved
    command: tuple[str, ...]
    key: str

    @property
    def source(self) -> str:
        return str(self.options.source)


@dataclass(frozen=True)
class Outcome:
    """How a video ended.

    state    "complete"; "incomplete": frames could not be read; "failed"; "kept": it was done before
    line     why it failed or is incomplete, or ""
    counts   those of run.json
    seconds  of the run, 0 where it was kept
    partial  whether a kept one is incomplete
    """

    name: str
    source: str
    state: State
    line: str = ""
    counts: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    partial: bool = False

    @property
    def whole(self) -> bool:
        """Whether all of the video is tracked."""
        return self.state == "complete" or (self.state == "kept" and not self.partial)


@lru_cache(maxsize=1)
def worker_models() -> Models:
    """The networks of this worker process, which all its tasks use."""
    return Models()


def run_job(job: Job) -> Outcome:
    """Track the video into its folder; where that fails the folder says why.

    Raises Taken where another run has the folder.
    """
    try:
        outcome = _tracked(job)
    except Taken:
        raise
    except (ValueError, OSError, MemoryError) as error:
        return failed(job, line_of(error))
    with suppress(OSError):
        (Path(job.folder) / FAILED).unlink(missing_ok=True)
    return outcome


def from_anywhere(options: Options) -> Options:
    """The options with absolute paths: a cluster's workers run in folders of their own."""

    def absolute(value: Any) -> Any:
        return str(Path(value).resolve()) if isinstance(value, str) and Path(value).exists() else value

    return replace(
        options,
        source=options.source if is_url(str(options.source)) else str(Path(str(options.source)).resolve()),
        algo=algo_from_anywhere(options.algo) if isinstance(options.algo, str) else options.algo,
        detector=absolute(options.detector),
        reid=absolute(options.reid),
        params=absolute(options.params),
        camera_motion=absolute(options.camera_motion),
        names=absolute(options.names),
    )


def files_named(options: Options) -> list[str]:
    """The files and folders of this machine that options name: the source, models, lists."""
    given = (value for value in options.given().values() if isinstance(value, (str, Path)))
    return [str(value) for value in given if os.path.isabs(value) and os.path.exists(value)]


def failed(job: Job, line: str) -> Outcome:
    """The outcome of a failure, which is written into the folder too, where that can be."""
    folder = Path(job.folder)
    with suppress(OSError, ValueError):
        folder.mkdir(parents=True, exist_ok=True)
        with whole(folder / FAILED) as part:
            part.write_text(json.dumps({"source": job.source, "error": line}, indent=2) + "\n", encoding="utf-8")
    return Outcome(job.name, job.source, "failed", line)


def _tracked(job: Job) -> Outcome:
    started = clock.perf_counter()
    with fetched(job.source) as path:
        options = replace(job.options, source=path)
        stamp = stamp_of(path) if path == job.source else None
        with closing(open_run(options, models=worker_models())) as opened:
            saved = job.saved
            output = Output(
                job.folder,
                opened,
                {"command": list(job.command), "job": {"key": job.key, "stamp": stamp}},
                overwrite=True,
                video=saved.video,
                log=saved.log,
                class_column=saved.class_column,
                places=saved.places,
                saves=saved.saves,
                look=saved.look,
            )
            driver = Driver(opened, output)
            with driver.interrupts:
                for _ in driver.steps():
                    pass
    if driver.interrupts.received is not None:
        raise ValueError("stopped by a signal")
    if driver.tally.frames == 0:
        raise ValueError(f"{opened.pipeline.source.name}: no frame could be read; nothing was tracked")
    line = ""
    if driver.missing:
        least = "at least " if driver.at_least else ""
        line = f"{least}{number_of(driver.missing, 'frame')} could not be read (a damaged or cut file?)"
    seconds = clock.perf_counter() - started
    return Outcome(job.name, job.source, "incomplete" if line else "complete", line, driver.counts, seconds)


def kept(job: Job) -> Outcome | None:
    """What was found where the video is done: tracked to its end by the same settings, and unchanged since."""
    try:
        said = json.loads((Path(job.folder) / MANIFEST).read_text(encoding="utf-8"))
        done = said["state"] in ("complete", "incomplete") and said["job"]["key"] == job.key
        if not done or not _unchanged(job.source, said):
            return None
        partial = said["state"] == "incomplete"
        line = f"{number_of(said['counts']['missing_frames'], 'frame')} could not be read" if partial else ""
        return Outcome(job.name, job.source, "kept", line, dict(said["counts"]), partial=partial)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _unchanged(source: str, said: dict[str, Any]) -> bool:
    if is_url(source):
        return True  # whoever wants it anew asks for that
    stamp = said["job"]["stamp"]
    if stamp is not None and stamp == stamp_of(source):
        return True
    from tracker.io.video import open_source

    with open_source(source) as opened:
        return bool(opened.sha256() == said["source"]["sha256"])


def key_of_job(job: Job) -> str:
    """A hash of all that the results depend on, but for the source: options, what is written, the files named by
    options, and the version of the package. What ``job.key`` held before goes into it.
    """
    given = {name: value for name, value in job.options.given().items() if name != "source"}
    files = [Path(value) for value in given.values() if isinstance(value, str) and os.path.isfile(value)]
    made_of = {
        "options": plain(given),
        "saved": plain({**asdict(job.saved), "places": [repr(place) for place in job.saved.places]}),
        "files": sha256_of(files),
        "version": version(),
        "before": job.key,
    }
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


def stamp_of(source: str | os.PathLike[str]) -> list[list[Any]] | None:
    """Name, size and time of change of the file, or of each file in a folder; None where there is none."""
    path = Path(source)
    try:
        files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        stats = [(one.name, one.stat()) for one in files]
    except OSError:
        return None
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]


def line_of(error: BaseException) -> str:
    """The error as one line."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__
