"""The recipe of the packaged model: Market-1501 crops and one OpenVINO teacher in, one int8 ONNX file out.

    python scripts/train_default_reid.py MARKET/bounding_box_train TEACHER.xml -o DIR

Two rounds of distillation: repvgg_small from nothing, then repvgg_medium, which has one block more and begins as the
same function (Chen et al., "Net2Net", ICLR 2016, section 2.2). The last 100 identities by number are held out for
scoring: neither their crops, nor their labels, nor the teacher's embeddings of them are used to train. Interrupt at any
time; run again to continue. Needs ``trackwhy[reid]`` and openvino. --package also writes the result into this
checkout's reid/weights/.
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
from reid.checkpoint import facts_of, load, load_net
from reid.data import Crops, split
from reid.data import load as load_crops
from reid.distil import both_ways, distil
from reid.embed import Embedder, open_model
from reid.errors import ReidError
from reid.evaluate import evaluate_one_set
from reid.export import export, mirror, write_card
from reid.models import ReidNet, build, to_input
from reid.models.repvgg import RepBlock, RepVGG
from reid.quantise import quantise
from reid.train import Plan

FIRST, MODEL, SIZE = "repvgg_small", "repvgg_medium", (128, 64)
CARD = Card(
    MODEL, SIZE, 128,
    trained_on="Market-1501 bounding_box_train without its last 100 identities, distilled from "
    "person-reidentification-retail-0277 (Open Model Zoo, Apache-2.0), also on recomposed crops",
    licence="weights Apache-2.0; the Market-1501 images they were trained on are for academic research only: "
    "for other uses train your own with 'track reid train' or scripts/train_default_reid.py on your own crops",
    notes="uint8 BGR crops in; cosine distance 0.2 lets through one in 10,000 pairs of the held-out people",
)  # fmt: skip


def teacher_data(learn: Crops, teacher: Path, sets: int, cache: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The teacher's embeddings of the crops, and ``sets`` x as many recomposed crops with theirs; kept in ``cache``."""
    kept = cache / f"teacher_{sets}.npz"
    if not kept.is_file():
        teach = open_model(teacher).of_crops
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
    p.add_argument("--epochs", type=int, default=24, help="of the second round (default %(default)s)")
    p.add_argument("--first-epochs", type=int, default=14, help="of the first round (default %(default)s)")
    p.add_argument("--start", type=Path, help="a checkpoint of repvgg_small to grow, instead of a first round")
    p.add_argument("--recomposed", type=int, default=4, help="recomposed crops per real one (default %(default)s)")
    p.add_argument("--package", action="store_true", help="write the int8 model into reid/weights/ as the default")
    args = p.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    crops = load_crops(args.data, SIZE)
    learn, test = split(crops, 100)
    targets, images, goals = teacher_data(learn, args.teacher, args.recomposed, args.output)
    more = (images, goals) if len(images) else None
    people = len(np.unique(learn.ids))
    start = args.start or args.output / "first" / "best.safetensors"
    plan = Plan(epochs=args.first_epochs, people=12, crops=4, rate=1.5e-3, warmup=200, average=0.995)
    if not args.start:
        torch.manual_seed(0)
        net = build(FIRST, 128, people)
        teach(net, FIRST, plan, learn, targets, test, start.parent, more, 0.45)
    net = grown(load_net(start)[0], people, learn.images[:256])
    plan = replace(plan, epochs=args.epochs, rate=1e-3, average=0.998, seed=1)
    teach(net, MODEL, plan, learn, targets, test, args.output, more, 0.25)
    finish(args.output / "best.safetensors", learn, test, args.output, args.package)
    return 0


def teach(net: ReidNet, name: str, plan: Plan, learn: Crops, targets: np.ndarray, test: Crops, out: Path,
          more: tuple[np.ndarray, np.ndarray] | None, small_until: float) -> None:  # fmt: skip
    """One round, from its beginning or from where it was stopped; a finished one is not repeated."""
    last = out / "last.safetensors"
    done = last.is_file() and len(load(last)[1]["history"]) == plan.epochs
    if not done:
        distil(net, learn, targets, test, out, facts_of(name, net), plan, more, small_until, last.is_file())


def grown(small: ReidNet, people: int, images: np.ndarray) -> ReidNet:
    """repvgg_medium with the weights of ``small``, its one new block returning what it gets on ``images``."""
    torch.manual_seed(1)
    net = build(MODEL, small.width, people)
    net.load_state_dict(small.state_dict(), strict=False)
    assert isinstance(net.backbone, RepVGG)
    assert isinstance(small.backbone, RepVGG)
    old, added = small.backbone.blocks, net.backbone.blocks[len(small.backbone.blocks)]
    assert isinstance(added, RepBlock)
    with torch.no_grad():
        added.pass_through(old(to_input(images)))
    return net


def finish(checkpoint: Path, learn: Crops, test: Crops, out: Path, package: bool) -> None:
    """Export the checkpoint in fp32, int8 and int8 mirrored, score each; the last, calibrated, is the default."""
    net, _ = load_net(checkpoint)
    worst = export(net, out / f"{MODEL}_fp32.onnx", CARD)
    print(f"fp32 differs from torch by at most {worst:.1e}")
    chosen = learn.images[:: max(1, len(learn) // 160)]
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
    try:
        sys.exit(main())
    except ReidError as error:
        sys.exit(f"train_default_reid: {error}")
    except KeyboardInterrupt:
        sys.exit("train_default_reid: stopped; run it again to continue")
