"""A plain convolution network trained with branches and run without them.

Source: Ding et al., "RepVGG: Making VGG-style ConvNets Great Again" (CVPR 2021), sections 3.2-3.3: each block sums a
3x3, a 1x1 and (where shapes allow) an identity branch, each with its own batch norm; the sum is one 3x3 convolution.
Plain 3x3 convolution + ReLU is what int8 kernels run best.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reid.models.se import SqueezeExcite


class RepBlock(nn.Module):
    """(N, C_in, H, W) -> (N, C_out, H / stride, W / stride), ReLU included; ``fuse`` leaves one convolution."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, se: bool = False) -> None:
        super().__init__()
        self.stride = stride
        self.conv3: nn.Conv2d | None = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        # No 1x1 branch on the image itself: three channels gain nothing by it, and torch 2.13's CPU backward of a
        # strided channels-last 1x1 convolution of three channels corrupts memory.
        point = inputs > 3
        self.conv1 = nn.Conv2d(inputs, outputs, 1, stride, 0, bias=False) if point else None
        self.norm3 = nn.BatchNorm2d(outputs)
        self.norm1 = nn.BatchNorm2d(outputs) if point else None
        self.identity = nn.BatchNorm2d(inputs) if inputs == outputs and stride == 1 else None
        self.fused: nn.Conv2d | None = None
        self.se = SqueezeExcite(outputs) if se else None

    def forward(self, x: Tensor) -> Tensor:
        if self.fused is not None:
            y: Tensor = self.fused(x)
        else:
            assert self.conv3 is not None
            y = self.norm3(self.conv3(x))
            if self.conv1 is not None and self.norm1 is not None:
                y = y + self.norm1(self.conv1(x))
            if self.identity is not None:
                y = y + self.identity(x)
        if self.se is not None:
            y = self.se(y)
        return torch.relu(y)

    @torch.no_grad()
    def fuse(self) -> None:
        """Replace the branches by the one 3x3 convolution equal to them in evaluation mode (section 3.3)."""
        if self.fused is not None:
            return
        assert self.conv3 is not None
        outputs, inputs = self.conv3.weight.shape[:2]
        kernel, bias = scaled(self.conv3.weight, self.norm3)
        if self.conv1 is not None and self.norm1 is not None:
            point, shift = scaled(self.conv1.weight, self.norm1)
            kernel[:, :, 1:2, 1:2] += point
            bias = bias + shift
        if self.identity is not None:
            eye = torch.eye(outputs, dtype=kernel.dtype, device=kernel.device)[:, :, None, None]
            point, shift = scaled(eye, self.identity)
            kernel[:, :, 1:2, 1:2] += point
            bias = bias + shift
        fused = nn.Conv2d(inputs, outputs, 3, self.stride, 1).to(kernel)
        fused.weight.copy_(kernel)
        fused.bias.copy_(bias)  # type: ignore[union-attr]
        self.fused = fused
        self.conv3 = self.conv1 = self.identity = self.norm1 = None
        self.norm3 = nn.Identity()  # type: ignore[assignment]


def scaled(weight: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """The (kernel, bias) of a bias-free convolution followed by ``norm`` in evaluation mode."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return (weight * gain[:, None, None, None]).clone(), norm.bias - norm.running_mean * gain


class RepVGG(nn.Module):
    """Features (N, features) of BGR crops (N, 3, H, W); average pooled, the last stage keeps its resolution.

    ``widths`` and ``depths``: channels and blocks of each stage; ``strides``: of each stage's first block.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (32, 64, 128, 256),
        depths: tuple[int, ...] = (1, 2, 3, 2),
        strides: tuple[int, ...] = (2, 2, 2, 1),
        features: int = 512,
        se: bool = False,
    ) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        inputs = 3
        for width, depth, stride in zip(widths, depths, strides, strict=True):
            for index in range(depth):
                blocks.append(RepBlock(inputs, width, stride if index == 0 else 1, se))
                inputs = width
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Sequential(nn.Conv2d(inputs, features, 1, bias=False), nn.BatchNorm2d(features), nn.ReLU())
        self.features = features

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.last(self.blocks(x))
        return y.mean(dim=(2, 3))

    def fuse(self) -> None:
        """Fuse every block for running."""
        for block in self.blocks:
            if isinstance(block, RepBlock):
                block.fuse()
