"""Made paths: people 60 pixels tall whose foot points go through given points."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from tracker.arrays import FloatArray
from tracker.rows import Rows, as_rows

HEIGHT, WIDTH = 60.0, 24.0


def walk(*points: Sequence[float], speed: float = 4.0) -> FloatArray:
    """(n, 2) foot points along straight lines between points, ``speed`` pixels apart."""
    legs = []
    for a, b in pairwise(points):
        start, end = np.array(a, dtype=float), np.array(b, dtype=float)
        steps = max(1, round(float(np.hypot(*(end - start))) / speed))
        legs.append(start + np.linspace(0, 1, steps, endpoint=False)[:, None] * (end - start))
    return np.concatenate([*legs, np.array(points[-1:], dtype=float)])


def rows_of(*paths: FloatArray, first: Sequence[int] | None = None, without: ArrayLike = ()) -> Rows:
    """Rows of people with ids 1, 2, ..., from frame 1, or from ``first``; frames ``without`` are missing."""
    frames, ids, boxes = [], [], []
    for k, feet in enumerate(paths):
        start = 1 if first is None else first[k]
        frames.append(start + np.arange(len(feet)))
        ids.append(np.full(len(feet), k + 1))
        x, y = feet.T
        boxes.append(np.column_stack((x - WIDTH / 2, y - HEIGHT, x + WIDTH / 2, y)))
    rows = as_rows(np.concatenate(frames), np.concatenate(ids), np.concatenate(boxes))
    return rows.select(~np.isin(rows.frames, np.asarray(without, dtype=int)))
