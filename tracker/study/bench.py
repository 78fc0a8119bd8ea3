"""Algorithms side by side on a MOTChallenge tree: run on its detections, timed, scored, and kept for the next time.

One job is one algorithm on one sequence. A finished job leaves a results file and a record of what it was made from
(the detections, the parameters, the code); a later run that would make the same takes it as it is, so an interrupted
run goes on where it stopped and a repeated one only scores.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
import time as clock
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tracker.algorithms import algorithm, build, needs_embeddings, parameters, read_params, takes_embeddings
from tracker.arrays import FloatArray
from tracker.detections import Detections
from tracker.evaluate.benchmark import GroundTruth, load_ground_truth
from tracker.evaluate.scores import Evaluation
from tracker.evaluate.sequences import Sequence as MotSequence
from tracker.evaluate.sequences import find_detections, find_sequences
from tracker.io.mot import read_detections, write_results
from tracker.io.sequence import find_frames
from tracker.rows import Rows, results_of
from tracker.tracks import Tracks

Split = Literal["full", "first-half", "second-half"]
_SHOWN = {"fps": ".0f", "median ms": ".3f", "p99 ms": ".3f"}
_SAME_BOX = 0.5  # pixels: text keeps fewer decimals than an archive


@dataclass(frozen=True)
class Job:
    """One algorithm on one sequence. settings: parameters as given. first: frames before it are left out, and it
    becomes frame 1. length: frames to run. embeddings: npz with a row for each detection, or None."""

    label: str
    algo: str
    settings: tuple[tuple[str, Any], ...]
    sequence: str
    detections: str
    embeddings: str | None
    first: int
    length: int
    frame_rate: float
    conf: float | None
    key: str
    target: str

    @property
    def record(self) -> Path:
        """The file that says what the results were made from, and how long each update took."""
        return Path(self.target).with_suffix(".json")


@dataclass(frozen=True, eq=False)
class Run:
    """One algorithm over all sequences. seconds: of each update. cached: jobs taken from an earlier run."""

    label: str
    evaluation: Evaluation
    seconds: FloatArray
    cached: int

    def figures(self) -> dict[str, float | None]:
        """Frames per second and milliseconds an update; None where nothing was run."""
        if not len(self.seconds):
            return dict.fromkeys(_SHOWN)
        values = (
            len(self.seconds) / max(float(self.seconds.sum()), 1e-9),
            1000 * float(np.median(self.seconds)),
            1000 * float(np.percentile(self.seconds, 99)),
        )
        return dict(zip(_SHOWN, values, strict=True))

    def speed(self) -> dict[str, str]:
        """The figures as the table shows them."""
        return {title: "-" if value is None else f"{value:{_SHOWN[title]}}" for title, value in self.figures().items()}


def bench(
    data: str | os.PathLike[str],
    algos: Sequence[str],
    *,
    settings: Mapping[str, Any] | None = None,
    params: str | os.PathLike[str] | None = None,
    split: Split = "full",
    out: str | os.PathLike[str] = "runs/bench",
    detections: str = "det.txt",
    conf: float | None = None,
    reid: str | None = None,
    rules: str = "auto",
    sequences: list[str] | None = None,
    workers: int | None = None,
    progress: Callable[[int, int, int], None] | None = None,
) -> tuple[list[Run], list[str]]:
    """Run and score algorithms; returns a Run for each that ran, and notes on what was left out.

    data: a MOTChallenge tree with `<seq>/det/<detections>` and `<seq>/gt/gt.txt`. algos: names. settings: parameters
    by name, or `algo.name` for one of them. params: a file of `track tune`, for the algorithm that it is of.
    split: "second-half" is the public MOT17 validation half: 0-based frames
    from n // 2 + 1 on, numbered from 1 again, with a fresh tracker; "first-half" is the rest. out: results go to
    `out/<split>/<label>/<seq>.txt`.
    conf: least detection score. reid: embedder for all algorithms that take embeddings, run on `img1` or a video beside
    it where there is no det.npz; None: the packaged model, for those alone that cannot do without.
    workers: processes, default one a core; 1 gives the cleanest times. progress(done, cached, all): called as jobs end.
    A script that uses several processes needs `if __name__ == "__main__":`, as any that starts processes does.
    Raises ValueError for what cannot be run at all.
    """
    known = find_detections(data, sequences, detections)
    notes = _left_out(find_sequences(data, sequences), known, detections, bool(sequences))
    notes += _beyond(known, detections)
    truth = load_ground_truth(data, rules, [s.name for s in known])
    truth = truth if split == "full" else halved(truth, split)
    chosen = {name: _own_settings(name, settings or {}, algos) for name in algos}
    tuned = None if params is None else read_params(params, algos[0] if len(algos) == 1 else None)
    if tuned is not None and tuned.algo not in algos:
        raise ValueError(f"{params}: is for {tuned.algo}, which is not among the algorithms ({', '.join(algos)})")
    base = Path(out) / split
    jobs: list[Job] = []
    missed: list[str] = []
    for name, values in chosen.items():
        least = conf
        if tuned is not None and name == tuned.algo:
            values = tuned.settings | values
            least = tuned.conf if conf is None else conf
        build(name, values)  # unknown names and values show now, not in a worker
        try:
            jobs += jobs_of(name, values, known, split, base, detections, least, reid)
        except MissingPictures as error:
            missed.append(f"{name} was not run: {error}")
    if not jobs:
        raise ValueError("; ".join(missed) or "no algorithm to run; name one with --algo")
    cached = {id(job) for job in jobs if _is_done(job)}
    _run_all([job for job in jobs if id(job) not in cached], len(jobs), workers, progress)
    runs = []
    for label in dict.fromkeys(job.label for job in jobs):
        own = [job for job in jobs if job.label == label]
        score = truth.score({job.sequence: job.target for job in own}, tracker=label)
        seconds = np.concatenate([np.array(json.loads(job.record.read_text())["seconds"], dtype=float) for job in own])
        runs.append(Run(label, score, seconds, sum(id(job) in cached for job in own)))
    return runs, notes + missed


def halved(truth: GroundTruth, split: Split = "second-half") -> GroundTruth:
    """The second half of every sequence, or the first, numbered from 1."""
    rows, known = {}, {}
    for name, gt in truth.rows.items():
        first, length = _part(split, truth.sequences[name].length or gt.last_frame)
        rows[name] = later(gt.select(gt.frames < first + length), first)
        known[name] = replace(truth.sequences[name], length=length)
    return GroundTruth(known, rows, truth.rules, truth.why, truth.partial)


def later(rows: Rows, first: int) -> Rows:
    """Rows from frame `first` on, which becomes frame 1."""
    kept = rows.select(rows.frames >= first)
    return replace(kept, frames=kept.frames - (first - 1))


class MissingPictures(ValueError):
    """An algorithm wants embeddings, and the tree has neither embeddings nor pictures to make them of."""


def _left_out(every: Sequence[MotSequence], known: Sequence[MotSequence], detections: str, named: bool) -> list[str]:
    """Notes on sequences that have no detections; ValueError where they were asked for by name."""
    have = {s.name for s in known}
    bare = [s.name for s in every if s.name not in have]
    if bare and named:
        raise ValueError(f"no det/{detections} in {', '.join(bare)}; add it or leave them out of the sequences")
    return [f"no det/{detections} in {', '.join(bare)}; left out"] if bare else []


def _beyond(known: Sequence[MotSequence], detections: str) -> list[str]:
    """Notes on detections in frames after the sequence's last, which are not run."""
    notes = []
    for sequence in known:
        if sequence.length and sequence.folder:
            frames = read_detections(sequence.folder / "det" / detections).frames
            late = int((frames > sequence.length).sum())
            if late:
                notes.append(
                    f"{sequence.name}: {late} detections lie after frame {sequence.length}, "
                    "the last by seqLength in seqinfo.ini; left out"
                )
    return notes


