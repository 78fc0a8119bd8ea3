"""Steady: the tracker we recommend; by motion alone, or with appearance where detections bring embeddings.

It builds on ByteTrack (Zhang 2022, arXiv 2110.06864) and adds what keeps an identity through a crowd. Every stage is
there for a reason that holds in any scene; ``scripts/ablation.py`` measures what each adds.

0. scale       scores of a strong network, whose good ones are about 0.9, are taken as they are. Where the good ones are
               at 0.5, or at 60, all are scaled, so that the thresholds mean the same. What a good score is: the mean
               of all so far weighted by their fourth power, to which the many weak ones add next to nothing. Logits
               are recognised and made probabilities first. Where scores spread, and detections of middling score are
               found again as objects are, these are raised (``tracker.levels``)
1. predict     Kalman filter over centre, width and height (BoT-SORT, arXiv 2206.14651, section 3.1), whose velocities
               change with time and not with frames, and more where residuals in a row agree: then the filter lags
               (Mehra 1970); lost tracks keep their size; all follow a moving camera, which their common residuals
               show (``tracker.camera_pairs``)
2. likeness    IoU x agreement in height with what the track measured over time. Two people who overlap in the image
               differ in height before they differ in place, and a slow mean survives an occlusion. With embeddings also
               x agreement in appearance: 0 for a cosine like that to the nearest other person, 2 for one like a track's
               own, both measured in this video. How far the two are apart says how much embeddings count, which may be
               not at all; those of covered detections count less
3. high        confirmed and lost tracks match detections above high_score; likeness weighs by score (ByteTrack, 3)
4. low         tracks seen in the last frame match ALL detections scored lower, down to almost nothing: a weak
               detection where a track must be is evidence. Height overlap counts twice: hidden boxes lose their foot
5. new         tracks born in the last frame match the high detections that are free, or end
6. appearance  with embeddings: lost tracks match free high detections by appearance, within reach of their motion
7. update      a low detection is measured with low_noise times the variance: its box is less sure too. With embeddings,
               ids that went to the wrong person are corrected some frames later (``tracker.identity``)
8. birth       a free high detection, scored birth_score or more, starts a track; confirmed by its second match, or by
               a sum of scores where most tracks so far did not last: such a detector sees what is not there
9. death       tracks without a detection for more than max_age frames end; where most did not last also those that
               have been unseen for longer than they were seen
10. report     seen tracks; those missed for one frame; and those that went out of sight behind another track, for
               coast: they are still there. Not those that leave the image
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from tracker.appearance import pair_cosines, unit
from tracker.arrays import BoolArray, EmbeddingArray, FloatArray, IntArray
from tracker.assign import Matching
from tracker.boxes import affine_scale, area_xyxy, iou_pairs_xyxy, xyxy_to_xywh
from tracker.detections import Detections
from tracker.identity import REACH, REACH_PER_SECOND, Arbiter, IdentifiedState
from tracker.levels import STRONG, WEAKEST, Level, Spread
from tracker.log import EXPIRED, TENTATIVE
from tracker.motion import XYWH, Motion
from tracker.protocol import EmbedderCall, Embeddings
from tracker.settings import Age, age, amount, count, part, share
from tracker.tracker import EMBEDDER, Seen, Tracker
from tracker.tracks import Tracks

GOOD = 0.45  # score of a detection to judge the camera by
# A call with an array is cheaper than one with a number.
NONE, ONE = np.array(0), np.array(1)
LESS, NO_OVERLAP, HALVED, UNITY, TWICE, NOT_A_NUMBER = map(np.array, (-1.0, 0.0, 0.5, 1.0, 2.0, np.nan))

# Hits from which a track is reported while hidden: false tracks seldom get that many.
STEADY_HITS = 30

# The rate at which the noise of the motion and height_memory are as given; at others they mean the same time.
USUAL_RATE = 30.0

# A track has lasted with LASTED hits. Where more than MOST_SHORT of those so far ended sooner, a new one needs
# scores that sum to EVIDENCE, and may be missed once, and none lives unseen for longer than it was seen. Where more
# than JUNK ended sooner, the sum is larger, by up to MORE where all did. The counts start as if so many had.
LASTED, MOST_SHORT, EVIDENCE = 10, 0.45, 1.8
JUNK, MORE = 0.8, 2.4
ENDED_BEFORE, LASTED_BEFORE = 1, 3

# The agility of the motion model grows while residuals of the same track in two frames correlate by more than LAGGING.
# With the best gain they would not at all, but a track that is lost is better predicted by a calm filter.
# One step for all tracks: RESPONSE x pairs / PAIRS x the correlation too much. Every LOOK-th frame gives the pairs.
# Below SLOW_RATE frames a second more changes between two frames: then less may be left, and more is looked at.
LAGGING, RESPONSE, PAIRS, MOST_AGILE, LOOK, SLOW_RATE = 0.35, 4.0, 75.0, 10.0, 6, 10.0
LIVELY = 3  # hits from which a track's residual counts
LARGEST_RESIDUAL = 2.5  # of what is usual; larger ones count as that

# Embeddings of a detection that nearer ones cover: from HALF on they say nothing, up to CLEAN a track learns from them.
HALF, CLEAN = 0.5, 0.15
LEARNT = 5  # hits from which a track's distances are learned from
FEW, CROWD = 16, 128  # tracks whose distances are learned in a frame, and detections to which
FINDS, ARBITER = 0.25, 0.5  # trust in embeddings from which they find lost tracks, and correct ids

NOWHERE = (np.inf, np.inf, -np.inf, -np.inf)
WIDEN = 5  # frames between two looks at how far the image reaches
BEYOND = 0.001  # how far a box reaches beyond what was seen of the image when it leaves it, in its own sizes


@dataclass
class SteadyState(IdentifiedState):
    heights: FloatArray = field(default_factory=lambda: np.empty(0))  # slow mean of the measured heights, pixels
    evidence: FloatArray = field(default_factory=lambda: np.empty(0))  # sum of the scores, while tentative
    short: int = 0  # tracks that ended before they had LASTED hits
    lasted: int = 0  # tracks that ended later
    extent: tuple[float, ...] = NOWHERE  # left, top, right, bottom of what was detected so far
    residuals: FloatArray = field(default_factory=lambda: np.empty((2, 0)))  # of centres, in sizes; NaN: none
    usual: tuple[float, float] | None = None  # running mean of their squares, x and y
    agility: float = 1.0  # of the motion model
    level: Level = field(default_factory=Level)  # of the good scores
    spread: Spread = field(default_factory=Spread)  # of the scores below

    def warp(self, motion: Motion, matrix: FloatArray) -> None:
        super().warp(motion, matrix)
        self.heights = self.heights * affine_scale(matrix)

    def end(self, over: BoolArray, reason: str = EXPIRED) -> None:
        over = self.mortal(over)  # who is kept alive by an edit of the log is not counted again in every frame
        count = int(np.count_nonzero(over))
        if count:
            short = int(np.count_nonzero(self.hits[over] < LASTED))
            self.short += short
            self.lasted += count - short
            super().end(over, reason)

    @property
    def brief(self) -> float:
        """Share of the tracks so far that did not last; anything from 0 to MOST_SHORT where it is that at most."""
        short, lasted = self.short + ENDED_BEFORE, self.lasted + LASTED_BEFORE
        share = short / (short + lasted)
        if share <= MOST_SHORT:  # with those that live it is even less
            return share
        return short / (short + lasted + int(np.count_nonzero(self.hits >= LASTED)))

    def unproven(self) -> BoolArray:
        """(N,) confirmed tracks that have been unseen for longer than they were seen."""
        return self.confirmed & (self.missed > 1) & (self.time_since_update > self.hits)


class Steady(Tracker):
    """The recommended tracker.

    Give it ALL detections, those of low score too. Thresholds of the score are for a strong network, whose good
    detections score 0.85 to 1. Scores of another scale, bounded or not, are scaled to that, as long as the good ones
    are above 0.2; scores below 0 count as 0, unless all are logits.

    Give it the frame rate: noise, height_memory and coast mean the same time at every rate.
    """

    embeddings: ClassVar[Embeddings] = "optional"
    default_motion = XYWH
    camera_from_pairs = True
    most_scale: ClassVar[float] = STRONG[0] / WEAKEST

    high_score: float = share(default=0.65, about="score above which a detection may start or regain a track")
    low_score: float = share(default=0.02, about="score at or below which a detection is not used at all", role="floor")
    birth_score: float = share(default=0.7, about="least score of a detection that starts a track", role="birth")
    score_power: float = amount(default=1.5, about="exponent of the score as a weight of the likeness")
    high_likeness: float = share(default=0.1, about="least likeness x score of a match of a high detection")
    low_likeness: float = share(default=0.5, about="least likeness of a match of a low detection")
    new_likeness: float = share(
        default=0.3, about="least likeness x score of a match of a track born in the last frame"
    )
    low_noise: float = amount(default=4.0, about="variance of a low detection's box, in those of a high one")
    height_memory: float = share(
        default=0.1, about="weight of the newest height in a track's mean height, at 30 frames a second"
    )
    appearance: float = share(
        default=0.45, about="weight of appearance against likeness where there are embeddings", role="appearance"
    )
    max_cosine_distance: float = share(
        default=0.15,
        about="largest cosine distance at which appearance alone regains a lost track, or corrects an id",
        high=2,
        role="appearance",
    )
    max_age: Age = age(default=30, about="time a track lives without a detection")
    coast: int = count(
        default=8,
        about="frames at 30 a second for which a track is reported behind the one that hides it; 0: only seen tracks",
        least=0,
        rate=USUAL_RATE,
    )
    embedder: EmbedderCall | None = part(EMBEDDER, default=None)

    def settle(self) -> None:
        slow = USUAL_RATE / self.frame_rate
        if self.motion == XYWH():
            usual = XYWH()
            self.motion = XYWH(
                velocity_weight=usual.velocity_weight * math.sqrt(slow),
                birth_velocity_weight=usual.birth_velocity_weight * slow,
            )
        self.coast_frames = self.coast / slow
        fast = min(1.0, self.frame_rate / SLOW_RATE)
        self.lagging, self.look = LAGGING * fast, max(2, round(LOOK * fast))
        self.height_weight = np.array(1 - (1 - self.height_memory) ** max(1.0, slow))
        self._agile_motion = (self.motion, self.motion)

    def _agile(self, agility: float) -> Motion:
        """The motion model of this agility."""
        if agility == 1.0 or not isinstance(self.motion, XYWH):
            return self.motion
        usual, last = self._agile_motion
        if usual is not self.motion or not isinstance(last, XYWH) or last.agility != agility:
            last = replace(self.motion, agility=agility)
            self._agile_motion = (self.motion, last)
        return last

    def start(self) -> SteadyState:
        return SteadyState.start(self.motion)

    def step(self, state: SteadyState, seen: Seen) -> Tracks:
        detections, embeddings = seen.detections, seen.embeddings
        state.motion = self.motion.hold_size(state.motion, state.missed == ONE)
        state.predict(self._agile(state.agility), seen.elapsed)
        state.end_after_gap(self.max_age, self.frame_rate)

        boxes = detections.boxes
        scores = _relative(state, detections.scores, boxes)
        high = scores > self.high_score
        if state.log is not None:
            state.log.leave_out(detections.rows[~high & (scores <= self.low_score)], "low_score")
        predicted = self.motion.boxes(state.motion)
        corners = boxes.T
        heights = corners[3] - corners[1]
        rows, columns, iou = self.overlaps(state, seen, predicted)
        pairs = (rows, columns, iou)
        if self.camera_from_pairs and self.follow_camera(state, predicted, boxes, pairs, scores, GOOD):
            predicted = self.motion.boxes(state.motion)
            if state.log is not None:
                state.log.refused.clear()  # of pairs where the tracks were expected by a still camera
            rows, columns, iou = self.overlaps(state, seen, predicted)
        known, measured = state.heights.take(rows), heights.take(columns)
        likeness = iou * np.minimum(known, measured) / np.maximum(known, measured)
        weighted = likeness * (scores**self.score_power).take(columns)
        parts = {"overlap": iou, "likeness": likeness}
        cover, trust = None, 0.0
        if embeddings is not None:
            cover = _cover(boxes, high)
            trust = state.separation.trust
            if trust > 0:
                agreement = self._agreement(state, embeddings, rows, columns)
                weight = self.appearance * trust * (1 - cover.take(columns) / HALF).clip(0.0)
                weighted *= 1 + weight * (agreement - 1)
                parts["appearance"] = agreement

        matching = self.matching(state, seen)
        confirmed = state.confirmed
        all_high, all_confirmed = _all(high), _all(confirmed)  # often so, and then there is less to do
        from_high, of_confirmed = None if all_high else high, None if all_confirmed else confirmed
        gain = weighted - self.high_likeness
        matching.stage("high", rows, columns, gain, of_confirmed, from_high, limit="high_likeness", parts=parts)
        if not all_high:
            weak = (scores > self.low_score) & ~high
            self._match_low(state, matching, weak, (rows, columns, likeness), predicted, boxes)
        if not all_confirmed:
            gain = weighted - self.new_likeness
            matching.stage("new", rows, columns, gain, ~confirmed, from_high, limit="new_likeness", parts=parts)
        if embeddings is not None:
            self._match_by_appearance(state, seen, matching, predicted, high, embeddings, trust)

        tracks, matched = matching.pairs
        all_seen = len(tracks) == len(state)
        sure = None if all_high else high.take(matched)
        sure = None if sure is None or _all(sure) else sure
        noise = None if sure is None else np.where(sure, 1.0, self.low_noise)
        if state.frame % self.look < 2 and isinstance(self.motion, XYWH):
            now = _residuals(state, tracks, predicted.T.take(tracks, axis=1), corners.take(matched, axis=1), sure)
            if state.frame % self.look == 0:
                state.residuals = now if all_seen else np.full((2, len(state)), np.nan)
                if not all_seen:
                    state.residuals[:, tracks] = now
            else:
                _learn_agility(state, state.residuals.take(tracks, axis=1), now, self.lagging)
        state.update(self.motion, tracks, detections, matched, noise)
        self._remember(state, tracks, heights.take(matched), sure)
        if embeddings is not None and cover is not None:
            clean = high[matched] & (cover[matched] < CLEAN)
            self._learn(state, tracks, embeddings[matched], clean)
        if not all_confirmed:
            state.evidence[tracks] += scores[matched]
        if not (all_seen and all_confirmed):
            self._prove(state, all_seen, all_confirmed)
        if embeddings is not None:
            limit = self.max_cosine_distance
            arbiter = Arbiter(state, self.motion, state.heights, limit, self.frame_rate, self.per_class)
            arbiter.judge(correct=state.separation.trust > ARBITER)

        if len(matched) < len(detections):
            born = (matching.free_detections & high & (scores >= self.birth_score)).nonzero()[0]
            if len(born):
                self._begin(state, detections, born, heights, scores, embeddings)
        if state.frame % WIDEN == 1:
            _widen(state, boxes)
        return self.report(state, self._shown(state))

    def _prove(self, state: SteadyState, all_seen: bool, all_confirmed: bool) -> None:
        """Confirm the tracks with proof enough, and end those unseen for too long."""
        over = state.outlived(self.max_age)
        brief = state.brief
        if brief > MOST_SHORT and not all_seen:
            over |= state.unproven()
        if not all_confirmed:
            needed, misses = _proof(brief)
            state.confirmed |= (state.missed == NONE) & (state.evidence >= needed)
            over |= ~state.confirmed & (state.missed > misses)
        state.end(over, TENTATIVE)

    def _begin(
        self,
        state: SteadyState,
        detections: Detections,
        born: IntArray,
        heights: FloatArray,
        scores: FloatArray,
        embeddings: EmbeddingArray | None,
    ) -> None:
        """Start a track at each of the detections ``born`` (K,), of heights (M,), scores (M,) and embeddings (M, D)."""
        state.birth(
            self.motion,
            detections,
            born,
            confirmed=np.full(len(born), state.frame == 1),
            heights=heights[born],
            evidence=scores[born],
            residuals=np.full((2, len(born)), np.nan),
            embeddings=state.at_birth(embeddings, born),
            means=np.zeros((*state.means.shape[:2], len(born)), dtype=np.float32),
            seen=state.unseen(born, embeddings is not None),
        )

    def _match_low(
        self,
        state: SteadyState,
        matching: Matching,
        weak: BoolArray,
        pairs: tuple[IntArray, IntArray, FloatArray],
        predicted: FloatArray,
        boxes: FloatArray,
    ) -> None:
        """Stage 4: tracks seen in the last frame and the detections in the mask ``weak`` (M,).

        pairs: tracks, detections and likeness, each (K,).
        """
        rows, columns, likeness = pairs
        near = weak[columns]
        if state.log is None:  # the log also keeps pairs that are not alike enough
            near &= likeness > self.low_likeness
        some = near.nonzero()[0]
        if not len(some) and state.log is None:
            return
        part, whole, alike = rows[some], columns[some], likeness[some]
        gain = alike * _height_iou(predicted.T, boxes.T, part, whole) - self.low_likeness
        last, parts = state.confirmed & (state.missed == ONE), {"likeness": alike}
        # The pairs are within the mask already; a pair that an edit of the log admits need not be.
        those = None if state.log is None else weak
        matching.stage("low", part, whole, gain, last, those, limit="low_likeness", parts=parts)

    def _match_by_appearance(
        self,
        state: SteadyState,
        seen: Seen,
        matching: Matching,
        predicted: FloatArray,
        high: BoolArray,
        embeddings: EmbeddingArray,
        trust: float,
    ) -> None:
        """Stage 6: lost tracks and free high detections within reach, by their embeddings."""
        tracks, those = matching.free_tracks & state.confirmed, matching.free_detections & high
        limit = self._limit(state, high, trust)
        some = limit > 0 and np.count_nonzero(those) and np.count_nonzero(tracks)
        if not some and state.log is None:  # the log also keeps pairs beyond the limit
            return
        lost, left = self._within_reach(state, tracks, predicted, those, seen.detections.boxes)
        if self.per_class:
            same = self.of_one_class(state, seen, lost, left)
            lost, left = lost[same], left[same]
        if limit == 0:
            lost, left = lost[:0], left[:0]
        distance = 1.0 - pair_cosines(state.embeddings, embeddings, lost, left).astype(np.float64)
        gain = limit - distance
        parts = {"distance": distance}
        matching.stage("appearance", lost, left, gain, tracks, those, limit="max_cosine_distance", parts=parts)

    def _limit(self, state: SteadyState, high: BoolArray, trust: float) -> float:
        """Largest cosine distance at which a lost track is found again."""
        separation = state.separation
        if trust > FINDS:
            return min(self.max_cosine_distance, separation.safe_distance)
        alone = not separation.known and len(state) == 1 == np.count_nonzero(high)
        return self.max_cosine_distance if alone else 0.0

    def _within_reach(
        self, state: SteadyState, tracks: BoolArray, predicted: FloatArray, which: BoolArray, boxes: FloatArray
    ) -> tuple[IntArray, IntArray]:
        """Pairs of tracks in the mask (N,), of box (N, 4), and detections in the mask (M,), of box (M, 4).

        Those in which the track can have reached the detection in the time it was out of sight.
        """
        some, others = tracks.nonzero()[0], which.nonzero()[0]
        away = xyxy_to_xywh(predicted[some])[:, None, :2] - xyxy_to_xywh(boxes[others])[:, :2]
        reach = (state.heights * (REACH + REACH_PER_SECOND * state.time_since_update / self.frame_rate))[some]
        rows, columns = (np.hypot(away[..., 0], away[..., 1]) <= reach[:, None]).nonzero()
        return some[rows], others[columns]

    def _remember(
        self,
        state: SteadyState,
        tracks: IntArray,
        heights: FloatArray,
        sure: BoolArray | None,
    ) -> None:
        """Average heights (K,) of the matched tracks (K,); those not ``sure`` (K,) weigh less."""
        # The plain mean of the first heights, then a moving one.
        every = len(tracks) == len(state)  # ascending, so all in their order
        hits, known = (state.hits, state.heights) if every else (state.hits.take(tracks), state.heights.take(tracks))
        weight = UNITY / hits
        np.maximum(weight, self.height_weight, out=weight)
        if sure is not None:
            weight[~sure] *= 0.3
        weight *= heights - known
        if every:
            known += weight
        else:
            state.heights[tracks] = known + weight

    def _agreement(
        self, state: SteadyState, embeddings: EmbeddingArray, rows: IntArray, columns: IntArray
    ) -> FloatArray:
        """(K,) 0 where track and detection are as unlike as two people, 2 as alike as one; 1 where nothing is known."""
        agreement = state.separation.agreement(pair_cosines(state.embeddings, embeddings, rows, columns))
        agreement[state.embedded[rows] == 0] = 1.0
        return agreement

    def _learn(self, state: SteadyState, tracks: IntArray, embeddings: EmbeddingArray, clean: BoolArray) -> None:
        """Average the embeddings (K, D) of the matched tracks (K,), where they are ``clean`` (K,)."""
        sure = (clean & (state.hits[tracks] > LEARNT)).nonzero()[0]
        n = len(sure)
        if n:
            # Of many, others are looked at in every frame: more would teach little more.
            some = sure[np.arange(state.frame * FEW, state.frame * FEW + min(n, CROWD)) % n]
            remembered = state.embeddings.take(tracks[some[:FEW]], axis=1)
            state.separation = state.separation.learn(remembered, embeddings[some])
        state.remember(tracks, embeddings, clean)
        if np.count_nonzero(clean) < len(clean):
            tracks, embeddings = tracks[clean], embeddings[clean]
        averaged = (0.9 * state.embeddings[:, tracks].T + 0.1 * embeddings).astype(np.float32)
        state.embeddings[:, tracks] = unit(averaged).T

    def _shown(self, state: SteadyState) -> BoolArray:
        """(N,) tracks to report: seen, missed once, or out of sight behind a seen track that stands in front."""
        missed = state.missed
        shown: BoolArray = state.confirmed & (missed == NONE)
        lost = missed.nonzero()[0]
        if self.coast == 0 or not len(lost):
            return shown
        # They are few: what follows costs less with numbers than with arrays.
        times, hits = state.time_since_update.take(lost).tolist(), state.hits.take(lost).tolist()
        most = max(self.coast_frames, 1.0) + 0.5
        some = [k for k in range(len(times)) if times[k] < most and hits[k] >= STEADY_HITS]
        if not some:
            return shown
        if len(some) < len(times):
            lost, times = lost.take(some), [times[k] for k in some]
        boxes = self.motion.boxes(state.motion.take(lost, axis=-1))
        hidden = []
        for k, (track, time, box) in enumerate(zip(lost.tolist(), times, boxes.tolist(), strict=True)):
            if _within(box, state.extent):
                if time < 1.5:
                    shown[track] = True
                else:
                    hidden.append(k)
        if hidden:
            others = self.motion.boxes(state.motion.take((missed == NONE).nonzero()[0], axis=-1))
            shown[lost.take(hidden)] = _covered(boxes[hidden], others) >= 0.5
        return shown


def _proof(brief: float) -> tuple[float, int]:
    """The sum of scores that confirms a track, and the misses it may have until then, where a share was ``brief``."""
    if brief <= MOST_SHORT:
        return 0.0, 0
    return EVIDENCE + MORE * max(0.0, brief - JUNK) / (1 - JUNK), 1


def _residuals(
    state: SteadyState, tracks: IntArray, predicted: FloatArray, boxes: FloatArray, sure: BoolArray | None
) -> FloatArray:
    """(2, K) how far matched tracks (K,) missed, in sizes; NaN for new ones and for detections not to trust.

    predicted, boxes  (4, K); sure: mask (K,) of detections to trust, None: all
    """
    now, size = boxes - predicted, predicted[2:] - predicted[:2]
    now = now[:2] + now[2:]
    size *= TWICE
    now /= size
    new = (state.hits.take(tracks) < LIVELY).nonzero()[0]
    if len(new):
        now[:, new] = NOT_A_NUMBER
    if sure is not None:
        now[:, ~sure] = NOT_A_NUMBER
    return now


def _learn_agility(state: SteadyState, before: FloatArray, now: FloatArray, lagging: float) -> None:
    """Compare the residuals (2, K) of the same tracks in two frames (Mehra 1970); ``lagging`` may stay correlated."""
    known = np.isfinite(before[0] + now[0]).nonzero()[0]
    count = len(known)
    if not count:
        return
    if count < len(before[0]):
        before, now = before.take(known, axis=1), now.take(known, axis=1)
    squares = before * before
    squares += now * now
    squares *= HALVED
    x, y = np.add.accumulate(squares, axis=1)[:, -1].tolist()  # one by one, in an order that stays
    x, y = x / count, y / count
    share = min(1.0, count / PAIRS)
    if state.usual is not None:
        old_x, old_y = state.usual
        x, y = old_x + share * (x - old_x), old_y + share * (y - old_y)
    x, y = max(x, 1e-12), max(y, 1e-12)
    state.usual = (x, y)
    x, y = math.sqrt(x) * LARGEST_RESIDUAL, math.sqrt(y) * LARGEST_RESIDUAL
    both = np.empty((4, count))  # of both frames: clipped in two calls
    both[0], both[1], both[2], both[3] = before[0] / x, before[1] / y, now[0] / x, now[1] / y
    np.minimum(both, UNITY, out=both)
    np.maximum(both, LESS, out=both)
    products = both[:2] * both[2:]
    correlation = LARGEST_RESIDUAL**2 * (float(np.add.reduce(products.T.ravel())) / products.size)
    grown = state.agility * math.exp(RESPONSE * share * (correlation - lagging))
    state.agility = min(max(grown, 1.0), MOST_AGILE)


def _widen(state: SteadyState, boxes: FloatArray) -> None:
    """Learn the extent of the image from boxes (N, 4)."""
    if len(boxes):
        corners = boxes.T
        left, top, right, bottom = state.extent
        low = np.minimum.reduce(corners[:2], axis=1).tolist()
        high = np.maximum.reduce(corners[2:], axis=1).tolist()
        state.extent = (min(left, low[0]), min(top, low[1]), max(right, high[0]), max(bottom, high[1]))


def _within(box: list[float], extent: tuple[float, ...]) -> bool:
    """Whether a box, xyxy, does not reach beyond ``extent``."""
    left, top, right, bottom = box
    beyond = BEYOND * max(right - left, bottom - top)
    return (
        left > extent[0] - beyond
        and top > extent[1] - beyond
        and right < extent[2] + beyond
        and bottom < extent[3] + beyond
    )


def _relative(state: SteadyState, scores: FloatArray, boxes: FloatArray) -> FloatArray:
    """Scores (M,) of boxes (M, 4) as a strong network's, 0..1, by what ``state`` knows; it learns from them first."""
    if len(scores) == 0:
        return scores
    state.level, scores = state.level.scaled(scores, state.frame)
    state.spread = state.spread.look(scores, boxes, state.frame)
    return state.spread.sharpened(scores)


