"""How far `track many` goes past this machine: costs measured here, a model of N workers, and its check on 1 and 2.

    python scripts/scale_model.py VIDEO --detector MODEL.onnx [--engines local,dask,ray] [-o out.json]

measures, on one processor unless said: seconds a frame of each stage, what a video costs beside its frames, the start
of a worker, a seek, bytes of results a frame, and what each engine takes for a task (100 to 10,000 of them sleep on two
workers). Then it predicts frames/s for 1 to 10,000 workers and says what limits them; and it runs 1 and 2 workers, and
prints predicted beside measured. The model, for W workers and videos of F frames that cost f seconds each:

    seconds a video, of a worker   v = F f + overhead
    videos a second                min(W / v, 1 / task, bandwidth / (bytes of a video))
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time as clock
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tracker.many.job import Job, Outcome, Saved, run_job
from tracker.run.driver import Driver
from tracker.run.open import Options, open_run
from tracker.workers.engine import Ended, Engine, run_all
from tracker.workers.local import Local
from tracker.workers.open import open_engine

WORKERS = (1, 2, 10, 100, 1_000, 10_000)
SLEEP = 0.010  # seconds of a task by which an engine is measured
NETWORK = 1.25e9  # bytes a second: 10 Gbit/s out of one storage, for the prediction only
HOURS = 1_000_000  # of video, for the prediction


@dataclass(frozen=True)
class Costs:
    """What was measured: seconds, and bytes.

    stages        of a frame, by stage; their sum is what a frame costs one processor
    frame_bytes   of the video, a frame
    result_bytes  of tracks.txt, a frame
    overhead      of a video, beside its frames
    start         from nothing to the first result of a worker, by engine
    task          of a task beside what it does, by engine: the most of those below
    tasks         the same by engine and by how many there are
    seek          to the middle of the video, and to its first frame
    memory        bytes that a worker has at most, without and with the annotated video
    """

    stages: dict[str, float]
    frame_bytes: float
    result_bytes: float
    overhead: float
    start: dict[str, float]
    task: dict[str, float]
    tasks: dict[str, dict[int, float]]
    seek: tuple[float, float]
    memory: tuple[int, int]

    @property
    def frame(self) -> float:
        return sum(self.stages.values())


def sleep(seconds: float) -> None:
    """A task that takes so long and no processor."""
    clock.sleep(seconds)


def peak(_: int) -> int:
    """The most memory that the process has had, in bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def job_of(options: Options, video: Path, folder: Path, *, annotate: bool = False) -> Job:
    """A job as `track many` makes them, for the same detector and algorithm."""
    given = Options(str(video), algo=options.algo, detector=options.detector, invalid="drop")
    return Job(folder.name, str(folder), given, Saved(video=annotate), (), "")


def measure_memory(options: Options, folder: Path, *, annotate: bool = False) -> int:
    """The most memory, in bytes, of a worker that tracks the video twice."""
    jobs = [job_of(options, Path(str(options.source)), folder / f"m{n}{annotate}", annotate=annotate) for n in "ab"]
    engine = Local(1)
    try:
        list(run_all(engine, run_job, jobs))
        return max(one.result or 0 for one in run_all(engine, peak, [0]))
    finally:
        engine.close()


def seconds_of(call: Callable[[], object]) -> float:
    """How long a call takes."""
    started = clock.perf_counter()
    call()
    return clock.perf_counter() - started


def measure_stages(options: Options) -> tuple[dict[str, float], int]:
    """Seconds a frame by stage, on the processors of this process, and how many frames there are."""
    opened = open_run(options)
    driver = Driver(opened)
    total = seconds_of(lambda: [None for _ in driver.steps()])
    frames = max(opened.pipeline.frames, 1)
    stages = {name: spent / frames for name, spent in opened.pipeline.seconds.items()}
    stages["rest"] = max(total / frames - sum(stages.values()), 0.0)
    return stages, frames


def measure_overhead(options: Options, folder: Path, count: int = 20) -> float:
    """Seconds of a video beside its frames: that of a video of one frame, its second and later ones of a worker."""
    import cv2

    capture = cv2.VideoCapture(str(options.source))
    _, image = capture.read()
    capture.release()
    tiny = folder / "tiny.mp4"
    writer = cv2.VideoWriter(str(tiny), cv2.VideoWriter.fourcc(*"mp4v"), 10, image.shape[1::-1])
    writer.write(image)
    writer.release()
    jobs = [job_of(options, tiny, folder / f"t{n}") for n in range(count + 1)]
    run_job(jobs[0])
    return seconds_of(lambda: [run_job(job) for job in jobs[1:]]) / count


def measure_seek(video: str) -> tuple[float, float]:
    """Seconds from opening the video to a frame in its middle, and to its first."""
    import cv2

    def until(place: int) -> None:
        capture = cv2.VideoCapture(video)
        capture.set(cv2.CAP_PROP_POS_FRAMES, place)
        capture.read()
        capture.release()

    capture = cv2.VideoCapture(video)
    middle = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) // 2
    capture.release()
    return seconds_of(lambda: until(middle)), seconds_of(lambda: until(0))


def measure_engine(name: str, counts: Sequence[int]) -> tuple[float, dict[int, float]]:
    """Seconds to the first result; and what a task costs beside its sleep, by how many of them there are.

    So many tasks sleep SLEEP seconds on two workers, which takes half of that each; the rest is the engine's.
    """
    begun = clock.perf_counter()
    engine: Engine = open_engine(name, workers=2)
    try:
        list(run_all(engine, sleep, [0.0]))
        start = clock.perf_counter() - begun
        list(run_all(engine, sleep, [SLEEP] * 20))  # both workers have begun
        each = {}
        for count in counts:
            spent = seconds_of(lambda: [None for _ in run_all(engine, sleep, [SLEEP] * count)])  # noqa: B023
            each[count] = max(spent - count * SLEEP / 2, 0.0) / count
            print(f"{name}: {count} tasks of {1e3 * SLEEP:.0f} ms took {spent:.2f} s", flush=True)
    finally:
        engine.close()
    return start, each


