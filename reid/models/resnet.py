"""ResNet-18 and ResNet-50 with the last stage's stride set to 1.

Sources: He et al., "Deep Residual Learning" (CVPR 2016), table 1; last stride, Luo et al. (CVPRW 2019), section 2.5.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reid.models.residual import BasicBlock
from reid.models.se import SqueezeExcite


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions and a shortcut; the output has four times ``width`` channels."""

    def __init__(self, inputs: int, width: int, stride: int = 1, se: bool = False) -> None:
        super().__init__()
        outputs = 4 * width
        self.body = nn.Sequential(
            nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
            SqueezeExcite(outputs) if se else nn.Identity(),
        )  # fmt: skip
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class ResNet(nn.Module):
    """Features (N, 512 or 2048) of (N, 3, H, W)."""

    def __init__(self, blocks: tuple[int, ...] = (2, 2, 2, 2), bottleneck: bool = False, se: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        )
        layers: list[nn.Module] = []
        inputs = 64
        for width, depth, stride in zip((64, 128, 256, 512), blocks, (1, 2, 2, 1), strict=True):
            for index in range(depth):
                first = stride if index == 0 else 1
                layers.append(
                    Bottleneck(inputs, width, first, se) if bottleneck else BasicBlock(inputs, width, first, se)
                )
                inputs = 4 * width if bottleneck else width
        self.layers = nn.Sequential(*layers)
        self.features = inputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(self.stem(x))
        return y.mean(dim=(2, 3))
