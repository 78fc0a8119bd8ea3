"""BoT-SORT: robust associations multi-pedestrian tracking (Aharon, Orfaig, Bobrovsky 2022, arXiv 2206.14651).

1. predict     every track moves by its Kalman filter over centre, width and height; lost ones keep their size  (3.1)
2. camera      the state is carried along by the camera's motion; see ``tracker.camera``             (section 3.2)
3. overlap     IoU of every predicted box with every detection, as given and times the score
4. appearance  with embeddings: half the cosine distance to a track's moving average, refused where the looks or the
               places are too far; the smaller of both costs counts                                   (equations 8, 9)
5. high        confirmed and lost tracks match detections scored above track_threshold               (algorithm 1)
6. low         tracks seen in the last frame match the detections scored lower, by overlap            (algorithm 1)
7. new         tracks born in the last frame match the high detections that are left, or end
8. update      matched tracks measure their detection; the average of looks moves                     (equation 7)
9. birth       high detections left, if scored enough, start a track, confirmed by its second match
10. death      tracks without a detection for more than max_age frames end; of a seen and a lost track that cover each
               other the one followed for less time ends
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tracker.appearance import embedded, pair_cosines, unit
from tracker.arrays import EmbeddingArray, FloatArray
from tracker.assign import Matching
from tracker.boxes import iou_pairs_xyxy
from tracker.detections import Detections, Invalid, as_detections
from tracker.motion import XYWH, Motion
from tracker.state import State, fraction, frames_of, not_negative, positive, switch
from tracker.tracks import Tracks


@dataclass
class BoTSORTState(State):
    looks: EmbeddingArray = field(default_factory=lambda: np.empty((0, 0), dtype=np.float32))  # (D, N) unit, or 0


class BoTSORT:
    """BoT-SORT tracker, with the thresholds of the paper (section 4.1); BoT-SORT-ReID where there are embeddings.

    track_threshold    score above which a detection is high; lower ones only continue tracks
    low_threshold      score at or below which a detection is not used at all
    birth_threshold    least score of a detection that starts a track
    match_threshold    largest cost of a match in stage 5, 0..1
    low_match_threshold, new_match_threshold  largest cost in stages 6 and 7
    proximity          largest 1 - IoU at which looks count, 0..1
    max_half_distance  largest half cosine distance at which looks count, 0..1
    momentum           weight of the past in the moving average of looks, 0..1
    duplicate_iou      IoU above which a seen and a lost track are one
    max_age            frames a track lives without a detection; "1.5s" gives seconds
    per_class          a track only matches detections of its own class
    frame_rate         frames per second; turns seconds (``time``, "1.5s") into frames
    embedder           callable (image, boxes (N, 4) xyxy) -> (N, D); optional, as are embeddings
    motion             motion model; default the paper's
    """

    embeddings_optional = True

    def __init__(
        self,
        *,
        track_threshold: float = 0.6,
        low_threshold: float = 0.1,
        birth_threshold: float = 0.7,
        match_threshold: float = 0.8,
        low_match_threshold: float = 0.5,
        new_match_threshold: float = 0.7,
        proximity: float = 0.5,
        max_half_distance: float = 0.25,
        momentum: float = 0.9,
        duplicate_iou: float = 0.85,
        max_age: float | str = 30,
        per_class: bool = False,
        frame_rate: float = 30.0,
        embedder: Callable[[Any, FloatArray], Any] | None = None,
        motion: Motion | None = None,
    ) -> None:
        self.track_threshold = not_negative(track_threshold, "track_threshold")
        self.low_threshold = not_negative(low_threshold, "low_threshold")
        self.birth_threshold = not_negative(birth_threshold, "birth_threshold")
        self.match_threshold = fraction(match_threshold, "match_threshold")
        self.low_match_threshold = fraction(low_match_threshold, "low_match_threshold")
        self.new_match_threshold = fraction(new_match_threshold, "new_match_threshold")
        self.proximity = fraction(proximity, "proximity")
        self.max_half_distance = fraction(max_half_distance, "max_half_distance")
        self.momentum = fraction(momentum, "momentum")
        self.duplicate_iou = fraction(duplicate_iou, "duplicate_iou")
        self.per_class = switch(per_class, "per_class")
        self.frame_rate = positive(frame_rate, "frame_rate")
        self.max_age = frames_of(max_age, self.frame_rate)
        self.embedder = embedder
        self.motion: Motion = XYWH() if motion is None else motion
        self.reset()

    def reset(self) -> None:
        """Forget everything; ids start from 1 again."""
        self.state = BoTSORTState.start(self.motion)

    @property
    def tracks(self) -> Tracks:
        """Every living track, reported or not."""
        return self.state.report(self.motion, np.full(len(self.state), True))

    def update(
        self, detections: Any, frame: Any = None, time: float | None = None, *, invalid: Invalid = "raise"
    ) -> Tracks:
        """Track one frame: its detections in, the confirmed tracks seen in it out.

        detections  anything ``as_detections`` takes, those of low score too; embeddings are used where they are given
        frame       the image (H, W, 3), only for an embedder
        time        seconds; lets frames be skipped or irregular. Without it one call is one frame.

        Raises ValueError for invalid detections (unless ``invalid="drop"``), embeddings of another width, or a time
        that does not increase; the tracker is then as it was before the call.
        """
        detections = as_detections(detections, invalid=invalid)
        detections = embedded(detections, self.embedder, frame, "BoTSORT", invalid)
        looks = self._looks(detections)
        state = copy.copy(self.state)
        if looks is not None and not state.looks.size:
            # Tracks born before the first embedding have no looks: zeros, at distance 1 from everything.
            state.looks = np.zeros((looks.shape[1], len(state)), dtype=np.float32)
        step = state.advance(time, self.frame_rate)
        state.dropped += detections.dropped

        state.motion = self.motion.hold_size(state.motion, state.missed == 1)
        state.predict(self.motion, step)
        if state.time is not None:
            state.end(state.outlasted(self.max_age, self.frame_rate))

        scores = detections.scores
        # Looks may match boxes that do not overlap only where proximity says so.
        least = 0.0 if looks is not None and self.proximity == 1 else None
        rows, columns, iou = iou_pairs_xyxy(self.motion.boxes(state.motion), detections.boxes, least)
        if self.per_class:
            same = state.classes[rows] == detections.classes[columns]
            rows, columns, iou = rows[same], columns[same], iou[same]
        cost = 1 - iou * scores.take(columns)
        if looks is not None:
            distance = (1 - pair_cosines(state.looks, looks, rows, columns)) / 2
            known = (distance <= self.max_half_distance) & (1 - iou <= self.proximity)
            cost = np.minimum(cost, np.where(known, distance, 1.0))

        high = scores > self.track_threshold
        low = (scores > self.low_threshold) & ~high
        seen = state.missed == 1
        matching = Matching(len(state), len(detections))
        matching.stage_pairs("high", rows, columns, self.match_threshold - cost, state.confirmed, high)
        if np.count_nonzero(low):
            gain = self.low_match_threshold - (1 - iou)
            matching.stage_pairs("low", rows, columns, gain, state.confirmed & seen, low)
        if np.count_nonzero(state.confirmed) < len(state):
            matching.stage_pairs("new", rows, columns, self.new_match_threshold - cost, ~state.confirmed, high)

        tracks, matched = matching.pairs
        state.update(self.motion, tracks, detections, matched)
        if looks is not None:
            # A low detection is half hidden: what it shows may be somebody else.
            k = high[matched]
            old, new = state.looks[:, tracks[k]].T, looks[matched[k]]
            state.looks[:, tracks[k]] = unit((self.momentum * old + (1 - self.momentum) * new).astype(np.float32)).T
        state.confirmed |= state.missed == 0
        state.end(state.outlived(self.max_age) | ~state.confirmed)

        born = (matching.free_detections & high & (scores >= self.birth_threshold)).nonzero()[0]
        if len(born):
            state.birth(
                self.motion,
                detections,
                born,
                confirmed=np.full(len(born), state.frame == 1),
                looks=np.zeros((len(state.looks), len(born)), dtype=np.float32) if looks is None else looks[born].T,
            )
        if np.count_nonzero(state.missed):
            boxes = self.motion.boxes(state.motion)
            state.end(state.duplicates(boxes, self.duplicate_iou, self.per_class))

        reported = state.report(self.motion, state.confirmed & (state.missed == 0))
        self.state = state
        return reported

    def _looks(self, detections: Detections) -> EmbeddingArray | None:
        """(N, D) unit embeddings of the detections, checked against those remembered, or None without any."""
        width = len(self.state.looks) or None
        if detections.embeddings is None or len(detections) == 0:
            return None
        if width is not None and detections.embeddings.shape[1] != width:
            raise ValueError(
                f"embeddings are {detections.embeddings.shape[1]} wide, those remembered {width}; "
                "use one embedder throughout, or call reset()"
            )
        return unit(detections.embeddings)
