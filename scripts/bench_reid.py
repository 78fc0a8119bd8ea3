"""Accuracy and speed of ReID models side by side, as a Markdown table.

    python scripts/bench_reid.py DATA [--models DIR] [--add NAME=FILE.onnx ...] [--threads 1]

DATA: Market-1501 crops; scored on the last 100 identities (query: first crop per identity and camera). Speed is crop to
embedding: 32 boxes of a 1920x1080 frame, cut, resized, embedded in batches of 1, 8 and 32; the rounds of all models are
interleaved, the best round counts, and x is against OSNet x0.25 in fp32 at batch 32.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from pathlib import Path

import numpy as np

from reid.data import load
from reid.embed import default_model, open_model
from reid.evaluate import evaluate_one_set
from tracker.embed import ONNXEmbedder


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data", type=Path)
    p.add_argument("--models", type=Path, help="folder with osnet_x0_25_msmt17.onnx and the retail networks")
    p.add_argument("--add", action="append", default=[], metavar="NAME=FILE", help="another exported model")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--rounds", type=int, default=5)
    args = p.parse_args()
    have_openvino = importlib.util.find_spec("openvino") is not None
    entries: dict[str, tuple[ONNXEmbedder, Path]] = {}
    own = {"default (int8)": str(default_model()), **dict(item.split("=", 1) for item in args.add)}
    for name, file in own.items():
        for runtime in ("onnxruntime", *(["openvino"] if have_openvino else [])):
            entries[f"{name}, {runtime}"] = (open_model(file, runtime, args.threads), Path(file))
    if args.models:
        path = args.models / "osnet_x0_25_msmt17.onnx"
        entries["OSNet x0.25 MSMT17 fp32, onnxruntime"] = (open_model(path, "onnxruntime", args.threads), path)
        for key in ("0277", "0286", "0288") if have_openvino else ():
            path = args.models / f"person-reidentification-retail-{key}.xml"
            entries[f"retail-{key} fp32, openvino"] = (
                open_model(path, "openvino", args.threads),
                path.with_suffix(".bin"),
            )
    crops = load(args.data, last=100)
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
    corner = rng.uniform((0, 0), (1800, 800), (32, 2))
    boxes = np.hstack([corner, corner + rng.uniform((40, 100), (100, 260), (32, 2))])
    best: dict[str, dict[int, float]] = {name: dict.fromkeys((1, 8, 32), 0.0) for name in entries}
    for _ in range(args.rounds):
        for name, (embed, _) in entries.items():
            for size in (1, 8, 32):
                embed(frame, boxes[:size])
                started = time.perf_counter()
                for start in range(0, 32, size):
                    embed(frame, boxes[start : start + size])
                best[name][size] = max(best[name][size], 32 / (time.perf_counter() - started))
    base = next((rates for name, rates in best.items() if name.startswith("OSNet")), None)
    print("| model | file MB | mAP | rank-1 | mINP | crops/s at batch 1 | 8 | 32 | x OSNet |\n|" + "---|" * 9)
    for name, (embed, path) in entries.items():
        scores = evaluate_one_set(embed.of_crops(crops.images), crops.ids, crops.cameras)
        rates = " | ".join(f"{best[name][size]:.0f}" for size in (1, 8, 32))
        ratio = f"{best[name][32] / base[32]:.1f}" if base else "-"
        print(
            f"| {name} | {path.stat().st_size / 1e6:.1f} | {100 * scores.mean_ap:.1f} | {100 * scores.rank1:.1f} "
            f"| {100 * scores.minp:.1f} | {rates} | {ratio} |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
