"""One box per object: of several boxes of one object the best is kept, or their scores decay, or they are merged."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracker.arrays import FloatArray, IntArray
from tracker.boxes import iou_pairs_xyxy, iou_xyxy

SIGMA = 0.5  # of the Gaussian decay, the paper's

# What ``--nms`` takes, and the line that explains it.
NMS = {
    "per-object": "per class, then twins of different classes become one (tracker/detect/twins.py)",
    "per-class": "per class: boxes of different classes never suppress each other",
    "agnostic": "whatever the classes",
    "soft": "Soft-NMS per class with Gaussian decay, then as per-object",
    "soft-linear": "Soft-NMS per class with linear decay, then as per-object",
}


def thin_xyxy(boxes: FloatArray, scores: FloatArray, classes: IntArray, iou: float) -> IntArray:
    """Greedy non-maximum suppression per class: indices of the boxes that stay, best score first.

    boxes (N, 4) xyxy of positive size, scores (N,), classes (N,). A box is removed where one of its class that stays,
    with a better score, overlaps it by more than ``iou``. OpenCV's routine is 3 to 4 times faster here than the loop in
    numpy (60 boxes: 25 against 108 us; 3,000: 4.7 against 15 ms).
    """
    if len(boxes) < 2:
        return np.arange(len(boxes))
    import cv2

    ltwh: Any = boxes.copy()  # OpenCV's stubs ask for lists, and its code takes arrays
    ltwh[:, 2:] -= boxes[:, :2]
    # OpenCV separates the classes by adding the largest coordinate, which only works when none is negative.
    ltwh[:, :2] -= ltwh[:, :2].min(axis=0)
    ranks: Any = scores
    kinds: Any = classes.astype(np.int32)
    keep = cv2.dnn.NMSBoxesBatched(ltwh, ranks, kinds, -np.inf, iou)
    return np.asarray(keep, dtype=np.int64).reshape(-1)


def soften_xyxy(
    boxes: FloatArray, scores: FloatArray, classes: IntArray, least: float, iou: float | None = None
) -> tuple[IntArray, FloatArray]:
    """Soft-NMS per class (Bodla 2017): indices of the boxes that stay, best first, and their scores.

    boxes (N, 4) xyxy of positive size, scores (N,) 0..1, classes (N,). The best box that is left is taken, and the
    score of each other one of its class is multiplied by 1 - IoU where their IoU is at least ``iou`` (equation 2), or
    without ``iou`` by exp(-IoU^2 / SIGMA) (equation 3). Boxes whose score falls below ``least`` go.
    """
    left, right, overlap = iou_pairs_xyxy(boxes, boxes)
    same = (left != right) & (classes[left] == classes[right])
    left, right, overlap = left[same], right[same], overlap[same]
    factors = np.exp(-(overlap**2) / SIGMA) if iou is None else np.where(overlap >= iou, 1 - overlap, 1.0)
    starts = np.searchsorted(left, np.arange(len(boxes) + 1)).tolist()
    scores, free = scores.copy(), np.ones(len(boxes), dtype=bool)
    order: list[int] = []
    while len(order) < len(boxes):
        best = int(np.where(free, scores, -1.0).argmax())
        if scores[best] < least:
            break
        order.append(best)
        free[best] = False
        near = slice(starts[best], starts[best + 1])
        others = right[near]
        scores[others] *= np.where(free[others], factors[near], 1.0)
    kept = np.array(order, dtype=np.int64)
    return kept, scores[kept]


def merge_xyxy(boxes: FloatArray, scores: FloatArray, iou: float) -> tuple[FloatArray, FloatArray]:
    """Boxes of one object become their mean, weighted by score: (K, 4) boxes and (K,) best scores, best first.

    boxes (N, 4) xyxy of positive size, scores (N,) positive. The best box absorbs those that overlap it by at least
    ``iou``, then the best of the rest does, and so on. A sliding window fires many times around a person, and the mean
    of these windows fits better than the best one. N is small here (tens), so the loop is over objects.
    """
    order = np.argsort(-scores, kind="stable")
    boxes, scores = boxes[order], scores[order]
    near = iou_xyxy(boxes, boxes) >= iou
    free = np.ones(len(boxes), dtype=bool)
    merged, best = [], []
    for row in range(len(boxes)):
        if not free[row]:
            continue
        group = near[row] & free
        group[row] = True
        free &= ~group
        merged.append(np.average(boxes[group], axis=0, weights=scores[group]))
        best.append(scores[row])
    return np.array(merged, dtype=np.float64).reshape(-1, 4), np.array(best, dtype=np.float64)
