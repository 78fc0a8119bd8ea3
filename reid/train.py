"""Training from crops to a checkpoint; reads top to bottom.

Source of the default recipe: Luo et al., "Bag of Tricks and a Strong Baseline for Deep Person Re-identification"
(CVPRW 2019), section 2: BNNeck, label smoothing, batch-hard triplets, random erasing, last stride 1, warm-up (here
with a cosine decay). Scores are of an exponential moving average of the weights.
"""

from __future__ import annotations

import copy
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from reid import augment, checkpoint, losses
from reid.curves import write_curves
from reid.data import Crops, split
from reid.errors import ReidError
from reid.evaluate import Scores, check_scorable, evaluate_one_set
from reid.models import Outputs, ReidNet, build, to_input
from reid.sampler import pk_batches

Rows = npt.NDArray[np.int64]
Objective = Callable[[Rows, np.random.Generator, float], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Plan:
    """How long and how hard: ``rate`` is AdamW's peak learning rate, ``warmup`` in steps, ``decay`` of matrices only,
    ``average`` the moving average's momentum, ``people`` x ``crops`` a batch, ``size`` (height, width) in pixels."""

    epochs: int = 60
    people: int = 16
    crops: int = 4
    rate: float = 1e-3
    warmup: int = 100
    decay: float = 0.05
    average: float = 0.999
    size: tuple[int, int] = (128, 64)
    seed: int = 0


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
) -> Scores:
    """Train ``model`` with the label losses named in ``loss`` (see ``label_objective``) and return the best scores on
    the last ``held_out`` identities. Writes ``last.safetensors``, ``best.safetensors``, ``curves.csv`` and
    ``curves.svg`` to ``out``. An interrupted run continued with ``resume`` gives the same weights as one that was not.

    Raises:
        ReidError: too few identities or crops, unknown names, NaN loss, no space, a checkpoint of another model.
    """
    plan = plan or Plan()
    learn, test = split(crops, held_out)
    check_scorable(test.ids, test.cameras)
    names, labels = np.unique(learn.ids, return_inverse=True)
    labels = labels.astype(np.int64)
    torch.manual_seed(plan.seed)
    net = build(model, width, len(names), se)
    terms = label_objective(loss, len(names), width)
    targets = torch.from_numpy(labels)

    def objective(rows: Rows, rng: np.random.Generator, progress: float) -> Mapping[str, Tensor]:
        outputs = net.outputs(to_input(augmented(learn.images[rows], rng)))
        return {name: weight * term(outputs, targets[rows]) for name, (weight, term) in terms.items()}

    extra = nn.ModuleList(term for _, term in terms.values() if isinstance(term, nn.Module))
    facts = {"model": model, "width": width, "classes": len(names), "se": se, "size": list(plan.size), "loss": loss}
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
    facts: dict[str, Any],
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> Scores:
    """The loop itself. ``objective`` names the weighted loss terms of a batch of rows; ``extra`` holds its weights."""
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = copy.deepcopy(net).eval()
    weights = [p for p in [*net.parameters(), *extra.parameters()] if p.requires_grad]
    groups = [
        {"params": [p for p in weights if p.ndim > 1], "weight_decay": plan.decay},
        {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW([group for group in groups if group["params"]], lr=plan.rate)
    history: list[dict[str, float]] = []
    step, last = 0, out / "last.safetensors"
    out.mkdir(parents=True, exist_ok=True)
    if resume:
        history, step = restore(last, net, averaged, extra, optimiser, facts, plan)
        say(f"resuming after epoch {len(history)} of {plan.epochs}")
    best: Scores | None = None
    started, first = time.perf_counter(), len(history)
    for epoch in range(first, plan.epochs):
        rng = np.random.default_rng([plan.seed, epoch])
        torch.manual_seed(plan.seed * 100_003 + epoch)
        todo = list(batches(rng))
        if not todo:
            raise ReidError("no batch could be formed: lower the people or crops per batch")
        net.train()
        sums: dict[str, float] = {}
        for index, rows in enumerate(todo):
            progress = (epoch + index / len(todo)) / plan.epochs
            for group in optimiser.param_groups:
                group["lr"] = rate_at(plan, step, progress)
            terms = objective(rows, rng, progress)
            total = torch.stack(list(terms.values())).sum()
            if not bool(torch.isfinite(total)):
                kept = f"the checkpoint of epoch {epoch} is kept in {last}" if epoch else "nothing was written yet"
                raise ReidError(f"the loss became {total.item()} at step {step + 1} (epoch {epoch + 1}); {kept}; "
                                "lower the learning rate")  # fmt: skip
            optimiser.zero_grad()
            total.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(weights, 5.0)
            optimiser.step()
            step += 1
            follow(averaged, net, min(plan.average, step / (step + 10)))
            if sys.stderr.isatty():
                print(
                    f"\repoch {epoch + 1}  step {index + 1}/{len(todo)}  loss {total.item():.3f} ",
                    end="",
                    file=sys.stderr,
                )
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + value.item() / len(todo)
        scores = score(averaged)
        history.append(
            {"epoch": epoch + 1, "loss": sum(sums.values()), **sums, "mAP": scores.mean_ap, "rank1": scores.rank1}
        )
        if scores.mean_ap >= max(row["mAP"] for row in history):
            best = scores
            averages = {f"ema.{name}": value for name, value in averaged.state_dict().items()}
            checkpoint.save(
                out / "best.safetensors",
                averages,
                {**facts, "epoch": epoch + 1, "mAP": scores.mean_ap, "rank1": scores.rank1},
            )
        checkpoint.save(
            last,
            state(net, averaged, extra, optimiser),
            {**facts, "plan": plan_key(plan), "history": history, "step": step},
        )
        write_curves(out, history)
        left = (time.perf_counter() - started) / (epoch + 1 - first) * (plan.epochs - epoch - 1)
        say(f"epoch {epoch + 1}/{plan.epochs}  loss {history[-1]['loss']:.3f}  mAP {100 * scores.mean_ap:.1f}  "
            f"rank-1 {100 * scores.rank1:.1f}  ETA {left / 60:.1f} min")  # fmt: skip
    return best if best is not None else score(checkpoint.load_net(out / "best.safetensors")[0])


@torch.no_grad()
def follow(averaged: nn.Module, net: nn.Module, momentum: float) -> None:
    """Move ``averaged`` (batch statistics included) towards ``net``."""
    for old, new in zip(averaged.state_dict().values(), net.state_dict().values(), strict=True):
        if old.dtype.is_floating_point:
            old.lerp_(new, 1 - momentum)
        else:
            old.copy_(new)


def state(net: nn.Module, averaged: nn.Module, extra: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Everything the next step depends on, as flat tensors."""
    tensors = {f"net.{name}": value for name, value in net.state_dict().items()}
    tensors |= {f"ema.{name}": value for name, value in averaged.state_dict().items()}
    tensors |= {f"extra.{name}": value for name, value in extra.state_dict().items()}
    for index, entries in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in entries.items()}
    return tensors


def restore(
    path: Path, net: nn.Module, averaged: nn.Module, extra: nn.Module, optimiser: torch.optim.Optimizer,
    facts: dict[str, Any], plan: Plan,
) -> tuple[list[dict[str, float]], int]:  # fmt: skip
    """Put a checkpoint back; returns its (history, steps done)."""
    tensors, kept = checkpoint.load(path)
    for name, wanted in {**facts, "plan": plan_key(plan)}.items():
        if kept.get(name) != wanted:
            raise ReidError(f"{path}: a checkpoint with {name} {kept.get(name)!r}, this run has {wanted!r}; "
                            "resume with the same settings, or choose another -o")  # fmt: skip
    for module, name in ((net, "net"), (averaged, "ema"), (extra, "extra")):
        checkpoint.fill(module, checkpoint.part(tensors, name), str(path))
    entries: dict[int, dict[str, Tensor]] = {}
    for key, value in checkpoint.part(tensors, "optimiser").items():
        index, name = key.split(".", 1)
        entries.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": entries, "param_groups": optimiser.state_dict()["param_groups"]})
    return list(kept["history"]), int(kept["step"])


def plan_key(plan: Plan) -> str:
    """The plan as text, to compare a checkpoint's with this run's."""
    return repr(plan)


def embed(net: ReidNet, images: npt.NDArray[np.uint8], batch: int = 64) -> npt.NDArray[np.float32]:
    """Embeddings (N, width) of uint8 BGR crops (N, H, W, 3) by a torch model in evaluation mode."""
    was = net.training
    net.eval()
    with torch.inference_mode():
        rows = [net(to_input(images[start : start + batch])).numpy() for start in range(0, len(images), batch)]
    net.train(was)
    return np.concatenate(rows) if rows else np.empty((0, net.width), dtype=np.float32)


Term = Callable[[Outputs, Tensor], Tensor]


class OnEmbeddings(nn.Module):
    """A loss with weights of its own, applied to the embeddings after the neck."""

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, outputs: Outputs, labels: Tensor) -> Tensor:
        value: Tensor = self.loss(outputs.embeddings, labels)
        return value


def label_objective(text: str, classes: int, width: int) -> dict[str, tuple[float, Term]]:
    """The terms in ``text``: names joined by ``+``, each with an optional weight, e.g. ``triplet+0.5*arcface``.

    Names: triplet, triplet_soft, triplet_semi, triplet_all, contrastive, quadruplet, center, softmax, sphereface,
    cosface, arcface; any loss class of an installed pytorch-metric-learning as ``pml:CircleLoss``.

    Raises:
        ReidError: an unknown name or weight, or pytorch-metric-learning missing.
    """
    metric: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "triplet": losses.triplet,
        "triplet_soft": lambda e, y: losses.triplet(e, y, None),
        "triplet_semi": lambda e, y: losses.triplet(e, y, mining="semi-hard"),
        "triplet_all": lambda e, y: losses.triplet(e, y, mining="all"),
        "contrastive": losses.contrastive,
        "quadruplet": losses.quadruplet,
    }
    terms: dict[str, tuple[float, Term]] = {}
    for item in text.split("+"):
        head, _, name = item.strip().rpartition("*")
        try:
            weight = float(head) if head else 1.0
        except ValueError as error:
            raise ReidError(f"loss {item!r}: {head!r} is not a weight; write e.g. triplet+0.5*softmax") from error
        if not 0 < weight < math.inf or name in terms:
            raise ReidError(f"loss {item!r}: each name once, with a weight above 0, e.g. triplet+0.5*softmax")
        if name in metric:
            terms[name] = (weight, lambda o, y, loss=metric[name]: loss(o.features, y))  # type: ignore[misc]
        elif name == "softmax":
            terms[name] = (weight, lambda o, y: losses.softmax(o.logits, y))
        elif name == "center":
            # Weight 5e-4 beside the others is the published balance (Luo et al., section 2.7)
            terms[name] = (weight if head else 5e-4, OnEmbeddings(losses.Center(classes, width)))
        elif name in losses.AngularSoftmax.MARGINS:
            terms[name] = (weight, OnEmbeddings(losses.AngularSoftmax(name, classes, width)))
        elif name.startswith("pml:"):
            terms[name.replace(":", "_")] = (weight, OnEmbeddings(metric_learning(name[4:], classes, width)))
        else:
            known = [*metric, "softmax", "center", *losses.AngularSoftmax.MARGINS]
            raise ReidError(f"unknown loss {name!r}: choose from {', '.join(known)} or pml:NAME, joined by +")
    return terms


def metric_learning(name: str, classes: int, width: int) -> nn.Module:
    """The named loss of pytorch-metric-learning, with classes and width where it asks for them."""
    import importlib
    import inspect

    try:
        module = importlib.import_module("pytorch_metric_learning.losses")
    except ImportError as error:
        raise ReidError(f"the loss pml:{name} needs: pip install pytorch-metric-learning") from error
    found = getattr(module, name, None)
    if not inspect.isclass(found):
        raise ReidError(f"pytorch-metric-learning has no loss {name!r}")
    asked = inspect.signature(found).parameters
    given = {name: value for name, value in (("num_classes", classes), ("embedding_size", width)) if name in asked}
    loss = found(**given)
    assert isinstance(loss, nn.Module)
    return loss
