"""Memory over a long life: each algorithm for very many updates, and a live run of hours in compressed time.

    python scripts/soak.py [--updates 1000000] [--hours 2] [--algo sort ...] [--live bare video] [--csv FILE]

A crowd of walkers comes and goes for ever, so tracks are born and end all the time. RSS is read twenty times within the
updates, after a tenth of them to warm up, and the growth is that of the line through these readings, in bytes per
update. The live runs are whole ones, with the decoding thread, reconnections, counts, events and parts, one of them
with video, on a camera whose clock runs as fast as the run does.
"""

from __future__ import annotations

import argparse
import csv
import gc
import itertools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from tracker.algorithms import algorithm as class_of
from tracker.algorithms import algorithms, build, embeddings_of
from tracker.arrays import FloatArray, Image
from tracker.count.places import Line, Zone
from tracker.detections import Detections
from tracker.io.source import Source, SourceError
from tracker.io.stream import watch as watching
from tracker.io.stream.options import Live
from tracker.io.stream.watch import Watch
from tracker.live import health as healthy
from tracker.live.health import resident
from tracker.run.driver import Driver
from tracker.run.monitor import Monitor
from tracker.run.open import Options, open_run
from tracker.run.output import Output
from tracker.tracker import Tracker

RATE = 25.0
CYCLE = 2000  # frames after which the walk begins again, with other ids
WALKERS = 6  # on average in the image
SIZE = (320, 240)
OUTAGE = 20.0  # seconds
READINGS = 20
FLAT = 1.0  # bytes per update


def walk(embedded: bool, seed: int = 0) -> list[Detections]:
    """Detections of CYCLE frames: people cross the image, some are missed, some never were."""
    chance = np.random.default_rng(seed)
    rows: list[list[tuple[FloatArray, int]]] = [[] for _ in range(CYCLE)]
    looks = chance.normal(size=(CYCLE, 32)).astype(np.float32)
    for person, start in enumerate(range(0, CYCLE, round(100 / WALKERS))):
        y, speed, height = chance.uniform(20, 150), chance.uniform(2.5, 4), chance.uniform(40, 80)
        for age in range(round(SIZE[0] / speed)):
            if start + age < CYCLE and chance.random() > 0.1:
                left, top = age * speed + chance.normal(0, 1), y + chance.normal(0, 1)
                rows[start + age].append((np.array([left, top, left + height / 2, top + height]), person))
    found = []
    for frame in rows:
        if chance.random() < 0.2:
            frame.append((np.array([5, 5, 25, 60]) + 100 * chance.random(4) * [1, 1, 1, 1], CYCLE - 1))
        boxes = np.array([box for box, _ in frame]).reshape(-1, 4)
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 5)
        vectors = looks[[who for _, who in frame]] + chance.normal(0, 0.1, (len(frame), 32)).astype(np.float32)
        scores = chance.uniform(0.3, 1, len(frame))
        found.append(Detections(boxes, scores, embeddings=vectors if embedded else None))
    return found


def growth(readings: list[tuple[int, int]]) -> float:
    """Bytes per unit by the line of least squares through (count, bytes)."""
    at, size = np.array(readings, dtype=float).T
    return float(np.polyfit(at, size, 1)[0])


def soak(name: str, updates: int) -> tuple[list[tuple[int, int]], float, int]:
    """Readings of RSS, seconds, and the last id of an algorithm that tracks for so many updates."""
    tracker = build(name, {})
    assert isinstance(tracker, Tracker)
    frames = walk(embeddings_of(class_of(name)) != "none")
    readings, started = [], time.process_time()
    for n, detections in zip(range(1, updates + 1), itertools.cycle(frames), strict=False):
        tracker.update(detections)
        if n >= updates // 10 and n % (updates // READINGS) == 0:
            gc.collect()
            readings.append((n, resident() or 0))
    return readings, time.process_time() - started, int(tracker.state.next_id) - 1


class FastCamera:
    """A capture whose clock is the world's: each frame takes 1/RATE of its seconds, an outage OUTAGE."""

    now = 1000.0

    def __init__(self, images: list[Image], lasts: int) -> None:
        self.images, self.left, self.at = images, lasts, 0

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, Image]:
        FastCamera.now += 1 / RATE
        self.left -= 1
        self.at += 1
        return self.left >= 0, self.images[self.at % len(self.images)]

    def get(self, prop: int, /) -> float:
        return self.at / RATE

    def release(self) -> None: ...


