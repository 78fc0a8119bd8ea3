"""Backbones of other packages, without weights.

timm has Inception, DenseNet, Xception, MobileNetV1-V3 and hundreds more. torchvision has AlexNet, GoogLeNet and
SqueezeNet, which timm lacks, and VGG, whose timm form torch cannot export at crops of 128x64.
"""

from __future__ import annotations

import importlib
from types import ModuleType

import torch
from torch import Tensor, nn

from reid.errors import ReidError

# What people ask for by its common name, and what to write instead. The longest name that fits counts.
ELSEWHERE = {
    "alexnet": "torchvision:alexnet",
    "densenet": "timm:densenet121",
    "efficientnet": "timm:efficientnet_b0",
    "ghostnet": "timm:ghostnet_100",
    "googlenet": "torchvision:googlenet",
    "inception": "timm:inception_v3",
    "mobilenetv1": "timm:mobilenetv1_100",
    "mobilenetv3": "timm:mobilenetv3_small_100",
    "squeezenet": "torchvision:squeezenet1_1",
    "vgg": "torchvision:vgg11_bn",
    "xception": "timm:legacy_xception",
}


class External(nn.Module):
    """Wraps a module (N, 3, H, W) -> (N, features)."""

    def __init__(self, module: nn.Module, features: int) -> None:
        super().__init__()
        self.module, self.features = module, features

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.module(x)
        return y


def elsewhere(name: str) -> str:
    """The model of another package that someone who writes ``name`` may mean; "" where none is known."""
    plain = name.lower().replace("-", "").replace("_", "")
    return ELSEWHERE.get(max((known for known in ELSEWHERE if plain.startswith(known)), key=len, default=""), "")


def package(package: str, model: str, install: str) -> ModuleType:
    """The module of an installed package that builds ``model``.

    Raises:
        ReidError: it cannot be imported; a torchvision of another torch raises RuntimeError, not ImportError.
    """
    try:
        return importlib.import_module(package)
    except (ImportError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ReidError(f"the model {model} cannot be built ({reason}): pip install {install}") from error


def timm_backbone(name: str) -> nn.Module:
    """The named timm model without weights and without classifier.

    Raises:
        ReidError: timm or its torchvision is not installed, or timm has no model of that name.
    """
    timm = package("timm", f"timm:{name}", "timm torchvision")
    try:
        module = timm.create_model(name, pretrained=False, num_classes=0)
    except RuntimeError as error:
        raise ReidError(
            f"timm has no model {name!r}; python -c 'import timm; print(timm.list_models())' lists them"
        ) from error
    # Networks with layers between pooling and classifier (MobileNetV3, VGG) put out the width of those layers.
    return External(module, int(getattr(module, "head_hidden_size", None) or module.num_features))


def torchvision_backbone(name: str) -> nn.Module:
    """The named torchvision classifier without weights, up to the mean over its last feature maps.

    Raises:
        ReidError: torchvision is not installed, has no model of that name, or one that is no such classifier.
    """
    models = package("torchvision.models", f"torchvision:{name}", "torchvision")
    try:
        builder = models.get_model_builder(name)
    except ValueError as error:
        raise ReidError(
            f"torchvision has no model {name!r}; "
            "python -c 'import torchvision; print(torchvision.models.list_models())' lists them"
        ) from error
    # GoogLeNet and Inception: no second output in training, and no minute spent on drawing their first weights.
    plain = {"aux_logits": False, "init_weights": False} if name in {"googlenet", "inception_v3"} else {}
    module: nn.Module = builder(weights=None, **plain)
    children = dict(module.named_children())
    if "features" in children:
        return measured(nn.Sequential(children["features"], nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    if isinstance(children.get("fc"), nn.Linear):
        module.fc = nn.Identity()
        return measured(module)
    raise ReidError(f"torchvision's {name} is no classifier with feature maps to average; choose another model")


def measured(module: nn.Module) -> External:
    """The module as a backbone; its width is measured on one black crop."""
    with torch.inference_mode():
        width = module.eval()(torch.zeros(1, 3, 128, 128)).shape[1]
    return External(module.train(), int(width))
