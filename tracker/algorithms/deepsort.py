"""DeepSORT: SORT with a deep association metric (Wojke, Bewley, Paulus 2017, arXiv 1703.07402).

1. predict     every track moves by its Kalman filter over centre, aspect ratio and height         (section 2.1)
2. appearance  smallest cosine distance of every detection to every track's gallery                (equation 2)
3. gate        pairs beyond the 95 % quantile of the squared Mahalanobis distance are refused       (equations 1, 4)
4. cascade     confirmed tracks match by appearance, those seen most recently first                 (section 2.3)
5. overlap     tentative tracks and tracks missed once match what is left by IoU                    (section 2.3)
6. update      matched tracks measure their detection and remember its embedding                    (section 2.2)
7. birth       every detection left starts a tentative track, confirmed after n_init matches        (section 2.1)
8. death       tentative tracks end at their first miss, confirmed ones after max_age frames        (section 2.1)

Beyond the paper, and off by default: with lone_iou < 1 a track and a detection that overlap each other so much and
nothing else are matched before stage 2, and only what is left then needs an embedding. That is where the time goes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tracker.appearance import Galleries, embedded, unit
from tracker.arrays import EmbeddingArray, FloatArray, IntArray
from tracker.assign import Matching, lone_pairs
from tracker.boxes import iou_pairs_xyxy
from tracker.detections import Detections, Invalid, as_detections
from tracker.motion import XYAH, Motion
from tracker.state import State, at_least, fraction, frames_of, positive, switch
from tracker.tracks import Tracks

# 95 % quantile of the chi-square distribution with 4 degrees of freedom (x, y, aspect ratio, height).
MAHALANOBIS_GATE = 9.487729036781154

# The published limit is inclusive: a cost equal to it still matches.
INCLUSIVE = 1e-5


@dataclass
class DeepSORTState(State):
    slots: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))  # gallery of each track
    galleries: Galleries = field(default_factory=lambda: Galleries(1, 1))


class DeepSORT:
    """DeepSORT tracker.

    max_age             frames a confirmed track lives without a detection; "1.5s" gives seconds
    n_init              matches, its birth included, before a track is confirmed
    max_cosine_distance largest appearance distance of a match, 0..2
    max_iou_distance    largest 1 - IoU of a match in the overlap stage, 0..1
    budget              embeddings in a track's gallery
    max_galleries       tracks that hold a gallery at a time: bounds memory to max_galleries x budget embeddings
    lone_iou            IoU from which a track seen in the last frame is given the only detection that it overlaps, if
                        that overlaps no other track, without a look; 0..1, at 1 every detection needs an embedding
    look_every          a track so matched is still looked at when its detections are a multiple of this, to keep its
                        gallery fresh
    per_class           a track only matches detections of its own class
    frame_rate          frames per second; turns seconds (``time``, "1.5s") into frames
    embedder            callable (image, boxes (N, 4) xyxy) -> (N, D), for detections that bring no embeddings
    motion              motion model; default the paper's
    """

    def __init__(
        self,
        *,
        max_age: float | str = 30,
        n_init: int = 3,
        max_cosine_distance: float = 0.2,
        max_iou_distance: float = 0.7,
        budget: int = 100,
        max_galleries: int = 1000,
        lone_iou: float = 1.0,
        look_every: int = 10,
        per_class: bool = False,
        frame_rate: float = 30.0,
        embedder: Callable[[Any, FloatArray], Any] | None = None,
        motion: Motion | None = None,
    ) -> None:
        self.n_init = at_least(1, n_init, "n_init")
        self.max_cosine_distance = fraction(max_cosine_distance, "max_cosine_distance", 2)
        self.max_iou_distance = fraction(max_iou_distance, "max_iou_distance")
        self.budget = at_least(1, budget, "budget")
        self.max_galleries = at_least(1, max_galleries, "max_galleries")
        self.lone_iou = fraction(lone_iou, "lone_iou")
        self.look_every = at_least(1, look_every, "look_every")
        self.per_class = switch(per_class, "per_class")
        self.frame_rate = positive(frame_rate, "frame_rate")
        self.max_age = frames_of(max_age, self.frame_rate)
        self.embedder = embedder
        self.motion: Motion = XYAH() if motion is None else motion
        self.reset()

    def reset(self) -> None:
        """Forget everything; ids start from 1 again."""
        self.state = DeepSORTState.start(self.motion, galleries=Galleries(self.budget, self.max_galleries))

    @property
    def tracks(self) -> Tracks:
        """Every living track, reported or not."""
        return self.state.report(self.motion, np.full(len(self.state), True))

    def update(
        self, detections: Any, frame: Any = None, time: float | None = None, *, invalid: Invalid = "raise"
    ) -> Tracks:
        """Track one frame: its detections in, the confirmed tracks missed at most once out.

        detections  anything ``as_detections`` takes, with embeddings unless an embedder was given
        frame       the image (H, W, 3), for the embedder
        time        seconds; lets frames be skipped or irregular. Without it one call is one frame.

        Raises ValueError for invalid detections (unless ``invalid="drop"``), missing embeddings or embeddings of
        another width, or a time that does not increase; the tracker is then as it was before the call.
        """
        detections = as_detections(detections, invalid=invalid)
        if self.lone_iou == 1:
            detections = embedded(detections, self.embedder, frame, "DeepSORT", invalid)
        state = copy.copy(self.state)
        step = state.advance(time, self.frame_rate)
        state.dropped += detections.dropped

        state.predict(self.motion, step)

        outlasted = state.outlasted(self.max_age, self.frame_rate)
        expired = outlasted | state.outlived(self.max_age)
        cascading = state.confirmed & ~expired
        gated, looked_at, _ = self.motion.gated_pairs(state.motion, detections.boxes, MAHALANOBIS_GATE)
        admitted = cascading[gated]
        if self.per_class:
            admitted &= state.classes[gated] == detections.classes[looked_at]
        gated, looked_at = gated[admitted], looked_at[admitted]
        # Boxes that do not overlap match only where any distance is allowed.
        least = None if self.max_iou_distance < 1 else 0.0
        rows, columns, iou = iou_pairs_xyxy(self.motion.boxes(state.motion), detections.boxes, least)
        if self.per_class:
            same = state.classes[rows] == detections.classes[columns]
            rows, columns, iou = rows[same], columns[same], iou[same]

        matching = Matching(len(state), len(detections))
        looked = np.full(len(detections), True)
        if self.lone_iou < 1:
            lone = lone_pairs(rows, columns, iou, self.lone_iou)
            alone, its = rows[lone], columns[lone]
            of_row = len(detections)  # a pair as one number
            sure = np.isin(alone * of_row + its, gated * of_row + looked_at) & (state.missed == 1)[alone]
            alone, its = alone[sure], its[sure]
            matching.stages.append("lone")
            matching.accept(alone, its)
            still = matching.free_detections[looked_at]
            gated, looked_at = gated[still], looked_at[still]
            looked[its] = state.hits[alone] % self.look_every == 0
            asked = embedded(detections.numbered()[looked], self.embedder, frame, "DeepSORT", invalid)
            state.dropped += asked.dropped - detections.dropped
            looked[:] = False
            looked[asked.rows] = True  # one whose embedding was dropped may match by overlap, and starts nothing
            looks = self._embeddings(asked)
            embeddings = np.zeros((len(detections), looks.shape[1]), dtype=np.float32)
            embeddings[asked.rows] = looks
        else:
            embeddings = self._embeddings(detections)
        appearance = state.galleries.pair_distances(state.slots, embeddings, gated, looked_at)
        by_appearance = self.max_cosine_distance + INCLUSIVE - appearance
        by_overlap = self.max_iou_distance + INCLUSIVE - (1.0 - iou)

        for missed in sorted(set(state.missed[cascading].tolist())):
            name = f"appearance, missed {missed}"
            matching.stage_pairs(name, gated, looked_at, by_appearance, cascading & (state.missed == missed))
        overlapping = (~state.confirmed | (state.missed == 1)) & ~outlasted
        matching.stage_pairs("overlap", rows, columns, by_overlap, overlapping)

        tracks, matched = matching.pairs
        state.update(self.motion, tracks, detections, matched)
        state.confirmed |= state.hits >= self.n_init
        dead = (state.missed > 0) & (expired | ~state.confirmed)

        continued, ended = state.slots[tracks], state.slots[dead]
        state.end(dead)
        born = (matching.free_detections & looked).nonzero()[0]
        state.birth(self.motion, detections, born, slots=np.full(len(born), -1))
        state.confirmed |= state.hits >= self.n_init
        reported = state.report(self.motion, state.confirmed & (state.missed <= 1))

        # The pool of galleries is written in place, so it comes last: a motion model of the user's may fail above.
        fresh = looked[matched]
        state.galleries.add(continued[fresh], embeddings[matched[fresh]])
        state.galleries.close(ended)
        state.slots = np.concatenate((state.slots[: len(state) - len(born)], state.galleries.open(embeddings[born])))
        self.state = state
        return reported

    def _embeddings(self, detections: Detections) -> EmbeddingArray:
        """(N, D) unit embeddings of the detections, checked against what the galleries hold."""
        width = self.state.galleries.width
        if len(detections) == 0:
            return np.empty((0, width or 0), dtype=np.float32)
        if detections.embeddings is None:
            raise ValueError(
                "DeepSORT needs embeddings: give detections with embeddings, "
                "or DeepSORT(embedder=...) and update(detections, frame)"
            )
        if width is not None and detections.embeddings.shape[1] != width:
            raise ValueError(
                f"embeddings are {detections.embeddings.shape[1]} wide, the galleries {width}; "
                "use one embedder throughout, or call reset()"
            )
        return unit(detections.embeddings)
