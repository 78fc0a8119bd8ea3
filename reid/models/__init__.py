"""Models by name: ``build("osnet_x0_25", width=128, classes=751)``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from reid.errors import ReidError
from reid.models.external import timm_backbone
from reid.models.mobilenet import MobileNetV2
from reid.models.net import Outputs, ReidNet, to_input
from reid.models.osnet import OSNet
from reid.models.repvgg import RepVGG
from reid.models.residual import Residual
from reid.models.resnet import ResNet
from reid.models.shufflenet import ShuffleNetV2
from tracker.spelling import nearest

__all__ = ["BACKBONES", "Outputs", "ReidNet", "build", "to_input"]

BACKBONES: dict[str, Callable[..., nn.Module]] = {
    "repvgg": RepVGG,
    "repvgg_small": partial(RepVGG, depths=(1, 1, 2, 2), strides=(2, 2, 2, 2)),
    "repvgg_medium": partial(RepVGG, depths=(1, 1, 2, 3), strides=(2, 2, 2, 2)),
    "repvgg_large": partial(RepVGG, depths=(1, 2, 3, 3), strides=(2, 2, 2, 2), point=False),
    "repvgg_tiny": partial(RepVGG, widths=(16, 24, 32, 48), depths=(1, 1, 1, 1), strides=(2, 2, 2, 1), features=64),
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


def build(name: str, width: int = 128, classes: int = 0, se: bool = False) -> ReidNet:
    """The named backbone with an embedding of ``width`` values, a BNNeck and ``classes`` identity logits.

    ``timm:NAME`` takes any backbone of an installed timm. ``se`` adds squeeze-and-excitation where the backbone has it
    (repvgg, residual, mobilenetv2, shufflenetv2, resnet).

    Raises:
        ReidError: unknown name (the nearest is suggested), ``se`` on a backbone without it, timm missing.
    """
    if name.startswith("timm:"):
        return ReidNet(timm_backbone(name[5:]), width, classes)
    if name not in BACKBONES:
        known = f"choose one of {', '.join(BACKBONES)} or timm:NAME"
        raise ReidError(f"unknown model {name!r}{nearest(name, BACKBONES)}; {known}")
    if se and name.startswith("osnet"):
        raise ReidError(f"{name} has its own channel gates and takes no se option")
    return ReidNet(BACKBONES[name](se=True) if se else BACKBONES[name](), width, classes)
