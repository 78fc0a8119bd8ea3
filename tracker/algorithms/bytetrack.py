"""ByteTrack: multi-object tracking by associating every detection box (Zhang et al. 2022, arXiv 2110.06864).

1. predict     every track moves by its Kalman filter over centre, aspect ratio and height; lost ones keep their height
2. overlap     IoU of every predicted box with every detection, as given and times the score        (section 3, fusion)
3. high        confirmed and lost tracks match detections scored above track_threshold       (algorithm 1, lines 3-18)
4. low         tracks seen in the last frame match the detections scored lower               (algorithm 1, line 19)
5. new         tracks born in the last frame match the high detections that are free, or end
6. update      matched tracks measure their detection
7. birth       free high detections, if scored enough, start a track, confirmed by its second match  (lines 22-26)
8. death       tracks without a detection for more than max_age frames end                    (line 20)
9. duplicates  of a seen and a lost track that cover each other, the one followed for less time ends
"""

from __future__ import annotations

import numpy as np

from tracker.arrays import FloatArray
from tracker.log import TENTATIVE
from tracker.motion import XYAH
from tracker.settings import BIRTHS, Age, age, flag, score, share
from tracker.state import State
from tracker.tracker import Seen, Tracker
from tracker.tracks import Tracks

LAST_PIXEL = np.array([0.0, 0.0, 1.0, 1.0])


class ByteTrack(Tracker):
    """ByteTrack, with the thresholds of the published code. Give it ALL detections: weak ones continue tracks."""

    default_motion = XYAH

    track_threshold: float = score(
        default=0.5, about="score above which a detection is high; lower ones only continue tracks"
    )
    low_threshold: float = score(
        default=0.1, about="score at or below which a detection is not used at all", role="floor"
    )
    birth_threshold: float = score(
        default=None,
        about="least score of a detection that starts a track; by default track_threshold + 0.1",
        search=BIRTHS,
        role="birth",
    )
    match_threshold: float = share(default=0.8, about="largest 1 - IoU x score of a match of a high detection")
    low_match_threshold: float = share(default=0.5, about="largest 1 - IoU of a match of a low detection")
    new_match_threshold: float = share(
        default=0.7, about="largest 1 - IoU x score of a match of a track born in the last frame"
    )
    duplicate_iou: float = share(default=0.85, about="IoU above which a seen and a lost track are one")
    max_age: Age = age(default=30, about="time a track lives without a detection")
    published_iou: bool = flag(
        default=False,
        about="as published: boxes include their last pixel; a score equal to track_threshold is neither high nor low",
        search=None,
    )

    def settle(self) -> None:
        if self.birth_threshold is None:
            self.birth_threshold = self.track_threshold + 0.1

    def step(self, state: State, seen: Seen) -> Tracks:
        # A new track has no velocity yet; the published code does not predict it.
        state.motion = self.motion.hold_size(state.motion, state.missed == 1)
        self.move(state, seen, state.confirmed)
        state.end_after_gap(self.max_age + 1, self.frame_rate)

        scores = seen.detections.scores
        boxes = self._pixels(self.motion.boxes(state.motion))
        rows, columns, iou = self.overlaps(state, seen, boxes, self._pixels(seen.detections.boxes))
        parts = {"overlap": iou}
        fused = iou * scores.take(columns)
        high = scores > self.track_threshold
        low = (scores > self.low_threshold) & ~high
        if self.published_iou:
            low &= scores < self.track_threshold

        if state.log is not None:
            state.log.leave_out(seen.detections.rows[~(high | low)], "low_threshold")

        matching = self.matching(state, seen)
        gain = self.match_threshold - (1 - fused)
        matching.stage("high", rows, columns, gain, state.confirmed, high, limit="match_threshold", parts=parts)
        if np.count_nonzero(low):
            gain = self.low_match_threshold - (1 - iou)
            last = state.confirmed & (state.missed == 1)
            matching.stage("low", rows, columns, gain, last, low, limit="low_match_threshold", parts=parts)
        if np.count_nonzero(state.confirmed) < len(state):
            gain = self.new_match_threshold - (1 - fused)
            matching.stage("new", rows, columns, gain, ~state.confirmed, high, limit="new_match_threshold", parts=parts)

        tracks, matched = matching.pairs
        state.update(self.motion, tracks, seen.detections, matched)
        state.confirmed |= state.missed == 0
        # A track that has just grown too old is still matched in the next frame, then dropped.
        state.end(state.outlived(self.max_age + 1) | ~state.confirmed, TENTATIVE)

        born = (matching.free_detections & high & (scores >= self.birth_threshold)).nonzero()[0]
        state.birth(self.motion, seen.detections, born, confirmed=np.full(len(born), state.frame == 1))
        if np.count_nonzero(state.missed):
            boxes = self._pixels(self.motion.boxes(state.motion))
            state.end_duplicates(boxes, self.duplicate_iou, self.per_class)
        return self.report(state, state.confirmed & (state.missed == 0))

    def _pixels(self, boxes: FloatArray) -> FloatArray:
        """(N, 4) boxes with the pixels that the IoU counts."""
        return boxes + LAST_PIXEL if self.published_iou else boxes
