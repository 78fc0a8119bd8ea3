"""Where labels go: beside their box, never over a neighbour's head, and clear of each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.arrays import FloatArray, IntArray

Place = tuple[int, int, int, int]  # left, top, right, bottom in pixels

# The head: the middle part of a box's top.
HEAD_WIDTH, HEAD_HEIGHT = 0.7, 0.2
HEADS, LABELS, BODIES = 50.0, 20.0, 1.0  # cost of covering them whole
STAY = 1.5  # what a label's last place is worth, so that it does not flicker
PREFERENCE = np.array([0, 0.3, 0.3, 0.8, 1.0, 1.2, 1.2, 1.6, 1.6, 1.0, 1.4])  # of the places in ``_candidates``


def heads_of(boxes: FloatArray | IntArray) -> FloatArray:
    """(4, N) left, top, right and bottom of the heads of upright people in boxes (N, 4)."""
    left, top, right, bottom = boxes.T
    side = (right - left) * (1 - HEAD_WIDTH) / 2
    return np.stack((left + side, top, right - side, top + (bottom - top) * HEAD_HEIGHT))


def places_of(
    boxes: IntArray, labels: IntArray, size: tuple[int, int], last: list[int], taken: list[Place]
) -> tuple[list[Place | None], list[int]]:
    """The place of each label, and which of the candidates it is.

    boxes   (N, 4) in pixels; the first ones choose first
    labels  (N, 2) width and height; size: those of the image
    last    the candidate of each in the last frame, -1 where there was none
    taken   places that are taken already

    A label that nowhere beside its box leaves the heads of the others free has no place: None, -1.
    """
    if not len(boxes):
        return [], []
    candidates = _candidates(boxes, labels, size)
    shares = _shares(candidates, np.concatenate((heads_of(boxes), boxes.T), axis=1))
    n, own = len(boxes), np.arange(len(boxes))
    heads = shares[:, :, :n]
    own_heads = heads[own, :, own]  # a copy
    heads[own, :, own] = 0.0
    cost = PREFERENCE + HEADS / 10 * own_heads + BODIES * shares[:, :, n:].sum(axis=2)
    for k, known in enumerate(last):
        if known >= 0:
            cost[k, known] -= STAY
    cost[heads.any(axis=2)] = np.inf
    order, costs = cost.argsort(axis=1, kind="stable").tolist(), cost.tolist()
    rows = candidates.transpose(1, 2, 0).tolist()
    chosen: list[Place | None] = []
    which: list[int] = []
    used = list(taken)
    for k in range(n):
        best, at = np.inf, -1
        for c in order[k]:
            if costs[k][c] >= best:
                break
            total = costs[k][c] + LABELS * _covered(rows[k][c], used)
            if total < best:
                best, at = total, c
        which.append(at)
        if at < 0:
            chosen.append(None)
            continue
        left, top, right, bottom = rows[k][at]
        chosen.append((left, top, right, bottom))
        used.append((left, top, right, bottom))
    return chosen, which


@dataclass(frozen=True)
class Occupied:
    """What an overlay should not cover.

    heads   (4, N) left, top, right and bottom of the heads on screen; labels: the places of labels
    """

    heads: FloatArray
    labels: list[Place]


def best_of(
    places: IntArray, size: tuple[int, int], occupied: Occupied, taken: list[Place], last: int
) -> tuple[Place, int]:
    """Of places (C, 2), left and top, the one that covers least of what is occupied; and its number.

    size   width and height of the label; the places are inside the image
    taken  places that are taken for certain
    last   the number of the last frame's: it is kept while it covers nothing. Of equals the first is taken
    """
    wide, high = size
    boxes = np.concatenate((places, places + (wide, high)), axis=1)
    cost = np.array(
        [HEADS * _covered(place, taken) + LABELS / 4 * _covered(place, occupied.labels) for place in boxes.tolist()]
    )
    cost += HEADS * _shares(boxes.T[:, None], occupied.heads)[0].sum(axis=1)
    if 0 <= last < len(cost):
        cost[last] -= STAY
    best = int(cost.argmin())
    left, top, right, bottom = boxes[best].tolist()
    return (left, top, right, bottom), best


def _candidates(boxes: IntArray, labels: IntArray, size: tuple[int, int]) -> IntArray:
    """(4, N, C) left, top, right and bottom of places beside each box and in it, inside the image."""
    left, top, right, bottom = boxes.T
    wide, high = labels.T
    over, middle, end, beside = top - high, (left + right - wide) // 2, right - wide, left - wide
    waist, chest = (top + bottom - high) // 2, top + (bottom - top) * 3 // 10
    x = np.array((left, middle, end, left, right, beside, left, right, beside, left, end)).T
    y = np.array((over, over, over, bottom, chest, chest, chest, waist, waist, bottom - high, bottom)).T
    x = np.maximum(np.minimum(x, (size[0] - wide)[:, None]), 0)
    y = np.maximum(np.minimum(y, (size[1] - high)[:, None]), 0)
    return np.stack((x, y, x + wide[:, None], y + high[:, None]))


def _shares(places: IntArray, others: FloatArray) -> FloatArray:
    """(N, C, M) the share of each place (4, N, C) that each of the others (4, M) lies under."""
    left, top, right, bottom = places.astype(np.float32)[..., None]
    x, y, r, b = others.astype(np.float32)
    wide = np.maximum(np.minimum(right, r) - np.maximum(left, x), 0)
    high = np.maximum(np.minimum(bottom, b) - np.maximum(top, y), 0)
    shares: FloatArray = wide * high / ((right - left) * (bottom - top))
    return shares


def _covered(place: list[int], taken: list[Place]) -> float:
    """The share of a place that lies over those taken."""
    left, top, right, bottom = place
    area = sum(
        (min(right, r) - max(left, x)) * (min(bottom, b) - max(top, y))
        for x, y, r, b in taken
        if x < right and left < r and y < bottom and top < b
    )
    return area / max((right - left) * (bottom - top), 1)
