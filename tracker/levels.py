"""What a good score is, by the detections so far: scores of any detector as those of a strong one.

Thresholds of a score mean something only in the scores of one detector. Those of a strong network have few scores
between its good detections, at 0.85 to 1, and junk. Other scores are brought to that range, and where they spread over
it and detections of middling score are found again in the next frame, as objects are, the middling ones are raised.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tracker.arrays import FloatArray
from tracker.boxes import iou_pairs_xyxy

# Between these the good scores of a strong network are; others are scaled to the nearer one. The level starts as if one
# detection of 0.9 had been seen, which is forgotten over so many detections: a video that begins with weak ones alone
# starts no tracks at once. No detector's good ones are weaker than the last: where there is only junk nothing starts.
STRONG, START, START_MEMORY, WEAKEST = (0.85, 1.0), 0.9, 25.0, 0.2
FADES = 1 - 1 / START_MEMORY

# Frames with detections over which the level of the good scores is remembered: night falls.
LEVEL_MEMORY = 1000.0

# Scores are clipped to LEAST..MOST: the fourth power of larger ones would be too large.
LEAST, MOST = 0.0, 1e6

# Scores outside 0..1 are logits where none exceeds MOST_LOGIT and a good one shows: above GOOD_LOGIT, or above
# LEAST_LOGIT where some are below 0. Percentages soon exceed it; a constant added to probabilities does not reach it.
MOST_LOGIT, GOOD_LOGIT, LEAST_LOGIT = 25.0, 3.0, 1.5
EARLY, LATE = 30, 10  # the first frames are all looked at for that, and then every so many

# Scores spread where detections of MIDDLING score that are found again are at least SPREADING of those above, and
# where middling ones are not more than MOST_MIDDLING of them: then they are junk. REAL is the share that is found
# again, where they are objects. Both count from the first number on, and fully from the second.
MIDDLING, SPREADING, MOST_MIDDLING, REAL = (0.35, 0.7), (0.6, 0.7), 3.0, (0.4, 0.5)
SHARPEST = 3.0  # exponent by which 1 - score is made smaller
AGAIN, ANYTHING = 0.5, 0.3  # IoU of a detection found again, and the least score of what it may have been
DOUBT = 4.0  # detections that are assumed to speak against it
LOOKS, NEXT, LOOK_MEMORY = 60, 10, 0.99  # the first frames are all looked at, and then two in so many; memory by look


class Level(NamedTuple):
    """What is known of the level of the good scores.

    prior          weight of the level that a video starts with
    fourth, fifth  sums of the fourth and fifth powers of all scores, slowly forgotten
    least, largest score
    logits         whether the scores are logits
    """

    prior: float = START**4
    fourth: float = 0.0
    fifth: float = 0.0
    least: float = 0.0
    largest: float = 0.0
    logits: bool = False

    def scaled(self, scores: FloatArray, frame: int) -> tuple[Level, FloatArray]:
        """What is known after scores (M,), at least one, and the scores as a strong network's, 0..1."""
        known = self._looked_at(scores) if frame < EARLY or frame % LATE == 0 else self
        if known.logits:
            scores = 1 / (1 + np.exp(-scores))
        best = scores.item(scores.argmax())
        if best > MOST or scores.item(scores.argmin()) < LEAST:
            scores, best = scores.clip(LEAST, MOST), min(best, MOST)
        squares = scores * scores
        prior, fourth, fifth, least, largest, logits = known
        prior = max(prior * FADES ** len(scores), 1e-12)  # all scores may be 0
        fourth += float(squares.dot(squares)) - fourth / LEVEL_MEMORY
        fifth += float(squares.dot(squares * scores)) - fifth / LEVEL_MEMORY
        level = max((fifth + prior * START) / (fourth + prior), WEAKEST)
        if not STRONG[0] <= level <= STRONG[1]:
            factor = min(max(level, STRONG[0]), STRONG[1]) / level
            scores, best = scores * factor, best * factor
        if best > 1:
            scores = np.minimum(scores, 1.0)
        return Level(prior, fourth, fifth, least, largest, logits), scores

    def _looked_at(self, scores: FloatArray) -> Level:
        """With the range of all scores so far, which tells logits; where that changes the level is learned anew."""
        least, largest = scores.item(scores.argmin()), scores.item(scores.argmax())
        least, largest = min(self.least, least), max(self.largest, largest)
        logits = largest <= MOST_LOGIT and (largest > GOOD_LOGIT or (least < 0 and largest > LEAST_LOGIT))
        old = self if logits == self.logits else Level()
        return Level(old.prior, old.fourth, old.fifth, least, largest, logits)


@dataclass(frozen=True, eq=False)
class Spread:
    """What is known of the detections of middling score.

    middling, again, high  how many were seen, how many of them were found again, and how many above were
    boxes                  (K, 4) of the last frame that was looked at
    exponent               by which 1 - score is made smaller; 1: scores stay
    """

    middling: float = 0.0
    again: float = 0.0
    high: float = 0.0
    boxes: FloatArray = field(default_factory=lambda: np.empty((0, 4)))
    exponent: float = 1.0

    def look(self, scores: FloatArray, boxes: FloatArray, frame: int) -> Spread:
        """What is known after scores (M,), 0..1, of boxes (M, 4)."""
        early = frame < LOOKS
        if not early and frame % NEXT > 1:
            return self
        middling, again, high = self.middling, self.again, self.high
        if len(self.boxes) and (early or frame % NEXT == 1):
            some, scored = _above(scores, boxes, MIDDLING[0])
            found, _, _ = iou_pairs_xyxy(scored, self.boxes, AGAIN)
            seen = np.zeros(len(scored), dtype=bool)
            seen[found] = True
            above = some >= MIDDLING[1]
            seen_above = int(np.count_nonzero(above & seen))
            middling = LOOK_MEMORY * middling + (len(some) - int(np.count_nonzero(above)))
            again = LOOK_MEMORY * again + (int(np.count_nonzero(seen)) - seen_above)
            high = LOOK_MEMORY * high + seen_above
        exponent = 1.0
        if middling <= MOST_MIDDLING * high:
            spreading = _ramp(again / (high + DOUBT), *SPREADING)
            exponent += (SHARPEST - 1) * spreading * _ramp(again / (middling + DOUBT / 2), *REAL)
        return Spread(middling, again, high, _above(scores, boxes, ANYTHING)[1], exponent)

    def sharpened(self, scores: FloatArray) -> FloatArray:
        """Scores (M,) 0..1, the middling ones raised where that is due; their order stays."""
        return scores if self.exponent == 1.0 else 1 - (1 - scores) ** self.exponent


def _above(scores: FloatArray, boxes: FloatArray, least: float) -> tuple[FloatArray, FloatArray]:
    """The scores (M,) above ``least``, and their boxes (M, 4)."""
    some = (scores > least).nonzero()[0]
    if len(some) == len(scores):
        return scores, boxes
    return scores.take(some), boxes.T.take(some, axis=1).T


def _ramp(value: float, low: float, high: float) -> float:
    """0 up to ``low``, 1 from ``high`` on, straight between."""
    return min(max((value - low) / (high - low), 0.0), 1.0)
