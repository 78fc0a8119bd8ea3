"""How many different people there were: an interval, because an id is not a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.count.paths import SAME_PERSON, gap_in_frames
from tracker.refine.merge import TOUCHING, merge
from tracker.rows import Rows

LENIENT = 5.0  # times as long a gap may be between two ids of one person, for the least number


@dataclass(frozen=True)
class Unique:
    """Different people in some results.

    low   at least: ids merged wherever motion allows it, and never fewer than were seen in one frame
    best  ids merged as counting does
    high  at most: every id a person of its own. People who were never tracked, or who took over another's id, are in
          none of the three
    """

    low: int
    best: int
    high: int


def unique(rows: Rows, *, frame_rate: float | None = None, merge_gap: float | str = SAME_PERSON) -> Unique:
    """The number of different people in results; arguments as in ``tracker.count.paths.paths_of``."""
    observed = rows.select(~rows.interpolated)
    if not len(observed):
        return Unique(0, 0, 0)
    gap = gap_in_frames(merge_gap, frame_rate)
    high = len(np.unique(observed.ids))
    best = high - len(merge(observed, gap)[1])
    least = high - len(merge(observed, gap * LENIENT, TOUCHING)[1])
    at_once = int(np.unique(observed.frames, return_counts=True)[1].max())
    return Unique(max(min(least, best), at_once), max(best, at_once), high)
