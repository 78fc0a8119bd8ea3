"""OC-SORT: observation-centric SORT (Cao, Pang, Weng, Khirodkar, Kitani 2023, arXiv 2203.14360).

1. predict      every track moves by SORT's Kalman filter over centre, area and aspect ratio     (section 3)
2. overlap      IoU of every predicted box with every detection                                  (equation 3)
3. momentum     how well the direction from the box of delta_t frames ago to the detection agrees
                with the track's own, OCM                                                         (section 4.2)
4. match        the assignment with the largest total of both; pairs below iou_threshold are refused
5. recovery     tracks left match detections left by the overlap with their LAST box, OCR         (section 4.3)
6. re-update    a track found again measures a straight path across its gap, OCU/ORU              (section 4.1)
7. update       matched tracks measure their detection
8. birth        every detection left starts a track, on probation for min_hits frames
9. death        tracks without a detection for more than max_age frames end

The box reported is the matched detection's own, as published.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.assign import Matching, assign_pairs
from tracker.boxes import iou_pairs_xyxy, warp_boxes, xyxy_to_xywh
from tracker.detections import Invalid, as_detections
from tracker.motion import XYSR, Motion
from tracker.state import State, at_least, fraction, frames_of, not_negative, positive, switch
from tracker.tracks import Tracks


@dataclass
class OCSORTState(State):
    """What observations each track had. The published code does not count the box of birth as one; neither do we."""

    recent: FloatArray = field(
        default_factory=lambda: np.empty((0, 4, 0))
    )  # (delta_t, 4, N) boxes, newest first, or NaN
    observed: FloatArray = field(default_factory=lambda: np.empty((4, 0)))  # last box, NaN before the first
    directions: FloatArray = field(default_factory=lambda: np.empty((2, 0)))  # unit vector of movement, or 0
    frozen: NDArray[Any] = field(default_factory=lambda: np.empty(0))  # motion as predicted for the first missed frame

    def warp(self, motion: Motion, matrix: FloatArray) -> None:
        super().warp(motion, matrix)
        self.frozen = motion.warp(self.frozen, matrix)
        self.observed = warp_boxes(self.observed.T, matrix).T
        self.recent = np.stack([warp_boxes(boxes.T, matrix).T for boxes in self.recent])
        turned = matrix[:, :2] @ self.directions
        self.directions = turned / np.maximum(np.hypot(*turned), 1e-12)


class OCSORT:
    """OC-SORT tracker.

    det_threshold    score above which a detection is used
    max_age          frames a track lives without a detection; "1.5s" gives seconds
    min_hits         matches in a row, after its birth, before a track is reported (the first min_hits frames excepted)
    iou_threshold    least IoU of a match, 0..1, in the match and in the recovery
    delta_t          frames over which the direction of movement is measured
    inertia          weight of the agreement of directions against IoU
    published_order  False: pairs below the threshold are refused before the assignment is solved. True: as the
                     published code, solve first (not at all where the overlaps are unambiguous) and drop them after.
    per_class        a track only matches detections of its own class
    frame_rate       frames per second; turns seconds (``time``, "1.5s") into frames
    motion           motion model; default the paper's
    """

    def __init__(
        self,
        *,
        det_threshold: float = 0.6,
        max_age: float | str = 30,
        min_hits: int = 3,
        iou_threshold: float = 0.3,
        delta_t: int = 3,
        inertia: float = 0.2,
        published_order: bool = False,
        per_class: bool = False,
        frame_rate: float = 30.0,
        motion: Motion | None = None,
    ) -> None:
        self.det_threshold = not_negative(det_threshold, "det_threshold")
        self.min_hits = at_least(0, min_hits, "min_hits")
        self.iou_threshold = fraction(iou_threshold, "iou_threshold")
        self.delta_t = at_least(1, delta_t, "delta_t")
        self.inertia = fraction(inertia, "inertia")
        self.published_order = switch(published_order, "published_order")
        self.per_class = switch(per_class, "per_class")
        self.frame_rate = positive(frame_rate, "frame_rate")
        self.max_age = frames_of(max_age, self.frame_rate)
        self.motion: Motion = XYSR() if motion is None else motion
        self.reset()

    def reset(self) -> None:
        """Forget everything; ids start from 1 again."""
        none = np.empty((0, 4))
        self.state = OCSORTState.start(
            self.motion, recent=np.empty((self.delta_t, 4, 0)), frozen=self.motion.birth(none)
        )

    @property
    def tracks(self) -> Tracks:
        """Every living track, reported or not."""
        return self._report(self.state, np.full(len(self.state), True))

    def update(
        self, detections: Any, frame: Any = None, time: float | None = None, *, invalid: Invalid = "raise"
    ) -> Tracks:
        """Track one frame: its detections (anything ``as_detections`` takes) in, the reported tracks out.

        frame is not used. time, in seconds, lets frames be skipped or irregular; without it one call is one frame.
        Raises ValueError for invalid detections (unless ``invalid="drop"``) or a time that does not increase; the
        tracker is then as it was before the call.
        """
        detections = as_detections(detections, invalid=invalid)
        dropped = detections.dropped
        detections = detections[detections.scores > self.det_threshold]
        state = copy.copy(self.state)
        step = state.advance(time, self.frame_rate)
        state.dropped += dropped

        state.predict(self.motion, step)
        if state.time is not None:
            state.end(state.outlasted(self.max_age, self.frame_rate))
        state.frozen = np.where(state.missed == 1, state.motion, state.frozen)

        boxes = detections.boxes
        # The published code solves for every pair; refused first, only those that overlap enough count.
        least = 0.0 if self.published_order else self.iou_threshold
        rows, columns, iou = iou_pairs_xyxy(self.motion.boxes(state.motion), boxes, least)
        before = self._before(state)
        directed = _agreement(
            state.directions.take(rows, axis=1), before.take(rows, axis=1), boxes.take(columns, axis=0)
        )

        matching = Matching(len(state), len(detections))
        if self.per_class:
            iou[state.classes[rows] != detections.classes[columns]] = 0.0
        gain = iou + self.inertia * directed * detections.scores.take(columns)
        self._match(matching, "overlap and momentum", rows, columns, iou, gain)

        left, free = matching.free_tracks.nonzero()[0], matching.free_detections.nonzero()[0]
        last = np.nan_to_num(state.observed.T[left], nan=-1.0)
        i, j, iou = iou_pairs_xyxy(last, boxes[free], least)
        rows, columns = left[i], free[j]
        if self.per_class:
            iou[state.classes[rows] != detections.classes[columns]] = 0.0
        self._match(matching, "recovery", rows, columns, iou, iou)

        tracks, matched = matching.pairs
        self._re_update(state, tracks, boxes[matched])
        self._observe(state, tracks, boxes[matched], before)
        state.update(self.motion, tracks, detections, matched)
        self._birth(state, detections, matching.free_detections.nonzero()[0])

        shown = (state.missed == 0) & ((state.streaks >= self.min_hits) | (state.frame <= self.min_hits))
        state.confirmed = state.confirmed | shown
        reported = self._report(state, shown)
        state.end(state.outlived(self.max_age))
        self.state = state
        return reported

    def _match(
        self, matching: Matching, name: str, rows: IntArray, columns: IntArray, iou: FloatArray, gain: FloatArray
    ) -> None:
        if not self.published_order:
            # Disagreeing directions may outweigh a small overlap; the pair is still better than none.
            gain = np.where(iou >= self.iou_threshold, np.maximum(gain, 1e-9), 0.0)
            matching.stage_pairs(name, rows, columns, gain)
            return
        matching.stages.append(name)
        good = iou > self.iou_threshold
        r, c = rows[good], columns[good]
        if len(r) == 0:
            return
        if len(set(r.tolist())) < len(r) or len(set(c.tolist())) < len(c) or name == "recovery":
            solved = assign_pairs(rows, columns, gain - gain.min() + 1.0)
            solved = solved[iou[solved] >= self.iou_threshold]
            r, c = rows[solved], columns[solved]
        matching.accept(r, c)

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
        steps = state.silent[tracks] / gaps
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

    def _birth(self, state: OCSORTState, detections: Any, born: IntArray) -> None:
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

    def _report(self, state: OCSORTState, which: BoolArray) -> Tracks:
        tracks = state.report(self.motion, which)
        seen = tracks.detections >= 0
        return replace(tracks, boxes=np.where(seen[:, None], tracks.detection_boxes, tracks.boxes))


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
