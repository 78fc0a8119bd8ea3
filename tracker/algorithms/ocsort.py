"""OC-SORT: observation-centric SORT (Cao, Pang, Weng, Khirodkar, Kitani 2023, arXiv 2203.14360).

1. predict      every track moves by SORT's Kalman filter over centre, area and aspect ratio     (section 3)
2. overlap      IoU of every predicted box with every detection                                  (equation 3)
3. momentum     how well the direction from the box of delta_t frames ago to the detection agrees
                with the track's own, OCM                                                         (section 4.2)
4. match        the assignment with the largest total of both; pairs below iou_threshold are refused
5. recovery     free tracks match free detections by the overlap with their LAST box, OCR        (section 4.3)
6. re-update    a track found again measures a straight path across its gap, OCU/ORU              (section 4.1)
7. update       matched tracks measure their detection
8. birth        every free detection starts a track, tentative for min_hits frames
9. death        tracks without a detection for more than max_age frames end

The box reported is the matched detection's own, as published.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.assign import Matching
from tracker.boxes import iou_pairs_xyxy, warp_boxes, xyxy_to_xywh
from tracker.detections import Detections
from tracker.motion import Motion, MotionState
from tracker.settings import Age, age, count, flag, score, share
from tracker.state import State
from tracker.tracker import Seen, Tracker
from tracker.tracks import Tracks


@dataclass
class OCSORTState(State):
    """The observations of each track. The published code does not count the box of birth as one; neither do we."""

    recent: FloatArray = field(
        default_factory=lambda: np.empty((0, 4, 0))
    )  # (delta_t, 4, N) boxes, newest first, or NaN
    observed: FloatArray = field(default_factory=lambda: np.empty((4, 0)))  # last box, NaN before the first
    directions: FloatArray = field(default_factory=lambda: np.empty((2, 0)))  # unit vector of movement, or 0
    frozen: MotionState = field(default_factory=lambda: np.empty(0))  # motion as predicted for the first missed frame

    def warp(self, motion: Motion, matrix: FloatArray) -> None:
        super().warp(motion, matrix)
        self.frozen = motion.warp(self.frozen, matrix)
        self.observed = warp_boxes(self.observed.T, matrix).T
        self.recent = np.stack([warp_boxes(boxes.T, matrix).T for boxes in self.recent])
        turned = matrix[:, :2] @ self.directions
        self.directions = turned / np.maximum(np.hypot(*turned), 1e-12)


class OCSORT(Tracker):
    """OC-SORT. It reports the matched detection's own box, as published."""

    det_threshold: float = score(default=0.6, about="score above which a detection is used", role="floor")
    max_age: Age = age(default=30, about="time a track lives without a detection")
    min_hits: int = count(
        default=3,
        about="matches in a row, after its birth, before a track is reported; the first frames excepted",
        least=0,
    )
    iou_threshold: float = share(default=0.3, about="least IoU of a match, and of a recovery")
    delta_t: int = count(default=3, about="frames over which the direction of movement is measured")
    inertia: float = share(default=0.2, about="weight of the agreement of directions against IoU")
    published_order: bool = flag(
        default=False,
        about="solve first, unless overlaps are unambiguous, then drop pairs below the threshold, as published",
        search=None,
    )

    def start(self) -> OCSORTState:
        recent = np.empty((self.delta_t, 4, 0))
        return OCSORTState.start(self.motion, recent=recent, frozen=self.motion.birth(np.empty((0, 4))))

    def step(self, state: OCSORTState, seen: Seen) -> Tracks:
        used = seen.detections.scores > self.det_threshold
        if state.log is not None:
            state.log.leave_out(seen.detections.rows[~used], "det_threshold")
        seen.detections = detections = seen.detections[used]
        self.move(state, seen)
        state.end_after_gap(self.max_age, self.frame_rate)
        state.frozen = np.where(state.missed == 1, state.motion, state.frozen)

        # The published code solves for every pair; refused first, only those that overlap enough count.
        least = 0.0 if self.published_order else self.iou_threshold
        rows, columns, iou = self.overlaps(state, seen, least=least, limit="iou_threshold")
        before = self._before(state)
        directed = _agreement(
            state.directions.take(rows, axis=1), before.take(rows, axis=1), detections.boxes.take(columns, axis=0)
        )
        matching = self.matching(state, seen)
        gain = iou + self.inertia * directed * detections.scores.take(columns)
        self._match(matching, "overlap and momentum", rows, columns, iou, gain, {"overlap": iou, "momentum": directed})
        rows, columns, iou = self._last_seen(state, seen, matching, least)
        self._match(matching, "recovery", rows, columns, iou, iou, {"overlap": iou})

        tracks, matched = matching.pairs
        boxes = detections.boxes[matched]
        self._re_update(state, tracks, boxes)
        self._observe(state, tracks, boxes, before)
        state.update(self.motion, tracks, detections, matched)
        self._birth(state, detections, matching.free_detections.nonzero()[0])

        shown = (state.missed == 0) & ((state.streaks >= self.min_hits) | (state.frame <= self.min_hits))
        state.confirmed = state.confirmed | shown
        reported = self.report(state, shown)
        state.end(state.outlived(self.max_age))
        return reported

    def _last_seen(
        self, state: OCSORTState, seen: Seen, matching: Matching, least: float
    ) -> tuple[IntArray, IntArray, FloatArray]:
        """Pairs of a free track, at the box it was last seen with, and a free detection: rows, columns and IoU (K,)."""
        left, free = matching.free_tracks.nonzero()[0], matching.free_detections.nonzero()[0]
        last = np.nan_to_num(state.observed.T[left], nan=-1.0)
        i, j, iou = iou_pairs_xyxy(last, seen.detections.boxes[free], least)
        rows, columns = left[i], free[j]
        if self.per_class:
            same = self.of_one_class(state, seen, rows, columns)
            rows, columns, iou = rows[same], columns[same], iou[same]
        return rows, columns, iou

    def _match(
        self,
        matching: Matching,
        name: str,
        rows: IntArray,
        columns: IntArray,
        iou: FloatArray,
        gain: FloatArray,
        parts: dict[str, FloatArray],
    ) -> None:
        stage = partial(matching.stage, name, limit="iou_threshold")
        if not self.published_order:
            # Disagreeing directions may outweigh a small overlap; the pair is still better than none.
            gain = np.where(iou >= self.iou_threshold, np.maximum(gain, 1e-9), 0.0)
            stage(rows, columns, gain, parts=parts)
            return
        good = (iou > self.iou_threshold).nonzero()[0]
        r, c = rows[good], columns[good]
        ambiguous = len(set(r.tolist())) < len(r) or len(set(c.tolist())) < len(c)
        if ambiguous or (name == "recovery" and len(good)):
            valid = iou >= self.iou_threshold
            stage(rows, columns, gain - gain.min() + 1.0, valid=valid, parts=parts)
        else:
            if (log := matching.log) is not None:
                low = ((iou > 0) & (iou <= self.iou_threshold)).nonzero()[0]
                log.refuse("iou_threshold", log.ids[rows[low]], log.rows[columns[low]], iou[low])
            stage(r, c, iou[good], parts={part: values[good] for part, values in parts.items()})

    def _before(self, state: OCSORTState) -> FloatArray:
        """(4, N) the oldest observation of the last delta_t frames, else the last one; NaN without any."""
        before = state.observed
        for box in state.recent:  # from one frame ago to delta_t
            before = np.where(np.isnan(box), before, box)
        return before

    def _re_update(self, state: OCSORTState, tracks: IntArray, boxes: FloatArray) -> None:
        """Replay the gap of tracks (K,) found again at boxes (K, 4) along a straight line of centre and size."""
        again = (state.missed[tracks] > 1) & ~np.isnan(state.observed[0, tracks])
        if not again.any():
            return
        tracks = tracks[again]
        old, new = xyxy_to_xywh(state.observed.T[tracks]), xyxy_to_xywh(boxes[again])
        gaps = state.missed[tracks]
        steps = state.time_since_update[tracks] / gaps
        motion = state.motion.copy()
        for step in np.unique(steps):  # nearly always one
            some = np.flatnonzero(steps == step)
            replay = state.frozen[..., tracks[some]]
            for i in range(1, gaps[some].max() + 1):
                on = np.flatnonzero(gaps[some] >= i)
                part = replay[..., on]
                if i > 1:
                    part = self.motion.predict(part, float(step))
                at = old[some[on]] + (new - old)[some[on]] * (i / gaps[some[on]])[:, None]
                half = at[:, 2:] / 2
                part = self.motion.update(part, np.concatenate((at[:, :2] - half, at[:, :2] + half), axis=1))
                replay[..., on] = part
            motion[..., tracks[some]] = replay
        state.motion = motion

    def _observe(self, state: OCSORTState, tracks: IntArray, boxes: FloatArray, before: FloatArray) -> None:
        """Remember the boxes (K, 4) of the matched tracks (K,) and the direction they moved in."""
        known = ~np.isnan(before[0, tracks])
        state.directions = state.directions.copy()
        state.directions[:, tracks[known]] = _direction(before[:, tracks[known]], boxes[known].T)
        state.observed = state.observed.copy()
        state.observed[:, tracks] = boxes.T
        newest = np.full((1, 4, len(state)), np.nan)
        newest[0][:, tracks] = boxes.T
        state.recent = np.concatenate((newest, state.recent[:-1]))

    def _birth(self, state: OCSORTState, detections: Detections, born: IntArray) -> None:
        n = len(born)
        if n == 0:
            return
        state.birth(
            self.motion,
            detections,
            born,
            recent=np.full((self.delta_t, 4, n), np.nan),
            observed=np.full((4, n), np.nan),
            directions=np.zeros((2, n)),
            frozen=self.motion.birth(detections.boxes[born]),
        )

    def report(self, state: OCSORTState, which: BoolArray) -> Tracks:
        """The tracks in the mask, with the box of their detection where they have one."""
        tracks = super().report(state, which)
        matched = tracks.detections >= 0
        return replace(tracks, boxes=np.where(matched[:, None], tracks.detection_boxes, tracks.boxes))


def _direction(old: FloatArray, new: FloatArray) -> FloatArray:
    """Unit vectors (2, ...) from the centres of boxes (4, ...) to those of others."""
    move = (new[:2] + new[2:]) / 2 - (old[:2] + old[2:]) / 2
    unit: FloatArray = move / (np.hypot(move[0], move[1]) + 1e-6)
    return unit


def _agreement(directions: FloatArray, before: FloatArray, boxes: FloatArray) -> FloatArray:
    """(K,) from -1/2 (opposite) to 1/2 (same) direction of tracks (., K) to boxes (K, 4); 0 where one has none."""
    to = _direction(before, boxes.T)
    cosine = np.clip((directions * to).sum(axis=0), -1.0, 1.0)
    agreement: FloatArray = np.nan_to_num((np.pi / 2 - np.abs(np.arccos(cosine))) / np.pi)
    return agreement
