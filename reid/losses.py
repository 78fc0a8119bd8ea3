"""Losses of embeddings (N, D) with identity labels (N,), or of logits (N, classes) with labels.

Sources: batch-hard, batch-all and soft-margin triplets, Hermans et al., "In Defense of the Triplet Loss" (2017),
section 2; semi-hard, Schroff et al., "FaceNet" (CVPR 2015), section 3.2; contrastive, Hadsell et al. (CVPR 2006),
section 2; quadruplet, Chen et al. (CVPR 2017), section 3.3; coupled clusters, Liu et al., "Deep Relative Distance
Learning" (CVPR 2016), section 3.2; center, Wen et al. (ECCV 2016), section 3.2; label smoothing, Szegedy et al. (CVPR
2016), section 7; SphereFace, Liu et al. (CVPR 2017); CosFace, Wang et al. (CVPR 2018); ArcFace, Deng et al. (CVPR
2019), equation 3.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reid.errors import ReidError


def distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances (N, M) of rows (N, D) and (M, D). A floor under the root keeps the gradient of equal rows
    finite."""
    squared = (a * a).sum(1)[:, None] + (b * b).sum(1)[None, :] - 2 * a @ b.T
    return squared.clamp_min(1e-12).sqrt()


def pairs(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Two masks (N, N): pairs of one identity, a row with itself left out, and pairs of different identities."""
    same = labels[:, None] == labels[None, :]
    return same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device), ~same


def hinge(gap: Tensor, margin: float | None) -> Tensor:
    """max(0, gap + margin), or the soft margin log(1 + exp(gap)) where ``margin`` is None."""
    return F.softplus(gap) if margin is None else (gap + margin).clamp_min(0)


def triplet(embeddings: Tensor, labels: Tensor, margin: float | None = 0.3, mining: str = "hard") -> Tensor:
    """Triplet loss. ``mining``: ``hard`` (per anchor the farthest positive and the nearest negative), ``semi-hard``
    (per positive pair the nearest negative beyond it, else the farthest), ``all`` (mean over non-zero triplets).
    Anchors without a positive or a negative do not count; 0 where none is left."""
    d = distances(embeddings, embeddings)
    same, other = pairs(labels)
    if mining == "hard":
        usable = same.any(1) & other.any(1)
        positive = d.masked_fill(~same, -math.inf).amax(1)[usable]
        negative = d.masked_fill(~other, math.inf).amin(1)[usable]
        return hinge(positive - negative, margin).sum() / max(1, len(positive))
    if mining == "semi-hard":
        pair = same & other.any(1)[:, None]
        positive = d[pair]
        anchor = pair.nonzero()[:, 0]
        rows, allowed = d[anchor], other[anchor]
        beyond = allowed & (rows > positive[:, None])
        nearest = rows.masked_fill(~beyond, math.inf).amin(1)
        farthest = rows.masked_fill(~allowed, -math.inf).amax(1)
        negative = torch.where(beyond.any(1), nearest, farthest)
        return hinge(positive - negative, margin).sum() / max(1, len(positive))
    if mining == "all":
        terms = hinge(d[:, :, None] - d[:, None, :], margin)[same[:, :, None] & other[:, None, :]]
        return terms.sum() / max(1, int((terms > 1e-16).sum()))
    raise ReidError(f"unknown triplet mining {mining!r}: choose hard, semi-hard or all")


def contrastive(embeddings: Tensor, labels: Tensor, margin: float = 1.0) -> Tensor:
    """Siamese contrastive loss of all pairs: half of d^2 for one identity, half of max(0, margin - d)^2 for two."""
    d = distances(embeddings, embeddings)
    same, other = pairs(labels)
    near = d[same].square().sum() / max(1, int(same.sum()))
    far = (margin - d[other]).clamp_min(0).square().sum() / max(1, int(other.sum()))
    return (near + far) / 2


def quadruplet(embeddings: Tensor, labels: Tensor, margin: float = 0.3, second: float = 0.15) -> Tensor:
    """Batch-hard triplet loss, plus a term that compares each hardest positive with the nearest pair of two other
    people."""
    d = distances(embeddings, embeddings)
    same, other = pairs(labels)
    usable = same.any(1) & other.any(1)
    if not bool(usable.any()):
        return embeddings.sum() * 0
    positive = d.masked_fill(~same, -math.inf).amax(1)
    negative = d.masked_fill(~other, math.inf).amin(1)
    first = hinge(positive - negative, margin)[usable].mean()
    # For each anchor, the nearest pair of two people, neither of them the anchor's.
    foreign = torch.stack(
        [d.masked_fill(~(other & other[i][:, None] & other[i][None, :]), math.inf).amin() for i in range(len(d))]
    )
    held = usable & torch.isfinite(foreign)
    extra = hinge(positive - foreign, second)[held]
    return first + extra.sum() / max(1, len(extra))


def coupled_clusters(embeddings: Tensor, labels: Tensor, margin: float = 0.3) -> Tensor:
    """Coupled cluster loss: half the mean of max(0, |x - c|^2 + margin - |n - c|^2) over the rows x of each identity,
    where c is the mean of that identity's rows, and n the nearest to c of all other rows. Identities with one row and
    those without another beside them do not count; 0 where none is left."""
    names, place, counts = torch.unique(labels, return_inverse=True, return_counts=True)
    member = F.one_hot(place, len(names)).to(embeddings.dtype)
    centres = member.T @ embeddings / counts[:, None]
    squared = (embeddings[:, None] - centres[None]).square().sum(2)
    own = squared.gather(1, place[:, None])[:, 0]
    nearest = squared.masked_fill(member.bool(), math.inf).amin(0)[place]
    usable = (counts[place] > 1) & torch.isfinite(nearest)
    return hinge(own[usable] - nearest[usable], margin).sum() / (2 * max(1, int(usable.sum())))


class Center(nn.Module):
    """Half the mean squared distance to the centre of each identity; centres (classes, width) are learnt."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.centers = nn.Parameter(torch.randn(classes, width) * 0.1)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        return (embeddings - self.centers[labels]).square().sum(1).mean() / 2


def softmax(logits: Tensor, labels: Tensor, smoothing: float = 0.1) -> Tensor:
    """Cross entropy with label smoothing."""
    return F.cross_entropy(logits, labels, label_smoothing=smoothing)


class AngularSoftmax(nn.Module):
    """Softmax with a margin on the hypersphere; ``kind`` is one of ``sphereface``, ``cosface``, ``arcface``.

    The target's logit is s * (cos(m1 * angle + m2) - m3), the others are s * cos(angle): ArcFace's equation 4 covers
    all three. Beyond pi / m1 the cosine is continued monotonically, as SphereFace's psi does.
    """

    MARGINS = {"sphereface": (2.0, 0.0, 0.0), "arcface": (1.0, 0.3, 0.0), "cosface": (1.0, 0.0, 0.25)}  # noqa: RUF012

    def __init__(self, kind: str, classes: int, width: int, scale: float = 30.0) -> None:
        super().__init__()
        if kind not in self.MARGINS:
            raise ReidError(f"unknown margin softmax {kind!r}: choose one of {', '.join(self.MARGINS)}")
        self.margins, self.scale = self.MARGINS[kind], scale
        self.weight = nn.Parameter(torch.randn(classes, width) * 0.01)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        cosine = F.linear(F.normalize(embeddings), F.normalize(self.weight))
        target = cosine.gather(1, labels[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
        times, angular, additive = self.margins
        angle = times * torch.acos(target) + angular
        turn = torch.floor(angle.detach() / math.pi)
        phi = torch.where(turn % 2 == 0, 1.0, -1.0) * torch.cos(angle) - 2 * turn - additive
        logits = cosine.scatter(1, labels[:, None], phi)
        return F.cross_entropy(self.scale * logits, labels)
