"""Boxes as plain arrays: overlap and conversions. The format is in every function's name.

``xyxy``  left, top, right, bottom, in pixels (continuous: a box from 0 to 10 is 10 wide)
``ltwh``  left, top, width, height (MOTChallenge text)
``xywh``  centre x, centre y, width, height (BoT-SORT)
``xyah``  centre x, centre y, aspect ratio width/height, height (DeepSORT)
``xysr``  centre x, centre y, area, aspect ratio width/height (SORT)

All functions take (N, 4) arrays, one box per row, and return new arrays; inputs are never modified.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def ltwh_to_xyxy(boxes: FloatArray) -> FloatArray:
    """(N, 4) left, top, width, height -> (N, 4) left, top, right, bottom."""
    out = boxes.copy()
    out[:, 2:] += boxes[:, :2]
    return out


def xyxy_to_ltwh(boxes: FloatArray) -> FloatArray:
    """(N, 4) left, top, right, bottom -> (N, 4) left, top, width, height."""
    out = boxes.copy()
    out[:, 2:] -= boxes[:, :2]
    return out


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


def xyxy_to_xyah(boxes: FloatArray) -> FloatArray:
    """(N, 4) left, top, right, bottom -> (N, 4) centre x, centre y, width/height, height."""
    out = xyxy_to_xywh(boxes)
    out[:, 2] /= out[:, 3]
    return out


def xyah_to_xyxy(boxes: FloatArray) -> FloatArray:
    """(N, 4) centre x, centre y, width/height, height -> (N, 4) left, top, right, bottom."""
    out = boxes.copy()
    out[:, 2] *= out[:, 3]
    return xywh_to_xyxy(out)


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


def area_xyxy(boxes: FloatArray) -> FloatArray:
    """(N, 4) left, top, right, bottom -> (N,) areas in square pixels."""
    size = boxes.T[2:] - boxes.T[:2]
    areas: FloatArray = size[0] * size[1]
    return areas


def _intersection_union(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    at, bt = a.T, b.T
    # x and y on the first axis: every operation then runs over contiguous rows.
    size = np.minimum(at[2:, :, None], bt[2:, None, :])
    size -= np.maximum(at[:2, :, None], bt[:2, None, :])
    np.maximum(size, 0.0, out=size)
    intersection: FloatArray = np.multiply(size[0], size[1], out=size[0])
    union = np.add.outer(area_xyxy(a), area_xyxy(b))
    union -= intersection
    return intersection, union


def iou_xyxy(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over union of every pair: (N, 4) x (M, 4) -> (N, M) in 0..1. Boxes must have positive area."""
    intersection, union = _intersection_union(a, b)
    intersection /= union
    return intersection


def iou_pairs_xyxy(a: FloatArray, b: FloatArray) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """The pairs of (N, 4) x (M, 4) boxes that overlap: rows (K,), ascending, columns (K,) and their IoU (K,).

    A sweep along x finds the few pairs that can, so that time and memory grow with those and not with N x M.
    """
    at, bt = a.T, b.T
    if len(a) == 0 or len(b) == 0:
        none = np.empty(0, dtype=np.int64)
        return none, none, np.empty(0)
    rows, columns = _all_pairs(len(a), len(b)) if len(a) * len(b) <= FEW_PAIRS else _pairs_along_x(at, bt)
    p, q = at.take(rows, axis=1), bt.take(columns, axis=1)
    size = np.minimum(p[2:], q[2:])
    size -= np.maximum(p[:2], q[:2])
    touching = ((size[0] > 0) & (size[1] > 0)).nonzero()[0]
    intersection = (size[0] * size[1]).take(touching)
    p, q = p.take(touching, axis=1), q.take(touching, axis=1)
    union = area_xyxy(p.T) + area_xyxy(q.T)
    union -= intersection
    intersection /= union
    return rows.take(touching), columns.take(touching), intersection


FEW_PAIRS = 400  # up to here, looking at all pairs is cheaper than looking for candidates


@lru_cache(maxsize=64)
def _all_pairs(n: int, m: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rows, columns = np.arange(n).repeat(m), np.tile(np.arange(m), n)
    rows.flags.writeable = columns.flags.writeable = False
    return rows, columns


def _pairs_along_x(at: FloatArray, bt: FloatArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of (4, N) and (4, M) boxes that may overlap along x, no overlapping one left out; rows ascending."""
    # Sorted by their left edges, the candidates of a box are neighbours: those left of its right edge, from the first
    # that could reach its left edge.
    order = bt[0].argsort(kind="stable")
    lefts = bt[0].take(order)
    widest = (bt[2] - bt[0]).max()
    first = lefts.searchsorted(at[0] - widest)
    count = lefts.searchsorted(at[2]) - first
    rows = np.arange(len(first)).repeat(count)
    shift = first - count.cumsum() + count
    return rows, order.take(np.arange(len(rows)) + shift.take(rows))


def giou_xyxy(a: FloatArray, b: FloatArray) -> FloatArray:
    """Generalised IoU of every pair: (N, 4) x (M, 4) -> (N, M) in -1..1 (Rezatofighi 2019, eq. 4)."""
    intersection, union = _intersection_union(a, b)
    hull = np.maximum(a[:, None, 2:], b[None, :, 2:]) - np.minimum(a[:, None, :2], b[None, :, :2])
    hull_area = hull[..., 0] * hull[..., 1]
    giou: FloatArray = intersection / union - (hull_area - union) / hull_area
    return giou
