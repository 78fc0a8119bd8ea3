"""The recipe of the packaged ReID model: a student that learns its teacher as a function, on one GPU in ten minutes.

    python scripts/teach_reid.py train MARKET/bounding_box_train VALIDATION -o DIR --teacher TEACHER.xml   # a GPU
    python scripts/teach_reid.py finish MARKET/bounding_box_train VALIDATION -o DIR                        # a CPU

The teacher (an OpenVINO network, run here by torch) sees every crop that the student sees, after all that changes who
is in it: two people joined at the waist or laid over each other, new colours, moved and scaled. So no picture comes
twice, and the answer is never a stale one (Beyer et al., "Knowledge distillation: A good teacher is patient and
consistent", CVPR 2022, sections 3 and 4.1). Two in five of the student's crops are covered or damaged after the teacher
saw them whole. The last 100 identities by number are held out: neither their crops nor their labels are used to train.
VALIDATION holds crops of other people, in Market-1501's names; they are scored, and nothing is chosen on them: the
weights are those at the end. ``finish`` exports, quantises and scores, and calibrates the distances on VALIDATION.
The packaged weights: ``--compile --steps 30000 --seconds 545`` on an H100. Needs ``trackwhy[reid]``.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reid import losses
from reid.calibrate import calibrate
from reid.card import Card, read_card
from reid.checkpoint import facts_of, load_net, save
from reid.data import Crops, split
from reid.data import load as load_crops
from reid.distil import distillation
from reid.embed import Embedder, default_model
from reid.errors import ReidError
from reid.evaluate import Scores, evaluate_draws, evaluate_one_set, unit
from reid.export import export, write_card
from reid.models import ReidNet, build
from reid.models.net import MEAN, SCALE
from reid.quantise import quantise
from reid.train import Plan, follow, start

MODEL, SIZE, WIDTH, HELD, CHECKPOINT = "repvgg_large", (128, 64), 128, 100, "last.safetensors"
RATE = 1e-3  # of unknown pairs that 0.2 lets through: that of the former model, so thresholds keep their meaning
CARD = Card(
    MODEL, SIZE, WIDTH,
    trained_on="Market-1501 bounding_box_train without its last 100 identities, distilled from "
    "person-reidentification-retail-0277 (Open Model Zoo, Apache-2.0), also on recomposed crops",
    licence="weights Apache-2.0; the Market-1501 images they were trained on are for academic research only: "
    "for other uses train your own with 'track reid train' or scripts/teach_reid.py on your own crops",
    notes="uint8 BGR crops in; cosine distance 0.2 lets through one in 1,000 pairs of 50 people unknown to it",
)  # fmt: skip


class Teacher:
    """An OpenVINO network of the Open Model Zoo's ReID kind, run by torch: (N, 3, H, W) BGR pixels in, (N, D) out."""

    def __init__(self, path: Path, device: torch.device, dtype: torch.dtype) -> None:
        root = ElementTree.parse(path).getroot()
        data = path.with_suffix(".bin").read_bytes()
        sources = {
            (edge.get("to-layer"), int(edge.get("to-port", 0))): edge.get("from-layer") for edge in root.iter("edge")
        }
        self.device, self.dtype = device, dtype
        self.known: dict[str, Tensor] = {}
        self.steps: list[tuple[str, str, dict[str, str], list[str], list[int]]] = []
        for layer in root.iter("layer"):
            name, kind = layer.get("id", ""), layer.get("type", "")
            inputs = [s for port in range(9) if (s := sources.get((name, port))) is not None]
            entry = layer.find("data")
            facts = dict(entry.attrib) if entry is not None else {}
            if kind == "Const":
                self.known[name] = constant(facts, data)
            elif kind == "Convert" and inputs[0] in self.known:
                self.known[name] = self.known[inputs[0]].float()
            else:
                port = layer.find("output/port")
                shape = [int(dim.text or 0) for dim in port.iter("dim")] if port is not None else []
                self.steps.append((name, kind, facts, inputs, shape))
        used = {s for _, kind, _, inputs, _ in self.steps if kind != "Reshape" for s in inputs}
        self.last = {s: name for name, _, _, inputs, _ in self.steps for s in inputs}  # who needs a value last
        for name, value in self.known.items():
            if value.dtype.is_floating_point:
                value = value.to(device, dtype)
            elif name in used:
                value = value.to(device)
            self.known[name] = value

    def __call__(self, x: Tensor) -> Tensor:
        """Embeddings (N, D) float32, not normalised, of BGR pixels (N, 3, h, w), scaled to what the network takes."""
        size = self.steps[0][4][2:]
        x = F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
        values: dict[str, Tensor] = {self.steps[0][0]: x}
        for name, kind, facts, inputs, shape in self.steps[1:]:
            if kind == "Result":
                return values[inputs[0]].float()
            if kind in {"ShapeOf", "Concat"} or (kind == "Gather" and len(shape) == 1):
                continue  # they only say the shape of what follows, which the file says too
            given = [values[s] if s in values else self.known.get(s) for s in inputs]
            values[name] = self.step(kind, facts, given, shape)
            for s in set(inputs):
                if self.last[s] == name:
                    values.pop(s, None)
            del given
        raise ReidError("the teacher has no output")

    def step(self, kind: str, facts: dict[str, str], given: list[Tensor | None], shape: list[int]) -> Tensor:
        a, b = given[0], given[1] if len(given) > 1 else None
        assert a is not None
        if kind == "Reshape":
            return a.reshape(-1, *shape[1:])
        if kind == "ReLU":
            return torch.relu(a)
        if kind == "Sigmoid":
            return torch.sigmoid(a)
        if kind in {"MaxPool", "AvgPool"}:
            kernel, stride, pad = (numbers(facts[key]) for key in ("kernel", "strides", "pads_begin"))
            return F.max_pool2d(a, kernel, stride, pad) if kind == "MaxPool" else F.avg_pool2d(a, kernel, stride, pad)
        assert b is not None
        if kind == "Gather":
            return a[:, b].to(self.dtype).contiguous(memory_format=torch.channels_last)
        if kind == "Add":
            return a + b
        if kind == "Subtract":
            return a - b
        if kind == "Multiply":
            return a * b
        if kind == "MatMul":
            return a @ b.T
        if kind == "PReLU":
            return torch.where(a > 0, a, a * b)
        if kind == "ReduceMean":
            return a.mean(dim=tuple(b.tolist()), keepdim=True)
        if kind == "MVN":
            variance, mean = torch.var_mean(a.float(), dim=tuple(b.tolist()), keepdim=True, correction=0)
            return ((a - mean) * torch.rsqrt(variance + float(facts["eps"]))).to(self.dtype)
        if kind in {"Convolution", "GroupConvolution"}:
            groups = b.shape[0] if kind == "GroupConvolution" else 1
            weight = b.flatten(0, 1) if kind == "GroupConvolution" else b
            return F.conv2d(a, weight, None, numbers(facts["strides"]), numbers(facts["pads_begin"]), 1, groups)
        raise ReidError(f"the teacher holds a {kind}, which this script does not run")


