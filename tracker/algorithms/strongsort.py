"""StrongSORT: make DeepSORT great again (Du et al. 2023, arXiv 2202.13514), without its offline AFLink and GSI.

1. predict     every track moves by DeepSORT's Kalman filter over centre, aspect ratio and height; for its camera
               motion (ECC, section 3.2) see ``tracker.camera``
2. appearance  cosine distance of every detection to every track's moving average of looks, EMA     (equation 1)
3. motion      squared Mahalanobis distance; pairs beyond its 95 % quantile are refused
4. cost        appearance_weight x appearance + the rest x motion, MC                                (equation 3)
5. match       all confirmed tracks in one assignment, no cascade ("vanilla matching")              (section 3.2)
6. overlap     tentative tracks and tracks missed once match what is left by IoU
7. update      measured with noise x (1 - score), NSA; the average of looks moves                    (equation 2)
8. birth       every detection left starts a tentative track, confirmed after n_init matches
9. death       tentative tracks end at their first miss, confirmed ones after max_age frames
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
from tracker.motion import XYAH, Motion
from tracker.state import State, at_least, fraction, frames_of, positive, switch
from tracker.tracks import Tracks

# 95 % quantile of the chi-square distribution with 4 degrees of freedom (x, y, aspect ratio, height).
MAHALANOBIS_GATE = 9.487729036781154


@dataclass
class StrongSORTState(State):
    looks: EmbeddingArray = field(default_factory=lambda: np.empty((0, 0), dtype=np.float32))  # (D, N) unit


class StrongSORT:
    """StrongSORT tracker. Like DeepSORT it lives on appearance: detections need embeddings.

    max_age           frames a confirmed track lives without a detection; "1.5s" gives seconds
    n_init            matches, its birth included, before a track is confirmed
    max_cost          largest cost of a match by appearance and motion
    appearance_weight lambda of equation 3, 0..1
    max_iou_distance  largest 1 - IoU of a match in the overlap stage, 0..1
    momentum          weight of the past in the moving average of looks, 0..1
    scale_noise       measure with noise x (1 - score)
    per_class         a track only matches detections of its own class
    frame_rate        frames per second; turns seconds (``time``, "1.5s") into frames
    embedder          callable (image, boxes (N, 4) xyxy) -> (N, D), for detections that bring no embeddings
    motion            motion model; default the paper's
    """

    def __init__(
        self,
        *,
        max_age: float | str = 30,
        n_init: int = 3,
        max_cost: float = 0.4,
        appearance_weight: float = 0.98,
        max_iou_distance: float = 0.7,
        momentum: float = 0.9,
        scale_noise: bool = True,
        per_class: bool = False,
        frame_rate: float = 30.0,
        embedder: Callable[[Any, FloatArray], Any] | None = None,
        motion: Motion | None = None,
    ) -> None:
        self.n_init = at_least(1, n_init, "n_init")
        self.max_cost = positive(max_cost, "max_cost")
        self.appearance_weight = fraction(appearance_weight, "appearance_weight")
        self.max_iou_distance = fraction(max_iou_distance, "max_iou_distance")
        self.momentum = fraction(momentum, "momentum")
        self.scale_noise = switch(scale_noise, "scale_noise")
        self.per_class = switch(per_class, "per_class")
        self.frame_rate = positive(frame_rate, "frame_rate")
        self.max_age = frames_of(max_age, self.frame_rate)
        self.embedder = embedder
        self.motion: Motion = XYAH() if motion is None else motion
        self.reset()

    def reset(self) -> None:
        """Forget everything; ids start from 1 again."""
        self.state = StrongSORTState.start(self.motion)

    @property
    def tracks(self) -> Tracks:
        """Every living track, reported or not."""
        return self.state.report(self.motion, np.full(len(self.state), True))

    def update(
        self, detections: Any, frame: Any = None, time: float | None = None, *, invalid: Invalid = "raise"
    ) -> Tracks:
        """Track one frame: its detections in, the confirmed tracks missed at most once out.

        detections  anything ``as_detections`` takes, with embeddings unless an embedder was given; scores 0..1, others
                    count as 0 or 1
        frame       the image (H, W, 3), for the embedder
        time        seconds; lets frames be skipped or irregular. Without it one call is one frame.

        Raises ValueError for invalid detections (unless ``invalid="drop"``), missing embeddings or embeddings of
        another width, or a time that does not increase; the tracker is then as it was before the call.
        """
        detections = as_detections(detections, invalid=invalid)
        detections = embedded(detections, self.embedder, frame, "StrongSORT", invalid)
        looks = self._looks(detections)
        state = copy.copy(self.state)
        if not state.looks.size:
            state.looks = np.zeros((looks.shape[1], len(state)), dtype=np.float32)
        step = state.advance(time, self.frame_rate)
        state.dropped += detections.dropped

        state.predict(self.motion, step)

        outlasted = state.outlasted(self.max_age, self.frame_rate)
        expired = outlasted | state.outlived(self.max_age)
        cascading = state.confirmed & ~expired
        gated, looked_at, motion = self.motion.gated_pairs(state.motion, detections.boxes, MAHALANOBIS_GATE)
        admitted = cascading[gated]
        if self.per_class:
            admitted &= state.classes[gated] == detections.classes[looked_at]
        gated, looked_at, motion = gated[admitted], looked_at[admitted], motion[admitted]
        # Boxes that do not overlap match only where any distance is allowed.
        least = None if self.max_iou_distance < 1 else 0.0
        rows, columns, iou = iou_pairs_xyxy(self.motion.boxes(state.motion), detections.boxes, least)
        if self.per_class:
            same = state.classes[rows] == detections.classes[columns]
            rows, columns, iou = rows[same], columns[same], iou[same]
        appearance = 1.0 - pair_cosines(state.looks, looks, gated, looked_at)
        cost = self.appearance_weight * appearance + (1 - self.appearance_weight) * motion

        matching = Matching(len(state), len(detections))
        matching.stage_pairs("appearance and motion", gated, looked_at, self.max_cost - cost)
        overlapping = (~state.confirmed | (state.missed == 1)) & ~outlasted
        matching.stage_pairs("overlap", rows, columns, self.max_iou_distance - (1.0 - iou), overlapping)

        tracks, matched = matching.pairs
        noise = 1.0 - detections.scores[matched].clip(0.0, 1.0) if self.scale_noise else None
        state.update(self.motion, tracks, detections, matched, noise)
        averaged = self.momentum * state.looks[:, tracks].T + (1 - self.momentum) * looks[matched]
        state.looks[:, tracks] = unit(averaged.astype(np.float32)).T
        state.confirmed |= state.hits >= self.n_init
        state.end((state.missed > 0) & (expired | ~state.confirmed))

        born = matching.free_detections.nonzero()[0]
        state.birth(self.motion, detections, born, looks=looks[born].T)
        state.confirmed |= state.hits >= self.n_init

        reported = state.report(self.motion, state.confirmed & (state.missed <= 1))
        self.state = state
        return reported

    def _looks(self, detections: Detections) -> EmbeddingArray:
        """(N, D) unit embeddings of the detections, checked against those remembered."""
        width = len(self.state.looks) or None
        if len(detections) == 0:
            return np.empty((0, width or 0), dtype=np.float32)
        if detections.embeddings is None:
            raise ValueError(
                "StrongSORT needs embeddings: give detections with embeddings, "
                "or StrongSORT(embedder=...) and update(detections, frame)"
            )
        if width is not None and detections.embeddings.shape[1] != width:
            raise ValueError(
                f"embeddings are {detections.embeddings.shape[1]} wide, those remembered {width}; "
                "use one embedder throughout, or call reset()"
            )
        return unit(detections.embeddings)
