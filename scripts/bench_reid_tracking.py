"""DeepSORT on a real video with different appearance models: accuracy, and the time of the embed stage.

    python scripts/bench_reid_tracking.py SHARED [--reid FILE.onnx ...] [--cosine .2]

SHARED: the folder with data/video/vtest_480x360.mp4, its ground truth, yolox_nano.onnx and osnet_x0_25_msmt17.onnx.
Detections (conf .5) are made once; every run sees the same.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from reid import default_model
from tracker.algorithms import build
from tracker.boxes import iou_xyxy
from tracker.detect.select import open_detector
from tracker.detections import as_detections
from tracker.embed.onnx import ONNXEmbedder
from tracker.io.mot import read_ground_truth
from tracker.io.video import open_source

SCALE = 0.625  # the video is 480x360, its ground truth 768x576


def score(rows: dict[int, tuple[np.ndarray, np.ndarray]], truth: Any) -> Any:
    """MOTA, IDF1 and switches by motmetrics at IoU .5; ``rows``: (ids, boxes xyxy) per 1-based frame."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas' own, raised while motmetrics loads and computes
        import motmetrics

        accumulator = motmetrics.MOTAccumulator()
        for number, (ids, boxes) in rows.items():
            gt = truth.select(truth.at(number))
            gt = gt.select(gt.scores > 0)
            distances = 1 - iou_xyxy(gt.boxes * SCALE, boxes)
            distances[distances > 0.5] = np.nan
            accumulator.update(gt.ids, ids, distances, frameid=number)
        metrics = ["mota", "idf1", "num_switches"]
        return motmetrics.metrics.create().compute(accumulator, metrics=metrics).iloc[0]


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("shared", type=Path)
    p.add_argument("--reid", action="append", default=[], help="another ONNX model")
    p.add_argument("--cosine", type=float, action="append", help="max_cosine_distance (default .2); may be repeated")
    args = p.parse_args()
    data = args.shared / "data"
    truth = read_ground_truth(data / "MOT15/train/PETS09-S2L1/gt/gt.txt")
    detector = open_detector(str(data / "models/yolox_nano.onnx"), conf=0.5, classes=["person"])
    frames = []
    with open_source(data / "video/vtest_480x360.mp4") as video:
        for frame in video:
            frames.append((frame.number, frame.image, as_detections(detector(frame.image))))
    print(f"{len(frames)} frames, {sum(len(d) for *_, d in frames)} detections")
    print("| appearance | max cosine | MOTA | IDF1 | switches | embed ms/frame |\n|---|---|---|---|---|---|")

    def run(name: str, tracker: Any, cosine: str, detections: list[Any], spent: float) -> None:
        rows = {}
        for (number, *_), found in zip(frames, detections, strict=True):
            tracks = tracker.update(found)
            rows[number] = (np.asarray(tracks.ids), np.asarray(tracks.boxes, dtype=float))
        s = score(rows, truth)
        print(f"| {name} | {cosine} | {100 * s.mota:.1f} | {100 * s.idf1:.1f} | {s.num_switches:.0f} "
              f"| {1000 * spent / len(frames):.1f} |", flush=True)  # fmt: skip

    run("none (SORT)", build("sort"), "-", [d for *_, d in frames], 0.0)
    for file in (default_model(), data / "models/osnet_x0_25_msmt17.onnx", *map(Path, args.reid)):
        embed = ONNXEmbedder(file, threads=1)
        started = time.perf_counter()
        vectors = [embed(image, d.boxes) for _, image, d in frames]
        spent = time.perf_counter() - started
        ready = [d.with_embeddings(v) for (*_, d), v in zip(frames, vectors, strict=True)]
        for cosine in args.cosine or [0.2]:
            run(file.stem, build("deepsort", {"max_cosine_distance": str(cosine)}), f"{cosine:g}", ready, spent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