def compiled(teach: Teacher, batch: int) -> Callable[[Tensor], Tensor]:
    """The teacher, compiled for batches of ``2 * batch`` crops; others run as before."""
    fast = torch.compile(torch.fx.symbolic_trace(lambda x: teach(x)), dynamic=False)
    return lambda x: fast(x) if len(x) == 2 * batch else teach(x)


def constant(facts: dict[str, str], data: bytes) -> Tensor:
    """A tensor of the network's file."""
    kinds = {"f16": np.float16, "f32": np.float32, "i32": np.int32, "i64": np.int64}
    shape = [int(n) for n in facts["shape"].split(",") if n.strip()]
    at, size = int(facts["offset"]), int(facts["size"])
    return torch.from_numpy(
        np.frombuffer(data[at : at + size], dtype=kinds[facts["element_type"]]).copy().reshape(shape)
    )


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in text.split(","))


class Chance:
    """Random numbers on the device, from one seeded generator."""

    def __init__(self, device: torch.device, seed: int) -> None:
        self.device, self.generator = device, torch.Generator(device).manual_seed(seed)
        self.here = np.random.default_rng(seed)  # for numbers that the device need not be waited for

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=self.generator, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, device=self.device)

    def happens(self, chance: float, count: int) -> Tensor:
        """(N, 1, 1, 1) bool"""
        return self.uniform(0, 1, count, 1, 1, 1) < chance

    def rows(self, many: int, count: int) -> Tensor:
        return torch.randint(many, (count,), generator=self.generator, device=self.device)


