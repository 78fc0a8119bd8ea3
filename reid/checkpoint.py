"""Training checkpoints: one safetensors file with weights, optimiser state and history. Nothing is ever unpickled."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TypedDict, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from reid.card import refuse_pickle
from reid.errors import ReidError
from reid.models import ReidNet, build


class Facts(TypedDict, total=False):
    """What a checkpoint says about itself. The first five must be there for ``load_net``."""

    model: str
    width: int
    classes: int
    se: bool
    attention: str  # absent where there is none
    attributes: dict[str, list[str]]  # the values of each, by name; absent where there are none
    size: list[int]  # height, width of a crop in pixels
    loss: str
    plan: str  # the training's, as text
    step: int
    epoch: int
    history: list[dict[str, float]]
    mAP: float
    rank1: float


class Extras(TypedDict):
    """The last arguments of ``build``."""

    se: bool
    attention: str
    attributes: dict[str, list[str]] | None


def save(path: Path, tensors: dict[str, Tensor], facts: Facts) -> None:
    """Write ``tensors`` and, as JSON, ``facts`` to ``path``, whole or not at all.

    Raises:
        ReidError: the disk is full or read-only; an earlier file of that name is kept.
    """
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        packed = {name: value.detach().contiguous().clone() for name, value in tensors.items()}
        save_file(packed, str(part), {"reid": json.dumps(facts)})
        os.replace(part, path)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        kept = "; the earlier checkpoint is kept" if path.exists() else ""
        raise ReidError(f"{path}: cannot be written ({error}){kept}; free some space or choose another -o") from error


def load(path: str | Path) -> tuple[dict[str, Tensor], Facts]:
    """The (tensors, facts) of a checkpoint.

    Raises:
        ReidError: no such file, a pickle, or not a checkpoint of ``track reid train``.
    """
    file = Path(path)
    if not file.is_file():
        raise ReidError(f"{file}: no such checkpoint")
    refuse_pickle(file)
    try:
        with safe_open(str(file), framework="pt") as opened:
            facts = json.loads((opened.metadata() or {}).get("reid", "null"))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError, OSError) as error:
        raise ReidError(f"{file}: not a safetensors checkpoint ({error})") from error
    if not isinstance(facts, dict) or "model" not in facts:
        raise ReidError(f"{file}: a safetensors file, but not a checkpoint of track reid train")
    return tensors, cast(Facts, facts)


def part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors under ``name.``, without that prefix."""
    return {key[len(name) + 1 :]: value for key, value in tensors.items() if key.startswith(name + ".")}


def load_net(path: str | Path) -> tuple[ReidNet, Facts]:
    """The averaged network of a checkpoint, in evaluation mode, and the checkpoint's facts.

    Raises:
        ReidError: as ``load``, and where the weights do not fit the model the file names.
    """
    tensors, facts = load(path)
    if facts["model"] == "pruned":
        raise ReidError(f"{path}: a checkpoint of prune, whose channels have no name; use the .onnx file it wrote")
    net = build(facts["model"], facts["width"], facts["classes"], **extras(facts))
    fill(net, part(tensors, "ema"), str(path))
    return net.eval(), facts


def extras(facts: Facts) -> Extras:
    """What ``build`` must be told beside the model, width and classes."""
    return {
        "se": facts.get("se", False),
        "attention": facts.get("attention", ""),
        "attributes": facts.get("attributes"),
    }


def facts_of(model: str, net: ReidNet, crop: tuple[int, int] = (128, 64)) -> Facts:
    """What a checkpoint must say so that ``load_net`` can open it: ``model`` by name, ``crop`` (height, width)."""
    classes = net.classifier.out_features if net.classifier is not None else 0
    return {"model": model, "width": net.width, "classes": classes, "se": False, "size": list(crop)}


def fill(net: torch.nn.Module, weights: dict[str, Tensor], source: str) -> None:
    """Load ``weights`` into ``net``, all of them.

    Raises:
        ReidError: names or shapes differ.
    """
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        wrong = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise ReidError(f"{source}: a checkpoint of another model ({wrong[:120]})") from error
