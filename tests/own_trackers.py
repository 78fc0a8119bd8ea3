"""Trackers of a user's own, as CONTRIBUTING shows them: one with nothing but ``update``, one on the library's shell."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracker import Detections, Tracks
from tracker.assign import Matching
from tracker.boxes import iou_pairs_xyxy
from tracker.settings import Age, age, share
from tracker.state import State
from tracker.tracker import Seen, Tracker


class Nearest:
    """Matches each box to the last boxes by overlap: no motion, no base class."""

    def __init__(self, least: float = 0.2, patience: int = 5) -> None:
        self.least, self.patience = least, patience
        self.ids, self.boxes = np.empty(0, dtype=np.int64), np.empty((0, 4))
        self.missed = np.empty(0, dtype=np.int64)
        self.next_id = 1

    def update(self, detections: Detections, frame: Any = None, time: float | None = None) -> Tracks:
        matching = Matching(len(self.ids), len(detections))
        matching.stage("overlap", *iou_pairs_xyxy(self.boxes, detections.boxes, self.least))
        tracks, matched = matching.pairs
        self.missed = self.missed + 1
        self.missed[tracks] = 0
        self.boxes[tracks] = detections.boxes[matched]
        born = matching.free_detections.nonzero()[0]
        kept = self.missed <= self.patience
        self.ids = np.append(self.ids[kept], np.arange(self.next_id, self.next_id + len(born)))
        self.boxes = np.concatenate((self.boxes[kept], detections.boxes[born]))
        self.missed = np.append(self.missed[kept], np.zeros(len(born), dtype=np.int64))
        self.next_id += len(born)
        seen = self.missed == 0
        return Tracks.of_boxes(self.ids[seen], self.boxes[seen])


class Reuses(Nearest):
    """A fault that the conformance suite must see: the report shows the tracker's own array."""

    def update(self, detections: Detections, frame: Any = None, time: float | None = None) -> Tracks:
        tracks = super().update(detections, frame, time)
        object.__setattr__(tracks, "boxes", self.boxes[:] if len(tracks) == len(self.boxes) else tracks.boxes)
        return tracks


class Short(Tracker):
    """The example of ``tracker.tracker``."""

    max_age: Age = age(default=30, about="time a track lives without a detection")
    iou_threshold: float = share(default=0.1, about="least IoU of a match")

    def step(self, state: State, seen: Seen) -> Tracks:
        state.predict(self.motion, seen.elapsed)
        state.end_after_gap(self.max_age, self.frame_rate)
        rows, columns, iou = self.overlaps(state, seen, least=self.iou_threshold, limit="iou_threshold")
        matching = self.matching(state, seen)
        matching.stage("overlap", rows, columns, iou, limit="iou_threshold", parts={"overlap": iou})
        tracks, detections = matching.pairs
        state.update(self.motion, tracks, seen.detections, detections)
        state.end(state.outlived(self.max_age))
        state.birth(self.motion, seen.detections, matching.free_detections.nonzero()[0])
        state.confirmed[:] = True
        return self.report(state, state.missed == 0)
