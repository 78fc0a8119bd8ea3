"""Results of a sequence's second half, numbered from 1, beside the ground truth of all of it."""

from __future__ import annotations

import numpy as np

from tracker.arrays import FloatArray
from tracker.boxes import iou_pairs_xyxy
from tracker.rows import Rows

SAMPLES = 25  # frames looked at
LEAST, TIMES = 0.3, 2.0  # share of boxes that fit in the second half, and how many times those of the first


def second_half(results: Rows, gt: Rows, length: int) -> bool:
    """Whether results fit the second half of the ground truth much better than the frames that they name.

    length  frames of the sequence. The half is that of ``tracker.study.split``: it begins after ``length // 2 + 1``
    """
    half = length // 2 + 1
    if not len(results) or results.last_frame > length - half or gt.last_frame <= half:
        return False
    results, gt = results.by_frame(), gt.by_frame()
    numbers = np.unique(results.frames)
    some = numbers[np.unique(np.linspace(0, len(numbers) - 1, SAMPLES).astype(int))].tolist()
    here, later = (sum(_fitting(results, gt, frame, frame + shift) for frame in some) for shift in (0, half))
    boxes = int(np.isin(results.frames, some).sum())
    return later >= LEAST * boxes and later > TIMES * here


def _fitting(results: Rows, gt: Rows, frame: int, at: int) -> int:
    """How many boxes of a frame of the results overlap one of the ground truth's frame ``at`` by half."""
    mine, true = (_boxes(rows, number) for rows, number in ((results, frame), (gt, at)))
    rows, _, _ = iou_pairs_xyxy(mine, true, 0.5)
    return len(np.unique(rows))


def _boxes(rows: Rows, frame: int) -> FloatArray:
    start, stop = np.searchsorted(rows.frames, (frame, frame + 1))
    return rows.boxes[start:stop]
