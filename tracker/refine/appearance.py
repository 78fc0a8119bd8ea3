"""Appearance of whole tracks: the mean embedding of a few crops of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from tracker.arrays import BoolArray, FloatArray, Image, IntArray
from tracker.boxes import area_xyxy, iou_pairs_xyxy
from tracker.rows import Rows

if TYPE_CHECKING:
    from tracker.io.video import Frame

CROPS = 8  # of each track


def mean_embeddings(
    rows: Rows, frames: Iterable[Frame], embedder: Callable[[Image, FloatArray], ArrayLike], crops: int = CROPS
) -> FloatArray:
    """(T, D) the mean embedding of each track, ordered by id; NaN for a track without a crop.

    frames: the frames of the video in order, as ``open_source`` gives them. embedder: callable (image, boxes (N, 4))
    -> (N, D). A track's observed rows are divided into up to ``crops`` equal parts; in each part, the row that other
    tracks' boxes cover least is embedded. Raises ValueError for crops below 1, for rows after the last frame, for a
    frame without an image, and where more than half of the crops lie outside the image.
    """
    if crops < 1:
        raise ValueError(f"crops={crops}: give 1 or more")
    rows = rows.by_track()
    chosen, owner = _chosen(rows, crops)
    numbers, last = rows.frames[chosen], rows.last_frame
    found: list[FloatArray] = []
    of_track: list[IntArray] = []
    seen = outside = 0
    for frame in frames:
        seen = int(frame.number)
        at = slice(*np.searchsorted(numbers, (seen, seen + 1)))
        boxes = rows.boxes[chosen[at]]
        if len(boxes):
            if frame.image is None:
                raise ValueError(f"frame {seen} has no image; give the video of these tracks")
            visible = _visible(boxes, frame.image)
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
            f"{outside} of the {len(chosen)} boxes to crop lie outside the image; give the video of these tracks"
        )
    return _means(found, of_track, len(rows.spans))


def _chosen(rows: Rows, crops: int) -> tuple[IntArray, IntArray]:
    """The rows (K,) to crop, ordered by frame, and the track (K,) of each."""
    covered = _covered(rows)
    chosen: list[int] = []
    owner: list[int] = []
    for track, (start, stop) in enumerate(rows.spans):
        observed = np.flatnonzero(~rows.interpolated[start:stop]) + start
        for part in np.array_split(observed, min(crops, len(observed)) or 1):
            if len(part):
                chosen.append(int(part[np.argmin(covered[part])]))
                owner.append(track)
    places = np.array(chosen, dtype=np.int64)
    order = np.argsort(rows.frames[places], kind="stable")
    return places[order], np.array(owner, dtype=np.int64)[order]


def _covered(rows: Rows) -> FloatArray:
    """(R,) the largest IoU of each box with another one of its frame."""
    covered = np.zeros(len(rows))
    order = np.argsort(rows.frames, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(rows.frames[order])) + 1):
        a, b, iou = iou_pairs_xyxy(rows.boxes[group], rows.boxes[group])
        other = a != b
        np.maximum.at(covered, group[a[other]], iou[other])
    return covered


def _visible(boxes: FloatArray, image: Image) -> BoolArray:
    """(N,) mask of the boxes that have an area and overlap the image."""
    height, width = image.shape[:2]
    inside: BoolArray = np.logical_and.reduce((boxes[:, 2:] > 0) & (boxes[:, :2] < (width, height)), axis=1)
    inside &= area_xyxy(boxes) > 0
    return inside


def _means(found: list[FloatArray], of_track: list[IntArray], tracks: int) -> FloatArray:
    """(T, D) mean of the unit vectors of each track. found: vectors (N, D) by frame; of_track: their tracks (N,)."""
    means = np.full((tracks, found[0].shape[1] if found else 1), np.nan)
    if found:
        vectors, owners = np.concatenate(found), np.concatenate(of_track)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        sums = np.zeros_like(means)
        np.add.at(sums, owners, vectors)
        count = np.bincount(owners, minlength=tracks)
        means[count > 0] = sums[count > 0] / count[count > 0, None]
    return means
