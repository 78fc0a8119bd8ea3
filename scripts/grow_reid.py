"""A larger model that begins as the packaged one: more training of it, scored on people nobody knows.

    python scripts/grow_reid.py MARKET/bounding_box_train TEACHER.xml VALIDATION -o DIR

repvgg_large begins as the function of the packaged repvgg_medium, which has two blocks less (Chen et al., "Net2Net",
ICLR 2016, section 2.2), and learns its teacher's embeddings of real and of recomposed crops; it runs without mirror
images, so it is faster. The last 100 identities by number are held out: neither their crops, nor their labels, nor the
teacher's embeddings of them are used to train. VALIDATION holds crops of other people, in Market-1501's names: the
epoch, and how far the weights move from the packaged ones (``SHARES``), are chosen on them. Interrupt at any time; run
again to continue. Needs ``trackwhy[reid]`` and openvino. docs/measurements.md says what came of it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from reid.augment import recompose
from reid.calibrate import calibrate
from reid.card import Card, read_card
from reid.checkpoint import facts_of, load, load_net
from reid.data import Crops, split
from reid.data import load as load_crops
from reid.distil import Pixels, Teacher, both_ways, distil
from reid.embed import Embedder, default_model
from reid.errors import ReidError
from reid.evaluate import Scores, evaluate_apart
from reid.export import export, write_card
from reid.models import ReidNet, build, to_input
from reid.models.repvgg import RepBlock, RepVGG
from reid.quantise import quantise
from reid.train import Plan, embed

if TYPE_CHECKING:
    from onnx import ModelProto

MODEL, SIZE, WIDTH = "repvgg_large", (128, 64), 128
SHARES = (0.25, 0.5, 0.75, 1.0)
ADDED = (2, 5)  # the blocks of repvgg_large that repvgg_medium lacks
CARD = Card(
    MODEL, SIZE, WIDTH,
    trained_on="Market-1501 bounding_box_train without its last 100 identities, distilled from "
    "person-reidentification-retail-0277 (Open Model Zoo, Apache-2.0), also on recomposed crops",
    licence="weights Apache-2.0; the Market-1501 images they were trained on are for academic research only: "
    "for other uses train your own with 'track reid train' or scripts/train_default_reid.py on your own crops",
    notes="uint8 BGR crops in; cosine distance 0.2 lets through one in 10,000 pairs of the held-out people; the "
    "weights were chosen on the validation people",
)  # fmt: skip


def open_teacher(path: Path) -> Teacher:
    """The teacher on one thread, in bfloat16 where the processor has it: twice as fast, and its embeddings have a
    cosine of .9999 with those in float32."""
    import openvino as ov

    core = ov.Core()
    network = core.read_model(str(path))
    network.reshape([1, 3, 256, 128])
    run = core.compile_model(
        network, "CPU", {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "bf16"}
    )

    def embed(crops: Pixels) -> np.ndarray:
        rows = []
        for crop in crops:
            large = cv2.resize(crop, (128, 256), interpolation=cv2.INTER_LINEAR)
            rows.append(run(large.transpose(2, 0, 1)[None].astype(np.float32))[0].reshape(-1).copy())
        return np.stack(rows)

    return embed


def teacher_data(learn: Crops, path: Path, sets: int, cache: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The teacher's embeddings of the crops, and ``sets`` x as many recomposed crops with theirs; kept in ``cache``."""
    cache.mkdir(parents=True, exist_ok=True)
    teach = open_teacher(path)
    real = cache / "real.npz"
    if not real.is_file():
        print(f"embedding {len(learn)} crops and their mirror images with {path.name}; once", flush=True)
        keep(real, {"targets": both_ways(teach, learn.images)})
    images, goals = [learn.images[:0]], [np.load(real)["targets"][:0]]
    for part in range(sets):
        file = cache / f"made_{part}.npz"
        if not file.is_file():
            print(f"embedding {len(learn)} recomposed crops, {part + 1} of {sets}; once", flush=True)
            order = np.random.default_rng([4, part]).permutation(len(learn))
            made = recompose(learn.images[order], np.random.default_rng([5, part]))
            keep(file, {"images": made, "goals": teach(made)})
        with np.load(file) as arrays:
            images.append(arrays["images"])
            goals.append(arrays["goals"])
    return np.load(real)["targets"], np.concatenate(images), np.concatenate(goals)


