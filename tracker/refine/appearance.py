"""What each track looks like: the mean embedding of a few of its crops."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tracker.arrays import FloatArray, IntArray
from tracker.boxes import area_xyxy, iou_pairs_xyxy
from tracker.refine.rows import Rows

CROPS = 8  # of each track


def mean_embeddings(
    rows: Rows, frames: Iterable[Any], embedder: Callable[[Any, FloatArray], Any], crops: int = CROPS
) -> FloatArray:
    """(T, D) the mean embedding of each track in order of the ids, NaN for a track with no crop.

    frames: of the video, in order, each with ``number`` from 1 and ``image``, as ``open_source`` gives them. embedder:
    image and boxes (N, 4) to (N, D). A track's observed rows are cut into up to ``crops`` equal parts, and from each
    comes the row that other tracks' boxes cover least. Raises ValueError where the rows go on after the last frame,
    where frames have no image, or where most crops lie outside the picture.
    """
    if crops < 1:
        raise ValueError(f"crops={crops}: give 1 or more")
    starts = rows.starts
    chosen = _chosen(rows, crops)
    owner = np.searchsorted(starts, chosen, side="right") - 1
    order = np.argsort(rows.frames[chosen], kind="stable")
    chosen, owner = chosen[order], owner[order]
    numbers = rows.frames[chosen]
    last = int(rows.frames.max(initial=0))
    found, of_track = [], []
    seen = outside = 0
    for frame in frames:
        seen = int(frame.number)
        at = slice(*np.searchsorted(numbers, (seen, seen + 1)))
        boxes = rows.boxes[chosen[at]]
        if len(boxes):
            if frame.image is None:
                raise ValueError(f"frame {seen} has no image; give the video of these tracks")
            height, width = frame.image.shape[:2]
            visible = (boxes[:, 2:] > 0).all(axis=1) & (boxes[:, :2] < (width, height)).all(axis=1)
            visible &= area_xyxy(boxes) > 0
            outside += int((~visible).sum())
            if visible.any():
                found.append(np.asarray(embedder(frame.image, boxes[visible]), dtype=np.float64))
                of_track.append(owner[at][visible])
        if seen >= last:
            break
    if seen < last:
        raise ValueError(f"the tracks go on to frame {last}, the video ends at {seen}; give the video of these tracks")
    if 2 * outside > len(chosen):
        raise ValueError(
            f"{outside} of {len(chosen)} boxes looked at lie outside the picture; give the video of these tracks"
        )
    means = np.full((len(starts) - 1, found[0].shape[1] if found else 1), np.nan)
    if found:
        vectors, tracks = np.concatenate(found), np.concatenate(of_track)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        sums = np.zeros_like(means)
        np.add.at(sums, tracks, vectors)
        count = np.bincount(tracks, minlength=len(means))
        means[count > 0] = sums[count > 0] / count[count > 0, None]
    return means


def _chosen(rows: Rows, crops: int) -> IntArray:
    """The rows to look at, ascending."""
    covered = _covered(rows)
    chosen = []
    for start, stop in rows.spans:
        observed = np.flatnonzero(~rows.interpolated[start:stop]) + start
        for part in np.array_split(observed, min(crops, len(observed)) or 1):
            if len(part):
                chosen.append(part[np.argmin(covered[part])])
    return np.array(chosen, dtype=np.int64)


def _covered(rows: Rows) -> FloatArray:
    """(R,) the largest IoU of each box with another one of its frame."""
    covered = np.zeros(len(rows))
    order = np.argsort(rows.frames, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(rows.frames[order])) + 1):
        a, b, iou = iou_pairs_xyxy(rows.boxes[group], rows.boxes[group])
        other = a != b
        np.maximum.at(covered, group[a[other]], iou[other])
    return covered
