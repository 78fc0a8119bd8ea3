"""Training, from crops to a checkpoint.

Source of the default recipe: Luo et al., "Bag of Tricks and a Strong Baseline for Deep Person Re-identification"
(CVPRW 2019), section 2: BNNeck, label smoothing, batch-hard triplets, random erasing, last stride 1, warm-up (here
with a cosine decay). What is scored and kept is an exponential moving average of the weights.
"""

from __future__ import annotations

import copy
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from reid import augment, checkpoint
from reid.attributes import Attributes
from reid.checkpoint import Facts
from reid.curves import write_curves
from reid.data import Crops, split
from reid.errors import ReidError
from reid.evaluate import Scores, check_scorable, evaluate_one_set
from reid.models import ReidNet, build, check_size, to_input
from reid.objective import label_objective
from reid.sampler import pk_batches

Rows = npt.NDArray[np.int64]
Objective = Callable[[Rows, np.random.Generator, float], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Plan:
    """How to train. ``people`` identities with ``crops`` each make a batch; ``rate`` is AdamW's peak learning rate,
    ``warmup`` a number of steps, ``decay`` the weight decay of matrices, ``average`` the momentum of the moving average
    of the weights, ``size`` (height, width) of a crop in pixels."""

    epochs: int = 60
    people: int = 16
    crops: int = 4
    rate: float = 1e-3
    warmup: int = 100
    decay: float = 0.05
    average: float = 0.999
    size: tuple[int, int] = (128, 64)
    seed: int = 0


@dataclass
class Training:
    """What a training holds between two steps: the network, the moving average of its weights, the losses that have
    weights, the optimiser, the steps done, and a row of figures for each epoch done."""

    plan: Plan
    net: ReidNet
    averaged: ReidNet
    extra: nn.Module
    optimiser: torch.optim.Optimizer
    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)

    @property
    def weights(self) -> list[nn.Parameter]:
        """What the optimiser changes."""
        return trained(self.net, self.extra)


def trained(*modules: nn.Module) -> list[nn.Parameter]:
    """The weights of the modules that are trained."""
    return [weight for module in modules for weight in module.parameters() if weight.requires_grad]