def _part(split: Split, length: int) -> tuple[int, int]:
    """First frame, from 1, and number of frames of a part of a sequence."""
    half = length // 2 + 1
    return {"full": (1, length), "first-half": (1, half), "second-half": (half + 1, length - half)}[split]


def _own_settings(name: str, settings: Mapping[str, Any], algos: Sequence[str]) -> dict[str, Any]:
    """The settings meant for one algorithm. Raises ValueError for one that no algorithm has."""
    own = parameters(algorithm(name))
    values = {}
    for key, value in sorted(settings.items(), key=lambda item: "." in item[0]):  # one algorithm's own come last
        owner, _, short = key.rpartition(".")
        if owner and owner not in algos:
            raise ValueError(f"setting {key}: {owner} is not among the algorithms ({', '.join(algos)})")
        if not owner and not any(key in parameters(algorithm(other)) for other in algos):
            raise ValueError(f"setting {key}: none of {', '.join(algos)} has it; `track algos` lists what they have")
        if owner == name or (not owner and short in own):
            values[short] = value
    return values


def jobs_of(
    name: str,
    values: Mapping[str, Any],
    known: Sequence[MotSequence],
    split: Split,
    base: Path,
    detections: str,
    conf: float | None,
    reid: str | None,
) -> Iterator[Job]:
    """A job for every sequence. Raises MissingPictures where embeddings are wanted and cannot be made."""
    cls = algorithm(name)
    embedded = takes_embeddings(cls, reid)
    shown = ["with embeddings"] if embedded and not needs_embeddings(cls) else []
    shown += [f"{key}={value}" for key, value in sorted(values.items())]
    shown += [] if conf is None else [f"conf={conf:g}"]
    shown += [] if detections == "det.txt" else [detections]
    label = " ".join([name, *shown]).replace("/", "-").replace(os.sep, "-")  # it names a folder
    if len(label) > 120:
        label = f"{label[:110]}~{hashlib.sha256(label.encode()).hexdigest()[:8]}"
    code = code_hash()
    for sequence in known:
        assert sequence.folder is not None
        file = sequence.folder / "det" / detections
        length = sequence.length or read_detections(file).last_frame
        first, frames = _part(split, length)
        embeddings = _embeddings(sequence, file, reid or "default", base.parent) if embedded else None
        made_of = {
            "algo": name,
            "settings": {key: str(value) for key, value in sorted(values.items())},
            "detections": sha_of(file),
            "embeddings": sha_of(Path(embeddings)) if embeddings else None,
            "frames": [first, frames],
            "fps": sequence.fps,
            "conf": conf,
            "code": code,
        }
        yield Job(
            label=label,
            algo=name,
            settings=tuple(sorted(values.items())),
            sequence=sequence.name,
            detections=str(file),
            embeddings=embeddings,
            first=first,
            length=frames,
            frame_rate=sequence.fps or 30.0,
            conf=conf,
            key=hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest(),
            target=str(base / label / f"{sequence.name}.txt"),
        )


