"""How well one detector's boxes agree with labels: average precision at an IoU of .5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tracker.arrays import FloatArray
from tracker.boxes import iou_xyxy
from tracker.detections import Detections

SAME = 0.5


def average_precision(
    found: Sequence[Detections], truth: Sequence[FloatArray], doubtful: Mapping[int, FloatArray] | None = None
) -> float:
    """AP50 of any class: area below precision over recall, precision made non-increasing (PASCAL VOC from 2010 on).

    found     of each image
    truth     (K, 4) boxes of each image
    doubtful  boxes by the place of the image: what is found there counts neither way

    NaN where there is no box in the truth.
    """
    total = sum(map(len, truth))
    if total == 0:
        return float("nan")
    scores, hits = [], []
    for place, (own, boxes) in enumerate(zip(found, truth, strict=True)):
        order = np.argsort(-own.scores, kind="stable")
        free = np.ones(len(boxes), dtype=bool)
        overlap = iou_xyxy(own.boxes[order], boxes) if len(boxes) else np.zeros((len(order), 0))
        left_out = None if doubtful is None else doubtful.get(place)
        for rank, row in enumerate(order.tolist()):
            near = np.where(free, overlap[rank], 0.0) if len(boxes) else np.zeros(1)
            best = int(near.argmax())
            hit = len(boxes) > 0 and near[best] >= SAME
            if hit:
                free[best] = False
            elif left_out is not None and iou_xyxy(own.boxes[row][None], left_out).max(initial=0.0) >= SAME:
                continue
            scores.append(float(own.scores[row]))
            hits.append(hit)
    order = np.argsort(-np.array(scores), kind="stable")
    right = np.cumsum(np.array(hits, dtype=np.float64)[order])
    recall = right / total
    precision = right / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * envelope).sum())
