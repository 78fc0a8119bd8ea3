"""Boxes as plain arrays: overlap and conversions. The format is in every function's name.

``xyxy``  left, top, right, bottom, in pixels (continuous: a box from 0 to 10 is 10 wide)
``xywh``  centre x, centre y, width, height (BoT-SORT)
``xysr``  centre x, centre y, area, aspect ratio width/height (SORT)

All functions take (N, 4) arrays, one box per row, and return new arrays; inputs are never modified.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tracker.arrays import BoolArray, FloatArray, IntArray


def xyxy_to_xywh(boxes: FloatArray) -> FloatArray:
    """(N, 4) left, top, right, bottom -> (N, 4) centre x, centre y, width, height."""
    out = boxes.copy()
    out[:, 2:] -= boxes[:, :2]
    out[:, :2] += out[:, 2:] / 2
    return out


def xywh_to_xyxy(boxes: FloatArray) -> FloatArray:
    """(N, 4) centre x, centre y, width, height -> (N, 4) left, top, right, bottom."""
    out = boxes.copy()
    out[:, :2] -= boxes[:, 2:] / 2
    out[:, 2:] += out[:, :2]
    return out


def xyxy_to_xysr(boxes: FloatArray) -> FloatArray:
    """(N, 4) left, top, right, bottom -> (N, 4) centre x, centre y, area, width/height."""
    out = xyxy_to_xywh(boxes)
    w, h = out[:, 2].copy(), out[:, 3].copy()
    np.multiply(w, h, out=out[:, 2])
    np.divide(w, h, out=out[:, 3])
    return out


def xysr_to_xyxy(boxes: FloatArray) -> FloatArray:
    """(N, 4) centre x, centre y, area, width/height -> (N, 4) left, top, right, bottom."""
    out = boxes.copy()
    w = np.sqrt(boxes[:, 2] * boxes[:, 3])
    out[:, 2] = w
    np.divide(boxes[:, 2], w, out=out[:, 3])
    return xywh_to_xyxy(out)


def affine_scale(matrix: FloatArray) -> float:
    """How many times longer an affine motion (2, 3) makes a length: the square root of the change of area."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def warp_boxes(boxes: FloatArray, matrix: FloatArray) -> FloatArray:
    """(N, 4) boxes xyxy after an affine motion (2, 3) of the camera: centres move with it, sizes by its scale.

    Boxes stay upright and keep their aspect ratio.
    """
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * affine_scale(matrix)
    return np.concatenate((centres - half, centres + half), axis=1)


def area_xyxy(boxes: FloatArray) -> FloatArray:
    """(N, 4) left, top, right, bottom -> (N,) areas in square pixels."""
    size = boxes.T[2:] - boxes.T[:2]
    areas: FloatArray = size[0] * size[1]
    return areas


