"""Assignment: which detection continues which track.

All algorithms state their wishes as a gain: how much better it is to match a pair than to leave both alone, zero
or less where a pair is not allowed. The matches of a stage are the set of pairs with the largest total gain, each track
and each detection used at most once. A cost with a limit is the gain ``limit - cost``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tracker.boxes import FloatArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def assign(gain: FloatArray) -> tuple[IntArray, IntArray]:
    """Pairs (rows (K,), columns (K,)) with gain > 0 and the largest total gain; rows ascending.

    gain (N, M), finite. Among equal totals scipy's choice stands, which is the same for the same matrix.
    """
    allowed = gain > 0
    if not allowed.any():
        none = np.empty(0, dtype=np.int64)
        return none, none
    rows, columns = linear_sum_assignment(np.where(allowed, gain, 0.0), maximize=True)
    chosen = allowed[rows, columns]
    return rows[chosen], columns[chosen]


class Matching:
    """The association of one frame: stages match what earlier stages left free.

    detection_of  (N,) index of the detection each track got, -1 while free
    track_of      (M,) index of the track each detection got, -1 while free
    stage_of      (N,) index into ``stages`` of the stage that matched each track, -1 while free
    stages        names of the stages in their order
    """

    def __init__(self, n_tracks: int, n_detections: int) -> None:
        self.detection_of: IntArray = np.full(n_tracks, -1, dtype=np.int64)
        self.track_of: IntArray = np.full(n_detections, -1, dtype=np.int64)
        self.stage_of: IntArray = np.full(n_tracks, -1, dtype=np.int64)
        self.stages: list[str] = []

    @property
    def free_tracks(self) -> BoolArray:
        """(N,) tracks no stage has matched."""
        return self.detection_of < 0

    @property
    def free_detections(self) -> BoolArray:
        """(M,) detections no stage has matched."""
        return self.track_of < 0

    @property
    def pairs(self) -> tuple[IntArray, IntArray]:
        """Matched tracks (K,), ascending, and the detection (K,) of each."""
        tracks = np.flatnonzero(self.detection_of >= 0)
        return tracks, self.detection_of[tracks]

    def stage(
        self, name: str, gain: FloatArray, tracks: BoolArray | None = None, detections: BoolArray | None = None
    ) -> None:
        """Match what is still free, of the tracks (N,) and detections (M,) that the masks admit.

        gain is the full (N, M) matrix; see the module for its meaning.
        """
        self.stages.append(name)
        rows = np.flatnonzero(self.free_tracks if tracks is None else self.free_tracks & tracks)
        columns = np.flatnonzero(self.free_detections if detections is None else self.free_detections & detections)
        if len(rows) == 0 or len(columns) == 0:
            return
        r, c = assign(gain[rows[:, None], columns])
        self.accept(rows[r], columns[c])

    def accept(self, tracks: IntArray, detections: IntArray) -> None:
        """Record the pairs that the current stage found; for stages that choose by other rules than ``assign``."""
        self.detection_of[tracks] = detections
        self.track_of[detections] = tracks
        self.stage_of[tracks] = len(self.stages) - 1


def same_class(track_classes: IntArray, detection_classes: IntArray) -> BoolArray:
    """(N, M) whether track and detection are of one class."""
    same: BoolArray = track_classes[:, None] == detection_classes[None, :]
    return same
