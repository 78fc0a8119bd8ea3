"""Accuracy and speed of ReID models side by side, as a Markdown table.

    python scripts/bench_reid.py DATA [--unknown DIR] [--models DIR] [--add NAME=FILE.onnx ...] [--threads 1]

DATA: Market-1501 crops; scored on the last 100 identities (query: first crop of each under each camera; the gallery is
everything). --unknown: crops of people whom no model here learned; the mean of 40 draws of the queries, which are not
in the gallery, and their standard deviation. Speed is crop to embedding: 32 boxes of a 1920x1080 frame, cut, resized,
embedded in batches of 1, 8 and 32, one call to warm up first each time; the rounds of all models are interleaved, the
best counts. x is against OSNet x0.25 at batch 32 in the same round: the median of the rounds, least to most. Compare
rows of one runtime, on a machine that does nothing else: the first line says what it is and how busy it was. --cpu-time
measures on a busy one.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np

from reid.data import load
from reid.embed import default_model, open_model
from reid.evaluate import evaluate_draws, evaluate_one_set
from tracker.embed import ONNXEmbedder

FLAGS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8")  # what int8 kernels use


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data", type=Path)
    p.add_argument("--unknown", type=Path, help="crops of people unknown to all, such as market1501_test50")
    p.add_argument("--models", type=Path, help="folder with osnet_x0_25_msmt17.onnx and the retail networks")
    p.add_argument("--add", action="append", default=[], metavar="NAME=FILE", help="another exported model")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--cpu-time", action="store_true", help="crops per second of CPU time instead of wall-clock time")
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
    unknown = load(args.unknown) if args.unknown else None
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
    corner = rng.uniform((0, 0), (1800, 800), (32, 2))
    boxes = np.hstack([corner, corner + rng.uniform((40, 100), (100, 260), (32, 2))])
    speeds: dict[str, dict[int, list[float]]] = {name: {1: [], 8: [], 32: []} for name in entries}
    clock = time.process_time if args.cpu_time else time.perf_counter
    for _ in range(args.rounds):
        for name, (embed, _) in entries.items():
            for size in (1, 8, 32):
                embed(frame, boxes[:size])
                started = clock()
                for start in range(0, 32, size):
                    embed(frame, boxes[start : start + size])
                speeds[name][size].append(32 / (clock() - started))
    base = next((rates for name, rates in speeds.items() if name.startswith("OSNet")), None)
    print(machine(args.threads))
    heads = "model | file MB | mAP | rank-1 | unknown people: mAP | rank-1 | crops/s at batch 1 | 8 | 32 | x OSNet"
    print(f"| {heads} |\n|" + "---|" * 10)
    for name, (embed, path) in entries.items():
        scores = evaluate_one_set(embed.of_crops(crops.images), crops.ids, crops.cameras)
        rates = " | ".join(f"{max(speeds[name][size]):.0f}" for size in (1, 8, 32))
        ratios = np.array(speeds[name][32]) / base[32] if base else np.array([np.nan])
        accuracy = f"{100 * scores.mean_ap:.1f} | {100 * scores.rank1:.1f}"
        if unknown is not None:
            rows = embed.of_crops(unknown.images)
            scores, spread = evaluate_draws(rows, unknown.ids, unknown.cameras)
            accuracy += f" | {100 * scores.mean_ap:.1f} ({100 * spread.mean_ap:.1f})"
            accuracy += f" | {100 * scores.rank1:.1f} ({100 * spread.rank1:.1f})"
        else:
            accuracy += " | - | -"
        print(
            f"| {name} | {path.stat().st_size / 1e6:.1f} | {accuracy} | {rates} "
            f"| {np.median(ratios):.1f} ({ratios.min():.1f} to {ratios.max():.1f}) |",
            flush=True,
        )
    return 0


def machine(threads: int) -> str:
    """What ran it: the processor, which of the instructions that matter it has, and how busy it was."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    facts = dict(part.partition(":")[::2] for part in (line.replace("\t", "") for line in lines))
    has = set(facts.get("flags", "").split())
    known = [flag for flag in FLAGS if flag in has]
    name = facts.get("model name", platform.processor()).strip()
    load = f"load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    return f"{name}, {os.cpu_count()} CPUs, {threads} used; {' '.join(known) or 'flags unknown'}; {load}\n"


if __name__ == "__main__":
    sys.exit(main())
