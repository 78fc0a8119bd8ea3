"""What surrounds every backbone: features -> embedding -> BNNeck -> identity logits.

Source: Luo et al., "Bag of Tricks and a Strong Baseline for Deep Person Re-identification" (CVPRW 2019), section 2.6:
metric losses take the vector before the neck's batch norm, the identity loss and retrieval the one after it.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from reid.models.heads import AttributeHeads, Groups

MEAN, SCALE = 128.0, 64.0  # a mean of 128 is an exact uint8 zero point, so int8 graphs read raw pixels


class Outputs(NamedTuple):
    """``features`` (N, D) before the neck, ``embeddings`` (N, D) after it, ``logits`` (N, classes)."""

    features: Tensor
    embeddings: Tensor
    logits: Tensor


@runtime_checkable
class Fusible(Protocol):
    """A backbone that is trained with branches and runs without them."""

    def fuse(self) -> None:
        """Replace the branches by what equals them in evaluation mode; may be called again."""
        ...


class ReidNet(nn.Module):
    """``backbone``: a module (N, 3, H, W) -> (N, backbone.features). ``width``: number of values in an embedding.
    ``classes``: number of identities to tell apart in training; 0 for no logits. ``attributes``: the values of each
    attribute to tell apart as well, by name; ``heads`` reads them from the embedding."""

    def __init__(
        self, backbone: nn.Module, width: int = 128, classes: int = 0, attributes: Groups | None = None
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.width = width
        self.embed = nn.Linear(int(backbone.features), width, bias=False)  # type: ignore[arg-type]
        self.neck = nn.BatchNorm1d(width)
        self.neck.bias.requires_grad_(False)
        self.classifier = nn.Linear(width, classes, bias=False) if classes else None
        nn.init.normal_(self.embed.weight, std=0.02)
        if self.classifier is not None:
            nn.init.normal_(self.classifier.weight, std=0.001)
        self.heads = AttributeHeads(width, attributes) if attributes else None

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings (N, width), not normalised, of normalised crops (N, 3, H, W)."""
        y: Tensor = self.neck(self.embed(self.backbone(x)))
        return y

    def outputs(self, x: Tensor) -> Outputs:
        """All three vectors, for training."""
        features = self.embed(self.backbone(x))
        embeddings = self.neck(features)
        logits = self.classifier(embeddings) if self.classifier is not None else embeddings.new_zeros((len(x), 0))
        return Outputs(features, embeddings, logits)


def to_input(crops: npt.NDArray[np.uint8]) -> Tensor:
    """uint8 BGR crops (N, H, W, 3) as the normalised float32 (N, 3, H, W), channels last, that every model takes."""
    x = torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2)
    return ((x.float() - MEAN) / SCALE).contiguous(memory_format=torch.channels_last)