def live(hours: float, folder: Path, *, video: bool) -> tuple[list[tuple[int, int]], float, dict[str, int]]:
    """Readings of RSS, seconds, and the counts of a live run of so many hours, with an annotated video or without."""
    FastCamera.now = 1000.0
    simulated = SimpleNamespace(monotonic=lambda: FastCamera.now)
    for module in (watching, healthy):
        vars(module)["clock"] = simulated
    found = walk(embedded=False)
    images = []
    for detections in found[:100]:
        image = np.full((SIZE[1], SIZE[0], 3), 60, np.uint8)
        for left, top, right, bottom in detections.boxes.astype(int).tolist():
            cv2.rectangle(image, (left, top), (right, bottom), (200, 180, 90), -1)
        images.append(image)
    total = round(hours * 3600 * RATE)
    connections: Iterator[int] = itertools.cycle([7000, 400, 20000])

    def connect() -> FastCamera:
        FastCamera.now += OUTAGE
        if FastCamera.now > 1000 + hours * 3600:
            raise SourceError("over")
        return FastCamera(images, next(connections))

    options = Live(keep_all=True, first_pause=1e-3, reconnect=1e-3, give_up=OUTAGE * 3)
    watch = Watch("camera", connect(), connect, options, position=lambda c: c.get(0), wall=False, reconnects=True)
    source = Source("camera", "stream", watch.frames, frame_rate=RATE, size=SIZE, live=True, watch=watch)
    source._release = watch.close
    numbers = itertools.cycle(found)
    opened = open_run(Options(source, algo="steady", detector=lambda _: next(numbers)))
    lines = (folder / "events.jsonl").open("w")

    def put(line: str) -> None:
        lines.write(line + "\n")

    monitor = Monitor(opened, told=lambda _: None, events=[put])
    places: list[Line | Zone] = [
        Line("middle", [(160, 0), (160, 240)]),
        Zone("left", [(0, 0), (100, 0), (100, 240), (0, 240)]),
    ]
    output = Output(
        folder / "out", opened, {"call": {}}, rotate=600.0, places=places, events=monitor.events, video=video
    )
    driver = Driver(opened, output, [monitor])
    watch.watch(source)
    readings, started = [], time.process_time()
    for step in driver.steps():
        if driver.tally.frames % max(total // (5 * READINGS), 1) == 0 and step.frame.number > total / 10:
            readings.append((driver.tally.frames, resident() or 0))
    lines.close()
    counts = {**driver.counts, "parts": len(list((folder / "out").glob("part-*"))), "events": events_in(folder)}
    return readings, time.process_time() - started, counts


def events_in(folder: Path) -> int:
    """How many lines of events there are."""
    with (folder / "events.jsonl").open() as file:
        return sum(1 for _ in file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=1_000_000)
    parser.add_argument("--hours", type=float, default=2.0, help="of the live runs; 0: none")
    parser.add_argument("--live", nargs="*", default=["bare", "video"], choices=["bare", "video"], help="live runs")
    parser.add_argument("--algo", nargs="*", default=algorithms())
    parser.add_argument("--csv", type=Path, help="append each reading: what, count, bytes")
    args = parser.parse_args()
    if resident() is None:
        raise SystemExit("this system does not tell how much memory a process has in use")
    print("| what | updates | ids | RSS at 10 % | RSS at the end | growth per update | CPU time |")
    print("|---|---|---|---|---|---|---|")
    for name in args.algo:
        readings, seconds, ids = soak(name, args.updates)
        say(name, readings, f"{ids:,}", seconds, args.csv)
    for kind in args.live if args.hours else ():
        with tempfile.TemporaryDirectory() as folder:
            readings, seconds, counts = live(args.hours, Path(folder), video=kind == "video")
        say(f"live run of {args.hours:g} h, {kind}", readings, f"{counts['tracks']:,}", seconds, args.csv)
        print(", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in counts.items()), flush=True)


def say(name: str, readings: list[tuple[int, int]], ids: str, seconds: float, table: Path | None) -> None:
    """Print a row of the table, and keep its readings."""
    slope = growth(readings)
    flat = "" if abs(slope) < FLAT else " **not flat**"
    (_, first), (count, last) = readings[0], readings[-1]
    print(
        f"| {name} | {count:,} | {ids} | {first / 1e6:.1f} MB | {last / 1e6:.1f} MB | {slope:+.3f} B{flat} "
        f"| {seconds:.0f} s |",
        flush=True,
    )
    if table is not None:
        with table.open("a", newline="") as file:
            csv.writer(file).writerows((name, *reading) for reading in readings)


if __name__ == "__main__":
    main()
