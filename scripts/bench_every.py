"""`--every N` on a real video: accuracy with detections in every Nth frame, and the speed of the whole pipeline.

    python scripts/bench_every.py SHARED [--every 1 2 3 5] [--rounds 3]

SHARED: the folder with data/video/vtest_480x360.mp4, its ground truth and yolox_nano.onnx. Detections (conf .5) are
made once for the scores; speed is that of the first 60 frames with the detector, as a ratio to the first N of
the same round.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import tracker
from tracker.detect.select import open_detector
from tracker.detections import Detections, as_detections
from tracker.evaluate.benchmark import load_ground_truth
from tracker.io.mot import read_ground_truth
from tracker.io.video import open_source
from tracker.rows import Rows, results_of

SCALE = 0.625  # the video is 480x360, its ground truth 768x576
ALGORITHMS = ("sort", "bytetrack", "steady")


class Known:
    """Detections by frame, from 1."""

    def __init__(self, found: list[Detections]) -> None:
        self.found = found

    def at(self, number: int) -> Detections:
        return self.found[number - 1]


def follow(video: Path, detector: Any, algo: str, every: int) -> Rows:
    return results_of([tracks for _, tracks in tracker.track(video, detector=detector, algo=algo, every=every)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--every", type=int, nargs="+", default=[1, 2, 3, 5])
    parser.add_argument("--rounds", type=int, default=3, help="of the timing; 0: none")
    args = parser.parse_args()
    data = args.shared / "data"
    video = data / "video/vtest_480x360.mp4"
    rows = read_ground_truth(data / "MOT15/train/PETS09-S2L1/gt/gt.txt")
    truth = load_ground_truth({"vtest": replace(rows, boxes=rows.boxes * SCALE)}, "mot15")
    detector = open_detector(str(data / "models/yolox_nano.onnx"), conf=0.5, classes=["person"])

    seconds: dict[int, list[float]] = {every: [] for every in args.every}
    for _ in range(args.rounds):
        for every in args.every:
            started = time.perf_counter()
            for _ in islice(tracker.track(video, detector=detector, algo="steady", every=every), 60):
                pass
            seconds[every].append(time.perf_counter() - started)
    for every, spent in seconds.items() if args.rounds else ():
        ratio = statistics.median(a / b for a, b in zip(seconds[args.every[0]], spent, strict=True))
        print(f"every {every}: {60 / statistics.median(spent):.1f} frames/s, {ratio:.1f}x", flush=True)

    with open_source(video) as frames:
        known = Known([as_detections(detector(frame.image)) for frame in frames])
    print("| | every | HOTA | MOTA | IDF1 | switches |\n|---|---|---|---|---|---|")
    for algo in ALGORITHMS:
        for every in args.every:
            score = truth.score({"vtest": follow(video, known, algo, every)}, look=False).combined.summary()
            figures = " | ".join(f"{100 * score[name]:.1f}" for name in ("HOTA", "MOTA", "IDF1"))
            print(f"| {algo} | {every} | {figures} | {score['IDSW']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