def _is_done(job: Job) -> bool:
    try:
        record = json.loads(job.record.read_text())
        return bool(record["key"] == job.key and record["results"] == sha_of(Path(job.target)))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _run_all(
    jobs: list[Job], total: int, workers: int | None, progress: Callable[[int, int, int], None] | None
) -> None:
    cached = total - len(jobs)
    workers = min(len(jobs), workers or os.cpu_count() or 1)

    def say(done: int) -> None:
        if progress is not None:
            progress(done + cached, cached, total)

    say(0)
    if workers <= 1:
        for done, job in enumerate(jobs, start=1):
            run_job(job)
            say(done)
        return
    # The longest first, so that no worker is left with one at the end.
    jobs = sorted(jobs, key=lambda job: -job.length)
    # Ctrl-C stops new jobs; those that run are finished and kept.
    deaf = (signal.SIGINT, signal.SIG_IGN)
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=signal.signal, initargs=deaf)
    with _one_thread(), pool:
        with _deaf():  # a new process hears Ctrl-C until its initializer runs, unless it starts deaf
            waiting = [pool.submit(run_job, job) for job in jobs]
        try:
            for done, future in enumerate(as_completed(waiting), start=1):
                future.result()
                say(done)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


@contextmanager
def _deaf() -> Iterator[None]:
    """Ctrl-C does nothing inside, nor in processes started inside; only the main thread may set that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes started inside use one thread each in numerical libraries, or they would fight for the cores."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: "1" for name in names if before[name] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)


def run_job(job: Job) -> None:
    """Run one job and write its results and its record, both complete or not at all."""
    frames = list(detections_of(job))
    tracker = build(job.algo, dict(job.settings), frame_rate=job.frame_rate)
    seconds = np.zeros(len(frames))
    reports: list[Tracks] = []
    for k, found in enumerate(frames):
        started = clock.perf_counter()
        tracks = tracker.update(found)
        seconds[k] = clock.perf_counter() - started
        reports.append(tracks)
    target = Path(job.target)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(f".{os.getpid()}.part")
    with suppress(OSError):
        job.record.unlink()
    # Without classes and marks, as ever: the files of earlier runs and of this one stay comparable byte by byte.
    write_results(part, results_of(reports), classes=False, marks=False)
    results = sha_of(part)
    part.replace(target)
    record = {**asdict(job), "results": results, "seconds": [round(s, 7) for s in seconds.tolist()]}
    part.write_text(json.dumps(record), encoding="utf-8")
    part.replace(job.record)


def detections_of(job: Job) -> Iterator[Detections]:
    """The detections of each of its frames."""
    rows = read_detections(job.detections)
    embeddings = None
    if job.embeddings is not None:
        embeddings = _vectors(job.embeddings, rows)
    keep = np.ones(len(rows), dtype=bool) if job.conf is None else rows.scores >= job.conf
    for number in range(job.first, job.first + job.length):
        at = rows.at(number)
        mask = keep[at]
        yield Detections(
            rows.boxes[at][mask],
            rows.scores[at][mask],
            embeddings=None if embeddings is None else embeddings[at][mask],
        )


def _vectors(file: str, rows: Rows) -> NDArray[np.float32]:
    """(R, D) embeddings of an npz, for each row: arrays as `Recorded` reads them, or `embedding` alone in row order.

    Raises ValueError, naming the file, for anything else and where its boxes are not those of the rows.
    """
    from tracker.detect.recorded import Recorded

    names: list[str] = []
    where = ""
    vectors: NDArray[Any] = np.empty((0, 0))
    with suppress(zipfile.BadZipFile, EOFError, OSError, ValueError):
        if zipfile.is_zipfile(file):
            with np.load(file, allow_pickle=False) as archive:
                names = list(archive.files)
                vectors = np.atleast_1d(archive["embedding"]) if names == ["embedding"] else vectors
    if names == ["embedding"]:
        try:
            if len(vectors) == len(rows):
                Detections(rows.boxes, embeddings=vectors)
        except ValueError as error:
            raise ValueError(f"{file}: {str(error).partition(';')[0]}; correct or remove the file") from None
    else:
        recorded = Recorded(file)
        parts = [recorded.at(number) for number in range(1, recorded.frames + 1)]
        if any(part.embeddings is None for part in parts):
            raise ValueError(f"{file}: has no array embedding; add it, a row per detection, or remove the file")
        vectors = np.concatenate([part.embeddings for part in parts]) if parts else vectors
        boxes = np.concatenate([part.boxes for part in parts]) if parts else np.empty((0, 4))
        numbers = np.repeat(np.arange(1, len(parts) + 1), [len(part) for part in parts])
        if len(vectors) == len(rows):
            other = (numbers != rows.frames) | (np.abs(boxes - rows.boxes) > _SAME_BOX).any(axis=1)
            if other.any():
                frame = rows.frames[int(np.argmax(other))]
                raise ValueError(f"{file}: frame {frame}: not the boxes of the detections, in order; remove the file")
        else:
            last = max(int(numbers.max(initial=0)), rows.last_frame)
            have, want = (np.bincount(frames, minlength=last + 1) for frames in (numbers, rows.frames))
            where = f" (the first to differ: frame {int(np.argmax(have != want))})"
    if len(vectors) != len(rows):
        raise ValueError(f"{file}: {len(vectors)} embeddings for {len(rows)} detections{where}; remove the file")
    return np.asarray(vectors, dtype=np.float32)


def _embeddings(sequence: MotSequence, file: Path, reid: str, out: Path) -> str:
    """File of embeddings, a row for each detection by frame: beside the detections, or made now and kept in `out`."""
    assert sequence.folder is not None
    beside = file.with_suffix(".npz")
    if beside.is_file():
        return str(beside)
    source = find_frames(sequence.folder)
    if source is None:
        raise MissingPictures(
            f"it wants embeddings, and {sequence.name} has no {beside.name} beside its detections, no img1 and no video"
        )
    from tracker.embed import open_embedder
    from tracker.io.video import open_source

    made_of = [
        sha_of(file),
        reid,
        sha_of(Path(reid)) if Path(reid).is_file() else "",
        str(source.resolve()),
        _listing(source),
    ]
    key = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]
    target = out / "embeddings" / f"{sequence.name}-{key}.npz"
    if target.is_file():
        return str(target)
    rows, embedder = read_detections(file), open_embedder(reid)
    parts = []
    with open_source(source) as frames:
        for frame in frames:
            at = rows.at(frame.number)
            if at.stop > at.start and frame.image is not None:
                parts.append((at.start, np.asarray(embedder(frame.image, rows.boxes[at]), dtype=np.float32)))
    seen = sum(len(part) for _, part in parts)
    if seen != len(rows):
        raise ValueError(f"{source}: {len(rows) - seen} detections of {file} lie in frames it does not have")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(f".{os.getpid()}.part.npz")
    np.savez(part, embedding=np.concatenate([p for _, p in sorted(parts, key=lambda pair: pair[0])]))
    part.replace(target)
    return str(target)


def _listing(source: Path) -> list[Any]:
    files = sorted(source.iterdir()) if source.is_dir() else [source]
    return [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]


def sha_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def code_hash() -> str:
    """Hash of the code that a result depends on: the algorithms and the floors below them."""
    here = Path(__file__).parent
    files = sorted([*here.glob("*.py"), *(here / "algorithms").glob("*.py")])
    digest = hashlib.sha256()
    for file in files:
        if file.name not in ("cli.py", "bench.py", "tune.py", "report.py", "demo.py") and not file.name.endswith(
            "commands.py"
        ):
            digest.update(file.read_bytes())
    return digest.hexdigest()
