"""Merging of tracklets: one object that lost its id and got another becomes one track again, with a reason.

1. ends       position, size and velocity of every track at its first and its last row, from a line through a few rows
2. candidates pairs of one class, the one ending before the other starts, not more than a gap apart
3. motion     the earlier track predicted forward, the later one backward: both must meet the other's box
4. appearance where embeddings are given: the cosine distance of the tracks' means must not exceed a limit, and
              predictions need only touch, because people who turn or stop between others are told by their looks
5. choice     the optimal assignment of ends to starts: each used once, so that chains form and never two rows a frame
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tracker.arrays import FloatArray, IntArray
from tracker.assign import assign_pairs
from tracker.refine.rows import Rows

WINDOW = 10  # rows of a track that tell its velocity
MERGE_GAP = 30.0  # frames: as long as most trackers keep a lost track
MIN_OVERLAP = 0.3  # SORT's least IoU of a prediction and its detection
TOUCHING = 0.01  # in its place where appearance speaks
MAX_DISTANCE = 0.2  # DeepSORT's largest cosine distance
STEADY = 5  # with fewer, a track has no velocity of its own and takes its partner's


@dataclass(frozen=True)
class Merge:
    """One link of two tracks of the input, and why.

    kept: id of the earlier track. merged: id of the later one, which it continues. gap: frames in between. overlap:
    the lesser IoU of the two predictions. distance: cosine distance of appearance, None where it was not looked at.
    """

    kept: int
    merged: int
    gap: int
    overlap: float
    distance: float | None = None

    def __str__(self) -> str:
        look = "" if self.distance is None else f", appearance distance {self.distance:.2f}"
        return (
            f"id {self.merged} -> id {self.kept}: gap {self.gap} frame{'' if self.gap == 1 else 's'}, "
            f"predicted boxes overlap {self.overlap:.2f}{look}"
        )


@dataclass(frozen=True, eq=False)
class _Ends:
    """One end of every track: frame (T,), centre (T, 2), size (T, 2), velocity (T, 2) a frame, NaN where unknown."""

    frames: IntArray
    centres: FloatArray
    sizes: FloatArray
    velocities: FloatArray


def merge(
    rows: Rows,
    max_gap: float = MERGE_GAP,
    min_overlap: float | None = None,
    *,
    embeddings: FloatArray | None = None,
    max_distance: float = MAX_DISTANCE,
) -> tuple[Rows, list[Merge]]:
    """The rows with merged ids, each chain under the id of its earliest track, and the links in order of time.

    max_gap: missing frames between two tracks. min_overlap: least IoU of both predictions, above 0 and up to 1; by
    default 0.3, and 0.01 for pairs with embeddings. embeddings: (T, D), one a track in order of the ids, NaN where
    there is none; pairs that have them must be within max_distance in cosine (0..2). Raises ValueError for a value out
    of range, inf, or embeddings of another number.
    """
    if not max_gap >= 0:
        raise ValueError(f"max_gap={max_gap}: give a number of frames, 0 or more")
    if min_overlap is not None and not 0 < min_overlap <= 1:
        raise ValueError(f"least overlap {min_overlap} of a merge: give an IoU above 0 and up to 1")
    if not 0 <= max_distance <= 2:
        raise ValueError(f"max_distance={max_distance}: give a cosine distance, 0 to 2")
    starts = rows.starts
    ids = rows.ids[starts[:-1]]
    if embeddings is not None and (np.ndim(embeddings) != 2 or len(embeddings) != len(ids)):
        raise ValueError(f"embeddings have shape {np.shape(embeddings)}; give (T, D) for the {len(ids)} tracks")
    if embeddings is not None and np.isinf(embeddings).any():
        raise ValueError("embeddings hold inf; give finite vectors, or NaN for a track without one")
    if len(ids) < 2:
        return rows, []
    heads, tails = _ends(rows, last=False), _ends(rows, last=True)
    early, late = _candidates(tails.frames, heads.frames, max_gap)
    classes = _classes(rows)
    same = classes[early] == classes[late]
    early, late = early[same], late[same]
    overlap = _meeting(tails, heads, early, late)
    distance = np.full(len(early), np.nan)
    if embeddings is not None:
        unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
        distance = 1 - np.einsum("kd,kd->k", unit[early], unit[late])
    alike = ~np.isnan(distance)
    least = min_overlap or np.where(alike, TOUCHING, MIN_OVERLAP)
    good = (overlap >= least) & ~(distance > max_distance)
    gain = 1 + overlap - np.where(alike, distance, max_distance)  # a link is always worth more than none
    early, late, overlap, distance, gain = early[good], late[good], overlap[good], distance[good], gain[good]
    chosen = assign_pairs(early, late, gain)
    chosen = chosen[np.lexsort((ids[late[chosen]], heads.frames[late[chosen]]))]
    merges = [
        Merge(
            kept=int(ids[early[k]]),
            merged=int(ids[late[k]]),
            gap=int(heads.frames[late[k]] - tails.frames[early[k]] - 1),
            overlap=float(overlap[k]),
            distance=None if np.isnan(distance[k]) else float(distance[k]),
        )
        for k in chosen
    ]
    new = ids.copy()
    for k in chosen:  # in order of time, so that a chain's id is there before it is handed on
        new[late[k]] = new[early[k]]
    renamed = replace(rows, ids=np.repeat(new, np.diff(starts)))
    return renamed._take(np.lexsort((renamed.frames, renamed.ids))), merges


def _ends(rows: Rows, *, last: bool) -> _Ends:
    """The first or the last end of every track."""
    count = len(rows.spans)
    ends = _Ends(np.empty(count, np.int64), *(np.empty((count, 2)) for _ in range(3)))
    corners = rows.boxes.reshape(-1, 2, 2)
    centres, sizes = corners.mean(axis=1), corners[:, 1] - corners[:, 0]
    for k, (start, stop) in enumerate(rows.spans):
        part = slice(max(start, stop - WINDOW), stop) if last else slice(start, min(stop, start + WINDOW))
        frame = rows.frames[stop - 1 if last else start]
        t = (rows.frames[part] - frame).astype(np.float64)
        middle = t.mean()
        spread = ((t - middle) ** 2).sum()
        centre = centres[part].mean(axis=0)
        velocity = (t - middle) @ centres[part] / max(spread, 1e-12)
        ends.frames[k] = frame
        ends.velocities[k] = velocity if len(t) >= STEADY else np.nan
        ends.centres[k] = centre - middle * velocity
        ends.sizes[k] = np.median(sizes[part], axis=0)  # an object going behind another has cut boxes
    return ends


def _candidates(ends: IntArray, beginnings: IntArray, max_gap: float) -> tuple[IntArray, IntArray]:
    """Pairs (K,) of a track that ends and one that begins after it, at most max_gap missing frames later."""
    order = np.argsort(beginnings, kind="stable")
    ordered = beginnings[order]
    first = np.searchsorted(ordered, ends, side="right")
    count = np.searchsorted(ordered, ends + max_gap + 1, side="right") - first
    early = np.repeat(np.arange(len(ends)), count)
    place = np.arange(len(early)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    return early, order[place]


def _meeting(tails: _Ends, heads: _Ends, early: IntArray, late: IntArray) -> FloatArray:
    """(K,) the lesser IoU: of the earlier track predicted forward with the later one's box, and of that backward."""
    span = (heads.frames[late] - tails.frames[early])[:, None]
    forward, backward = tails.velocities[early], heads.velocities[late]
    unknown = np.isnan(forward)
    forward = np.where(unknown, np.nan_to_num(backward), forward)
    backward = np.where(np.isnan(backward), np.where(unknown, 0.0, forward), backward)
    there = _iou(tails.centres[early] + span * forward, tails.sizes[early], heads.centres[late], heads.sizes[late])
    back = _iou(heads.centres[late] - span * backward, heads.sizes[late], tails.centres[early], tails.sizes[early])
    return np.minimum(there, back)


def _iou(a: FloatArray, a_size: FloatArray, b: FloatArray, b_size: FloatArray) -> FloatArray:
    """IoU (K,) of boxes side by side, by centres and sizes (K, 2); 0 where both are empty."""
    common = np.minimum(a + a_size / 2, b + b_size / 2) - np.maximum(a - a_size / 2, b - b_size / 2)
    intersection = np.maximum(common, 0).prod(axis=1)
    union = a_size.prod(axis=1) + b_size.prod(axis=1) - intersection
    iou: FloatArray = intersection / np.maximum(union, 1e-12)
    return iou


def _classes(rows: Rows) -> IntArray:
    """(T,) the class most rows of each track have; the smallest among equals."""
    parts = [np.unique(rows.classes[start:stop], return_counts=True) for start, stop in rows.spans]
    return np.array([values[counts.argmax()] for values, counts in parts], dtype=np.int64)
