"""Attributes of a person (a hat, a bag, the colour of the clothes), read from the embedding beside the identity.

Source: Lin et al., "Improving Person Re-identification by Attribute and Identity Learning" (Pattern Recognition 2019),
section 3.3: one trunk, one classifier for the identity and one for each attribute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reid.attributes import UNKNOWN

Groups = Mapping[str, Sequence[str]]  # the values of each attribute, by the attribute's name


class AttributeHeads(nn.Module):
    """One linear classifier for each attribute, of embeddings (N, width)."""

    def __init__(self, width: int, groups: Groups) -> None:
        super().__init__()
        self.sizes = [len(values) for values in groups.values()]
        self.classifier = nn.Linear(width, sum(self.sizes))

    def forward(self, embeddings: Tensor) -> Tensor:
        """The probabilities (N, values), 0..1; those of each attribute sum to 1."""
        logits = self.classifier(embeddings).split(self.sizes, dim=1)
        return torch.cat([part.softmax(1) for part in logits], dim=1)

    def loss(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The mean over the attributes of their cross entropies (equation 4); ``labels`` (N, attributes) are the places
        of the values, UNKNOWN ones do not count."""
        total = embeddings.sum() * 0
        for index, part in enumerate(self.classifier(embeddings).split(self.sizes, dim=1)):
            known = labels[:, index] != UNKNOWN
            if bool(known.any()):
                total = total + F.cross_entropy(part[known], labels[known, index])
        return total / len(self.sizes)
