"""BoT-SORT: robust associations multi-pedestrian tracking (Aharon, Orfaig, Bobrovsky 2022, arXiv 2206.14651).

1. predict     every track moves by its Kalman filter over centre, width and height; lost ones keep their size  (3.1)
2. camera      the state moves with the camera; see ``tracker.camera``                               (section 3.2)
3. overlap     IoU of every predicted box with every detection, as given and times the score
4. appearance  with embeddings: half the cosine distance to a track's moving average, refused where the embeddings or
               the places are too far apart; the smaller of both costs counts                          (equations 8, 9)
5. high        confirmed and lost tracks match detections scored above track_threshold               (algorithm 1)
6. low         tracks seen in the last frame match the detections scored lower, by overlap            (algorithm 1)
7. new         tracks born in the last frame match the high detections that are free, or end
8. update      matched tracks measure their detection; the average of embeddings moves                (equation 7)
9. birth       free high detections, if scored enough, start a track, confirmed by its second match
10. death      tracks without a detection for more than max_age frames end; of a seen and a lost track that cover each
               other, the one followed for less time ends
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tracker.appearance import pair_cosines, unit
from tracker.log import TENTATIVE
from tracker.motion import XYWH
from tracker.protocol import EmbedderCall, Embeddings
from tracker.settings import BIRTHS, Age, age, part, score, share
from tracker.state import EmbeddedState
from tracker.tracker import EMBEDDER, Seen, Tracker
from tracker.tracks import Tracks


class BoTSORT(Tracker):
    """BoT-SORT, with the thresholds of the paper (section 4.1); BoT-SORT-ReID where there are embeddings."""

    embeddings: ClassVar[Embeddings] = "optional"
    default_motion = XYWH

    track_threshold: float = score(
        default=0.6, about="score above which a detection is high; lower ones only continue tracks"
    )
    low_threshold: float = score(
        default=0.1, about="score at or below which a detection is not used at all", role="floor"
    )
    birth_threshold: float = score(
        default=0.7, about="least score of a detection that starts a track", search=BIRTHS, role="birth"
    )
    match_threshold: float = share(default=0.8, about="largest cost of a match of a high detection")
    low_match_threshold: float = share(default=0.5, about="largest 1 - IoU of a match of a low detection")
    new_match_threshold: float = share(default=0.7, about="largest cost of a match of a track born in the last frame")
    proximity: float = share(default=0.5, about="largest 1 - IoU at which embeddings count", role="appearance")
    max_half_distance: float = share(
        default=0.25, about="largest half cosine distance at which embeddings count", role="appearance"
    )
    momentum: float = share(
        default=0.9, about="weight of the past in the moving average of embeddings", role="appearance"
    )
    duplicate_iou: float = share(default=0.85, about="IoU above which a seen and a lost track are one")
    max_age: Age = age(default=30, about="time a track lives without a detection")
    embedder: EmbedderCall | None = part(EMBEDDER, default=None)

    def start(self) -> EmbeddedState:
        return EmbeddedState.start(self.motion)

    def step(self, state: EmbeddedState, seen: Seen) -> Tracks:
        embeddings, scores = seen.embeddings, seen.detections.scores
        state.motion = self.motion.hold_size(state.motion, state.missed == 1)
        self.move(state, seen)
        state.end_after_gap(self.max_age, self.frame_rate)

        # Embeddings may match boxes that do not overlap only where proximity allows it.
        least = 0.0 if embeddings is not None and self.proximity == 1 else None
        rows, columns, iou = self.overlaps(state, seen, least=least)
        cost = 1 - iou * scores.take(columns)
        parts = {"overlap": iou}
        if embeddings is not None:
            distance = (1 - pair_cosines(state.embeddings, embeddings, rows, columns)) / 2
            known = (distance <= self.max_half_distance) & (1 - iou <= self.proximity)
            cost = np.minimum(cost, np.where(known, distance, 1.0))
            parts["half_distance"] = distance

        high = scores > self.track_threshold
        low = (scores > self.low_threshold) & ~high
        if state.log is not None:
            state.log.leave_out(seen.detections.rows[~(high | low)], "low_threshold")

        matching = self.matching(state, seen)
        gain = self.match_threshold - cost
        matching.stage("high", rows, columns, gain, state.confirmed, high, limit="match_threshold", parts=parts)
        if np.count_nonzero(low):
            gain = self.low_match_threshold - (1 - iou)
            last = state.confirmed & (state.missed == 1)
            matching.stage("low", rows, columns, gain, last, low, limit="low_match_threshold", parts=parts)
        if np.count_nonzero(state.confirmed) < len(state):
            gain = self.new_match_threshold - cost
            matching.stage("new", rows, columns, gain, ~state.confirmed, high, limit="new_match_threshold", parts=parts)

        tracks, matched = matching.pairs
        state.update(self.motion, tracks, seen.detections, matched)
        if embeddings is not None:
            # A low detection is half hidden: its embedding may be another object's.
            k = high[matched]
            old, new = state.embeddings[:, tracks[k]].T, embeddings[matched[k]]
            averaged = (self.momentum * old + (1 - self.momentum) * new).astype(np.float32)
            state.embeddings[:, tracks[k]] = unit(averaged).T
        state.confirmed |= state.missed == 0
        state.end(state.outlived(self.max_age) | ~state.confirmed, TENTATIVE)

        born = (matching.free_detections & high & (scores >= self.birth_threshold)).nonzero()[0]
        first = np.full(len(born), state.frame == 1)
        state.birth(self.motion, seen.detections, born, confirmed=first, embeddings=state.at_birth(embeddings, born))
        if np.count_nonzero(state.missed):
            state.end_duplicates(self.motion.boxes(state.motion), self.duplicate_iou, self.per_class)
        return self.report(state, state.confirmed & (state.missed == 0))
