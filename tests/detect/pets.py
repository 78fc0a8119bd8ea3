"""Real frames of PETS09-S2L1 with their ground truth, and recall and precision on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from tracker.boxes import iou_xyxy
from tracker.io.video import open_source

SCALE = 0.625  # the video is 480x360, its ground truth 768x576


def frames(shared: Path, first: int, last: int, step: int) -> list[tuple[int, np.ndarray]]:
    """(1-based number, image) of the frames first, first + step, ... up to last."""
    found = []
    with open_source(shared / "data/video/vtest_480x360.mp4") as video:
        for frame in video:
            if frame.number > last:
                break
            if frame.number >= first and (frame.number - first) % step == 0:
                assert frame.image is not None
                found.append((frame.number, frame.image))
    return found


def people(shared: Path) -> dict[int, np.ndarray]:
    """Boxes xyxy of the people in each frame."""
    rows = np.loadtxt(shared / "data/MOT15/train/PETS09-S2L1/gt/gt.txt", delimiter=",")
    boxes = rows[:, 2:6] * SCALE
    boxes[:, 2:] += boxes[:, :2]
    return {int(number): boxes[rows[:, 0] == number] for number in np.unique(rows[:, 0])}


def recall_precision(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """Of (found boxes, true boxes) per frame, paired one to one at IoU 0.5."""
    hits = found = true = 0
    for boxes, truth in pairs:
        overlap = iou_xyxy(truth, boxes)
        rows, columns = linear_sum_assignment(np.where(overlap >= 0.5, 1 + overlap, 0), maximize=True)
        hits += int((overlap[rows, columns] >= 0.5).sum())
        found, true = found + len(boxes), true + len(truth)
    return hits / true, hits / max(found, 1)
