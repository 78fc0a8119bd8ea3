"""DeepSORT on a real video with different appearance models: accuracy, and the time of the embed stage.

    python scripts/bench_reid_tracking.py SHARED [--reid FILE.onnx ...] [--cosine .2]

SHARED: the folder with data/video/vtest_480x360.mp4, its ground truth, yolox_nano.onnx and osnet_x0_25_msmt17.onnx.
Detections (conf .5) are made once, and every run gets the same.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import bench_vtest as vtest

from reid import default_model
from tracker.algorithms import build
from tracker.detections import Detections
from tracker.embed import ONNXEmbedder
from tracker.evaluate.benchmark import GroundTruth
from tracker.protocol import Updates
from tracker.rows import results_of


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("shared", type=Path)
    add("--reid", action="append", default=[], help="another ONNX model")
    add("--cosine", type=float, action="append", help="max_cosine_distance (default .2); may be repeated")
    args = parser.parse_args()
    detector, truth = vtest.detector(args.shared), vtest.truth(args.shared)
    images = list(vtest.images(args.shared))
    found = [detector(image) for image in images]
    print(f"{len(found)} frames, {sum(map(len, found))} detections")
    print("| appearance | max cosine | MOTA | IDF1 | switches | embed ms/frame |\n|---|---|---|---|---|---|")
    print(row("none (SORT)", "-", build("sort"), found, truth, 0.0), flush=True)
    for file in (default_model(), args.shared / "data/models/osnet_x0_25_msmt17.onnx", *map(Path, args.reid)):
        embed = ONNXEmbedder(file, threads=1)
        started = time.perf_counter()
        vectors = [embed(image, frame.boxes) for image, frame in zip(images, found, strict=True)]
        spent = time.perf_counter() - started
        ready = [frame.with_embeddings(part) for frame, part in zip(found, vectors, strict=True)]
        for cosine in args.cosine or [0.2]:
            tracker = build("deepsort", {"max_cosine_distance": cosine})
            print(row(file.stem, f"{cosine:g}", tracker, ready, truth, spent), flush=True)
    return 0


def row(
    name: str, cosine: str, tracker: Updates, frames: Sequence[Detections], truth: GroundTruth, spent: float
) -> str:
    rows = results_of([tracker.update(found) for found in frames])
    score = truth.score({vtest.NAME: rows}, look=False).combined.summary()
    return (
        f"| {name} | {cosine} | {100 * score['MOTA']:.1f} | {100 * score['IDF1']:.1f} | {score['IDSW']:.0f} "
        f"| {1000 * spent / len(frames):.1f} |"
    )


if __name__ == "__main__":
    sys.exit(main())
