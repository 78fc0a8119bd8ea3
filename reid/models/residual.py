"""A small residual network in the spirit of DeepSORT's appearance descriptor.

Source: Wojke et al., "Simple Online and Realtime Tracking with a Deep Association Metric" (2017), table 1: two
convolutions, a pooling step, six residual blocks in three widths. Here ReLU and average pooling replace ELU and the
dense layer, so that the exported network fuses and takes any crop size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reid.models.se import SqueezeExcite


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al. 2016): (N, C_in, H, W) -> (N, C_out, H / stride, W / stride)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, se: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.se = SqueezeExcite(outputs) if se else nn.Identity()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        y = self.se(self.norm2(self.conv2(y)))
        return torch.relu(y + self.shortcut(x))


class Residual(nn.Module):
    """Features (N, 128) of (N, 3, H, W)."""

    features = 128

    def __init__(self, se: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        )  # fmt: skip
        plan = ((32, 32, 1), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 128, 2), (128, 128, 1))
        self.blocks = nn.Sequential(*(BasicBlock(*row, se=se) for row in plan))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.blocks(self.stem(x))
        return y.mean(dim=(2, 3))
