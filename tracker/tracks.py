"""Tracks: what a tracker reports for one frame, one array per quantity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Track:
    """One row of Tracks; see there for units."""

    id: int
    box: FloatArray
    detection_box: FloatArray
    score: float
    class_id: int
    detection_class_id: int
    state: str
    age: int
    hits: int
    missed: int
    velocity: FloatArray
    detection: int


@dataclass(frozen=True, eq=False)
class Tracks:
    """The tracks of one frame; arrays of N rows, copies of the tracker's state.

    ids              (N,) positive, unique within a tracker, never reused
    boxes            (N, 4) filtered left, top, right, bottom in pixels
    detection_boxes  (N, 4) the matched detection's own box, NaN where the track has none in this frame
    scores           (N,) score of the last matched detection
    classes          (N,) class of the track: that of its first detection until others outweigh it
    detection_classes  (N,) class of the last matched detection, as the detector gave it
    confirmed        (N,) bool: past its probation
    ages             (N,) updates since birth, 1 at birth
    hits             (N,) detections matched since birth
    missed           (N,) updates since the last match, 0 when matched in this frame
    velocities       (N, 2) of the box centre, pixels per frame
    detections       (N,) index of the matched detection in the update's input, -1 where there is none
    frame            1-based number of the update
    time             seconds, as given to the update, or None

    Between the frames of a detector that looks at every Nth only, boxes are predicted, ``detections`` are -1 and
    ``missed`` is as it was: where nobody looked nothing was missed.

    A subclass may add columns of N rows. Iterating gives a ``Track`` per row.
    """

    ids: IntArray
    boxes: FloatArray
    detection_boxes: FloatArray
    scores: FloatArray
    classes: IntArray
    detection_classes: IntArray
    confirmed: BoolArray
    ages: IntArray
    hits: IntArray
    missed: IntArray
    velocities: FloatArray
    detections: IntArray
    frame: int
    time: float | None = None

    @classmethod
    def of(cls, **columns: Any) -> Tracks:
        """``Tracks(**columns)`` of all columns, faster: a frozen dataclass sets its fields one by one."""
        tracks = object.__new__(cls)
        tracks.__dict__.update(columns)
        return tracks

    @property
    def states(self) -> NDArray[np.str_]:
        """(N,) "tentative" (on probation), "confirmed", or "lost" (confirmed, without a detection in this frame)."""
        return np.where(self.confirmed, np.where(self.missed > 0, "lost", "confirmed"), "tentative")

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, which: Any) -> Tracks:
        """The tracks that ``which`` (boolean mask, slice or integer array) selects, in its order."""
        if isinstance(which, (int, np.integer)):
            which = [which]
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        return type(self)(**{k: v[which] if isinstance(v, np.ndarray) else v for k, v in columns.items()})

    def __iter__(self) -> Iterator[Track]:
        states = self.states
        for i in range(len(self)):
            yield Track(
                id=int(self.ids[i]),
                box=self.boxes[i],
                detection_box=self.detection_boxes[i],
                score=float(self.scores[i]),
                class_id=int(self.classes[i]),
                detection_class_id=int(self.detection_classes[i]),
                state=str(states[i]),
                age=int(self.ages[i]),
                hits=int(self.hits[i]),
                missed=int(self.missed[i]),
                velocity=self.velocities[i],
                detection=int(self.detections[i]),
            )
