"""From a torch model to one ONNX file with its card, checked against torch."""

from __future__ import annotations

import copy
import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from reid.card import Card, write_model
from reid.errors import ReidError
from reid.models import ReidNet
from reid.models.net import MEAN, SCALE, Fusible
from tracker.embed.preprocess import CARD
from tracker.embed.runner import open_runner


class WithAttributes(nn.Module):
    """``net`` with the probabilities of the attributes as its second output."""

    def __init__(self, net: nn.Module, heads: nn.Module) -> None:
        super().__init__()
        self.net, self.heads = net, heads

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y: Tensor = self.net(x)
        return y, self.heads(y)


class FromPixels(nn.Module):
    """``net`` behind its own preprocessing: uint8 BGR (N, H, W, 3) in."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        y: Tensor | tuple[Tensor, Tensor] = self.net((x.permute(0, 3, 1, 2).float() - MEAN) / SCALE)
        return y


def ready(net: ReidNet) -> ReidNet:
    """A copy of ``net`` to run: in evaluation mode, branches fused, the neck's batch norm folded into the embedding
    layer, no classifier, no attributes."""
    net = copy.deepcopy(net).eval()
    net.classifier = net.heads = None
    if isinstance(net.backbone, Fusible):
        net.backbone.fuse()
    neck = net.neck
    if isinstance(neck, nn.BatchNorm1d):
        assert neck.running_mean is not None
        assert neck.running_var is not None
        with torch.no_grad():
            gain = neck.weight / torch.sqrt(neck.running_var + neck.eps)
            folded = nn.Linear(net.embed.in_features, net.width)
            folded.weight.copy_(net.embed.weight * gain[:, None])
            folded.bias.copy_(neck.bias - neck.running_mean * gain)
        net.embed, net.neck = folded, nn.Identity()  # type: ignore[assignment]
    return net


def export(net: ReidNet, path: str | Path, card: Card, tolerance: float = 1e-4) -> float:
    """Write ``net`` to ``path`` for batches of any size, and return the largest difference from torch, as a share of
    the largest output. With ``card.normalised`` the graph does the preprocessing (input uint8 NHWC); without, its input
    is float NCHW, as ``models.to_input`` makes it. With ``card.attributes`` a second output ``attributes`` holds their
    probabilities (N, values), in the card's order.

    Raises:
        ReidError: the difference is above ``tolerance``, or the file cannot be written.
    """
    card = replace(card, layout="NHWC" if card.normalised else "NCHW", width=net.width)
    run: nn.Module = ready(net)
    if card.attributes:
        if net.heads is None:
            raise ReidError(f"{path}: its card names attributes, the network has none")
        run = WithAttributes(run, copy.deepcopy(net.heads).eval())
    outputs = ["embeddings", "attributes"] if card.attributes else ["embeddings"]
    height, width = card.size
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3, height, width, 3), dtype=np.uint8)
    sample = torch.from_numpy(pixels)
    if card.normalised:
        run = FromPixels(run).eval()
    else:
        sample = (sample.permute(0, 3, 1, 2).float() - MEAN) / SCALE
    target = Path(path)
    part = target.with_suffix(".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch recommends its newer exporter, which needs one more dependency
            torch.onnx.export(
                run, (sample[:2],), str(part), input_names=["crops"], output_names=outputs, opset_version=17,
                dynamic_axes={name: {0: "n"} for name in ("crops", *outputs)}, dynamo=False,
            )  # fmt: skip
        write_card(part, part, card)
        exported = open_runner(part)
        worst = 0.0
        for count in (1, 3):
            with torch.inference_mode():
                answer = run(sample[:count])
            wanted = (answer[0] if card.attributes else answer).numpy()
            found = exported(sample[:count].numpy())
            worst = max(worst, float(np.abs(found - wanted).max() / max(1e-12, np.abs(wanted).max())))
        if not worst <= tolerance:
            raise ReidError(f"{target}: the exported model differs from torch by {worst:.1e}, above {tolerance:.0e}")
        os.replace(part, target)
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error).splitlines()[0].split(". ")[0][:160]
        raise ReidError(
            f"{target}: torch cannot export {card.model} at crops of {height}x{width} ({reason})"
        ) from error
    except OSError as error:
        raise ReidError(f"{target}: cannot be written ({error}); free some space or choose another place") from error
    finally:
        part.unlink(missing_ok=True)
    return worst


def write_card(source: Path, target: Path, card: Card) -> None:
    """Copy the model ``source`` to ``target`` with ``card`` in its metadata."""
    model = onnx.load(str(source))
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = CARD, card.dump()
    model.doc_string = ""
    write_model(model, target)


def mirror(path: str | Path) -> None:
    """Rewrite a model that takes uint8 NHWC pixels so that it returns the mean of the embeddings of each crop and its
    mirror image, at twice the cost.

    Raises:
        ReidError: the model takes floats, or returns the mean already.
    """
    model = onnx.load(str(path))
    card = Card.parse({entry.key: entry.value for entry in model.metadata_props}.get(CARD, "null"))
    if card.layout != "NHWC" or not card.normalised or card.mirrored:
        raise ReidError(f"{path}: only a model that takes uint8 pixels can be mirrored, and only once")
    graph = model.graph
    for node in graph.node:
        for names, old, new in ((node.input, "crops", "both"), (node.output, "embeddings", "halves")):
            for index, name in enumerate(names):
                if name == old:
                    names[index] = new
    constants = {"from": [-1], "to": [np.iinfo(np.int64).min], "axis": [2], "step": [-1], "two": [2, -1, card.width]}
    graph.initializer.extend(
        numpy_helper.from_array(np.array(value, dtype=np.int64), f"mirror_{name}") for name, value in constants.items()
    )
    sides = [f"mirror_{name}" for name in ("from", "to", "axis", "step")]
    graph.node.insert(0, helper.make_node("Slice", ["crops", *sides], ["mirrored"], name="mirror_slice"))
    graph.node.insert(1, helper.make_node("Concat", ["crops", "mirrored"], ["both"], name="mirror_join", axis=0))
    graph.node.append(helper.make_node("Reshape", ["halves", "mirror_two"], ["stacked"], name="mirror_split"))
    graph.node.append(
        helper.make_node("ReduceMean", ["stacked"], ["embeddings"], name="mirror_mean", axes=[0], keepdims=0)
    )
    del graph.value_info[:]
    onnx.checker.check_model(model)
    next(entry for entry in model.metadata_props if entry.key == CARD).value = replace(card, mirrored=True).dump()
    write_model(model, path)