def people_made(images: Tensor, count: int, chance: Chance) -> Tensor:
    """(count, 3, H, W) float32 pixels 0..255, whole numbers: real crops, most of them changed into somebody who does
    not exist. ``images`` (N, 3, H, W) uint8 BGR."""
    height = images.shape[2]
    x, other, third = (images[chance.rows(len(images), count)].float() for _ in range(3))
    other = torch.where(chance.happens(0.5, count), other.flip(3), other)
    line = torch.arange(height, device=x.device).view(1, 1, height, 1)
    waist = chance.uniform(0.3, 0.7, count, 1, 1, 1) * height
    below = ((line - waist) / 4 + 0.5).clamp(0, 1)
    made = chance.happens(0.75, count)  # the others stay real people
    x = torch.where(made & chance.happens(0.6, count), x * (1 - below) + other * below, x)
    share = chance.uniform(0, 0.5, count, 1, 1, 1)
    x = torch.where(made & chance.happens(0.25, count), x * (1 - share) + third * share, x)
    for low in (False, True):  # colours above and below the waist
        part = below if low else 1 - below
        new = recoloured(x, chance)
        x = torch.where(made & chance.happens(0.4, count), x * (1 - part) + new * part, x)
    x = moved(x, chance, 0.12, 0.08)
    gain = chance.uniform(0.75, 1.25, count, 1, 1, 1) * chance.uniform(0.9, 1.1, count, 3, 1, 1)
    return (x * gain + chance.uniform(-20, 20, count, 1, 1, 1)).clamp(0, 255).round()


def recoloured(x: Tensor, chance: Chance) -> Tensor:
    """Colours turned about the axis of greys, stretched and shifted."""
    count = len(x)
    grey = x.mean(1, keepdim=True)
    angle = chance.uniform(-math.pi, math.pi, count)
    cos, sin = torch.cos(angle), torch.sin(angle) / math.sqrt(3)
    third = (1 - cos) / 3
    one, two, three = cos + third, third - sin, third + sin  # Rodrigues' rotation about (1, 1, 1)
    turn = torch.stack([one, two, three, three, one, two, two, three, one], 1).view(count, 3, 3)
    coloured = torch.einsum("nij,njhw->nihw", turn, x - grey) * chance.uniform(0.3, 1.7, count, 1, 1, 1)
    tint = 25 * chance.normal(count, 3, 1, 1) * chance.happens(0.5, count)
    return (grey * chance.uniform(0.6, 1.4, count, 1, 1, 1) + coloured + tint).clamp(0, 255)


