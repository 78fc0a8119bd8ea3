"""`--every N` on a real video: accuracy with detections in every Nth frame, and the speed of the whole pipeline.

    python scripts/bench_every.py SHARED [--every 1 2 3 5] [--rounds 3]

SHARED: the folder with data/video/vtest_480x360.mp4, its ground truth and yolox_nano.onnx. Detections (conf .5) are
made once for the scores. The speed is that of the first 60 frames with the detector, as a ratio to the first N of the
same round.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import bench_vtest as vtest

import tracker
from tracker.detect import RecordedDetector
from tracker.detections import Detections
from tracker.rows import Rows, results_of

ALGORITHMS = ("sort", "bytetrack", "steady")


class Known(RecordedDetector):
    """Detections by frame, from 1."""

    def __init__(self, found: list[Detections]) -> None:
        self.found = found
        self.frames = len(found)

    def at(self, number: int, /) -> Detections:
        return self.found[number - 1]


def follow(video: Path, detector: RecordedDetector, algo: str, every: int) -> Rows:
    return results_of([tracks for _, tracks in tracker.track(video, detector=detector, algo=algo, every=every)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--every", type=int, nargs="+", default=[1, 2, 3, 5])
    parser.add_argument("--rounds", type=int, default=3, help="of the timing; 0: none")
    args = parser.parse_args()
    if args.rounds:
        speeds(args.shared, args.every, args.rounds)
    scores(args.shared, args.every)


def speeds(shared: Path, every: Sequence[int], rounds: int) -> None:
    detector = vtest.detector(shared)
    seconds: dict[int, list[float]] = {number: [] for number in every}
    for _ in range(rounds):
        for number in every:
            started = time.perf_counter()
            for _ in islice(tracker.track(shared / vtest.VIDEO, detector=detector, algo="steady", every=number), 60):
                pass
            seconds[number].append(time.perf_counter() - started)
    for number, spent in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(seconds[every[0]], spent, strict=True))
        print(f"every {number}: {60 / statistics.median(spent):.1f} frames/s, {ratio:.1f}x", flush=True)


def scores(shared: Path, every: Sequence[int]) -> None:
    detector, truth = vtest.detector(shared), vtest.truth(shared)
    known = Known([detector(image) for image in vtest.images(shared)])
    print("| | every | HOTA | MOTA | IDF1 | switches |\n|---|---|---|---|---|---|")
    for algo in ALGORITHMS:
        for number in every:
            rows = follow(shared / vtest.VIDEO, known, algo, number)
            score = truth.score({vtest.NAME: rows}, look=False).combined.summary()
            figures = " | ".join(f"{100 * score[name]:.1f}" for name in ("HOTA", "MOTA", "IDF1"))
            print(f"| {algo} | {number} | {figures} | {score['IDSW']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
