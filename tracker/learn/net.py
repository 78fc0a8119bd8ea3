"""The network: rapidly digested convolutions (FaceBoxes, Zhang 2017, arXiv 1708.05234), context, one map of boxes.

Strides of 4 and 2 shrink the image fast, the first with CReLU (Shang et al. 2016), which doubles the channels for
nothing. Residual blocks at stride 16 see the surroundings, and what they know is added to the map of stride 8, each
of whose cells stands for one box (Tian et al. 2019, FCOS).
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from tracker.arrays import FloatArray

STRIDE = 8  # of the map of boxes
SPREAD = (1.0, 0.5)  # units of the offsets of a centre, in strides, and of the logarithm of a side


class CReLU(nn.Module):
    """Convolution, batch norm, and ReLU of both signs: (N, 2 C, H, W)."""

    def __init__(self, into: int, out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(into, out, kernel, stride, (kernel - stride + 1) // 2, bias=False)
        self.norm = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x))
        return torch.relu(torch.cat((y, -y), dim=1))

    def plain(self, scale: float) -> nn.Sequential:
        """The same function of ``scale`` times its input as one convolution and ReLU, which runtimes fuse."""
        conv = fuse_conv_bn_eval(self.conv, self.norm)
        assert conv.bias is not None
        both = nn.Conv2d(conv.in_channels, 2 * conv.out_channels, conv.kernel_size, conv.stride, conv.padding)  # type: ignore[arg-type]
        assert both.bias is not None
        with torch.no_grad():
            both.weight.copy_(torch.cat((conv.weight, -conv.weight)) * scale)
            both.bias.copy_(torch.cat((conv.bias, -conv.bias)))
        return nn.Sequential(both, nn.ReLU())


def block(into: int, out: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(into, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)
    )


class Residual(nn.Module):
    """Two blocks beside the identity; as many channels out as in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(block(width, width), block(width, width))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.blocks(x)
        return out


def _cells(map_: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, H W, C)."""
    return map_.flatten(2).permute(0, 2, 1)


class SmallNet(nn.Module):
    """Image (N, 3, H, W), 0..1, RGB, sides multiples of 16 -> logits (N, A, classes), offsets (N, A, 4), vectors.

    vectors (N, A, embedding) tell objects apart (JDE, Wang et al. 2020); None where ``embedding`` is 0.
    """

    def __init__(self, classes: int, width: int = 64, embedding: int = 0) -> None:
        super().__init__()
        self.classes = classes
        fine = 3 * width // 4
        self.digest = nn.Sequential(CReLU(3, width // 4, 4, 4), block(width // 2, fine, 3, 2))
        self.context = nn.Sequential(block(fine, width, 3, 2), Residual(width), Residual(width), block(width, fine, 1))
        self.fine = block(fine, fine)
        self.head = nn.Conv2d(fine, classes + 4, 1)
        assert self.head.bias is not None
        with torch.no_grad():  # at first nothing is an object (Lin et al. 2017, section 4.1)
            self.head.weight.mul_(0.1)
            self.head.bias.zero_()
            self.head.bias[:classes] = -float(np.log(99))
        self.identity = (
            nn.Conv2d(fine, embedding, 1) if embedding else None
        )  # last: what is drawn before stays the same

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        map_ = self.digest(x)
        map_ = self.fine(map_ + F.interpolate(self.context(map_), scale_factor=2.0))
        y = _cells(self.head(map_))
        vectors = None if self.identity is None else _cells(self.identity(map_))
        return y[..., : self.classes], y[..., self.classes :], vectors

    def deployed(self) -> SmallNet:
        """A copy for inference of images 0..255, with fewer operators."""
        net = deepcopy(self).eval()
        first = net.digest[0]
        assert isinstance(first, CReLU)
        net.digest[0] = first.plain(1 / 255)
        return net


@dataclass(frozen=True)
class Anchors:
    """The box that a cell stands for before it is trained: one size, centred in each cell."""

    width: float
    height: float

    def boxes(self, size: tuple[int, int]) -> FloatArray:
        """(A, 4) centre x, y, width, height for an input of (height, width), row after row."""
        y, x = np.mgrid[: size[0] // STRIDE, : size[1] // STRIDE].reshape(2, -1)
        side = np.ones(len(x))
        return np.stack([(x + 0.5) * STRIDE, (y + 0.5) * STRIDE, side * self.width, side * self.height], axis=1)


def anchors_for(boxes: FloatArray) -> Anchors:
    """The median size of labelled boxes (N, 4) in pixels of the input."""
    width, height = np.median(boxes[:, 2:] - boxes[:, :2], axis=0).tolist()
    return Anchors(max(width, 1.0), max(height, 1.0))


def decoded(offsets: Tensor, anchors: Tensor) -> Tensor:
    """Offsets (..., A, 4) and anchors (A, 4) -> corners (..., A, 4) in pixels."""
    centre = anchors[:, :2] + offsets[..., :2] * (SPREAD[0] * STRIDE)
    side = anchors[:, 2:] * torch.exp((offsets[..., 2:] * SPREAD[1]).clamp(-3, 3))
    return torch.cat((centre - side / 2, centre + side / 2), dim=-1)
