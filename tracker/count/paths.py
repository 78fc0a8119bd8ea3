"""The paths that are counted: the foot points of what was observed, under one id for each person."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.refine.merge import MERGE_GAP, Merge, merge, track_classes
from tracker.rows import Rows
from tracker.settings import frames_of

SAME_PERSON = "1s"  # from the end of an id to a birth nearby that may continue it


@dataclass(frozen=True, eq=False)
class Paths:
    """R observed foot points, ordered by person, then frame; one array per quantity.

    ids      (R,) of the person: where ids were merged, the earliest
    frames   (R,)
    times    (R,) seconds, NaN where they are unknown
    feet     (R, 2) middle of the box's lower edge, pixels
    heights  (R,) of the box, pixels
    classes  (R,) the class that most rows of the person have, -1 where there is none
    first    (R,) bool: the person's first point
    gaps     (R,) observations missed since the point before, 0 in first points
    linked   (R,) bool: the point before has another id in the results
    merges   the ids that were merged, and why
    """

    ids: IntArray
    frames: IntArray
    times: FloatArray
    feet: FloatArray
    heights: FloatArray
    classes: IntArray
    first: BoolArray
    gaps: IntArray
    linked: BoolArray
    merges: tuple[Merge, ...]

    def __len__(self) -> int:
        return len(self.ids)


def feet_of(boxes: FloatArray) -> FloatArray:
    """(N, 2) the middle of the lower edge of boxes (N, 4)."""
    return np.stack(((boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]), axis=1)


def paths_of(
    rows: Rows,
    *,
    frame_rate: float | None = None,
    times: ArrayLike | None = None,
    merge_gap: float | str | None = SAME_PERSON,
    step: int | None = None,
) -> Paths:
    """The paths in results.

    rows        predicted and interpolated rows are left out: between observations the path is straight
    frame_rate  frames per second; frame 1 is at 0 s
    times       (R,) seconds of each row instead
    merge_gap   the longest time, in frames or as "1s", between the end of an id and a birth that continues it by
                ``tracker.refine.merge``; None keeps every id as it is. Seconds need a frame rate: without one it is
                ``tracker.refine``'s number of frames
    step        frames from one observation to the next where none is missed; by default the most common step

    Raises ValueError for a frame rate that is not above 0, times of another number or that fall, and a bad
    ``merge_gap``.
    """
    seconds = _seconds(rows, frame_rate, times)
    chosen = np.flatnonzero(~rows.interpolated)
    observed = replace(rows.select(chosen), lines=chosen)  # where each row was, through the sorting
    merges: list[Merge] = []
    if merge_gap is None:
        observed = observed.by_track()
    else:
        observed, merges = merge(observed, gap_in_frames(merge_gap, frame_rate))
    own, times_of = rows.ids[observed.lines], seconds[observed.lines]
    same = np.append(False, observed.ids[1:] == observed.ids[:-1])[: len(own)]
    steps = np.diff(observed.frames, prepend=0)
    if step is None:
        step = _usual(steps[same])
    if (np.diff(times_of)[same[1:]] < 0).any():
        raise ValueError("times fall from one frame to the next; give the seconds of each row's frame")
    return Paths(
        ids=observed.ids,
        frames=observed.frames,
        times=times_of,
        feet=feet_of(observed.boxes),
        heights=observed.boxes[:, 3] - observed.boxes[:, 1],
        classes=np.repeat(track_classes(observed), np.diff(observed.starts)),
        first=~same,
        gaps=np.where(same, np.maximum(np.rint(steps / step).astype(np.int64) - 1, 0), 0),
        linked=same & np.append(False, own[1:] != own[:-1])[: len(own)],
        merges=tuple(merges),
    )


def _seconds(rows: Rows, frame_rate: float | None, times: ArrayLike | None) -> FloatArray:
    """(R,) seconds of each row, NaN where they are unknown."""
    if frame_rate is not None and not 0 < frame_rate < np.inf:
        raise ValueError(f"frame_rate={frame_rate}: give frames per second, above 0")
    if times is None:
        return (rows.frames - 1) / (np.nan if frame_rate is None else frame_rate)
    seconds = np.asarray(times, dtype=np.float64)
    if seconds.shape != (len(rows),):
        raise ValueError(f"times have shape {seconds.shape}; give ({len(rows)},), the seconds of each row")
    return seconds


def gap_in_frames(merge_gap: float | str, frame_rate: float | None) -> float:
    """The ``merge_gap`` of ``paths_of`` in frames."""
    if isinstance(merge_gap, str) and frame_rate is None:
        frames_of(merge_gap, 1.0, "merge_gap")  # refuses what is none
        return MERGE_GAP
    return frames_of(merge_gap, frame_rate or 1.0, "merge_gap")


def _usual(steps: IntArray) -> int:
    """The most common step, the shortest of equals; 1 without any."""
    if not len(steps):
        return 1
    values, counts = np.unique(steps, return_counts=True)
    return int(values[counts.argmax()])
