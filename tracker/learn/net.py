"""The network: rapidly digested convolutions, then maps of two scales (FaceBoxes, Zhang 2017, arXiv 1708.05234).

Strides of 4 and 2 shrink the image fast, with CReLU (Shang et al. 2016), which doubles the channels for nothing;
inception blocks then mix fields of several sizes. Each map has anchors for the sizes that this camera shows; where one
size would be sparser than the others its anchors are densified (section 3.3 of the paper).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from tracker.arrays import FloatArray

STRIDES = (8, 16)
SPREAD = (0.1, 0.2)  # units of the offsets of a centre, in anchors, and of the logarithm of a side


class CReLU(nn.Module):
    """Convolution, batch norm, and ReLU of both signs: (N, 2 C, H, W)."""

    def __init__(self, into: int, out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(into, out, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x))
        return torch.relu(torch.cat((y, -y), dim=1))


def block(into: int, out: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(into, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)
    )


class Inception(nn.Module):
    """Four branches, of fields of 1, 3, 5 and 3 (pooled) pixels; as many channels out as in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        part = width // 4
        self.one = block(width, part, 1)
        # The largest: quantised averages take onnxruntime longer than all convolutions together.
        self.pooled = nn.Sequential(nn.MaxPool2d(3, 1, 1), block(width, part, 1))
        self.three = nn.Sequential(block(width, part, 1), block(part, part))
        self.five = nn.Sequential(block(width, part, 1), block(part, part), block(part, part))

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.cat((self.one(x), self.pooled(x), self.three(x), self.five(x)), dim=1)


@dataclass(frozen=True)
class Anchors:
    """Width and height of each map's anchors, in pixels of the input, and how often each is laid per cell and axis."""

    sizes: tuple[tuple[tuple[float, float], ...], ...]
    dense: tuple[tuple[int, ...], ...]

    def per_cell(self, scale: int) -> int:
        """How many a cell of a map has."""
        return sum(n * n for n in self.dense[scale])

    def boxes(self, size: tuple[int, int]) -> FloatArray:
        """(A, 4) centre x, y, width, height for an input of (height, width), map after map, cell after cell."""
        out = []
        for stride, sizes, dense in zip(STRIDES, self.sizes, self.dense, strict=True):
            rows, columns = -(-size[0] // stride), -(-size[1] // stride)
            y, x = np.mgrid[:rows, :columns].reshape(2, -1)
            own = []
            for (width, height), n in zip(sizes, dense, strict=True):
                for i in range(n):
                    for j in range(n):
                        cx, cy = (x + (j + 0.5) / n) * stride, (y + (i + 0.5) / n) * stride
                        own.append(np.stack([cx, cy, np.full_like(cx, width), np.full_like(cy, height)], axis=1))
            out.append(np.stack(own, axis=1).reshape(-1, 4))
        return np.concatenate(out)


def anchors_for(boxes: FloatArray) -> Anchors:
    """Anchors for labelled boxes (N, 4) in pixels of the input: three sizes on the fine map, two on the coarse one.

    Sizes are quantiles of the heights, each with the median width of the boxes about as high. An anchor narrower than
    1.5 strides is densified, so that a small object meets as many anchors as a large one.
    """
    height = boxes[:, 3] - boxes[:, 1]
    width = boxes[:, 2] - boxes[:, 0]
    order = np.argsort(height, kind="stable")
    groups = np.array_split(order, 5)
    sizes = [(float(np.median(width[g])), float(np.median(height[g]))) if len(g) else (16.0, 16.0) for g in groups]
    fine, coarse = tuple(sizes[:3]), tuple(sizes[3:])
    dense = tuple(
        tuple(2 if min(w, h) < 1.5 * stride else 1 for w, h in own)
        for stride, own in zip(STRIDES, (fine, coarse), strict=True)
    )
    return Anchors((fine, coarse), dense)


class SmallNet(nn.Module):
    """Image (N, 3, H, W), 0..1, RGB -> logits (N, A, classes) and offsets (N, A, 4)."""

    def __init__(self, anchors: Anchors, classes: int, width: int = 64) -> None:
        super().__init__()
        self.classes = classes
        self.digest = nn.Sequential(CReLU(3, 12, 7, 4), CReLU(24, width // 2, 3, 2))
        self.fine = nn.Sequential(block(width, width), Inception(width), Inception(width))
        self.coarse = nn.Sequential(block(width, width, 3, 2), Inception(width), Inception(width))
        each = [anchors.per_cell(scale) for scale in range(len(STRIDES))]
        self.heads = nn.ModuleList(nn.Conv2d(width, n * (classes + 4), 3, 1, 1) for n in each)
        for head, n in zip(self.heads, each, strict=True):
            assert isinstance(head, nn.Conv2d)
            assert head.bias is not None
            with torch.no_grad():  # at first nothing is an object (Lin et al. 2017, section 4.1)
                head.bias.zero_()
                head.bias.view(n, classes + 4)[:, :classes] = -float(np.log(99))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.fine(self.digest(x))
        found = []
        for head, features in zip(self.heads, (fine, self.coarse(fine)), strict=True):
            y = head(features).permute(0, 2, 3, 1)
            found.append(y.reshape(y.shape[0], -1, self.classes + 4))
        y = torch.cat(found, dim=1)
        return y[..., : self.classes], y[..., self.classes :]


def decoded(offsets: Tensor, anchors: Tensor) -> Tensor:
    """Offsets (..., A, 4) and anchors (A, 4) -> corners (..., A, 4) in pixels (SSD, Liu et al. 2016, section 2.2)."""
    centre = anchors[:, :2] + offsets[..., :2] * SPREAD[0] * anchors[:, 2:]
    side = anchors[:, 2:] * torch.exp((offsets[..., 2:] * SPREAD[1]).clamp(-3, 3))
    return torch.cat((centre - side / 2, centre + side / 2), dim=-1)
