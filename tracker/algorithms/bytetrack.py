"""ByteTrack: multi-object tracking by associating every detection box (Zhang et al. 2022, arXiv 2110.06864).

1. predict     every track moves by its Kalman filter over centre, aspect ratio and height; lost ones keep their height
2. overlap     IoU of every predicted box with every detection, as given and times the score        (section 3, fusion)
3. high        confirmed and lost tracks match detections scored above track_threshold       (algorithm 1, lines 3-18)
4. low         tracks seen in the last frame match the detections scored lower               (algorithm 1, line 19)
5. new         tracks born in the last frame match the high detections that are left, or end
6. update      matched tracks measure their detection
7. birth       high detections left, if scored enough, start a track, confirmed by its second match  (lines 22-26)
8. death       tracks without a detection for more than max_age frames end                    (line 20)
9. duplicates  of a seen and a lost track that cover each other the one followed for less time ends
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from tracker.arrays import FloatArray
from tracker.assign import Matching
from tracker.boxes import iou_pairs_xyxy
from tracker.detections import Invalid, as_detections
from tracker.motion import XYAH, Motion
from tracker.state import State, fraction, frames_of, not_negative, positive, switch
from tracker.tracks import Tracks

LAST_PIXEL = np.array([0.0, 0.0, 1.0, 1.0])


class ByteTrack:
    """ByteTrack tracker, with the thresholds of the published code.

    track_threshold    score above which a detection is high; lower ones only continue tracks
    low_threshold      score at or below which a detection is not used at all
    birth_threshold    least score of a detection that starts a track; None: track_threshold + 0.1
    match_threshold    largest 1 - IoU x score of a match in stage 3, 0..1
    low_match_threshold, new_match_threshold  largest 1 - IoU (x score) in stages 4 and 5
    duplicate_iou      IoU above which a seen and a lost track are one
    max_age            frames a track lives without a detection; "1.5s" gives seconds
    published_iou      True: as the published code, boxes include their last pixel (IoU of boxes one pixel larger) and a
                       score equal to track_threshold is neither high nor low
    per_class          a track only matches detections of its own class
    frame_rate         frames per second; turns seconds (``time``, "1.5s") into frames
    motion             motion model; default the paper's
    """

    def __init__(
        self,
        *,
        track_threshold: float = 0.5,
        low_threshold: float = 0.1,
        birth_threshold: float | None = None,
        match_threshold: float = 0.8,
        low_match_threshold: float = 0.5,
        new_match_threshold: float = 0.7,
        duplicate_iou: float = 0.85,
        max_age: float | str = 30,
        published_iou: bool = False,
        per_class: bool = False,
        frame_rate: float = 30.0,
        motion: Motion | None = None,
    ) -> None:
        self.track_threshold = not_negative(track_threshold, "track_threshold")
        self.low_threshold = not_negative(low_threshold, "low_threshold")
        if birth_threshold is None:
            birth_threshold = self.track_threshold + 0.1
        self.birth_threshold = not_negative(birth_threshold, "birth_threshold")
        self.match_threshold = fraction(match_threshold, "match_threshold")
        self.low_match_threshold = fraction(low_match_threshold, "low_match_threshold")
        self.new_match_threshold = fraction(new_match_threshold, "new_match_threshold")
        self.duplicate_iou = fraction(duplicate_iou, "duplicate_iou")
        self.published_iou = switch(published_iou, "published_iou")
        self.per_class = switch(per_class, "per_class")
        self.frame_rate = positive(frame_rate, "frame_rate")
        self.max_age = frames_of(max_age, self.frame_rate)
        self.motion: Motion = XYAH() if motion is None else motion
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
        """Track one frame: its detections (anything ``as_detections`` takes) in, the confirmed tracks seen in it out.

        Give ALL detections, those of low score too: they are what the method lives on.
        frame is not used. time, in seconds, lets frames be skipped or irregular; without it one call is one frame.
        Raises ValueError for invalid detections (unless ``invalid="drop"``) or a time that does not increase; the
        tracker is then as it was before the call.
        """
        detections = as_detections(detections, invalid=invalid)
        state = copy.copy(self.state)
        step = state.advance(time, self.frame_rate)
        state.dropped += detections.dropped

        # A new track has no velocity yet; the published code does not predict it.
        state.motion = self.motion.hold_size(state.motion, state.missed == 1)
        state.predict(self.motion, step, state.confirmed)
        if state.time is not None:
            state.end(state.outlasted(self.max_age + 1, self.frame_rate))

        scores = detections.scores
        rows, columns, iou = iou_pairs_xyxy(
            self._pixels(self.motion.boxes(state.motion)), self._pixels(detections.boxes)
        )
        if self.per_class:
            same = state.classes[rows] == detections.classes[columns]
            rows, columns, iou = rows[same], columns[same], iou[same]
        fused = iou * scores.take(columns)
        high = scores > self.track_threshold
        low = (scores > self.low_threshold) & ~high
        if self.published_iou:
            low &= scores < self.track_threshold

        matching = Matching(len(state), len(detections))
        seen = state.missed == 1
        fused_gain = self.match_threshold - (1 - fused)
        matching.stage_pairs("high", rows, columns, fused_gain, state.confirmed, high)
        if np.count_nonzero(low):
            gain = self.low_match_threshold - (1 - iou)
            matching.stage_pairs("low", rows, columns, gain, state.confirmed & seen, low)
        if np.count_nonzero(state.confirmed) < len(state):
            fused_gain = self.new_match_threshold - (1 - fused)
            matching.stage_pairs("new", rows, columns, fused_gain, ~state.confirmed, high)

        tracks, matched = matching.pairs
        state.update(self.motion, tracks, detections, matched)
        state.confirmed |= state.missed == 0
        # A track that has just grown too old is still matched in the next frame, then dropped.
        state.end(state.outlived(self.max_age + 1) | ~state.confirmed)

        starts = matching.free_detections & high & (scores >= self.birth_threshold)
        born = starts.nonzero()[0]
        state.birth(self.motion, detections, born, confirmed=np.full(len(born), state.frame == 1))
        if np.count_nonzero(state.missed):
            boxes = self._pixels(self.motion.boxes(state.motion))
            state.end(state.duplicates(boxes, self.duplicate_iou, self.per_class))

        reported = state.report(self.motion, state.confirmed & (state.missed == 0))
        self.state = state
        return reported

    def _pixels(self, boxes: FloatArray) -> FloatArray:
        """(N, 4) boxes with the pixels that the IoU counts."""
        return boxes + LAST_PIXEL if self.published_iou else boxes