def iou_xyxy(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over union of every pair: (N, 4) x (M, 4) -> (N, M) in 0..1. Boxes must have positive area."""
    at, bt = a.T, b.T
    # x and y on the first axis: every operation then runs over contiguous rows.
    size = np.minimum(at[2:, :, None], bt[2:, None, :])
    size -= np.maximum(at[:2, :, None], bt[:2, None, :])
    np.maximum(size, 0.0, out=size)
    intersection: FloatArray = np.multiply(size[0], size[1], out=size[0])
    union = np.add.outer(area_xyxy(a), area_xyxy(b))
    union -= intersection
    intersection /= union
    return intersection


def iou_pairs_xyxy(a: FloatArray, b: FloatArray, least: float | None = None) -> tuple[IntArray, IntArray, FloatArray]:
    """The pairs of (N, 4) x (M, 4) boxes that overlap: rows (K,), ascending, columns (K,) and their IoU (K,).

    least: only pairs of at least that IoU, at 0 or below all N x M. Time and memory grow with the number of pairs
    that are near each other, unless all are wanted. Of more than 2 million such pairs (thousands of boxes on one spot)
    some are left out.
    """
    at, bt = a.T, b.T
    every = least is not None and least <= 0
    rows, columns = _all_pairs(len(a), len(b)) if every else _candidates(at, bt)
    p, q = at.take(rows, axis=1), bt.take(columns, axis=1)
    start, end, other_start, other_end = p[:2], p[2:], q[:2], q[2:]
    size = np.minimum(end, other_end)
    size -= np.maximum(start, other_start)
    np.maximum(size, NOTHING, out=size)
    intersection = size[0] * size[1]
    if len(rows) > FEW_PAIRS and not every:  # most candidates do not touch: what follows is for those that do
        touching = (intersection > NOTHING).nonzero()[0]  # in a third of the time of numbers
        rows, columns, intersection = rows[touching], columns[touching], intersection[touching]
        p, q = p.take(touching, axis=1), q.take(touching, axis=1)
        start, end, other_start, other_end = p[:2], p[2:], q[:2], q[2:]
    size = end - start
    union = size[0] * size[1]
    np.subtract(other_end, other_start, size)
    union += size[0] * size[1]
    union -= intersection
    intersection /= union
    if every:
        return rows, columns, intersection
    good = (intersection > NOTHING if least is None else intersection >= least).nonzero()[0]
    return rows[good], columns[good], intersection[good]


OUTSIDE = np.array(-2.0)  # cells before the first
NOTHING = np.array(0.0)  # a call with an array is cheaper than one with a number
NUMBERS = np.arange(4096)
NUMBERS.flags.writeable = False
# Up to FEW_PAIRS it is cheapest to take all pairs, up to MORE_PAIRS to search along x, beyond that to search in cells.
FEW_PAIRS, MORE_PAIRS = 400, 250_000
MOST_PAIRS = 2_000_000  # candidates: some 1,400 boxes on one spot
LARGE = 3.0  # a box this many times larger than nearly all others is searched for separately


def near_pairs_xyxy(a: FloatArray, b: FloatArray) -> tuple[IntArray, IntArray]:
    """Pairs of (N, 4) and (M, 4) boxes among which are all that overlap: rows (K,), ascending, and columns (K,)."""
    return _candidates(a.T, b.T)


def _candidates(at: FloatArray, bt: FloatArray) -> tuple[IntArray, IntArray]:
    """Pairs of (4, N) and (4, M) boxes among which are all that overlap; rows ascending."""
    n, m = at.shape[1], bt.shape[1]
    if n * m <= FEW_PAIRS:
        return _all_pairs(n, m)
    if n * m <= MORE_PAIRS:
        return _pairs_along_x(at, bt)
    sizes = at[2:] - at[:2], bt[2:] - bt[:2]
    largest = np.maximum(*(size.max(axis=1) for size in sizes))
    mean = np.maximum(*(np.add.reduce(size, axis=1) / size.shape[1] for size in sizes))
    if np.count_nonzero(largest > LARGE * mean):  # a sort is needed only then
        large, large_too = _larger_than_most(*sizes)
        if np.count_nonzero(large) or np.count_nonzero(large_too):
            return _pairs_apart(at, bt, large, large_too)
    return _pairs_in_cells(at, bt, largest)


def _larger_than_most(size: FloatArray, other: FloatArray) -> tuple[BoolArray, BoolArray]:
    """(N,) and (M,) which boxes of ``size`` (2, N) and ``other`` (2, M) are far wider or taller than nearly all.

    At most a tenth of each.
    """
    ranks = (of.shape[1] - 1 - of.shape[1] // 10 for of in (size, other))
    most = np.maximum(*(np.partition(of, k, axis=1)[:, k] for of, k in zip((size, other), ranks, strict=True)))
    limit = LARGE * most[:, None]
    return np.any(size > limit, axis=0), np.any(other > limit, axis=0)


def _pairs_apart(at: FloatArray, bt: FloatArray, large: BoolArray, large_too: BoolArray) -> tuple[IntArray, IntArray]:
    """``_candidates`` with the boxes in the masks (N,) and (M,) searched separately; neither mask may hold all.

    A cell holds the largest box: one that spans the image would make the image one cell, and every pair a candidate.
    """
    rows = columns = np.empty(0, dtype=np.int64)
    for some, others in ((~large, ~large_too), (~large, large_too), (large, np.full(len(large_too), True))):
        i, j = some.nonzero()[0], others.nonzero()[0]
        if len(i) and len(j):
            r, c = _candidates(at.take(i, axis=1), bt.take(j, axis=1))
            rows, columns = np.concatenate((rows, i[r])), np.concatenate((columns, j[c]))
    order = rows.argsort(kind="stable")
    return rows[order], columns[order]


def _all_pairs(n: int, m: int) -> tuple[IntArray, IntArray]:
    return _few_pairs(n, m) if n * m <= FEW_PAIRS else (np.arange(n).repeat(m), np.tile(np.arange(m), n))


@lru_cache(maxsize=256)
def _few_pairs(n: int, m: int) -> tuple[IntArray, IntArray]:
    rows, columns = np.arange(n).repeat(m), np.tile(np.arange(m), n)
    rows.flags.writeable = columns.flags.writeable = False
    return rows, columns


def _pairs_along_x(at: FloatArray, bt: FloatArray) -> tuple[IntArray, IntArray]:
    """Pairs of (4, N) and (4, M) boxes that may overlap along x, no overlapping one left out; rows ascending."""
    # Sorted by their left edges, the candidates of a box are neighbours: those left of its right edge, from the first
    # that could reach its left edge.
    left = bt[0]
    order = left.argsort()
    lefts = left.take(order)
    width = bt[2] - left
    first = lefts.searchsorted(at[0] - width[width.argmax()])
    count = lefts.searchsorted(at[2])
    count -= first
    rows, place = _runs(first, count)
    return rows, order.take(place)


def counting(n: int) -> IntArray:
    """(n,) 0, 1, 2, ..., read-only where there are not very many."""
    return NUMBERS[:n] if n <= len(NUMBERS) else np.arange(n)


def _runs(first: IntArray, count: IntArray) -> tuple[IntArray, IntArray]:
    """The numbers first, first + 1, ... of every run, and which run each is of: (3, 7), (2, 1) -> (0, 0, 1), (3, 4, 7).

    ``first`` is overwritten.
    """
    run = counting(len(count)).repeat(count)
    # The k-th number of all is number k - (those of the runs before) of its own run.
    first -= np.add.accumulate(count)
    first += count
    number = first.take(run)
    number += counting(len(run))
    return run, number


def _pairs_in_cells(at: FloatArray, bt: FloatArray, largest: FloatArray) -> tuple[IntArray, IntArray]:
    """Pairs of (4, N) and (4, M) boxes whose first corners lie in neighbouring cells of a grid; rows ascending.

    No side of a box is longer than a cell, so that boxes that overlap have their corners in one cell or in neighbours.
    ``largest`` (2,) is the greatest width and height.
    """
    a, b = at[:2], bt[:2]
    low, high = b.min(axis=1), b.max(axis=1)
    # At most a few cells per box; and a little larger, against rounding.
    cell = np.maximum(largest * (1 + 1e-6), (high - low) / (2 * np.sqrt(bt.shape[1])))
    across, down = ((high - low) / cell).astype(np.int64) + 1
    width = across + 4  # two empty cells on each side, for boxes beyond the others
    ours = (a - low[:, None]) / cell[:, None]
    np.minimum(np.maximum(ours, OUTSIDE, out=ours), np.array([[across], [down]]), out=ours)
    ax, ay = np.floor(ours).astype(np.int64) + 2
    bx, by = ((b - low[:, None]) / cell[:, None]).astype(np.int64) + 2
    cell_of = by * width + bx
    cells = width * (down + 4)
    order = (cell_of.astype(np.uint16) if cells < 1 << 16 else cell_of).argsort(kind="stable")  # short numbers: faster
    before = np.zeros(cells + 1, dtype=np.int64)  # boxes in the cells before each
    np.add.accumulate(np.bincount(cell_of, minlength=cells), out=before[1:])
    # Three cells side by side are one run of boxes; three such rows of cells are neighbours.
    rows = np.empty((len(ax), 3), dtype=np.int64)
    middle = ay * width + ax - 1
    rows[:, 0], rows[:, 1], rows[:, 2] = middle - width, middle, middle + width
    left: IntArray = rows.ravel()
    first = before.take(left, mode="clip")
    left += 3
    count = before.take(left, mode="clip") - first
    if count.sum() > MOST_PAIRS:
        first, count = _share(first, count)
    run, place = _runs(first, count)
    return run // 3, order.take(place)


def _share(first: IntArray, count: IntArray) -> tuple[IntArray, IntArray]:
    """At most MOST_PAIRS of the candidates of all runs: of each long run a window.

    Boxes that share a run have windows spread over it, so that thousands of boxes on one spot can still all match.
    """
    most = max(1, MOST_PAIRS // int(np.count_nonzero(count)))
    long = (count > most).nonzero()[0]
    long = long[first[long].argsort(kind="stable")]
    _, start, members = np.unique(first[long], return_index=True, return_counts=True)
    rank = np.arange(len(long)) - start.repeat(members)
    beyond: IntArray = count[long] - most
    skipped: IntArray = beyond * rank // np.maximum(members.repeat(members) - 1, 1)
    first[long] += skipped
    count[long] = most
    return first, count
