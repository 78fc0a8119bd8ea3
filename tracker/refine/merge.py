"""Merging of tracklets: an object that lost its id and got a new one becomes one track again, with a reason.

1. ends       position, size and velocity of every track at its first and its last row, from a line through a few rows
2. candidates pairs of one class where one track ends before the other begins, at most a maximum gap apart
3. motion     the earlier track predicted forward and the later one backward must both overlap the other's box
4. appearance where embeddings are given: the cosine distance of the tracks' means must not exceed a limit; predictions
              then need only touch, because appearance still identifies people who turn or stop behind others
5. choice     ends and beginnings are assigned optimally, each once, so that tracks form chains and no frame gets two
              rows of one id
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tracker.arrays import FloatArray, IntArray
from tracker.assign import assign_pairs
from tracker.rows import Rows

WINDOW = 10  # rows of a track that its velocity is fitted to
MERGE_GAP = 30.0  # frames: as long as most trackers keep a lost track
MIN_OVERLAP = 0.3  # SORT's least IoU of a prediction and its detection
TOUCHING = 0.01  # instead of MIN_OVERLAP for pairs with embeddings
MAX_DISTANCE = 0.2  # DeepSORT's largest cosine distance
STEADY = 5  # a track with fewer rows has no velocity of its own and takes its partner's


@dataclass(frozen=True)
class Merge:
    """One link of two tracks of the input, and why.

    kept: id of the earlier track. merged: id of the later one, which continues it. gap: missing frames in between.
    overlap: the lesser IoU of the two predictions, 0..1. distance: cosine distance of the tracks' mean embeddings,
    0..2, None where a track has none.
    """

    kept: int
    merged: int
    gap: int
    overlap: float
    distance: float | None = None

    def __str__(self) -> str:
        appearance = "" if self.distance is None else f", appearance distance {self.distance:.2f}"
        return (
            f"id {self.merged} -> id {self.kept}: gap {self.gap} frame{'' if self.gap == 1 else 's'}, "
            f"predicted boxes overlap {self.overlap:.2f}{appearance}"
        )


@dataclass(frozen=True, eq=False)
class _Ends:
    """One end of every track: frame (T,), centre (T, 2), size (T, 2), velocity (T, 2) a frame, NaN where unknown."""

    frames: IntArray
    centres: FloatArray
    sizes: FloatArray
    velocities: FloatArray


@dataclass(frozen=True, eq=False)
class _Links:
    """K pairs of tracks, (K,) each: the earlier and the later one, IoU of their predictions, cosine distance or NaN."""

    early: IntArray
    late: IntArray
    overlap: FloatArray
    distance: FloatArray

    def select(self, index: IntArray) -> _Links:
        return _Links(self.early[index], self.late[index], self.overlap[index], self.distance[index])


def merge(
    rows: Rows,
    max_gap: float = MERGE_GAP,
    min_overlap: float | None = None,
    *,
    embeddings: FloatArray | None = None,
    max_distance: float = MAX_DISTANCE,
) -> tuple[Rows, list[Merge]]:
    """The rows with merged ids, each chain under the id of its earliest track, and the links in order of time.

    Rows come back ordered by id, then frame. max_gap: missing frames between two tracks. min_overlap: least IoU of both
    predictions, above 0 and up to 1; by default 0.3, and 0.01 for pairs with embeddings. embeddings: (T, D), one a
    track in order of the ids, NaN where there is none; pairs that have them must be within max_distance in cosine
    (0..2). Raises ValueError for a value out of range, inf, or embeddings of another number of tracks.
    """
    rows = rows.by_track()
    starts = rows.starts
    ids = rows.ids[starts[:-1]]
    _check(max_gap, min_overlap, max_distance, embeddings, len(ids))
    if len(ids) < 2:
        return rows, []
    heads, tails = _ends(rows, last=False), _ends(rows, last=True)
    links = _possible(rows, heads, tails, max_gap, embeddings)
    links = _chosen(links, min_overlap, max_distance)
    links = links.select(np.lexsort((ids[links.late], heads.frames[links.late])))
    merges = [
        Merge(
            kept=int(ids[early]),
            merged=int(ids[late]),
            gap=int(heads.frames[late] - tails.frames[early] - 1),
            overlap=float(overlap),
            distance=None if np.isnan(distance) else float(distance),
        )
        for early, late, overlap, distance in zip(*vars(links).values(), strict=True)
    ]
    new = ids.copy()
    for early, late in zip(links.early, links.late, strict=True):  # in order of time: a chain's id is there to pass on
        new[late] = new[early]
    return replace(rows, ids=np.repeat(new, np.diff(starts))).by_track(), merges


def _check(
    max_gap: float, min_overlap: float | None, max_distance: float, embeddings: FloatArray | None, tracks: int
) -> None:
    if not max_gap >= 0:
        raise ValueError(f"max_gap={max_gap}: give a number of frames, 0 or more")
    if min_overlap is not None and not 0 < min_overlap <= 1:
        raise ValueError(f"least overlap {min_overlap} of a merge: give an IoU above 0 and up to 1")
    if not 0 <= max_distance <= 2:
        raise ValueError(f"max_distance={max_distance}: give a cosine distance, 0 to 2")
    if embeddings is not None and (np.ndim(embeddings) != 2 or len(embeddings) != tracks):
        raise ValueError(f"embeddings have shape {np.shape(embeddings)}; give (T, D) for the {tracks} tracks")
    if embeddings is not None and np.isinf(embeddings).any():
        raise ValueError("embeddings hold inf; give finite vectors, or NaN for a track without one")


def _possible(rows: Rows, heads: _Ends, tails: _Ends, max_gap: float, embeddings: FloatArray | None) -> _Links:
    """Pairs of one class, the later track beginning at most max_gap frames after the earlier one ends."""
    early, late = _candidates(tails.frames, heads.frames, max_gap)
    classes = track_classes(rows)
    same = classes[early] == classes[late]
    early, late = early[same], late[same]
    distance = np.full(len(early), np.nan)
    if embeddings is not None:
        unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
        distance = 1 - np.einsum("kd,kd->k", unit[early], unit[late])
    return _Links(early, late, _meeting(tails, heads, early, late), distance)


def _chosen(links: _Links, min_overlap: float | None, max_distance: float) -> _Links:
    """The optimal assignment among the pairs that overlap enough and are near enough in appearance."""
    known = ~np.isnan(links.distance)
    least = min_overlap or np.where(known, TOUCHING, MIN_OVERLAP)
    good = (links.overlap >= least) & ~(links.distance > max_distance)
    # A link is always worth more than none.
    gain = 1 + links.overlap - np.where(known, links.distance, max_distance)
    links, gain = links.select(good.nonzero()[0]), gain[good]
    return links.select(assign_pairs(links.early, links.late, gain))


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
        ends.sizes[k] = np.median(sizes[part], axis=0)  # boxes are cut where an object goes behind another
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
    """(K,) the lesser IoU of the earlier track predicted forward with the later one's box, and the reverse backward."""
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


def track_classes(rows: Rows) -> IntArray:
    """(T,) the class most rows of each track have; the smallest among equals."""
    parts = [np.unique(rows.classes[start:stop], return_counts=True) for start, stop in rows.spans]
    return np.array([values[counts.argmax()] for values, counts in parts], dtype=np.int64)
