"""A tracker of your own: SORT in which nothing may grow by more than a quarter from one detection to the next.

track street.mp4 --algo ./own_tracker.py:Gradual --set growth=1.5
"""

from __future__ import annotations

import numpy as np

from tracker import Tracker, Tracks
from tracker.arrays import FloatArray, IntArray
from tracker.settings import amount, share
from tracker.state import State
from tracker.tracker import Seen


class Gradual(Tracker):
    """Matches by overlap, and refuses pairs whose areas differ too much."""

    least: float = share(default=0.3, about="least IoU of a match")
    growth: float = amount(default=1.25, about="largest ratio of two areas in a match")

    def step(self, state: State, seen: Seen) -> Tracks:
        """One frame: predict, match, update, end, begin."""
        state.predict(self.motion, seen.elapsed)
        matching = self.matching(state, seen)
        pairs = self.overlaps(state, seen, least=self.least)
        matching.stage("overlap", *self._gradual(state, seen, *pairs))
        tracks, detections = matching.pairs
        state.update(self.motion, tracks, seen.detections, detections)
        state.end(state.outlived(30))
        state.birth(self.motion, seen.detections, matching.free_detections.nonzero()[0])
        state.confirmed[:] = state.hits >= 3
        return self.report(state, state.confirmed & (state.missed == 0))

    def _gradual(
        self, state: State, seen: Seen, tracks: IntArray, detections: IntArray, overlap: FloatArray
    ) -> tuple[IntArray, IntArray, FloatArray]:
        """The pairs (K,) of a track and a detection whose areas are alike."""
        before = area(self.motion.boxes(state.motion)[tracks])
        now = area(seen.detections.boxes[detections])
        alike = np.maximum(before, now) <= self.growth * np.minimum(before, now)
        return tracks[alike], detections[alike], overlap[alike]


def area(boxes: FloatArray) -> FloatArray:
    """(N,) of boxes (N, 4)."""
    sides: FloatArray = boxes[:, 2:] - boxes[:, :2]
    return sides[:, 0] * sides[:, 1]
