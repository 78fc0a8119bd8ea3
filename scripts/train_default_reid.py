"""The recipe of the packaged model: Market-1501 crops and one OpenVINO teacher in, one int8 ONNX file out.

    python scripts/train_default_reid.py MARKET/bounding_box_train TEACHER.xml -o DIR

The last 100 identities by number are held out for scoring: neither their crops, nor their labels, nor the teacher's
embeddings of them are used to train or to calibrate. Interrupt at any time; run again to continue. Needs
``trackwhy[reid]`` and openvino. --package also writes the result into this checkout's reid/weights/.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from reid.augment import recompose
from reid.calibrate import calibrate
from reid.card import Card, read_card
from reid.checkpoint import load_net
from reid.cli import facts_of
from reid.data import Crops, load, split
from reid.distil import both_ways, distil, openvino_teacher
from reid.embed import Embedder
from reid.evaluate import evaluate_one_set
from reid.export import export, mirror, write_card
from reid.models import build
from reid.quantise import quantise
from reid.train import Plan

MODEL, SIZE = "repvgg_small", (128, 64)
CARD = Card(
    MODEL, SIZE, 128,
    trained_on="Market-1501 bounding_box_train without its last 100 identities, distilled from "
    "person-reidentification-retail-0277 (Open Model Zoo, Apache-2.0), also on recomposed crops",
    licence="weights Apache-2.0; the Market-1501 images they were trained on are for academic research only: "
    "for other uses train your own with 'track reid train' or scripts/train_default_reid.py on your own crops",
    notes="uint8 BGR crops in; cosine distance 0.2 lets through one in 10,000 pairs of different people",
)  # fmt: skip


def teacher_data(learn: Crops, teacher: Path, sets: int, cache: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The teacher's embeddings of the crops, and ``sets`` x as many recomposed crops with theirs; kept in ``cache``."""
    kept = cache / f"teacher_{sets}.npz"
    if not kept.is_file():
        teach = openvino_teacher(teacher)
        print(f"embedding {(2 + sets) * len(learn)} crops with {teacher.name}; once", flush=True)
        targets = both_ways(teach, learn.images)
        made = [recompose(learn.images[np.random.default_rng([4, part]).permutation(len(learn))],
                          np.random.default_rng([5, part])) for part in range(sets)]  # fmt: skip
        images = np.concatenate(made) if made else learn.images[:0]
        goals = teach(images) if made else targets[:0]
        np.savez(cache / "part.npz", targets=targets, images=images, goals=goals)
        (cache / "part.npz").replace(kept)
    with np.load(kept) as arrays:
        return arrays["targets"], arrays["images"], arrays["goals"]


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data", type=Path)
    p.add_argument("teacher", type=Path, help="person-reidentification-retail-0277.xml")
    p.add_argument("-o", "--output", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=14)
    p.add_argument("--recomposed", type=int, default=4, help="recomposed crops per real one (default %(default)s)")
    p.add_argument("--package", action="store_true", help="write the int8 model into reid/weights/ as the default")
    args = p.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    crops = load(args.data, SIZE)
    learn, test = split(crops, 100)
    targets, images, goals = teacher_data(learn, args.teacher, args.recomposed, args.output)
    torch.manual_seed(0)
    net = build(MODEL, 128, len(np.unique(learn.ids)))
    plan = Plan(epochs=args.epochs, people=12, crops=4, rate=1.5e-3, warmup=200, average=0.995)
    more = (images, goals) if len(images) else None
    resume = (args.output / "last.safetensors").is_file()
    distil(net, learn, targets, test, args.output, facts_of(MODEL, net), plan, more, 0.45, resume)
    finish(args.output / "best.safetensors", learn, test, args.output, args.package)
    return 0


def finish(checkpoint: Path, learn: Crops, test: Crops, out: Path, package: bool) -> None:
    """Export the checkpoint in fp32, int8 and int8 mirrored, score each; the last, calibrated, is the default."""
    net, _ = load_net(checkpoint)
    worst = export(net, out / f"{MODEL}_fp32.onnx", CARD)
    print(f"fp32 differs from torch by at most {worst:.1e}")
    chosen = learn.images[:: len(learn) // 160]
    target = out / f"{MODEL}_128x64.onnx"
    quantise(net, target, CARD, chosen)
    for path in (out / f"{MODEL}_fp32.onnx", target):
        scores = evaluate_one_set(Embedder(path, "onnxruntime").crops(test.images), test.ids, test.cameras)
        print(f"{path.name}: {scores}, {path.stat().st_size / 1e6:.2f} MB", flush=True)
    shutil.copy(target, out / f"{MODEL}_plain.onnx")
    mirror(target)
    square = calibrate(target, test)  # one number: the scale of the distances, which no ranking depends on
    scores = evaluate_one_set(Embedder(target, "onnxruntime").crops(test.images), test.ids, test.cameras)
    print(f"{target.name}, mirrored, calibrated by {1 + square:.3f}: {scores}")
    figures = {"mAP": round(scores.mean_ap, 4), "rank1": round(scores.rank1, 4), "mINP": round(scores.minp, 4)}
    write_card(target, target, replace(read_card(target), scores=figures))
    if package:
        shutil.copy(target, Path(__file__).resolve().parents[1] / "reid" / "weights" / target.name)


if __name__ == "__main__":
    sys.exit(main())
