"""Boxes as plain arrays: overlap and conversions. The format is in every function's name.

``xyxy``  left, top, right, bottom, in pixels (continuous: a box from 0 to 10 is 10 wide)
``ltwh``  left, top, width, height (MOTChallenge text)
``xywh``  centre x, centre y, width, height (BoT-SORT)
``xyah``  centre x, centre y, aspect ratio width/height, height (DeepSORT)
``xysr``  centre x, centre y, area, aspect ratio width/height (SORT)

All functions take (N, 4) arrays, one box per row, and return new arrays; inputs are never modified.
"""

from __future__ import annotations

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

    In real scenes few pairs do, and only for those is more than four comparisons computed.
    """
    at, bt = a.T, b.T
    overlap = np.less.outer(at[0], bt[2])
    overlap &= np.greater.outer(at[2], bt[0])
    overlap &= np.less.outer(at[1], bt[3])
    overlap &= np.greater.outer(at[3], bt[1])
    rows, columns = overlap.nonzero()
    p, q = at.take(rows, axis=1), bt.take(columns, axis=1)
    size = np.minimum(p[2:], q[2:])
    size -= np.maximum(p[:2], q[:2])
    intersection = size[0] * size[1]
    union = area_xyxy(p.T) + area_xyxy(q.T)
    union -= intersection
    intersection /= union
    return rows, columns, intersection


def giou_xyxy(a: FloatArray, b: FloatArray) -> FloatArray:
    """Generalised IoU of every pair: (N, 4) x (M, 4) -> (N, M) in -1..1 (Rezatofighi 2019, eq. 4)."""
    intersection, union = _intersection_union(a, b)
    hull = np.maximum(a[:, None, 2:], b[None, :, 2:]) - np.minimum(a[:, None, :2], b[None, :, :2])
    hull_area = hull[..., 0] * hull[..., 1]
    giou: FloatArray = intersection / union - (hull_area - union) / hull_area
    return giou
