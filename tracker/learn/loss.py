"""What an anchor should say, and how wrong it is: matching, focal loss or hard negatives, smooth L1 or GIoU."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from tracker.learn.net import decoded

Classify = Literal["focal", "ohem"]
Localise = Literal["giou", "smooth-l1"]

MATCHED, BACKGROUND = 0.5, 0.4  # IoU of an anchor with an object: from here on it is its own; below, it is background
NEGATIVES = 3  # hard ones for each positive, with "ohem" (Shrivastava et al. 2016; SSD, section 2.2)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """(N, M) of boxes (N, 4) and (M, 4), corners."""
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = (high - low).clamp(min=0).prod(dim=2)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).clamp(min=0).prod(dim=1) for x in (a, b))
    return inter / (area_a[:, None] + area_b[None] - inter).clamp(min=1e-9)


def matched(corners: Tensor, boxes: Tensor, doubtful: Tensor) -> Tensor:
    """(A,) for each anchor (A, 4): the object that it stands for, -1 for background, -2 to leave it out.

    Every object gets its best anchor, however little that overlaps it (SSD, section 2.2).
    """
    out = torch.full((len(corners),), -1)
    if len(doubtful):
        out[iou(corners, doubtful).amax(dim=1) > BACKGROUND] = -2
    if len(boxes):
        overlap = iou(corners, boxes)
        best, which = overlap.max(dim=1)
        out[(best >= BACKGROUND) & (best < MATCHED)] = -2
        out[best >= MATCHED] = which[best >= MATCHED]
        out[overlap.argmax(dim=0)] = torch.arange(len(boxes))
    return out


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
    targets: Tensor,
    boxes: list[Tensor],
    kinds: list[Tensor],
    *,
    classify: Classify = "focal",
    localise: Localise = "giou",
) -> Tensor:
    """The loss of a batch.

    logits (N, A, C), offsets (N, A, 4), anchors (A, 4) centre and sides, targets (N, A) of ``matched``; boxes and kinds
    of each image's objects
    """
    want = torch.zeros_like(logits)
    aim = torch.zeros(*targets.shape, 4)
    for n, (own, kind) in enumerate(zip(boxes, kinds, strict=True)):
        at = torch.nonzero(targets[n] >= 0)[:, 0]
        if len(at):
            want[n, at, kind[targets[n, at]]] = 1
            aim[n, at] = own[targets[n, at]]
    positive, used = targets >= 0, targets > -2
    count = positive.sum().clamp(min=1)
    each = F.binary_cross_entropy_with_logits(logits, want, reduction="none")
    if classify == "focal":  # Lin et al. 2017: alpha .25, gamma 2
        p = torch.sigmoid(logits)
        sure = torch.where(want > 0, p, 1 - p)
        each = torch.where(want > 0, 0.25, 0.75) * (1 - sure) ** 2 * each * 4
        classes = (each.sum(dim=2) * used).sum() / count
    else:
        own = each.sum(dim=2)
        hard = torch.where(positive | ~used, torch.zeros_like(own), own)
        keep = min(int(NEGATIVES * count), hard.numel())
        classes = ((own * positive).sum() + hard.flatten().topk(keep).values.sum()) / count
    if not positive.any():
        return classes
    if localise == "giou":
        places = giou_loss(decoded(offsets, anchors)[positive], aim[positive]).sum() / count
    else:
        found = decoded(offsets, anchors)[positive]
        sides = anchors[:, 2:].expand(len(targets), -1, 2)[positive].repeat(1, 2)
        places = F.smooth_l1_loss(found / sides, aim[positive] / sides, reduction="sum", beta=0.1) / count
    return classes + 2 * places