def moved(x: Tensor, chance: Chance, scale: float, shift: float) -> Tensor:
    """Each crop scaled by up to 1 +- ``scale`` and shifted by up to ``shift`` of its sides; the edge is repeated."""
    count = len(x)
    theta = torch.zeros(count, 2, 3, device=x.device)
    theta[:, 0, 0] = chance.uniform(1 - scale, 1 + scale, count)
    theta[:, 1, 1] = theta[:, 0, 0] * chance.uniform(0.95, 1.05, count)
    theta[:, :, 2] = 2 * chance.uniform(-shift, shift, count, 2)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def damaged(x: Tensor, chance: Chance) -> Tensor:
    """What poor video and other people do to a crop: part of it hidden, resolution lost, noise, JPEG's blocks, a part
    erased. One in three stays whole."""
    count, _, height, width = x.shape
    line = torch.arange(height, device=x.device).view(1, 1, height, 1)
    row = torch.arange(width, device=x.device).view(1, 1, 1, width)
    share = chance.uniform(0.1, 0.45, count, 1, 1, 1)
    side = chance.rows(3, count).view(count, 1, 1, 1)
    hidden = torch.where(
        side == 0, row < share * width, torch.where(side == 1, row >= (1 - share) * width, line >= (1 - share) * height)
    )
    other = x[torch.randperm(count, generator=chance.generator, device=x.device)]
    x = torch.where(hidden & chance.happens(0.2, count), other.roll(height // 2, 2), x)
    pieces = []
    for piece in x.chunk(8):  # one scale for each piece of the batch
        scale = chance.here.uniform(0.3, 0.9)
        small = F.interpolate(
            piece, size=(max(8, round(height * scale)), max(4, round(width * scale))), mode="bilinear", antialias=True
        )
        pieces.append(F.interpolate(small, size=(height, width), mode="bilinear"))
    x = torch.where(chance.happens(0.2, count), torch.cat(pieces), x)
    noise = chance.normal(*x.shape) * chance.uniform(2, 12, count, 1, 1, 1)
    x = torch.where(chance.happens(0.12, count), x + noise, x)
    x = torch.where(chance.happens(0.25, count), blocks(x.clamp(0, 255), chance), x)
    top, left = chance.uniform(0, 1, count, 1, 1, 1) * height, chance.uniform(0, 1, count, 1, 1, 1) * width
    tall, wide = chance.uniform(0.1, 0.4, count, 1, 1, 1) * height, chance.uniform(0.2, 0.6, count, 1, 1, 1) * width
    gone = (line >= top) & (line < top + tall) & (row >= left) & (row < left + wide)
    x = torch.where(gone & chance.happens(0.2, count), chance.uniform(0, 255, *x.shape), x)
    return x.clamp(0, 255).round()


def blocks(x: Tensor, chance: Chance) -> Tensor:
    """What JPEG leaves of pixels (N, 3, H, W), quality about 12 to 80: 8x8 cosine transforms, whose coefficients are
    rounded to steps that grow with their frequency (after ITU-T T.81, annex A.3.3; steps by a straight line)."""
    count, _, height, width = x.shape
    k = torch.arange(8, device=x.device, dtype=torch.float32)
    basis = torch.cos((2 * k[None] + 1) * k[:, None] * math.pi / 16) / 2
    basis[0] /= math.sqrt(2)
    step = (10 + 9 * (k[:, None] + k[None])) * chance.uniform(0.4, 4, count, 1, 1, 1, 1, 1)
    mix = torch.tensor([[0.114, 0.587, 0.299], [0.5, -0.331, -0.169], [-0.081, -0.419, 0.5]], device=x.device)
    y = torch.einsum("ij,njhw->nihw", mix, x)
    tiles = y.view(count, 3, height // 8, 8, width // 8, 8).permute(0, 1, 2, 4, 3, 5)
    coded = basis @ tiles @ basis.T
    step = step * torch.tensor([1.0, 2.0, 2.0], device=x.device).view(1, 3, 1, 1, 1, 1)
    coded = (coded / step).round() * step
    back = (basis.T @ coded @ basis).permute(0, 1, 2, 4, 3, 5).reshape(count, 3, height, width)
    return torch.einsum("ij,njhw->nihw", torch.linalg.inv(mix), back).clamp(0, 255)


def ready(x: Tensor) -> Tensor:
    """Pixels as the student takes them."""
    return ((x - MEAN) / SCALE).contiguous(memory_format=torch.channels_last)


class Student:
    """A network in training with its average, and the layer from its embeddings to its teacher's."""

    def __init__(self, people: int, goals: Tensor, device: torch.device, rate: float) -> None:
        self.net = build(MODEL, WIDTH, people).to(device)
        self.net.neck.bias.requires_grad_(True)  # the teacher's embeddings have a mean
        self.head = nn.Linear(WIDTH, goals.shape[1], bias=False).to(device)
        with torch.no_grad():  # the teacher's strongest directions, to begin with
            self.head.weight.copy_(torch.linalg.eigh(goals.T @ goals).eigenvectors[:, -WIDTH:])
        begun = start(Plan(rate=rate, decay=0.02), self.net, self.head)
        self.averaged, self.weights, self.optimiser = begun.averaged, begun.weights, begun.optimiser
        self.rate, self.steps = rate, 0

    def learn(self, x: Tensor, goals: Tensor, labels: Tensor, progress: float) -> Tensor:
        """One step; the last ``len(labels)`` rows of ``x`` are labelled. Returns the terms of the loss, unread."""
        for group in self.optimiser.param_groups:
            group["lr"] = (
                self.rate * min(1.0, (self.steps + 1) / 200) * max(0.001, 0.5 * (1 + math.cos(math.pi * progress)))
            )
        self.net.train()
        with torch.autocast(x.device.type, torch.bfloat16):
            outputs = self.net.outputs(ready(x))
        embeddings, logits = outputs.embeddings.float(), outputs.logits.float()
        parts = distillation(embeddings, self.head(embeddings), goals, similarity=60.0)
        parts["triplet"] = 0.3 * losses.triplet(F.normalize(embeddings)[-len(labels) :], labels)
        parts["softmax"] = 0.1 * losses.softmax(logits[-len(labels) :], labels)
        terms = torch.stack(list(parts.values()))
        self.optimiser.zero_grad(set_to_none=True)
        terms.sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.weights, 5.0)
        self.optimiser.step()
        self.steps += 1
        follow(self.averaged, self.net, min(0.999, self.steps / (self.steps + 10)))
        return terms.detach()


def labelled_rows(labels: Tensor, people: int, each: int, chance: Chance) -> Tensor:
    """``each`` random crops of each of ``people`` random people."""
    chosen = torch.randperm(int(labels.max()) + 1, generator=chance.generator, device=labels.device)[:people]
    order = chance.uniform(0, 1, len(labels)) + 2.0 * (labels[None] != chosen[:, None])
    return order.topk(each, dim=1, largest=False).indices.flatten()


def train(args: argparse.Namespace) -> None:
    """Train until the steps are done or the seconds are over, and keep the averaged network."""
    began = time.perf_counter()
    device = torch.device(args.device)
    torch.manual_seed(args.seed)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    learn, held = split(load_crops(args.data, SIZE), HELD)
    scored = {"held out": held, "validation": load_crops(args.validation, SIZE)}
    labels = torch.from_numpy(np.unique(learn.ids, return_inverse=True)[1].astype(np.int64)).to(device)
    images = pixels(learn, device)
    teach = Teacher(args.teacher, device, torch.bfloat16 if device.type == "cuda" else torch.float32)
    taught = partial(taught_by, compiled(teach, args.batch) if args.compile else teach)
    goals = torch.cat([taught(part.float()) for part in torch.split(images, args.batch)])
    for name, crops in scored.items():
        rows = torch.cat([taught(part.float()) for part in torch.split(pixels(crops, device), args.batch)])
        say(f"the teacher: {name} {score(rows.cpu().numpy(), crops)}")
    student = Student(int(labels.max()) + 1, goals, device, args.rate)
    chance = Chance(device, args.seed)
    say(f"{len(learn)} crops of {int(labels.max()) + 1} people; ready after {time.perf_counter() - began:.0f} s")
    shown = time.perf_counter()
    for step in range(args.steps):
        progress = max(step / args.steps, (time.perf_counter() - began) / args.seconds)
        if progress >= 1:
            break
        x, aim, known = lesson(images, goals, labels, args.batch, args.people, taught, chance)
        terms = student.learn(x, aim, labels[known], progress)
        if time.perf_counter() - shown > args.every:
            shown = time.perf_counter()
            keep(student, args.output)
            figures = [
                f"{name} {score(embedded(student.averaged, crops, device), crops)}" for name, crops in scored.items()
            ]
            say(f"step {student.steps}, {shown - began:.0f} s, loss {[round(t, 3) for t in terms.tolist()]}; {figures}")
    keep(student, args.output)
    say(f"{student.steps} steps")


@torch.no_grad()
def lesson(images: Tensor, goals: Tensor, labels: Tensor, batch: int, people: int,
           taught: Callable[[Tensor], Tensor], chance: Chance) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """The pixels of one step, the teacher's embeddings of them, and the rows of ``images`` whose labels the last of
    them have: ``batch`` people who do not exist, their mirror images damaged, and ``people`` x 4 damaged real crops."""
    made = people_made(images, batch, chance)
    wanted = taught(made)
    known = labelled_rows(labels, people, 4, chance)
    real = moved(images[known].float(), chance, 0.05, 0.05)
    real = torch.where(chance.happens(0.5, len(real)), real.flip(3), real)
    real = real * chance.uniform(0.8, 1.2, len(real), 1, 1, 1) * chance.uniform(0.9, 1.1, len(real), 3, 1, 1)
    x = torch.cat([made, damaged(made.flip(3), chance), damaged(real.clamp(0, 255), chance)])
    return x, torch.cat([wanted, wanted, goals[known]]), known


def keep(student: Student, folder: Path) -> None:
    """Write the averaged network."""
    tensors = {f"ema.{key}": value.cpu() for key, value in student.averaged.state_dict().items()}
    save(folder / CHECKPOINT, tensors, {**facts_of(MODEL, student.averaged), "step": student.steps})


def pixels(crops: Crops, device: torch.device) -> Tensor:
    """(N, 3, H, W) uint8"""
    return torch.from_numpy(crops.images).permute(0, 3, 1, 2).contiguous().to(device)


def finish(args: argparse.Namespace) -> None:
    """Export the network, quantise and calibrate it, and score every form."""
    net, facts = load_net(args.output / CHECKPOINT)
    learn, held = split(load_crops(args.data, SIZE), HELD)
    unknown = load_crops(args.validation, SIZE)
    plain, target = args.output / f"{MODEL}_fp32.onnx", args.output / f"{MODEL}_128x64.onnx"
    say(f"{facts['step']} steps; fp32 differs from torch by at most {export(net, plain, CARD):.1e}")
    quantise(net, target, CARD, learn.images[:: max(1, len(learn) // 160)])
    square = calibrate(target, unknown, rate=RATE)  # the scale of the distances, which no ranking depends on
    say(f"calibrated by {1 + square:.3f}")
    for path in (plain, target):
        run = Embedder(path, "onnxruntime", 1).crops
        rows = run(held.images)
        figures = score(rows, held)
        say(f"{path.name}, {path.stat().st_size / 1e6:.2f} MB: held out {figures}; "
            f"validation {score(run(unknown.images), unknown)}")  # fmt: skip
    near = 1 - unit(rows) @ unit(rows).T < 0.2
    other = held.ids[:, None] != held.ids[None, :]
    say(f"of the pairs of different people held out, {1e4 * near[other].mean():.2f} in 10,000 are nearer than 0.2")
    one = evaluate_one_set(rows, held.ids, held.cameras)  # what `track reid eval --last 100` says
    kept = {"mAP": round(one.mean_ap, 4), "rank1": round(one.rank1, 4), "mINP": round(one.minp, 4)}
    write_card(target, target, replace(read_card(target), scores=kept))
    if args.package:
        shutil.copyfile(target, default_model())
        say(f"packaged as {default_model()}")


@torch.no_grad()
def taught_by(teach: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The teacher's embeddings of unit length, each the mean of a crop's and its mirror image's."""
    rows = F.normalize(teach(torch.cat([x, x.flip(3)])))
    return F.normalize(rows[: len(x)] + rows[len(x) :])


@torch.no_grad()
def embedded(net: ReidNet, crops: Crops, device: torch.device) -> np.ndarray:
    """Embeddings of crops by a network on the device."""
    parts = torch.split(pixels(crops, device), 512)
    return np.concatenate([net(ready(part.float())).float().cpu().numpy() for part in parts])


def score(rows: np.ndarray, crops: Crops) -> Scores:
    """The mean over many draws of the queries, which are not in the gallery."""
    return evaluate_draws(rows, crops.ids, crops.cameras)[0]


def say(line: str) -> None:
    """Print, so that a log shows it at once."""
    print(line, flush=True)


def check(args: argparse.Namespace) -> None:
    """Raise ReidError, in one line, where there is no such device or no file of the teacher."""
    for path in (args.teacher, args.teacher.with_suffix(".bin")):
        if not path.is_file():
            raise ReidError(f"{path}: no such file; --teacher takes an OpenVINO model, .xml with its .bin beside it")
    try:
        torch.zeros(1, device=args.device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ReidError(f"--device {args.device} cannot be used here ({reason}); give another, such as cpu") from None


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("do", choices=("train", "finish"))
    p.add_argument("data", type=Path, help="MARKET/bounding_box_train")
    p.add_argument("validation", type=Path, help="crops of people who are not in DATA, with Market-1501 names")
    p.add_argument("-o", "--output", type=Path, required=True)
    p.add_argument("--teacher", type=Path, help="person-reidentification-retail-0277.xml, to train")
    p.add_argument("--steps", type=int, default=8243, help="default %(default)s")
    p.add_argument("--seconds", type=float, default=3600, help="stop then, with the rate at its end (%(default)s)")
    p.add_argument("--batch", type=int, default=256, help="people made up for each step (default %(default)s)")
    p.add_argument("--people", type=int, default=32, help="real people in each step (default %(default)s)")
    p.add_argument("--rate", type=float, default=1.5e-3, help="of learning, at most (default %(default)s)")
    p.add_argument("--seed", type=int, default=0, help="default %(default)s")
    p.add_argument("--every", type=float, default=40, help="seconds between two scores (default %(default)s)")
    p.add_argument("--device", default="cuda", help="default %(default)s; cpu is slower a hundred times")
    p.add_argument("--compile", action="store_true", help="compile the teacher, which is then 2.8 times as fast")
    p.add_argument("--package", action="store_true", help="finish: write the model into reid/weights/ as the default")
    args = p.parse_args()
    if args.do == "train" and args.teacher is None:
        p.error("train needs --teacher")
    if args.do == "train":
        check(args)
    {"train": train, "finish": finish}[args.do](args)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ReidError as error:
        sys.exit(f"teach_reid: {error}")
