"""SORT: Simple Online and Realtime Tracking (Bewley, Ge, Ott, Ramos, Upcroft 2016, arXiv 1602.00763).

1. predict     every track moves by its Kalman filter over centre, area and aspect ratio          (section 3.2)
2. overlap     IoU of every predicted box with every detection                                    (section 3.3)
3. match       the assignment with the largest total IoU; pairs below iou_threshold are refused   (section 3.3)
4. update      matched tracks measure their detection                                             (section 3.2)
5. birth       every detection left starts a track, on probation for min_hits frames              (section 3.4)
6. death       tracks without a detection for more than max_age frames end                        (section 3.4)
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from tracker.assign import Matching, assign_pairs
from tracker.boxes import iou_pairs_xyxy
from tracker.detections import Invalid, as_detections
from tracker.motion import XYSR, Motion
from tracker.state import State, at_least, fraction, frames_of, positive, switch
from tracker.tracks import Tracks


class SORT:
    """SORT tracker.

    max_age          frames a track lives without a detection; "1.5s" gives seconds. A gap in which nobody looked
                     ends it after that time too, but not before a second
    min_hits         matches in a row, after its birth, before a track is reported (the first min_hits frames excepted)
    iou_threshold    least IoU of a match, 0..1
    published_order  False: pairs below the threshold are refused before the assignment is solved, so that they cannot
                     push a good pair out. True: as the published code, solve first and drop them afterwards.
    per_class        a track only matches detections of its own class
    frame_rate       frames per second; turns seconds (``time``, "1.5s") into frames
    motion           motion model; default the paper's
    """

    def __init__(
        self,
        *,
        max_age: float | str = 1,
        min_hits: int = 3,
        iou_threshold: float = 0.3,
        published_order: bool = False,
        per_class: bool = False,
        frame_rate: float = 30.0,
        motion: Motion | None = None,
    ) -> None:
        self.min_hits = at_least(0, min_hits, "min_hits")
        self.iou_threshold = fraction(iou_threshold, "iou_threshold")
        self.published_order = switch(published_order, "published_order")
        self.per_class = switch(per_class, "per_class")
        self.frame_rate = positive(frame_rate, "frame_rate")
        self.max_age = frames_of(max_age, self.frame_rate)
        self.motion: Motion = XYSR() if motion is None else motion
        self.reset()

    def reset(self) -> None:
        """Forget everything; ids start from 1 again."""
        self.state = State.start(self.motion)

    @property
    def tracks(self) -> Tracks:
        """Every living track, reported or not."""
        return self.state.report(self.motion, np.full(len(self.state), True))

    def update(
        self, detections: Any, frame: Any = None, time: float | None = None, *, invalid: Invalid = "raise"
    ) -> Tracks:
        """Track one frame: its detections (anything ``as_detections`` takes) in, the reported tracks out.

        frame is not used. time, in seconds, lets frames be skipped or irregular; without it one call is one frame.
        Raises ValueError for invalid detections (unless ``invalid="drop"``) or a time that does not increase; the
        tracker is then as it was before the call.
        """
        detections = as_detections(detections, invalid=invalid)
        state = copy.copy(self.state)
        step = state.advance(time, self.frame_rate)
        state.dropped += detections.dropped

        state.predict(self.motion, step)
        if state.time is not None:
            state.end(state.outlasted(self.max_age, self.frame_rate))

        least = None if self.published_order else self.iou_threshold
        rows, columns, iou = iou_pairs_xyxy(self.motion.boxes(state.motion), detections.boxes, least)
        if self.per_class:
            same = state.classes[rows] == detections.classes[columns]
            rows, columns, iou = rows[same], columns[same], iou[same]
        if self.published_order:
            solved = assign_pairs(rows, columns, iou)
            good = solved[iou[solved] >= self.iou_threshold]
            rows, columns, iou = rows[good], columns[good], iou[good]

        matching = Matching(len(state), len(detections))
        matching.stage_pairs("iou", rows, columns, iou)

        tracks, matched = matching.pairs
        state.update(self.motion, tracks, detections, matched)
        if len(matched) < len(detections):
            state.birth(self.motion, detections, matching.free_detections.nonzero()[0])

        proving = 0 < self.min_hits < state.frame  # a streak is one without a miss
        shown = state.streaks >= self.min_hits if proving else state.missed == 0
        state.confirmed |= shown
        reported = state.report(self.motion, shown)
        state.end(state.outlived(self.max_age))
        self.state = state
        return reported
