"""Structured pruning of a fused RepVGG: whole channels are removed, so that every runtime is faster.

Source: Li et al., "Pruning Filters for Efficient ConvNets" (ICLR 2017), section 3.1: the filters with the smallest sum
of absolute weights go first. Fine-tune afterwards (``train.fit`` or ``distil.distil`` with the returned model).
"""

from __future__ import annotations

import copy

import torch
from torch import nn

from reid.errors import ReidError
from reid.export import ready
from reid.models import ReidNet
from reid.models.repvgg import RepBlock, RepVGG


def prune(net: ReidNet, share: float, multiple: int = 16) -> ReidNet:
    """A smaller copy of ``net`` without ``share`` (0..1) of each block's channels. The number kept is rounded to a
    ``multiple``, because int8 kernels work in such groups. The copy is fused: plain convolutions, no branches, no batch
    norm.

    Raises:
        ReidError: not a RepVGG without gates, or a share outside 0 <= share < 1.
    """
    if not 0 <= share < 1:
        raise ReidError(f"the share to prune must be at least 0 and below 1, not {share}")
    small = ready(net)
    backbone = small.backbone
    if not isinstance(backbone, RepVGG) or any(isinstance(b, RepBlock) and b.se is not None for b in backbone.blocks):
        raise ReidError("only repvgg models without se can be pruned: their blocks are plain convolutions")
    kept: torch.Tensor | None = None
    with torch.no_grad():
        for block in backbone.blocks:
            assert isinstance(block, RepBlock)
            assert block.fused is not None
            kept = narrow(block.fused, kept, share, multiple)
        convolution, norm = backbone.last[0], backbone.last[1]
        assert isinstance(convolution, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        assert kept is not None
        convolution.weight = nn.Parameter(convolution.weight[:, kept].clone())
        convolution.in_channels = len(kept)
    return copy.deepcopy(small)


def narrow(convolution: nn.Conv2d, inputs: torch.Tensor | None, share: float, multiple: int) -> torch.Tensor:
    """Reduce ``convolution`` to the given ``inputs`` (None for all) and to its strongest outputs, and return the
    indices of these outputs."""
    weight, bias = convolution.weight, convolution.bias
    assert bias is not None
    if inputs is not None:
        weight = nn.Parameter(weight[:, inputs])
    count = max(multiple, round(len(weight) * (1 - share) / multiple) * multiple)
    count = min(count, len(weight))
    strength = weight.abs().sum(dim=(1, 2, 3))
    kept = torch.sort(torch.argsort(strength, descending=True, stable=True)[:count]).values
    convolution.weight = nn.Parameter(weight[kept].clone())
    convolution.bias = nn.Parameter(bias[kept].clone())
    convolution.in_channels, convolution.out_channels = weight.shape[1], count
    return kept