def _all(mask: BoolArray) -> bool:
    return bool(np.count_nonzero(mask) == len(mask))


def _height_iou(a: FloatArray, b: FloatArray, rows: IntArray, columns: IntArray) -> FloatArray:
    """(K,) overlap over union of the vertical extents of pairs of boxes, rows (K,) of a (4, N), columns (K,) of b."""
    top, bottom = a[1].take(rows), a[3].take(rows)
    other_top, other_bottom = b[1].take(columns), b[3].take(columns)
    overlap: FloatArray = np.minimum(bottom, other_bottom) - np.maximum(top, other_top)
    np.maximum(overlap, NO_OVERLAP, out=overlap)
    overlap /= np.maximum(bottom, other_bottom) - np.minimum(top, other_top)
    return overlap


def _cover(boxes: FloatArray, high: BoolArray) -> FloatArray:
    """(M,) largest share of each box (M, 4) that one box in the mask ``high`` (M,) covers; see ``_covered``."""
    out = np.zeros(len(boxes))
    nearer = boxes if _all(high) else boxes.T.take(high.nonzero()[0], axis=1).T
    rows, columns, iou = iou_pairs_xyxy(boxes, nearer)
    behind = (nearer.T[3].take(columns) > boxes.T[3].take(rows)).nonzero()[0]
    if not len(behind):
        return out
    rows, columns, iou = rows[behind], columns[behind], iou[behind]
    sizes = area_xyxy(boxes)
    size = sizes.take(rows)
    both = iou * (size + area_xyxy(nearer).take(columns)) / (1 + iou)
    np.maximum.at(out, rows, both / size)
    return out


def _covered(a: FloatArray, b: FloatArray) -> FloatArray:
    """(N,) largest share of each box a that one box of b covers whose foot is lower in the image, that is, nearer."""
    at, bt = a.T, b.T
    # x and y on the first axis: every operation then runs over contiguous rows.
    size = np.minimum(at[2:, :, None], bt[2:, None])
    size -= np.maximum(at[:2, :, None], bt[:2, None])
    np.maximum(size, NO_OVERLAP, out=size)
    share = size[0] * size[1]
    share *= bt[3] > at[3, :, None]
    largest: FloatArray = np.maximum.reduce(share, axis=1, initial=0.0)
    largest /= area_xyxy(a)
    return largest
