"""Models by name: ``build("osnet_x0_25", width=128, classes=751)``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from reid.errors import ReidError
from reid.models.attention import ATTENTION, replace_gates
from reid.models.external import elsewhere, timm_backbone, torchvision_backbone
from reid.models.heads import Groups
from reid.models.lenet import LeNet
from reid.models.mobilenet import MobileNetV2
from reid.models.net import Outputs, ReidNet, to_input
from reid.models.osnet import OSNet
from reid.models.repvgg import RepVGG
from reid.models.residual import Residual
from reid.models.resnet import ResNet
from reid.models.shufflenet import ShuffleNetV2
from tracker.spelling import nearest

__all__ = ["ATTENTION", "BACKBONES", "Groups", "Outputs", "ReidNet", "build", "check_size", "to_input"]

BACKBONES: dict[str, Callable[..., nn.Module]] = {
    "repvgg": RepVGG,
    "repvgg_small": partial(RepVGG, depths=(1, 1, 2, 2), strides=(2, 2, 2, 2)),
    "repvgg_medium": partial(RepVGG, depths=(1, 1, 2, 3), strides=(2, 2, 2, 2)),
    "repvgg_large": partial(RepVGG, depths=(1, 2, 3, 3), strides=(2, 2, 2, 2)),
    "repvgg_tiny": partial(RepVGG, widths=(16, 24, 32, 48), depths=(1, 1, 1, 1), strides=(2, 2, 2, 1), features=64),
    "lenet": LeNet,
    "residual": Residual,
    "osnet_x0_25": partial(OSNet, scale=0.25),
    "osnet_x0_5": partial(OSNet, scale=0.5),
    "osnet_x0_75": partial(OSNet, scale=0.75),
    "osnet_x1_0": partial(OSNet, scale=1.0),
    "mobilenetv2": MobileNetV2,
    "shufflenetv2": ShuffleNetV2,
    "resnet18": partial(ResNet, blocks=(2, 2, 2, 2), bottleneck=False),
    "resnet50": partial(ResNet, blocks=(3, 4, 6, 3), bottleneck=True),
}
PACKAGES = {"timm": timm_backbone, "torchvision": torchvision_backbone}
UNGATED = {"lenet"}


def build(
    name: str,
    width: int = 128,
    classes: int = 0,
    se: bool = False,
    attention: str = "",
    attributes: Groups | None = None,
) -> ReidNet:
    """The named backbone with an embedding of ``width`` values, a BNNeck and ``classes`` identity logits.

    ``timm:NAME`` and ``torchvision:NAME`` take a backbone of that package, where it is installed. ``attention`` adds a
    block of that kind (see ``ATTENTION``) where the backbone has a place for one (repvgg, residual, mobilenetv2,
    shufflenetv2, resnet); ``se`` is ``attention="channel"``. ``attributes``: the values of each attribute to tell apart
    in training, by name.

    Raises:
        ReidError: unknown name (the nearest is suggested), attention on a backbone without a place for it, timm or
            torchvision missing.
    """
    kind = attention or ("channel" if se else "")
    if kind and kind not in ATTENTION:
        raise ReidError(f"unknown attention {kind!r}{nearest(kind, ATTENTION)}; choose {', '.join(ATTENTION)}")
    return ReidNet(backbone(name, kind), width, classes, attributes)


def backbone(name: str, attention: str) -> nn.Module:
    """The named backbone with attention of that kind; "" for none. ``build`` says what it raises."""
    source, _, model = name.partition(":")
    if attention and (source in PACKAGES or name in UNGATED or name.startswith("osnet")):
        why = "has its own channel gates" if name.startswith("osnet") else "has no place for attention"
        raise ReidError(f"{name} {why}: leave out --se and --attention")
    if model and source in PACKAGES:
        return PACKAGES[source](model)
    if name not in BACKBONES:
        known = f"choose one of {', '.join(BACKBONES)}, timm:NAME or torchvision:NAME"
        other = elsewhere(name)
        raise ReidError(f"unknown model {name!r}{f', did you mean {other!r}?' if other else likely(name)}; {known}")
    if not attention:
        return BACKBONES[name]()
    net = BACKBONES[name](se=True)
    if attention != "channel":
        replace_gates(net, attention)
    return net


def likely(name: str) -> str:
    """The suggestion for an unknown name: a model that begins so, or one within a slip (letnet is no mobilenetv2)."""
    longer = [known for known in BACKBONES if name and known.startswith(name.lower())]
    return f", did you mean {longer[0]!r}?" if longer else nearest(name, BACKBONES, cutoff=0.75)


def check_size(net: ReidNet, name: str, size: tuple[int, int]) -> None:
    """Run a network once on a black crop of ``size`` (height, width).

    Raises:
        ReidError: it cannot take such crops, e.g. because a layer is left without a pixel.
    """
    was = net.training
    try:
        with torch.inference_mode():
            net.eval()(torch.zeros(1, 3, *size))
    except RuntimeError as error:
        reason = str(error).splitlines()[0][:120]
        raise ReidError(f"{name} cannot take crops of {size[0]}x{size[1]} ({reason}): give a larger --size") from error
    finally:
        net.train(was)
