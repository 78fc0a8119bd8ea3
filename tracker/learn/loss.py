"""What a cell should say, and how wrong it is: assignment, focal loss or hard negatives, smooth L1 or GIoU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from tracker.learn.net import STRIDE, decoded

Classify = Literal["focal", "ohem"]
Localise = Literal["giou", "smooth-l1"]

CELLS = 8  # at most that stand for one object
SURE, PLACED = 0.5, 4.0  # exponents of score and IoU in the choice of them
DOUBTFUL = 0.4  # IoU from which a cell is left out for a doubtful box
IDENTITY = 0.2  # weight of telling identities apart
NEGATIVES = 3  # hard ones for each positive, with "ohem" (Shrivastava et al. 2016; SSD, section 2.2)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """(..., N, M) of boxes (..., N, 4) and (..., M, 4), corners."""
    low = torch.maximum(a[..., :, None, :2], b[..., None, :, :2])
    high = torch.minimum(a[..., :, None, 2:], b[..., None, :, 2:])
    inter = (high - low).clamp(min=0).prod(dim=-1)
    area_a, area_b = ((x[..., 2:] - x[..., :2]).clamp(min=0).prod(dim=-1) for x in (a, b))
    return inter / (area_a[..., :, None] + area_b[..., None, :] - inter).clamp(min=1e-9)


@dataclass(eq=False)
class Targets:
    """What is in the images of a batch, padded to the image with the most.

    boxes     (N, K, 4) corners, in pixels
    kinds     (N, K) classes
    ids       (N, K) identities, from 0
    trust     (N, K) how sure whoever labelled it was, 0..1; 0 is padding
    doubtful  (N, D, 4); padding has no area
    """

    boxes: Tensor
    kinds: Tensor
    ids: Tensor
    trust: Tensor
    doubtful: Tensor


@torch.no_grad()
def assigned(scores: Tensor, found: Tensor, anchors: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
    """Which cells stand for which object, by what they say themselves (TOOD, Feng et al. 2021, section 3.2).

    scores   (N, A, C), 0..1
    found    (N, A, 4) corners
    anchors  (A, 4) centre and sides

    Returns for each cell (N, A) the object, -1 for background and -2 to leave it out, and how well it says it beside
    the best cell of that object, 0..1.
    """
    which, aim = torch.full(scores.shape[:2], -1), torch.zeros(scores.shape[:2])
    if targets.boxes.shape[1]:
        which, aim = _best_cells(scores, found, anchors, targets)
    if targets.doubtful.shape[1]:
        unsure = (iou(found, targets.doubtful) > DOUBTFUL).any(dim=2)
        which = torch.where(unsure & (which < 0), torch.full_like(which, -2), which)
    return which, aim


def _best_cells(scores: Tensor, found: Tensor, anchors: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
    """``assigned`` without doubtful boxes, where there is an object."""
    place, boxes = anchors[None, :, None, :2], targets.boxes
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    half = ((boxes[..., 2:] - boxes[..., :2]) / 2).clamp(min=STRIDE * 0.75)  # so that each has a cell
    inside = ((place - middle[:, None]).abs() < half[:, None]).all(dim=-1) & (targets.trust > 0)[:, None]
    overlap = iou(found, boxes) * inside
    own = scores.gather(2, targets.kinds[:, None].expand(-1, scores.shape[1], -1))
    nearest = 1e-9 * inside / (1 + (place - middle[:, None]).square().sum(dim=-1))  # where nothing overlaps yet
    metric = own**SURE * overlap**PLACED * inside + nearest
    least = metric.topk(min(CELLS, metric.shape[1]), dim=1).values[:, -1:]
    chosen = (metric >= least) & (metric > 0)
    metric = metric * chosen
    best, which = torch.where(chosen, overlap + 1e-6, torch.zeros_like(overlap)).max(dim=2)
    share = (metric / metric.amax(dim=1, keepdim=True).clamp(min=1e-12)).gather(2, which[..., None])[..., 0]
    return torch.where(best > 0, which, -1), torch.where(best > 0, share, 0.0)


def giou_loss(a: Tensor, b: Tensor) -> Tensor:
    """(N,) 1 - GIoU of boxes (N, 4) (Rezatofighi et al. 2019)."""
    inter = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(dim=1)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).clamp(min=0).prod(dim=1) for x in (a, b))
    union = (area_a + area_b - inter).clamp(min=1e-9)
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(dim=1).clamp(min=1e-9)
    return 1 - inter / union + (hull - union) / hull


def loss_of(
    logits: Tensor,
    offsets: Tensor,
    anchors: Tensor,
    targets: Targets,
    *,
    classify: Classify = "focal",
    localise: Localise = "giou",
    shares: Tensor | None = None,
) -> Tensor:
    """The loss of a batch.

    logits (N, A, C), offsets (N, A, 4), anchors (A, 4) centre and sides; shares (N, A, I) of each cell in the
    identities, as logits, or None where no embeddings are learned
    """
    found = decoded(offsets, anchors)
    p = torch.sigmoid(logits)
    which, aim = assigned(p.detach(), found.detach(), anchors, targets)
    positive, used = which >= 0, which > -2
    want = torch.zeros_like(logits)
    image, cell = torch.nonzero(positive, as_tuple=True)
    at = which[image, cell]
    want[image, cell, targets.kinds[image, at]] = aim[image, cell] * targets.trust[image, at]
    total = aim.sum().clamp(min=1)
    each = F.binary_cross_entropy_with_logits(logits, want, reduction="none")
    if classify == "focal":  # its form for targets between 0 and 1 (Li et al. 2020, arXiv 2006.04388, section 3.1)
        loss = ((want - p).abs() ** 2 * each * 4 * used[..., None]).sum() / total
    else:
        own = each.sum(dim=2)
        hard = torch.where(positive | ~used, torch.zeros_like(own), own)
        keep = min(int(NEGATIVES * positive.sum().clamp(min=1)), hard.numel())
        loss = ((own * positive).sum() + hard.flatten().topk(keep).values.sum()) / total
    if not len(image):
        return loss
    boxes, goal, weight = found[image, cell], targets.boxes[image, at], aim[image, cell].clamp(min=0.05)
    loss = loss + 2 * (_places(boxes, goal, anchors[cell], localise) * weight).sum() / total
    if shares is not None:
        own = F.cross_entropy(shares[image, cell], targets.ids[image, at], reduction="none")
        loss = loss + IDENTITY * (own * weight).sum() / weight.sum()
    return loss


def _places(boxes: Tensor, goal: Tensor, anchors: Tensor, localise: Localise) -> Tensor:
    """(N,) how far boxes (N, 4) are from what they should be."""
    if localise == "giou":
        return giou_loss(boxes, goal)
    sides = anchors[:, 2:].repeat(1, 2)
    return F.smooth_l1_loss(boxes / sides, goal / sides, reduction="none", beta=0.1).sum(dim=1)
