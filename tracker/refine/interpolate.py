"""Gaps within a track, filled along a straight line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tracker.rows import Rows, joined

MAX_GAP = 20.0  # frames: the interval of ByteTrack's and StrongSORT's interpolation

# A filled gap is a guess, and a track that is mostly gaps is often false: without this limit, interpolation loses 3
# points of MOTA on MOT15's weak detections.
SUPPORT = 3.0


def interpolate(rows: Rows, max_gap: float = MAX_GAP, support: float = SUPPORT) -> Rows:
    """The rows, plus rows on the line between the neighbours of each gap of up to ``max_gap`` missing frames.

    Boxes and scores are interpolated linearly (ByteTrack: Zhang 2022, section 4.1); the class is that of the row before
    the gap. Existing rows do not change, and longer gaps stay open. max_gap 0 fills nothing. support: a gap is filled
    only where the track has that many observed rows for each missing one, before it and after it; 0 fills all, as
    published.
    Returns rows ordered by id, then frame. Raises ValueError for a negative number or NaN.
    """
    for name, value in (("max_gap", max_gap), ("support", support)):
        if not value >= 0:
            raise ValueError(f"{name}={value}: give a number, 0 or more")
    rows = rows.by_track()
    missing = rows.frames[1:] - rows.frames[:-1] - 1
    fill = (rows.ids[1:] == rows.ids[:-1]) & (missing > 0) & (missing <= max_gap)
    before = np.flatnonzero(fill)
    starts = rows.starts
    track = np.searchsorted(starts, before, side="right") - 1
    seen = np.append(0, np.cumsum(~rows.interpolated))  # seen[k]: observed rows above row k
    least = np.minimum(seen[before + 1] - seen[starts[track]], seen[starts[track + 1]] - seen[before + 1])
    before = before[least >= support * missing[before]]
    counts = missing[before]
    before = np.repeat(before, counts)
    step = np.arange(len(before)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    share = step / (rows.frames[before + 1] - rows.frames[before])
    filled = replace(
        rows.select(before),
        frames=rows.frames[before] + step,
        boxes=rows.boxes[before] + share[:, None] * (rows.boxes[before + 1] - rows.boxes[before]),
        scores=rows.scores[before] + share * (rows.scores[before + 1] - rows.scores[before]),
        interpolated=np.ones(len(before), dtype=bool),
        visibility=np.full(len(before), -1.0),
        lines=np.zeros(len(before), dtype=np.int64),
        dropped=0,
    )
    return joined((rows, filled)).by_track()