def start(plan: Plan, net: ReidNet, extra: nn.Module) -> Training:
    """A training at its beginning."""
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    weights = trained(net, extra)
    groups = [
        {"params": [p for p in weights if p.ndim > 1], "weight_decay": plan.decay},
        {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW([group for group in groups if group["params"]], lr=plan.rate)
    return Training(plan, net, copy.deepcopy(net).eval(), extra, optimiser)


def rate_at(plan: Plan, step: int, progress: float) -> float:
    """Linear warm-up by ``step``, cosine decay by ``progress`` (0..1)."""
    return plan.rate * min(1.0, (step + 1) / plan.warmup) * max(0.002, 0.5 * (1 + math.cos(math.pi * progress)))


def augmented(crops: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The default recipe's augmentation."""
    return augment.erase(augment.colour(augment.pad_crop(augment.flip(crops, rng), rng), rng), rng)


def train(
    crops: Crops,
    out: str | Path,
    model: str = "repvgg_medium",
    loss: str = "triplet+softmax",
    plan: Plan | None = None,
    width: int = 128,
    se: bool = False,
    held_out: int = 100,
    resume: bool = False,
    say: Callable[[str], None] = print,
    attention: str = "",
    attributes: Attributes | None = None,
    attribute_weight: float = 0.125,
) -> Scores:
    """Train ``model`` with the losses named in ``loss`` (see ``label_objective``), and return the best scores on the
    last ``held_out`` identities. ``attention``: see ``build``. ``attributes`` of the people are learnt beside their
    identity, with a term of weight ``attribute_weight`` (by default Lin et al.'s 1/8 of the identity's).

    Writes ``last.safetensors``, ``best.safetensors``, ``curves.csv`` and ``curves.svg`` to ``out``. A run that was
    interrupted and resumed gives the same weights as one that was not.

    Raises:
        ReidError: too few identities or crops, unknown names, NaN loss, no space, a checkpoint of another model.
    """
    plan = plan or Plan()
    learn, test = split(crops, held_out)
    check_scorable(test.ids, test.cameras)
    names, labels = np.unique(learn.ids, return_inverse=True)
    labels = labels.astype(np.int64)
    torch.manual_seed(plan.seed)
    groups = attributes.groups if attributes is not None else None
    net = build(model, width, len(names), se, attention, groups)
    check_size(net, model, plan.size)
    terms = label_objective(loss, len(names), width)
    targets = torch.from_numpy(labels)
    noted = torch.from_numpy(attributes.labels(learn.ids)) if attributes is not None else None

    def objective(rows: Rows, rng: np.random.Generator, progress: float) -> Mapping[str, Tensor]:
        outputs = net.outputs(to_input(augmented(learn.images[rows], rng)))
        parts = {name: weight * term(outputs, targets[rows]) for name, (weight, term) in terms.items()}
        if net.heads is not None and noted is not None:
            parts["attributes"] = attribute_weight * net.heads.loss(outputs.embeddings, noted[rows])
        return parts

    extra = nn.ModuleList(term for _, term in terms.values() if isinstance(term, nn.Module))
    facts: Facts = {
        "model": model,
        "width": width,
        "classes": len(names),
        "se": se,
        "size": list(plan.size),
        "loss": loss,
    }
    if attention:
        facts["attention"] = attention
    if groups is not None:
        facts["attributes"] = groups
        facts["loss"] = f"{loss}+{attribute_weight:g}*attributes"
    return fit(
        net, extra, objective, lambda rng: pk_batches(labels, plan.people, plan.crops, rng),
        lambda averaged: evaluate_one_set(embed(averaged, test.images), test.ids, test.cameras),
        plan, Path(out), facts, resume, say,
    )  # fmt: skip


def fit(
    net: ReidNet,
    extra: nn.Module,
    objective: Objective,
    batches: Callable[[np.random.Generator], Iterator[Rows]],
    score: Callable[[ReidNet], Scores],
    plan: Plan,
    out: Path,
    facts: Facts,
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> Scores:
    """The loop of a training; ``train`` says what it writes, returns and raises.

    ``objective`` gives the weighted loss terms of a batch of rows by name; ``extra`` holds the weights of losses that
    have some; ``batches`` gives the batches of an epoch; ``score`` scores the averaged model; ``facts`` are what the
    checkpoint must say to be opened again.
    """
    training = start(plan, net, extra)
    last = out / "last.safetensors"
    out.mkdir(parents=True, exist_ok=True)
    if resume:
        restore(last, training, facts)
        say(f"resuming after epoch {len(training.history)} of {plan.epochs}")
    best: Scores | None = None
    started, first = time.perf_counter(), len(training.history)
    for epoch in range(first, plan.epochs):
        rng = np.random.default_rng([plan.seed, epoch])
        torch.manual_seed(plan.seed * 100_003 + epoch)
        todo = list(batches(rng))
        if not todo:
            raise ReidError("no batch could be formed: lower --people or --crops, or add data")
        terms = train_epoch(training, objective, todo, rng, epoch, last)
        scores = score(training.averaged)
        row = {"epoch": epoch + 1, "loss": sum(terms.values()), **terms, "mAP": scores.mean_ap, "rank1": scores.rank1}
        training.history.append(row)
        if scores.mean_ap >= max(row["mAP"] for row in training.history):
            best = scores
            averages = {f"ema.{name}": value for name, value in training.averaged.state_dict().items()}
            figures: Facts = {"epoch": epoch + 1, "mAP": scores.mean_ap, "rank1": scores.rank1}
            checkpoint.save(out / "best.safetensors", averages, {**facts, **figures})
        done: Facts = {"plan": repr(plan), "history": training.history, "step": training.step}
        checkpoint.save(last, state(training), {**facts, **done})
        write_curves(out, training.history)
        left = (time.perf_counter() - started) / (epoch + 1 - first) * (plan.epochs - epoch - 1)
        say(f"epoch {epoch + 1}/{plan.epochs}  loss {row['loss']:.3f}  mAP {100 * scores.mean_ap:.1f}  "
            f"rank-1 {100 * scores.rank1:.1f}  ETA {left / 60:.1f} min")  # fmt: skip
    return best if best is not None else score(checkpoint.load_net(out / "best.safetensors")[0])


def train_epoch(
    training: Training, objective: Objective, todo: list[Rows], rng: np.random.Generator, epoch: int, last: Path
) -> dict[str, float]:
    """Train on the batches of one epoch, counted from 0, and return the mean of each loss term.

    Raises:
        ReidError: the loss became NaN or infinite; the checkpoint ``last`` stays as it is.
    """
    plan, optimiser, weights = training.plan, training.optimiser, training.weights
    training.net.train()
    means: dict[str, float] = {}
    for index, rows in enumerate(todo):
        progress = (epoch + index / len(todo)) / plan.epochs
        for group in optimiser.param_groups:
            group["lr"] = rate_at(plan, training.step, progress)
        terms = objective(rows, rng, progress)
        total = torch.stack(list(terms.values())).sum()
        if not bool(torch.isfinite(total)):
            kept = f"the checkpoint of epoch {epoch} is kept in {last}" if epoch else "nothing was written yet"
            raise ReidError(f"the loss became {total.item()} at step {training.step + 1} (epoch {epoch + 1}); {kept}; "
                            "lower the learning rate with --rate")  # fmt: skip
        optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(weights, 5.0)
        optimiser.step()
        training.step += 1
        follow(training.averaged, training.net, min(plan.average, training.step / (training.step + 10)))
        if sys.stderr.isatty():
            place = f"epoch {epoch + 1}  step {index + 1}/{len(todo)}"
            print(f"\r{place}  loss {total.item():.3f} ", end="", file=sys.stderr)
        for name, value in terms.items():
            means[name] = means.get(name, 0.0) + value.item() / len(todo)
    return means


@torch.no_grad()
def follow(averaged: nn.Module, net: nn.Module, momentum: float) -> None:
    """Move ``averaged``, batch statistics included, towards ``net``; ``momentum`` (0..1) is what it keeps of itself."""
    for old, new in zip(averaged.state_dict().values(), net.state_dict().values(), strict=True):
        if old.dtype.is_floating_point:
            old.lerp_(new, 1 - momentum)
        else:
            old.copy_(new)


def state(training: Training) -> dict[str, Tensor]:
    """Everything that the next step depends on, as flat tensors."""
    parts = {"net": training.net, "ema": training.averaged, "extra": training.extra}
    tensors = {f"{name}.{key}": value for name, part in parts.items() for key, value in part.state_dict().items()}
    for index, entries in training.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in entries.items()}
    return tensors


def restore(path: Path, training: Training, facts: Facts) -> None:
    """Put a training where the checkpoint at ``path`` was.

    Raises:
        ReidError: no such checkpoint, or one of other settings.
    """
    tensors, kept = checkpoint.load(path)
    for name, wanted in {**facts, "plan": repr(training.plan)}.items():
        if kept.get(name) != wanted:
            raise ReidError(f"{path}: a checkpoint with {name} {kept.get(name)!r}, this run has {wanted!r}; "
                            "resume it with those settings, or choose another -o")  # fmt: skip
    for module, name in ((training.net, "net"), (training.averaged, "ema"), (training.extra, "extra")):
        checkpoint.fill(module, checkpoint.part(tensors, name), str(path))
    entries: dict[int, dict[str, Tensor]] = {}
    for key, value in checkpoint.part(tensors, "optimiser").items():
        index, name = key.split(".", 1)
        entries.setdefault(int(index), {})[name] = value
    groups = training.optimiser.state_dict()["param_groups"]
    training.optimiser.load_state_dict({"state": entries, "param_groups": groups})
    training.history, training.step = list(kept["history"]), int(kept["step"])


def embed(net: ReidNet, images: npt.NDArray[np.uint8], batch: int = 64) -> npt.NDArray[np.float32]:
    """Embeddings (N, width) of uint8 BGR crops (N, H, W, 3) by a torch model in evaluation mode."""
    was = net.training
    net.eval()
    with torch.inference_mode():
        rows = [net(to_input(images[start : start + batch])).numpy() for start in range(0, len(images), batch)]
    net.train(was)
    return np.concatenate(rows) if rows else np.empty((0, net.width), dtype=np.float32)


def tell_attributes(net: ReidNet, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The probabilities (N, values) of the attributes that a network with heads was trained on; see ``embed``."""
    assert net.heads is not None
    with torch.inference_mode():
        rows: npt.NDArray[np.float32] = net.heads(torch.from_numpy(embed(net, images))).numpy()
    return rows
