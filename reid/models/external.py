"""Backbones of an installed timm: VGG, Inception, DenseNet, Xception, MobileNetV1/V3 and hundreds more."""

from __future__ import annotations

import importlib

from torch import Tensor, nn

from reid.errors import ReidError


class External(nn.Module):
    """Wraps a module (N, 3, H, W) -> (N, features)."""

    def __init__(self, module: nn.Module, features: int) -> None:
        super().__init__()
        self.module, self.features = module, features

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.module(x)
        return y


def timm_backbone(name: str) -> nn.Module:
    """The named timm model without weights and without classifier.

    Raises:
        ReidError: timm or its torchvision is not installed, or timm has no model of that name.
    """
    try:
        timm = importlib.import_module("timm")
    except ImportError as error:
        raise ReidError(
            f"the model timm:{name} needs timm, which cannot be imported ({error}): pip install timm torchvision"
        ) from error
    try:
        module = timm.create_model(name, pretrained=False, num_classes=0)
    except RuntimeError as error:
        raise ReidError(
            f"timm has no model {name!r}; python -c 'import timm; print(timm.list_models())' lists them"
        ) from error
    # Networks with layers between pooling and classifier (MobileNetV3, VGG) put out the width of those layers.
    return External(module, int(getattr(module, "head_hidden_size", None) or module.num_features))
