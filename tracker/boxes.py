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
    out = np.empty_like(boxes)
    out[:, 2:] = boxes[:, 2:] - boxes[:, :2]
    out[:, :2] = boxes[:, :2] + out[:, 2:] / 2
    return out


def xywh_to_xyxy(boxes: FloatArray) -> FloatArray:
    """(N, 4) centre x, centre y, width, height -> (N, 4) left, top, right, bottom."""
    half = boxes[:, 2:] / 2
    return np.concatenate((boxes[:, :2] - half, boxes[:, :2] + half), axis=1)


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
    out[:, 2] = w * h
    out[:, 3] = w / h
    return out


def xysr_to_xyxy(boxes: FloatArray) -> FloatArray:
    """(N, 4) centre x, centre y, area, width/height -> (N, 4) left, top, right, bottom."""
    out = boxes.copy()
    out[:, 2] = np.sqrt(boxes[:, 2] * boxes[:, 3])
    out[:, 3] = boxes[:, 2] / out[:, 2]
    return xywh_to_xyxy(out)


def area_xyxy(boxes: FloatArray) -> FloatArray:
    """(N, 4) left, top, right, bottom -> (N,) areas in square pixels."""
    areas: FloatArray = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas


def _intersection_union(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    size = np.minimum(a[:, None, 2:], b[None, :, 2:])
    size -= top_left
    np.maximum(size, 0.0, out=size)
    intersection: FloatArray = size[..., 0] * size[..., 1]
    union = area_xyxy(a)[:, None] + area_xyxy(b)[None, :]
    union -= intersection
    return intersection, union


def iou_xyxy(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over union of every pair: (N, 4) x (M, 4) -> (N, M) in 0..1. Boxes must have positive area."""
    intersection, union = _intersection_union(a, b)
    intersection /= union
    return intersection


def giou_xyxy(a: FloatArray, b: FloatArray) -> FloatArray:
    """Generalised IoU of every pair: (N, 4) x (M, 4) -> (N, M) in -1..1 (Rezatofighi 2019, eq. 4)."""
    intersection, union = _intersection_union(a, b)
    hull = np.maximum(a[:, None, 2:], b[None, :, 2:]) - np.minimum(a[:, None, :2], b[None, :, :2])
    hull_area = hull[..., 0] * hull[..., 1]
    giou: FloatArray = intersection / union - (hull_area - union) / hull_area
    return giou
