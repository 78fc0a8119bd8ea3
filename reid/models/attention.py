"""Attention blocks by name, in the places where a backbone has its squeeze-and-excitation.

Sources: ``channel``, Hu et al., "Squeeze-and-Excitation Networks" (CVPR 2018), section 3; ``spatial``, Woo et al.,
"CBAM" (ECCV 2018), section 3, equation 3; ``residual``, Wang et al., "Residual Attention Network for Image
Classification" (CVPR 2017), section 3.1, equation 3.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reid.models.se import SqueezeExcite


class SpatialAttention(nn.Module):
    """Scale each place of (N, C, H, W) by a gate in 0..1 computed from the mean and maximum over the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.gate = nn.Conv2d(2, 1, 7, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        seen = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.gate(seen))


class ResidualAttention(nn.Module):
    """(1 + M) * x for x (N, C, H, W): M, in 0..1 for each channel and place, comes from a branch that halves the
    resolution, filters and returns to it. The 1 keeps the features where the mask is near 0."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        hidden = max(8, channels // reduction)
        self.channels = channels
        self.down = nn.MaxPool2d(2, ceil_mode=True)
        self.filter = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, 1, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU(),
        )  # fmt: skip
        self.mask = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        height, width = int(x.shape[2]), int(x.shape[3])
        low = self.filter(self.down(x))
        return x * (1 + torch.sigmoid(self.mask(F.interpolate(low, size=(height, width), mode="nearest"))))


ATTENTION: dict[str, Callable[[int], nn.Module]] = {
    "channel": SqueezeExcite,
    "spatial": SpatialAttention,
    "residual": ResidualAttention,
}


def replace_gates(net: nn.Module, kind: str) -> None:
    """Put an attention block of ``kind`` in the place of every squeeze-and-excitation of ``net``."""
    for parent in list(net.modules()):
        for name, child in parent.named_children():
            if isinstance(child, SqueezeExcite):
                setattr(parent, name, ATTENTION[kind](child.excite.out_channels))
