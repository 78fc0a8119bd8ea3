"""StrongSORT: make DeepSORT great again (Du et al. 2023, arXiv 2202.13514), without its offline AFLink and GSI.

1. predict     every track moves by DeepSORT's Kalman filter over centre, aspect ratio and height; for its camera
               motion (ECC, section 3.2) see ``tracker.camera``
2. appearance  cosine distance of every detection to every track's moving average of embeddings, EMA (equation 1)
3. motion      squared Mahalanobis distance; pairs beyond its 95 % quantile are refused
4. cost        appearance_weight x appearance + the rest x motion, MC                                (equation 3)
5. match       all confirmed tracks in one assignment, no cascade ("vanilla matching")              (section 3.2)
6. overlap     tentative tracks and tracks missed once match free detections by IoU
7. update      measured with noise x (1 - score), NSA; the average of embeddings moves               (equation 2)
8. birth       every free detection starts a tentative track, confirmed after n_init matches
9. death       tentative tracks end at their first miss, confirmed ones after max_age frames
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tracker.appearance import pair_cosines, unit
from tracker.log import TENTATIVE
from tracker.motion import XYAH
from tracker.protocol import EmbedderCall, Embeddings
from tracker.settings import Age, age, amount, count, flag, part, share
from tracker.state import EmbeddedState
from tracker.tracker import EMBEDDER, Seen, Tracker
from tracker.tracks import Tracks


class StrongSORT(Tracker):
    """StrongSORT. Detections need embeddings, and scores from 0 to 1; scores outside count as 0 or 1."""

    embeddings: ClassVar[Embeddings] = "required"
    default_motion = XYAH

    max_age: Age = age(default=30, about="time a confirmed track lives without a detection")
    n_init: int = count(default=3, about="matches, its birth included, before a track is confirmed")
    max_cost: float = amount(default=0.4, about="largest cost of a match by appearance and motion")
    appearance_weight: float = share(default=0.98, about="weight of appearance against motion, lambda of equation 3")
    max_iou_distance: float = share(default=0.7, about="largest 1 - IoU of a match by overlap")
    momentum: float = share(
        default=0.9, about="weight of the past in the moving average of embeddings", role="appearance"
    )
    scale_noise: bool = flag(default=True, about="measure with noise x (1 - score)")
    embedder: EmbedderCall | None = part(EMBEDDER, default=None)

    def start(self) -> EmbeddedState:
        return EmbeddedState.start(self.motion)

    def step(self, state: EmbeddedState, seen: Seen) -> Tracks:
        embeddings = seen.embeddings
        assert embeddings is not None  # they are required
        self.move(state, seen)
        outlasted = state.outlasted(self.max_age, self.frame_rate)
        expired = outlasted | state.outlived(self.max_age)

        confirmed = state.confirmed & ~expired
        gated, looked_at, motion = self.gated(state, seen, confirmed)
        appearance = 1.0 - pair_cosines(state.embeddings, embeddings, gated, looked_at)
        cost = self.appearance_weight * appearance + (1 - self.appearance_weight) * motion
        # Boxes that do not overlap match only where any distance is allowed.
        rows, columns, iou = self.overlaps(state, seen, least=None if self.max_iou_distance < 1 else 0.0)

        matching = self.matching(state, seen)
        parts = {"appearance": appearance, "mahalanobis": motion}
        gain = self.max_cost - cost
        matching.stage("appearance and motion", gated, looked_at, gain, confirmed, limit="max_cost", parts=parts)
        overlapping = (~state.confirmed | (state.missed == 1)) & ~outlasted
        gain = self.max_iou_distance - (1.0 - iou)
        matching.stage("overlap", rows, columns, gain, overlapping, limit="max_iou_distance", parts={"overlap": iou})

        tracks, matched = matching.pairs
        noise = 1.0 - seen.detections.scores[matched].clip(0.0, 1.0) if self.scale_noise else None
        state.update(self.motion, tracks, seen.detections, matched, noise)
        averaged = self.momentum * state.embeddings[:, tracks].T + (1 - self.momentum) * embeddings[matched]
        state.embeddings[:, tracks] = unit(averaged.astype(np.float32)).T
        state.confirmed |= state.hits >= self.n_init
        state.end((state.missed > 0) & (expired | ~state.confirmed), TENTATIVE)

        born = matching.free_detections.nonzero()[0]
        state.birth(self.motion, seen.detections, born, embeddings=embeddings[born].T)
        state.confirmed |= state.hits >= self.n_init
        return self.report(state, state.confirmed & (state.missed <= 1))
