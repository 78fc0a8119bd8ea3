"""OSNet: features at several scales in every block, mixed by one shared gate.

Source: Zhou et al., "Omni-Scale Feature Learning for Person Re-Identification" (ICCV 2019), section 3 and table 1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def lite(inputs: int, outputs: int) -> nn.Sequential:
    """Lite 3x3 (section 3.1): a linear 1x1, then a depth-wise 3x3, batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.Conv2d(outputs, outputs, 3, 1, 1, groups=outputs, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
    )  # fmt: skip


class OmniScale(nn.Module):
    """Four streams of one to four lite 3x3 layers, gated per channel by one shared network (section 3.2), summed."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        middle = max(4, outputs // 4)
        self.reduce = nn.Sequential(nn.Conv2d(inputs, middle, 1, bias=False), nn.BatchNorm2d(middle), nn.ReLU())
        self.streams = nn.ModuleList(nn.Sequential(*(lite(middle, middle) for _ in range(t))) for t in (1, 2, 3, 4))
        hidden = max(4, middle // 16)
        self.gate = nn.Sequential(nn.Conv2d(middle, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, middle, 1), nn.Sigmoid())
        self.expand = nn.Sequential(nn.Conv2d(middle, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        low = self.reduce(x)
        mixed = torch.zeros_like(low)
        for stream in self.streams:
            y = stream(low)
            mixed = mixed + y * self.gate(y.mean(dim=(2, 3), keepdim=True))
        return torch.relu(self.expand(mixed) + self.shortcut(x))


class OSNet(nn.Module):
    """Features (N, 512) of (N, 3, H, W); ``scale`` multiplies every width but the last."""

    features = 512

    def __init__(self, scale: float = 0.25) -> None:
        super().__init__()
        stem, *widths = (round(scale * width) for width in (64, 256, 384, 512))
        layers: list[nn.Module] = [
            nn.Conv2d(3, stem, 7, 2, 3, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        ]
        inputs = stem
        for index, width in enumerate(widths):
            layers += [OmniScale(inputs, width), OmniScale(width, width)]
            if index < 2:
                layers += [nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.AvgPool2d(2)]
            inputs = width
        layers += [nn.Conv2d(inputs, inputs, 1, bias=False), nn.BatchNorm2d(inputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Sequential(nn.Linear(inputs, 512, bias=False), nn.BatchNorm1d(512), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.last(self.layers(x).mean(dim=(2, 3)))
        return y