def predict(costs: Costs, frames: int, engine: str, workers: int) -> tuple[float, str]:
    """Frames a second, and what limits them."""
    video = frames * costs.frame + costs.overhead
    limits = {
        "workers": workers / video,
        f"scheduler of {engine}": 1 / costs.task[engine],
        "storage": NETWORK / (frames * costs.frame_bytes),
    }
    slowest = min(limits, key=lambda name: limits[name])
    return frames * limits[slowest], slowest


def run_copies(options: Options, folder: Path, copies: int, workers: int) -> float:
    """Seconds of so many copies of the video on so many local workers, each held to one processor."""
    jobs = []
    for n in range(copies):
        copy = folder / f"copy{n}{Path(str(options.source)).suffix}"
        if not copy.exists():
            shutil.copy(str(options.source), copy)
        target = folder / f"{workers}-{n}"
        jobs.append(job_of(options, copy, target))
    mine = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, mine[:workers])
    engine = Local(workers)
    try:
        ended: list[Ended[Outcome]] = []
        seconds = seconds_of(lambda: ended.extend(run_all(engine, run_job, jobs)))
        if any(one.error or one.result is None or one.result.state == "failed" for one in ended):
            raise SystemExit(f"a copy failed: {ended}")
        return seconds
    finally:
        engine.close()
        os.sched_setaffinity(0, mine)


def main() -> None:
    """Measure, predict, check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video")
    parser.add_argument("--detector", required=True)
    parser.add_argument("--algo", default="steady")
    parser.add_argument("--engines", default="local,dask,ray")
    parser.add_argument("--tasks", default="100,1000,10000", help="how many sleep, to measure an engine by")
    parser.add_argument("--copies", type=int, default=8)
    parser.add_argument("-o", dest="out", help="write what was measured and predicted as JSON")
    args = parser.parse_args()
    counts = [int(count) for count in args.tasks.split(",")]
    options = Options(args.video, algo=args.algo, detector=args.detector)
    mine = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.sched_setaffinity(0, mine[:1])
        stages, frames = measure_stages(options)
        overhead = measure_overhead(options, folder)
        seek = measure_seek(args.video)
        os.sched_setaffinity(0, mine)
        memory = (measure_memory(options, folder), measure_memory(options, folder, annotate=True))
        engines = {one: measure_engine(one, counts) for one in args.engines.split(",")}
        measured = {}
        for workers in (1, 2):
            if workers <= len(mine):
                measured[workers] = run_copies(options, folder, args.copies, workers)
        rows = (folder / "1-0" / "tracks.txt").stat().st_size / frames
    costs = Costs(
        stages,
        Path(args.video).stat().st_size / frames,
        rows,
        overhead,
        {one: start for one, (start, _) in engines.items()},
        {one: max(each.values()) for one, (_, each) in engines.items()},
        {one: each for one, (_, each) in engines.items()},
        seek,
        memory,
    )
    report(costs, frames, args.copies, measured)
    if args.out:
        said = {"costs": asdict(costs), "frames": frames, "copies": args.copies, "seconds": measured}
        Path(args.out).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def report(costs: Costs, frames: int, copies: int, measured: dict[int, float]) -> None:
    """Print what was measured, the check on this machine, and the prediction."""
    print("milliseconds a frame on one processor: " + ", ".join(f"{k} {1e3 * v:.2f}" for k, v in costs.stages.items()))
    print(f"association is {100 * costs.stages['associate'] / costs.frame:.1f} % of a frame")
    print(
        f"a video costs {1e3 * costs.overhead:.0f} ms beside its frames; a seek {1e3 * costs.seek[0]:.0f} ms, to the "
        f"first frame {1e3 * costs.seek[1]:.0f} ms; results {costs.result_bytes:.0f} bytes a frame"
    )
    without, annotated = (size / 2**20 for size in costs.memory)
    print(f"a worker has at most {without:.0f} MiB of memory, {annotated:.0f} MiB where it writes the annotated video")
    for one, start in costs.start.items():
        each = ", ".join(f"{1e3 * spent:.2f} ms each of {count}" for count, spent in costs.tasks[one].items())
        print(f"{one}: first result after {start:.1f} s; beside what tasks do: {each}")
    print("\nworkers  predicted frames/s  measured  measured / predicted")
    for workers, seconds in measured.items():
        # A few videos do not divide evenly, and the workers begin within the time that is measured.
        rounds = -(-copies // workers)
        expected = copies * frames / (costs.start["local"] + rounds * (frames * costs.frame + costs.overhead))
        got = copies * frames / seconds
        print(f"{workers:7d}  {expected:18.1f}  {got:8.1f}  {got / expected:20.2f}")
    print(f"\nvideos of {frames} frames, many of them; {HOURS:,} hours at 25 frames/s")
    print("engine   workers      frames/s  limited by               days")
    for engine in costs.task:
        for workers in WORKERS:
            rate, limit = predict(costs, frames, engine, workers)
            days = HOURS * 3600 * 25 / rate / 86400
            print(f"{engine:8s} {workers:7d}  {rate:12,.0f}  {limit:20s}  {days:10,.1f}")


if __name__ == "__main__":
    main()