def keep(file: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write ``arrays`` to ``file``, whole or not at all."""
    part = file.with_name("part.npz")
    np.savez(part, allow_pickle=False, **arrays)
    part.replace(file)


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data", type=Path)
    p.add_argument("teacher", type=Path, help="person-reidentification-retail-0277.xml")
    p.add_argument("validation", type=Path, help="crops of people who are neither in DATA nor known to the teacher")
    p.add_argument("-o", "--output", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=10, help="of 9,600 crops (default %(default)s)")
    p.add_argument("--hold", type=int, default=2, help="epochs at the full learning rate (default %(default)s)")
    p.add_argument("--recomposed", type=int, default=1, help="recomposed crops per real one (default %(default)s)")
    p.add_argument("--threads", type=int, default=1, help="default %(default)s")
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    learn, held = split(load_crops(args.data, SIZE), 100)
    unknown = load_crops(args.validation, SIZE)
    targets, images, goals = teacher_data(learn, args.teacher, args.recomposed, args.output / "teacher")
    plan = Plan(
        epochs=args.epochs,
        people=8,
        crops=4,
        rate=4e-4,
        warmup=100,
        average=0.998,
        hold=args.hold,
        bfloat16=True,
        steps=100,
    )
    net = grown(default_model(), len(np.unique(learn.ids)), learn.images[::45])
    last = args.output / "last.safetensors"
    if not (last.is_file() and len(load(last)[1]["history"]) == plan.epochs):
        distil(net, learn, targets, unknown, args.output, facts_of(MODEL, net), plan, (images, goals),
               spare_for_each=2, hard=True, resume=last.is_file(), say=say)  # fmt: skip
    finish(args.output / "last.safetensors", learn, held, unknown, args.output)
    return 0


def say(line: str) -> None:
    """Print, so that a log shows it at once."""
    print(line, flush=True)


@torch.no_grad()
def grown(start: Path, people: int, images: Pixels) -> ReidNet:
    """repvgg_large that gives what the int8 repvgg_medium in the file ``start`` gives: the branches and norms are set
    on ``images``, and the two new blocks return what they get."""
    import onnx

    kernels, embedding, shift = weights_in(onnx.load(str(start)))
    torch.manual_seed(0)
    net = build(MODEL, WIDTH, people)
    assert isinstance(net.backbone, RepVGG)
    x = to_input(images)
    for index, block in enumerate(net.backbone.blocks):
        assert isinstance(block, RepBlock)
        if index in ADDED:
            block.pass_through(x)
        else:
            assert block.conv3 is not None
            set_up(block.conv3, block.norm3, *kernels.pop(0), x)
            if block.identity is not None:
                block.identity.weight.zero_()
        x = block.eval()(x)
    conv, norm, relu = net.backbone.last
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    set_up(conv, norm, *kernels.pop(0), x)
    features = relu(norm.eval()(conv(x))).mean(dim=(2, 3))
    net.embed.weight.copy_(embedding)
    out = features @ embedding.T
    assert net.neck.running_mean is not None
    assert net.neck.running_var is not None
    net.neck.running_mean.copy_(-shift)
    net.neck.running_var.copy_(out.var(dim=0))
    net.neck.weight.copy_(torch.sqrt(net.neck.running_var + net.neck.eps))
    return net


def weights_in(model: ModelProto) -> tuple[list[tuple[Tensor, Tensor]], Tensor, Tensor]:
    """The (kernel, bias) of each convolution of a quantised model, in order, and the embedding layer's weight, bias."""
    from onnx import numpy_helper

    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in known:
            values, scale, zero = (known[name] for name in node.input)
            shape = (-1, *[1] * (values.ndim - 1))
            known[node.output[0]] = (values.astype(np.float32) - zero.reshape(shape)) * scale.reshape(shape)
    tensors = {name: torch.from_numpy(np.array(array, dtype=np.float32)) for name, array in known.items()}
    convolutions = [(tensors[n.input[1]], tensors[n.input[2]]) for n in model.graph.node if n.op_type == "Conv"]
    dense = next(node for node in model.graph.node if node.op_type == "Gemm")
    return convolutions, tensors[dense.input[1]], tensors[dense.input[2]]


def set_up(conv: nn.Conv2d, norm: nn.BatchNorm2d, kernel: Tensor, bias: Tensor, seen: Tensor) -> None:
    """Make ``conv`` and its ``norm``, whose statistics become those of ``seen``, equal to a convolution with a bias."""
    conv.weight.copy_(kernel)
    out = conv(seen)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(out.mean(dim=(0, 2, 3)))
    norm.running_var.copy_(out.var(dim=(0, 2, 3), unbiased=False))
    norm.weight.copy_(torch.sqrt(norm.running_var + norm.eps))
    norm.bias.copy_(bias + norm.running_mean)


def finish(checkpoint: Path, learn: Crops, held: Crops, unknown: Crops, out: Path) -> None:
    """Choose the share, export it in fp32 and int8, and score both; the latter is calibrated."""
    net, facts = load_net(checkpoint)
    ends = {name: value.clone() for name, value in net.state_dict().items()}
    begins = grown(default_model(), facts["classes"], learn.images[::45]).state_dict()
    scores = {}
    for share in SHARES:
        net.load_state_dict(between(begins, ends, share))
        scores[share] = score(embed(net, unknown.images), unknown)
        say(f"{share:g} of the way from the packaged weights: validation {scores[share]}")
    best = max(SHARES, key=lambda share: scores[share].mean_ap)
    net.load_state_dict(between(begins, ends, best))
    plain, target = out / f"{MODEL}_fp32.onnx", out / f"{MODEL}_128x64.onnx"
    say(f"fp32 differs from torch by at most {export(net, plain, CARD):.1e}")
    quantise(net, target, CARD, learn.images[:: max(1, len(learn) // 160)])
    square = calibrate(target, held)  # one number: the scale of the distances, which no ranking depends on
    say(f"calibrated by {1 + square:.3f}")
    for path in (plain, target):
        run = Embedder(path, "onnxruntime", 1).crops
        figures = score(run(held.images), held)
        say(f"{path.name}, {path.stat().st_size / 1e6:.2f} MB: people held out {figures}; "
            f"validation {score(run(unknown.images), unknown)}")  # fmt: skip
    kept = {"mAP": round(figures.mean_ap, 4), "rank1": round(figures.rank1, 4), "mINP": round(figures.minp, 4)}
    write_card(target, target, replace(read_card(target), scores=kept))


def between(begins: Mapping[str, Tensor], ends: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Weights ``share`` (0..1) of the way: an average of two networks of which one began as the other (Wortsman et al.,
    "Robust fine-tuning of zero-shot models", CVPR 2022, section 3)."""
    return {k: begins[k].lerp(end, share) if end.dtype.is_floating_point else end for k, end in ends.items()}


def score(rows: np.ndarray, crops: Crops) -> Scores:
    """The scores of embeddings where the queries are not in the gallery."""
    return evaluate_apart(rows, crops.ids, crops.cameras)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ReidError as error:
        sys.exit(f"grow_reid: {error}")
    except KeyboardInterrupt:
        sys.exit("grow_reid: stopped; run it again to continue")
