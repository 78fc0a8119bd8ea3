"""Steady: the tracker we recommend; by motion alone, or with appearance where detections bring embeddings.

It stands on ByteTrack (Zhang 2022, arXiv 2110.06864) and adds what keeps an identity through a crowd. Every stage is
there for a reason that holds in any scene; ``scripts/ablation.py`` measures what each adds.

0. scale       scores of a strong network, whose good ones are about 0.9, are taken as they are. Where the good ones are
               at 0.5, or at 60, all are scaled, so that the thresholds mean the same. What a good score is: the mean
               of all so far weighted by their fourth power, to which the many weak ones add next to nothing
1. predict     Kalman filter over centre, width and height (BoT-SORT, arXiv 2206.14651, section 3.1); lost tracks keep
               their size
2. likeness    IoU x agreement in height with what the track measured over time. Two people who overlap in the image
               differ in height before they differ in place, and a slow mean survives an occlusion
3. high        confirmed and lost tracks match detections above high_score; likeness weighs by score (ByteTrack, 3)
4. low         tracks seen in the last frame match ALL detections scored lower, down to almost nothing: a weak
               detection where a track must be is evidence. Height overlap counts twice, a hidden box is cut from below
5. new         tracks born in the last frame match the high detections that are left, or end
6. appearance  with embeddings: lost tracks match what is left by looks, within reach of their motion
7. update      a low detection is measured with low_noise times the variance: its box is less sure too
8. birth       a high detection left, scored birth_score or more, starts a track; confirmed by its second match
9. death       tracks without a detection for more than max_age frames end
10. report     seen tracks; those missed for one frame; and those that went out of sight behind another track, for
               coast frames: they are still there
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tracker.appearance import embedded, pair_cosines, unit
from tracker.arrays import BoolArray, EmbeddingArray, FloatArray, IntArray
from tracker.assign import Matching
from tracker.boxes import affine_scale, area_xyxy, iou_pairs_xyxy, xyxy_to_xywh
from tracker.detections import Detections, Invalid, as_detections
from tracker.motion import XYWH, Motion
from tracker.state import State, at_least, fraction, frames_of, positive, switch
from tracker.tracks import Tracks

# How far from its prediction looks may find a lost track, in heights of its box: at once, and per second out of sight
# (people walk less than one height a second).
REACH, REACH_PER_SECOND = 0.5, 1.5

# Between these the good scores of a strong network are; others are scaled to the nearer one. The level starts as if one
# detection of 0.9 had been seen, which is forgotten over so many detections: a video that begins with weak ones alone
# starts no tracks at once. No detector's good ones are weaker than the last: where there is only junk nothing starts.
STRONG, START, START_MEMORY, WEAKEST = (0.85, 1.0), 0.9, 100.0, 0.2

# Frames with detections over which the level of the good scores is remembered: night falls.
LEVEL_MEMORY = 1000.0

# Scores below count as 0; those above, whose fourth power would soon be too large, as this; a call with an array is
# cheaper than one with a number.
LEAST, MOST, ONE = np.array(0.0), np.array(1e6), np.array(1.0)

# Detections after which a track is reported where it is hidden: false ones seldom come so far.
STEADY_HITS = 30


@dataclass
class SteadyState(State):
    heights: FloatArray = field(default_factory=lambda: np.empty(0))  # slow mean of the measured heights, pixels
    looks: EmbeddingArray = field(default_factory=lambda: np.empty((0, 0), dtype=np.float32))  # (D, N) unit, or 0
    prior: float = START**4  # weight of the level that a video starts with
    fourth: float = 0.0  # sums of the fourth and fifth powers of all scores, slowly forgotten
    fifth: float = 0.0

    def warp(self, motion: Motion, matrix: FloatArray) -> None:
        super().warp(motion, matrix)
        self.heights = self.heights * affine_scale(matrix)


class Steady:
    """The recommended tracker.

    Thresholds of the score are for a strong network (good detections at 0.85 to 1); other scores are scaled to that.

    high_score      score above which a detection may start or regain a track; lower ones only continue tracks
    low_score       score at or below which a detection is not used at all
    birth_score     least score of a detection that starts a track
    score_power     exponent of the score as a weight of the likeness
    high_likeness   least likeness x score of a match of stage 3, 0..1
    low_likeness    least likeness of a match of stage 4, 0..1
    new_likeness    least likeness x score of a match of stage 5, 0..1
    low_noise       variance of a low detection's box, in those of a high one
    height_memory   weight of the newest height in a track's mean
    appearance      weight of appearance against likeness where there are embeddings, 0..1
    max_cosine_distance  largest appearance distance of a match of stage 6, 0..2
    max_age         frames a track lives without a detection; "1.5s" gives seconds
    coast           frames a track is reported behind the one that hides it; 0 reports seen tracks only
    per_class       a track only matches detections of its own class
    frame_rate      frames per second; turns seconds (``time``, "1.5s") into frames
    embedder        callable (image, boxes (N, 4) xyxy) -> (N, D); optional, as are embeddings
    motion          motion model; default XYWH
    """

    embeddings_optional = True

    def __init__(
        self,
        *,
        high_score: float = 0.65,
        low_score: float = 0.02,
        birth_score: float = 0.7,
        score_power: float = 1.5,
        high_likeness: float = 0.1,
        low_likeness: float = 0.5,
        new_likeness: float = 0.3,
        low_noise: float = 4.0,
        height_memory: float = 0.1,
        appearance: float = 0.3,
        max_cosine_distance: float = 0.2,
        max_age: float | str = 30,
        coast: int = 8,
        per_class: bool = False,
        frame_rate: float = 30.0,
        embedder: Callable[[Any, FloatArray], Any] | None = None,
        motion: Motion | None = None,
    ) -> None:
        self.high_score = fraction(high_score, "high_score")
        self.low_score = fraction(low_score, "low_score")
        self.birth_score = fraction(birth_score, "birth_score")
        self.score_power = positive(score_power, "score_power")
        self.high_likeness = fraction(high_likeness, "high_likeness")
        self.low_likeness = fraction(low_likeness, "low_likeness")
        self.new_likeness = fraction(new_likeness, "new_likeness")
        self.low_noise = positive(low_noise, "low_noise")
        self.height_memory = fraction(height_memory, "height_memory")
        self.appearance = fraction(appearance, "appearance")
        self.max_cosine_distance = fraction(max_cosine_distance, "max_cosine_distance", 2)
        self.coast = at_least(0, coast, "coast")
        self.per_class = switch(per_class, "per_class")
        self.frame_rate = positive(frame_rate, "frame_rate")
        self.max_age = frames_of(max_age, self.frame_rate)
        self.embedder = embedder
        self.motion: Motion = XYWH() if motion is None else motion
        self.reset()

    def reset(self) -> None:
        """Forget everything; ids start from 1 again."""
        self.state = SteadyState.start(self.motion)

    @property
    def tracks(self) -> Tracks:
        """Every living track, reported or not."""
        return self.state.report(self.motion, np.full(len(self.state), True))

    def update(
        self, detections: Any, frame: Any = None, time: float | None = None, *, invalid: Invalid = "raise"
    ) -> Tracks:
        """Track one frame: its detections in, the reported tracks out.

        detections  anything ``as_detections`` takes, those of low score too; embeddings are used where they are given.
                    Scores of any scale above 0, bounded or not, whose good ones are above 0.2; those below 0 count as 0
        frame       the image (H, W, 3), only for an embedder
        time        seconds; lets frames be skipped or irregular. Without it one call is one frame.

        Raises ValueError for invalid detections (unless ``invalid="drop"``), embeddings of another width, or a time
        that does not increase; the tracker is then as it was before the call.
        """
        detections = as_detections(detections, invalid=invalid)
        detections = embedded(detections, self.embedder, frame, "Steady", invalid)
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

        boxes = detections.boxes
        scores = _relative(state, detections.scores)
        high = scores > self.high_score
        confirmed = state.confirmed
        predicted = self.motion.boxes(state.motion)
        rows, columns, iou = iou_pairs_xyxy(predicted, boxes)
        if self.per_class:
            same = state.classes[rows] == detections.classes[columns]
            rows, columns, iou = rows[same], columns[same], iou[same]

        tall = boxes[:, 3] - boxes[:, 1]
        known, measured = state.heights[rows], tall[columns]
        likeness = iou * np.minimum(known, measured) / np.maximum(known, measured)
        weighted = likeness * (scores**self.score_power)[columns]
        if looks is not None:
            agreement = (2 * pair_cosines(state.looks, looks, rows, columns)).clip(0.0, 2.0)
            weighted *= (1 - self.appearance) + self.appearance * agreement

        matching = Matching(len(state), len(detections))
        all_high, all_confirmed = _all(high), _all(confirmed)  # often so, and then there is less to do
        from_high, of_confirmed = None if all_high else high, None if all_confirmed else confirmed
        matching.stage_pairs("high", rows, columns, weighted - self.high_likeness, of_confirmed, from_high)

        if not all_high:
            weak = (scores > self.low_score) & ~high
            near = (weak[columns] & (likeness > self.low_likeness)).nonzero()[0]
            if len(near):
                part, whole = rows[near], columns[near]
                gain = likeness[near] * _height_iou(predicted[part], boxes[whole]) - self.low_likeness
                matching.stage_pairs("low", part, whole, gain, confirmed & (state.missed == 1))

        if not all_confirmed:
            matching.stage_pairs("new", rows, columns, weighted - self.new_likeness, ~confirmed, from_high)

        if looks is not None:
            lost, left = self._within_reach(
                state, matching.free_tracks & confirmed, predicted, matching.free_detections & high, boxes
            )
            if self.per_class:
                same = state.classes[lost] == detections.classes[left]
                lost, left = lost[same], left[same]
            distance = 1.0 - pair_cosines(state.looks, looks, lost, left).astype(np.float64)
            matching.stage_pairs("appearance", lost, left, self.max_cosine_distance - distance)

        tracks, matched = matching.pairs
        sure = None if all_high or _all(high[matched]) else high[matched]
        noise = None if sure is None else np.where(sure, 1.0, self.low_noise)
        state.update(self.motion, tracks, detections, matched, noise)
        self._remember(state, tracks, tall[matched], sure, None if looks is None else looks[matched])
        over = state.outlived(self.max_age)
        if not all_confirmed:
            state.confirmed |= state.missed == 0
            over |= ~state.confirmed
        state.end(over)

        if len(matched) < len(detections):
            born = (matching.free_detections & high & (scores >= self.birth_score)).nonzero()[0]
            state.birth(
                self.motion,
                detections,
                born,
                confirmed=np.full(len(born), state.frame == 1),
                heights=tall[born],
                looks=np.zeros((len(state.looks), len(born)), dtype=np.float32) if looks is None else looks[born].T,
            )

        reported = state.report(self.motion, self._shown(state))
        self.state = state
        return reported

    def _within_reach(
        self, state: SteadyState, tracks: BoolArray, predicted: FloatArray, which: BoolArray, boxes: FloatArray
    ) -> tuple[IntArray, IntArray]:
        """Pairs of tracks in the mask (N,), of box (N, 4), and detections in the mask (M,), of box (M, 4).

        Those in which the track, out of sight for as long as it is, may have come to the detection.
        """
        some, others = tracks.nonzero()[0], which.nonzero()[0]
        away = xyxy_to_xywh(predicted[some])[:, None, :2] - xyxy_to_xywh(boxes[others])[:, :2]
        reach = (state.heights * (REACH + REACH_PER_SECOND * state.silent / self.frame_rate))[some]
        rows, columns = (np.hypot(away[..., 0], away[..., 1]) <= reach[:, None]).nonzero()
        return some[rows], others[columns]

    def _remember(
        self,
        state: SteadyState,
        tracks: IntArray,
        tall: FloatArray,
        sure: BoolArray | None,
        looks: EmbeddingArray | None,
    ) -> None:
        """Heights (K,) and looks (K, D) of the matched tracks (K,); of those not ``sure`` (K,) with less weight."""
        # The plain mean of the first heights, then a moving one.
        weight = np.maximum(1.0 / state.hits[tracks], self.height_memory)
        if sure is not None:
            weight[~sure] *= 0.3
        state.heights[tracks] += weight * (tall - state.heights[tracks])
        if looks is not None:
            # The looks of a half hidden person are somebody else's.
            new = looks if sure is None else np.where(sure[:, None], looks, 0.0)
            state.looks[:, tracks] = unit((0.9 * state.looks[:, tracks].T + 0.1 * new).astype(np.float32)).T

    def _shown(self, state: SteadyState) -> BoolArray:
        """(N,) tracks to report: seen, missed once, or out of sight behind a seen track that stands in front."""
        seen = state.missed == 0
        shown: BoolArray = state.confirmed & seen
        if self.coast == 0 or _all(seen):
            return shown
        coasting = ~seen & (state.silent < self.coast + 0.5) & (state.hits >= STEADY_HITS)
        if np.count_nonzero(coasting):
            shown |= coasting & (state.silent < 1.5)
            hidden = (coasting & ~shown).nonzero()[0]
            if len(hidden):
                boxes = self.motion.boxes(state.motion)
                shown[hidden] = _covered(boxes[hidden], boxes[seen]) >= 0.5
        return shown

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


def _relative(state: SteadyState, scores: FloatArray) -> FloatArray:
    """Scores (M,) as those of a strong network, 0..1; what ``state`` knows of their level learns from them first."""
    if len(scores) == 0:
        return scores
    scores = np.minimum(np.maximum(scores, LEAST), MOST)
    squares = scores * scores
    state.prior = max(state.prior * (1 - 1 / START_MEMORY) ** len(scores), 1e-12)  # all scores may be 0
    state.fourth += float(squares.dot(squares)) - state.fourth / LEVEL_MEMORY
    state.fifth += float(squares.dot(squares * scores)) - state.fifth / LEVEL_MEMORY
    level = max((state.fifth + state.prior * START) / (state.fourth + state.prior), WEAKEST)
    if not STRONG[0] <= level <= STRONG[1]:
        scores *= min(max(level, STRONG[0]), STRONG[1]) / level
    out: FloatArray = np.minimum(scores, ONE, out=scores)
    return out


def _all(mask: BoolArray) -> bool:
    return bool(np.count_nonzero(mask) == len(mask))


def _height_iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """(K,) overlap over union of the vertical extents of boxes a (K, 4) and b (K, 4)."""
    overlap = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
    union = np.maximum(a[:, 3], b[:, 3]) - np.minimum(a[:, 1], b[:, 1])
    out: FloatArray = np.maximum(overlap, 0.0) / union
    return out


def _covered(a: FloatArray, b: FloatArray) -> FloatArray:
    """(N,) largest share of each box a that one box of b covers whose foot is lower in the image, that is, nearer."""
    size = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    np.maximum(size, 0.0, out=size)
    share = size[..., 0] * size[..., 1] / area_xyxy(a)[:, None]
    out: FloatArray = np.where(b[:, 3] > a[:, None, 3], share, 0.0).max(axis=1, initial=0.0)
    return out
