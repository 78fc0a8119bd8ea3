"""ShuffleNetV2 x1.0 with the last stride set to 1.

Source: Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design" (ECCV 2018), figure 3
and table 5.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reid.models.se import SqueezeExcite


def branch(inputs: int, outputs: int, stride: int, pointwise_first: bool, se: bool) -> nn.Sequential:
    """1x1 (optional), depth-wise 3x3, 1x1, each with its batch norm."""
    layers: list[nn.Module] = []
    if pointwise_first:
        layers += [nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        inputs = outputs
    layers += [
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False), nn.BatchNorm2d(inputs),
        nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
    ]  # fmt: skip
    if se and pointwise_first:
        layers.append(SqueezeExcite(outputs))
    return nn.Sequential(*layers)


class ShuffleBlock(nn.Module):
    """Half the channels pass and half are filtered (all, where the block changes the shape); then they interleave."""

    def __init__(self, inputs: int, outputs: int, stride: int, se: bool = False) -> None:
        super().__init__()
        self.split = stride == 1 and inputs == outputs
        half = outputs // 2
        self.left = nn.Identity() if self.split else branch(inputs, half, stride, False, se)
        self.right = branch(half if self.split else inputs, half, stride, True, se)

    def forward(self, x: Tensor) -> Tensor:
        a, b = x.chunk(2, dim=1) if self.split else (x, x)
        y = torch.cat([self.left(a), self.right(b)], dim=1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


class ShuffleNetV2(nn.Module):
    """Features (N, 1024) of (N, 3, H, W)."""

    features = 1024

    def __init__(self, se: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(3, 24, 3, 2, 1, bias=False),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        ]
        inputs = 24
        for outputs, count, stride in ((116, 4, 2), (232, 8, 2), (464, 4, 1)):
            for index in range(count):
                layers.append(ShuffleBlock(inputs, outputs, stride if index == 0 else 1, se))
                inputs = outputs
        layers += [nn.Conv2d(inputs, 1024, 1, bias=False), nn.BatchNorm2d(1024), nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y.mean(dim=(2, 3))
