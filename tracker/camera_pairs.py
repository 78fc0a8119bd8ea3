"""The camera's motion from the tracks and the detections themselves, without images.

Where the camera moves, all tracks miss their predictions by one common map. Residuals are taken against predictions, so
that a crowd which walks one way is no evidence; only a common acceleration is. A frame's evidence is a robust
log-likelihood ratio against a still camera; it is summed with a memory, and the camera counts as moving from one level
on, which a single frame can reach, until the sum falls below a lower one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.boxes import near_pairs_xyxy

LEAST_TRACKS = 3
LEAST_FOR_SIMILARITY = 5
LIKE_HEIGHT, HEIGHT_DEVIATION = 0.3, 0.12  # of the logarithm of the ratio of heights: largest, and standard deviation
REACH = 1.0  # largest residual of a pair, in heights
OUTLIER = 0.05  # likelihood of a track whose own detection is missing or elsewhere
VOTERS = 160  # hypotheses of a vote
SPREAD, SPREADS, SPREAD_MEMORY = (
    0.025,
    (0.01, 0.08),
    0.03,
)  # of residuals in heights: at first, range, weight of a frame
VOTE_SPREAD = 0.06  # least spread in a vote: it is coarse
MEMORY, MOST, COST = 0.9, 20.0, 2.5  # of the evidence: memory, most that a frame adds, what each frame costs
ON, OFF, LOWEST = 8.0, 2.0, -5.0  # evidence from which the camera moves, below which it stands still, and the least
SURE_HITS = 4  # of a track whose velocity is known: a crowd that walks one way is no camera
ENOUGH = 4  # such tracks, to do without the others
AGREEING = 0.5  # share of the tracks that must agree
SURELY_STILL = 0.7  # share of the tracks where they are expected from which nothing else is looked at
PAUSE = 4  # frames between two looks at a camera that stands still for sure
CLOSE = 0.5  # IoU of a track and its own detection
STEPS = 5  # of the robust fit
SCALES, TURN = (0.8, 1.25), 0.2  # of a similarity between two frames; radians

# A call with an array is cheaper, and so is arithmetic with a whole number of Python than with one of numpy.
NEAR, SURE, TWICE = np.array(CLOSE), np.array(SURE_HITS), np.array(2.0)
NOWHERE = np.zeros(2)  # a shift


class Camera(NamedTuple):
    """What is believed of the camera between two frames.

    evidence  summed, that it moves. spread: of the residuals of single tracks, in heights of their boxes
    moving    whether it counts as moving
    """

    evidence: float = 0.0
    spread: float = SPREAD
    moving: bool = False


UNKNOWN = Camera()


class _Pairs(NamedTuple):
    """K pairs of a track and a detection that may be its own, ordered by track; T tracks.

    source, target (K, 2): centres, predicted and detected; away (K, 2): their difference. height (K,) of the track.
    likely (K,): log-likelihood of the ratio of heights. starts (T,): first pair of each track. track (K,): which of
    the T tracks each pair is of.
    """

    source: FloatArray
    target: FloatArray
    away: FloatArray
    height: FloatArray
    likely: FloatArray
    starts: IntArray
    track: IntArray

    def residuals(self, matrix: FloatArray) -> FloatArray:
        """(K, 2) what ``matrix`` (2, 3) leaves, in heights."""
        return self._left(self.source @ matrix[:, :2].T + matrix[:, 2])

    def after(self, shift: FloatArray) -> FloatArray:
        """(K, 2) what a shift (2,) leaves, in heights."""
        return self._left(self.source + shift)

    def _left(self, moved: FloatArray) -> FloatArray:
        np.subtract(self.target, moved, out=moved)
        moved /= self.height[:, None]
        return moved

    def log_likelihood(self, squares: FloatArray, spread: float) -> FloatArray:
        """(...,) of the squares (..., K) of residuals: each track with its best pair, or with none."""
        best = np.maximum.reduceat(self._each(squares, spread), self.starts, axis=-1)
        np.exp(best, out=best)
        best += OUTLIER
        out: FloatArray = np.add.reduce(np.log(best, out=best), axis=-1)
        return out

    def best(self, squares: FloatArray, spread: float) -> IntArray:
        """(T,) the pair of each track that fits best, by the squares (K,) of residuals."""
        each = self._each(squares, spread)
        at: IntArray = (each >= np.maximum.reduceat(each, self.starts).take(self.track)).nonzero()[0]
        if len(at) == len(self.starts):
            return at
        track = self.track.take(at)
        first = np.ones(len(at), dtype=bool)
        first[1:] = track[1:] != track[:-1]
        return at[first]

    def _each(self, squares: FloatArray, spread: float) -> FloatArray:
        """(..., K) log-likelihood of each pair."""
        each = 0.5 * squares
        each /= spread**2
        np.subtract(self.likely, each, out=each)
        return each


def _squares(residuals: FloatArray) -> FloatArray:
    """(K,) of residuals (K, 2)."""
    both = residuals * residuals
    out: FloatArray = both[:, 0] + both[:, 1]
    return out


class _Fit(NamedTuple):
    """A map (2, 3), how many tracks agree, and its log-likelihood."""

    matrix: FloatArray
    agreeing: int
    log_likelihood: float


def at_ease(camera: Camera, frame: int, iou: FloatArray, last: BoolArray) -> bool:
    """Whether a frame needs no look: the camera stands still for sure, and tracks are about where they are expected.

    iou   (K,) of the pairs of a track and a detection that overlap
    last  mask (N,) of the tracks that were seen in the last frame

    Every PAUSE-th frame is looked at all the same: a slow motion moves no track far in one frame.
    """
    if camera.evidence > LOWEST or camera.moving or frame % PAUSE == 0:
        return False
    return bool(np.count_nonzero(iou >= NEAR) >= SURELY_STILL * int(np.count_nonzero(last)))


def rests(
    camera: Camera,
    predicted: FloatArray,
    boxes: FloatArray,
    pairs: tuple[IntArray, IntArray, FloatArray],
    sure: BoolArray,
    good: BoolArray,
) -> Camera | None:
    """What is believed after a frame in which the camera plainly stands still; None where ``watch`` must look closer.

    predicted, boxes  (N, 4) and (M, 4), of all tracks and detections
    pairs             those that overlap: tracks, detections and IoU, each (K,)
    sure, good        masks (N,) and (M,) of the tracks and detections to judge by

    It takes a tenth of the time, which is that of nearly all frames of a still camera.
    """
    rows, columns, iou = pairs
    own = iou >= NEAR
    own &= sure.take(rows)
    own &= good.take(columns)
    near = own.nonzero()[0]
    tracks = int(np.count_nonzero(sure))
    if camera.moving or tracks < LEAST_TRACKS or len(near) < SURELY_STILL * tracks:
        return None
    p, q = predicted.T.take(rows.take(near), axis=1), boxes.T.take(columns.take(near), axis=1)
    twice = p[3] - p[1]
    twice *= TWICE
    q -= p
    residuals = q[:2] + q[2:]
    residuals /= twice
    squares = residuals * residuals
    squares = squares[0] + squares[1]
    agreeing = (squares < (3 * camera.spread) ** 2).nonzero()[0]
    n = len(agreeing)
    if n < max(LEAST_TRACKS, SURELY_STILL * tracks):
        return None
    if n < len(squares):
        residuals, squares = residuals.take(agreeing, axis=1), squares.take(agreeing)
    x, y = np.add.reduce(residuals, axis=1).tolist()
    common = (x * x + y * y) / n  # what a common shift explains of the squares
    variance = camera.spread**2
    gain = 0.5 * common / variance - math.log(n)
    if gain > COST:
        return None
    seen = min(max((float(np.add.reduce(squares)) - common) / (2 * (n - 1)), SPREADS[0] ** 2), SPREADS[1] ** 2)
    spread = math.sqrt((1 - SPREAD_MEMORY) * variance + SPREAD_MEMORY * seen)
    return Camera(max(MEMORY * camera.evidence + max(gain, 0.0) - COST, LOWEST), spread, False)


def watch(camera: Camera, predicted: FloatArray, boxes: FloatArray) -> tuple[Camera, FloatArray | None]:
    """What is believed after a frame, and the map (2, 3) to move the tracks by, or None.

    predicted  (N, 4) boxes xyxy of sure tracks, where they are expected by a still camera
    boxes      (M, 4) boxes xyxy of good detections
    """
    pairs = _pairs(predicted, boxes) if min(len(predicted), len(boxes)) >= LEAST_TRACKS else None
    if pairs is None:
        return camera._replace(evidence=MEMORY * camera.evidence), None
    spread = camera.spread
    still = _squares(pairs.after(NOWHERE))
    at_rest = pairs.log_likelihood(still, spread)
    fit = _shift(pairs, _voted(pairs, still, spread), spread)
    if fit is None:
        return camera._replace(evidence=MEMORY * camera.evidence), None
    free = 2
    if fit.agreeing >= LEAST_FOR_SIMILARITY:
        turned = _similarity(pairs, fit.matrix, spread)
        more = 0.0 if turned is None else turned.log_likelihood - fit.log_likelihood
        if turned is not None and turned.agreeing >= fit.agreeing - 1 and more > np.log(fit.agreeing) + COST:
            fit, free = turned, 4
    n, tracks = fit.agreeing, len(pairs.starts)
    gain = fit.log_likelihood - at_rest - 0.5 * free * np.log(n)
    spread = _learned(spread, pairs, fit.matrix, n, free)
    agreed = n >= AGREEING * tracks
    if not agreed:
        gain = min(gain, 0.0)
    evidence = max(MEMORY * camera.evidence + max(min(gain, MOST) - COST, -COST), LOWEST)
    moving = evidence > ON or (camera.moving and evidence >= OFF)
    after = Camera(float(evidence), spread, bool(moving))
    if not (agreed and moving):
        return after, None
    return after, _shrunk(fit.matrix, spread, float(np.median(pairs.height)), n) if free == 2 else fit.matrix


def _pairs(predicted: FloatArray, boxes: FloatArray) -> _Pairs | None:
    """Pairs of like height within reach; None where fewer tracks than needed have one."""
    heights, measured = predicted[:, 3] - predicted[:, 1], boxes[:, 3] - boxes[:, 1]
    centres, targets = (predicted[:, :2] + predicted[:, 2:]) / 2, (boxes[:, :2] + boxes[:, 2:]) / 2
    reach = REACH * heights[:, None]
    around = np.concatenate((centres - reach, centres + reach), axis=1)
    rows, columns = near_pairs_xyxy(around, np.concatenate((targets, targets), axis=1))
    ratio = np.log(measured[columns] / heights[rows])
    away = targets[columns] - centres[rows]
    near = ((np.abs(ratio) < LIKE_HEIGHT) & (_squares(away) < reach[rows, 0] ** 2)).nonzero()[0]
    rows, columns, ratio = rows[near], columns[near], ratio[near]
    first = np.ones(len(rows), dtype=bool)
    np.not_equal(rows[1:], rows[:-1], out=first[1:])
    starts = first.nonzero()[0]
    if len(starts) < LEAST_TRACKS:
        return None
    likely = -0.5 * (ratio / HEIGHT_DEVIATION) ** 2
    track = np.add.accumulate(first, dtype=np.int64) - 1
    return _Pairs(centres[rows], targets[columns], away[near], heights[rows], likely, starts, track)


def _voted(pairs: _Pairs, still: FloatArray, spread: float) -> FloatArray:
    """The shift (2,) that most tracks agree on, of those that the pairs propose; 0 where it is not clearly better."""
    coarse = max(VOTE_SPREAD, 2 * spread)
    shifts = pairs.away / pairs.height[:, None]
    shifts *= pairs.height[:, None]  # there and back: what it is, but for rounding
    if len(shifts) > VOTERS:
        shifts = shifts[np.linspace(0, len(shifts) - 1, VOTERS).astype(np.int64)]
    # x and y apart: every operation then runs over contiguous rows.
    across, down = (pairs.away[:, k] - shifts[:, k, None] for k in (0, 1))
    for left in (across, down):
        left /= pairs.height
        left *= left
    across += down
    votes = pairs.log_likelihood(across, coarse)
    best = int(votes.argmax())
    return shifts[best] if votes[best] > pairs.log_likelihood(still, coarse) + 1 else NOWHERE


def _weights(pairs: _Pairs, squares: FloatArray, spread: float, wide: float) -> tuple[IntArray, FloatArray]:
    """The best pair of each track (T,) and its weight (T,): Tukey's biweight, of pairs of like height.

    squares (K,) of the residuals of the pairs
    """
    chosen = pairs.best(squares, spread)
    squares = squares.take(chosen)
    squares /= (3 * wide) ** 2
    weights = np.where(squares < 1, (1 - squares) ** 2, 0.0)
    weights *= np.exp(pairs.likely.take(chosen))
    weights /= pairs.height.take(chosen) ** 2
    return chosen, weights


def _shift(pairs: _Pairs, shift: FloatArray, spread: float) -> _Fit | None:
    """The shift that fits best, from ``shift`` (2,) on; None where fewer than three tracks agree."""
    wide, count = max(VOTE_SPREAD, 2 * spread), 0
    for _ in range(STEPS):
        chosen, weights = _weights(pairs, _squares(pairs.after(shift)), spread, wide)
        count = int(np.count_nonzero(weights))
        if count < LEAST_TRACKS:
            return None
        shift = weights @ pairs.away[chosen] / np.add.reduce(weights)
        wide = max(0.6 * wide, spread)
    matrix = np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]])
    return _Fit(matrix, count, float(pairs.log_likelihood(_squares(pairs.after(shift)), spread)))


def _similarity(pairs: _Pairs, start: FloatArray, spread: float) -> _Fit | None:
    """Shift, turn and scale that fit best, from the map ``start`` on; None where no camera moves so."""
    matrix, wide, count = start, max(1.5 * spread, 0.03), 0
    for _ in range(STEPS):
        chosen, weights = _weights(pairs, _squares(pairs.residuals(matrix)), spread, wide)
        count = int(np.count_nonzero(weights))
        if count < LEAST_TRACKS:
            return None
        source, target = pairs.source[chosen], pairs.target[chosen]
        total = weights.sum()
        middle, other = weights @ source / total, weights @ target / total
        x, y = source - middle, target - other
        size = weights @ (x**2).sum(axis=1)
        if not size > 0:
            return None
        a = weights @ (x * y).sum(axis=1) / size
        b = weights @ (x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]) / size
        if not (SCALES[0] < np.hypot(a, b) < SCALES[1] and abs(np.arctan2(b, a)) <= TURN):
            return None
        linear = np.array([[a, -b], [b, a]])
        matrix = np.column_stack((linear, other - linear @ middle))
        wide = max(0.6 * wide, spread)
    return _Fit(matrix, count, float(pairs.log_likelihood(_squares(pairs.residuals(matrix)), spread)))


def _learned(spread: float, pairs: _Pairs, matrix: FloatArray, n: int, free: int) -> float:
    """The spread after a frame: that of residuals of tracks that agree, from their median."""
    residuals = pairs.residuals(matrix)
    away = np.hypot(*residuals[pairs.best(_squares(residuals), spread)].T)
    near = away[away < 0.15]
    if len(near) < LEAST_TRACKS:
        return spread
    # The median of a Rayleigh distribution is 1.177 deviations; a fit leaves less than there was.
    near.sort()
    middle = len(near) // 2
    median = float(near[middle] if len(near) % 2 else (near[middle - 1] + near[middle]) / 2)
    seen = min(max(median / 1.177 * math.sqrt(n / (n - free / 2)), SPREADS[0]), SPREADS[1])
    return math.sqrt((1 - SPREAD_MEMORY) * spread**2 + SPREAD_MEMORY * seen**2)


def _shrunk(matrix: FloatArray, spread: float, height: float, n: int) -> FloatArray:
    """The shift, made smaller by what it may owe to chance (James and Stein 1961)."""
    shift = matrix[:, 2]
    variance = (spread * height) ** 2 / n
    kept = max(0.0, 1 - 2 * variance / max(float(shift @ shift), 1e-9))
    return np.column_stack((matrix[:, :2], kept * shift))


def sure_tracks(camera: Camera, confirmed: BoolArray, seen: BoolArray, hits: IntArray) -> BoolArray:
    """(N,) tracks to judge the camera by: confirmed, ``seen`` (N,) in the last frame, and of known velocity.

    While the camera moves, the others too where few are left: it may have broken most tracks.
    """
    seen = confirmed & seen
    known: BoolArray = seen & (hits >= SURE)
    return seen if camera.moving and np.count_nonzero(known) < ENOUGH else known


def half_of_the_best(scores: FloatArray) -> float:
    """Half of the score that one in ten of (M,) exceeds: from it on, detections are good enough to judge by."""
    tenth = int(0.9 * (len(scores) - 1))
    return 0.5 * float(np.partition(scores, tenth)[tenth])
