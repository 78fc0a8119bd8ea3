"""Motion models: Kalman filters for all tracks at once, and an adapter for any filterpy filter.

A motion model is a stateless object; the tracker owns the state, an array whose LAST axis runs over tracks, so that
``state[..., mask]`` keeps some tracks and ``np.concatenate((a, b), axis=-1)`` adds some. Every function returns a new
array and leaves its input as it was.

The published models of SORT and DeepSORT have diagonal noise and measure each position with its own velocity. Such a
filter splits exactly into one two-state filter (position, velocity) per coordinate, whose covariance is three numbers:
pp, pv, vv. The state is (5, 4, N): p, v, pp, pv, vv of four coordinates of N tracks; no matrix is ever inverted.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.boxes import affine_scale, near_pairs_xyxy, xysr_to_xyxy, xyxy_to_xysr

SMALLEST_SIZE = 1e-3  # of a predicted box, in pixels

# With few tracks the number of calls of numpy is all that counts. A call is cheapest on whole contiguous planes with
# its output given; one with a plain number costs half as much again as one with an array that holds the number. What
# is linear is cheapest as one product with a matrix, of sums of two terms so that no order of addition can change them.
HALF, NOTHING, SMALLEST = np.array(0.5), np.array(0.0), np.array(SMALLEST_SIZE)
SIZES_TWICE = np.array([2, 3, 2, 3])
# left, top, right, bottom -> centre x, centre y, width, height; and back
CENTRED = np.array([[0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5], [-1, 0, 1, 0], [0, -1, 0, 1]])
CORNERS = np.array([[1, 0, -0.5, 0], [0, 1, 0, -0.5], [1, 0, 0.5, 0], [0, 1, 0, 0.5]])
# p, v, pp, pv, vv -> p + v, v, pp + pv, pv + vv, vv
MOVED = np.array([[1.0, 1, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 1, 1], [0, 0, 0, 0, 1]])


MotionState = NDArray[Any]  # (..., N), of whatever type a model keeps: floats, or filter objects

# rows (K,), ascending, columns (K,) and squared distances (K,) of pairs of a track and a box
GatedPairs = tuple[IntArray, IntArray, FloatArray]


@runtime_checkable
class Motion(Protocol):
    """What a tracker needs of a motion model. Boxes are (N, 4) xyxy pixels; ``step`` is in frames and positive."""

    def birth(self, boxes: FloatArray) -> MotionState:
        """State (..., N) of new tracks at ``boxes``."""
        ...

    def predict(self, state: MotionState, step: float) -> MotionState:
        """State (..., N) after ``step`` frames without a measurement."""
        ...

    def update(self, state: MotionState, boxes: FloatArray, noise: FloatArray | None = None) -> MotionState:
        """State (..., N) after each track measured its row of ``boxes``; ``noise`` (N,) multiplies the variance."""
        ...

    def boxes(self, state: MotionState) -> FloatArray:
        """(N, 4) boxes, xyxy."""
        ...

    def velocities(self, state: MotionState) -> FloatArray:
        """(N, 2) velocity of the box centre, pixels per frame."""
        ...

    def gated_pairs(self, state: MotionState, boxes: FloatArray, limit: float) -> GatedPairs:
        """The pairs whose squared Mahalanobis distance, between measurements, is at most ``limit``."""
        ...

    def warp(self, state: MotionState, matrix: FloatArray) -> MotionState:
        """State (..., N) seen by a camera that moved: ``matrix`` (2, 3) maps old image points to new ones."""
        ...

    def hold_size(self, state: MotionState, which: BoolArray) -> MotionState:
        """State (..., N) in which the tracks of the mask (N,) no longer change their size, until they measure one.

        For tracks that have just been lost: they keep the size they were seen with.
        """
        ...


class _SplitKalman:
    """The Kalman equations of a filter that splits by coordinate; a subclass names the coordinates and the noise."""

    sized: ClassVar[tuple[int, ...]] = ()  # coordinates that ``hold_size`` stops
    powers: ClassVar[tuple[int, int]] = (1, 1)  # of length, of the third and fourth coordinate

    def measure(self, boxes: FloatArray) -> FloatArray:
        """(N, 4) boxes xyxy -> (4, N) measured coordinates."""
        raise NotImplementedError

    def unmeasure(self, p: FloatArray) -> FloatArray:
        """(4, N) coordinates -> (N, 4) boxes xyxy."""
        raise NotImplementedError

    def initial_variance(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Variance (4, N) of position and of velocity at birth."""
        raise NotImplementedError

    def process_variance(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Process noise (4, N) of position and of velocity per frame."""
        raise NotImplementedError

    def measurement_variance(self, p: FloatArray) -> FloatArray:
        """Measurement noise (4, N)."""
        raise NotImplementedError

    # Below, every operand is a contiguous (4, N): broadcasting costs numpy more than the arithmetic itself.

    def birth(self, boxes: FloatArray) -> FloatArray:
        state = np.zeros((5, 4, len(boxes)))
        state[0] = z = self.measure(boxes)
        state[2], state[4] = self.initial_variance(z)
        return state

    def predict(self, state: FloatArray, step: float) -> FloatArray:
        qp, qv = self.process_variance(state[0])
        if step == 1:
            moved: FloatArray = MOVED.dot(state.reshape(5, -1)).reshape(state.shape)
            pp, pv, vv = moved[2], moved[3], moved[4]
            pp += pv
            pp += qp
            vv += qv
            return moved
        state = state.copy()
        p, v, pp, pv, vv = state[0], state[1], state[2], state[3], state[4]
        p += step * v
        pp += step * (2 * pv + step * vv)
        pv += step * vv
        # Noise of `step` single frames, each followed by the motion of the frames after it: exact for whole steps.
        pp += step * qp + qv * ((step - 1) * step * (2 * step - 1) / 6)
        pv += qv * ((step - 1) * step / 2)
        vv += step * qv
        return state

    def update(self, state: FloatArray, boxes: FloatArray, noise: FloatArray | None = None) -> FloatArray:
        p, v, pp, pv, vv = state[0], state[1], state[2], state[3], state[4]
        r = self.measurement_variance(p)
        if noise is not None:
            r = r * noise
        innovation = self.measure(boxes)
        innovation -= p
        variance = pp + r
        out = np.empty(state.shape)
        # The last planes hold the gains until their own values are due.
        new_p, new_v, gain_p, gain_v, new_vv = out[0], out[1], out[2], out[3], out[4]
        np.divide(pp, variance, gain_p)
        np.divide(pv, variance, gain_v)
        np.multiply(gain_v, pv, new_vv)
        np.subtract(vv, new_vv, new_vv)
        np.multiply(gain_v, innovation, new_v)
        new_v += v
        innovation *= gain_p
        np.add(p, innovation, new_p)
        gain_p *= r
        gain_v *= r
        return out

    def warp(self, state: FloatArray, matrix: FloatArray) -> FloatArray:
        """The mean is exact. The covariance is too for a shift with a uniform scale, where nothing couples.

        A turned or sheared camera would couple x with y: the variances are then the exact ones, the covariance between
        x and y, which the split filter does not hold, is dropped. Upright boxes stay upright: sizes follow the square
        root of the change of area, and the aspect ratio stays.
        """
        linear, shift = matrix[:, :2], matrix[:, 2]
        out = state.copy()
        if not np.array_equal(linear, np.eye(2)):
            scale = affine_scale(matrix)
            out[:2, :2] = linear @ state[:2, :2]
            out[2:, :2] = (linear * linear) @ state[2:, :2]
            for coordinate, power in zip((2, 3), self.powers, strict=True):
                out[:2, coordinate] *= scale**power
                out[2:, coordinate] *= scale ** (2 * power)
        out[0, :2] += shift[:, None]
        return out

    def hold_size(self, state: FloatArray, which: BoolArray) -> FloatArray:
        some = which.nonzero()[0]
        if not len(some):
            return state
        state = state.copy()
        velocity = state[1]
        for coordinate in self.sized:
            velocity[coordinate][some] = NOTHING
        return state

    def boxes(self, state: FloatArray) -> FloatArray:
        return self.unmeasure(state[0])

    def velocities(self, state: FloatArray) -> FloatArray:
        return state[1, :2].copy().T

    def gated_pairs(self, state: FloatArray, boxes: FloatArray, limit: float) -> GatedPairs:
        p = state[0]
        variance = state[2] + self.measurement_variance(p)
        z = self.measure(boxes)
        # The centre alone may be so far away; a little more, against rounding.
        centre, reach = p[:2], np.sqrt(variance[:2] * (limit * (1 + 1e-9)))
        around = np.concatenate((centre - reach, centre + reach)).T
        rows, columns = near_pairs_xyxy(around, np.concatenate((z[:2], z[:2])).T)
        innovation = z.take(columns, axis=1)
        innovation -= p.take(rows, axis=1)
        innovation *= innovation
        innovation /= variance.take(rows, axis=1)
        total: FloatArray = innovation.sum(axis=0)
        good = (total <= limit).nonzero()[0]
        return rows[good], columns[good], total[good]


@dataclass(frozen=True)
class XYSR(_SplitKalman):
    """Centre, area and aspect ratio, the aspect ratio without velocity: SORT (Bewley 2016, section 3.2).

    Noise as published with the paper: constant, in pixels and frames.
    """

    sized: ClassVar[tuple[int, ...]] = (2,)
    powers: ClassVar[tuple[int, int]] = (2, 0)

    def measure(self, boxes: FloatArray) -> FloatArray:
        z: FloatArray = CENTRED.dot(boxes.T)
        w, h = z[2], z[3]
        area = w * h
        np.divide(w, h, h)
        z[2] = area
        return z

    def unmeasure(self, p: FloatArray) -> FloatArray:
        xywh = p.copy()
        w, h = xywh[2], xywh[3]
        w *= h
        np.sqrt(w, w)
        np.divide(p[2], w, h)
        corners: FloatArray = CORNERS.dot(xywh)
        return corners.T

    def predict(self, state: FloatArray, step: float) -> FloatArray:
        # The area must stay positive: SORT stops its change instead of letting it cross zero.
        predicted = super().predict(state, step)
        vanishing = predicted[0, 2] <= NOTHING
        if np.count_nonzero(vanishing):
            predicted[0, 2, vanishing] = state[0, 2, vanishing]
            predicted[1, 2, vanishing] = 0.0
        return predicted

    def initial_variance(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        return _columns((10, 10, 10, 10), p.shape[1]), _columns((1e4, 1e4, 1e4, 0), p.shape[1])

    def process_variance(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        return _columns((1, 1, 1, 1), p.shape[1]), _columns((1e-2, 1e-2, 1e-4, 0), p.shape[1])

    def measurement_variance(self, p: FloatArray) -> FloatArray:
        return _columns((1, 1, 10, 10), p.shape[1])


@lru_cache(maxsize=64)
def _columns(values: tuple[float, ...], n: int) -> FloatArray:
    """(4, n) with one value per row, read-only; the number of tracks changes slowly."""
    columns = np.repeat(np.array(values, dtype=np.float64)[:, None], n, axis=1)
    columns.flags.writeable = False
    return columns


@dataclass(frozen=True)
class XYAH(_SplitKalman):
    """Centre, aspect ratio and height, all with velocity: DeepSORT (Wojke 2017, section 2.1).

    Standard deviations grow with the height of the track; position_weight and velocity_weight are their ratios to it.
    """

    position_weight: float = 1 / 20
    velocity_weight: float = 1 / 160

    sized: ClassVar[tuple[int, ...]] = (3,)
    powers: ClassVar[tuple[int, int]] = (0, 1)

    def measure(self, boxes: FloatArray) -> FloatArray:
        corners = boxes.T
        start = corners[:2]
        z = np.empty(corners.shape)
        size = corners[2:] - start
        w, h = size[0], size[1]
        np.divide(w, h, z[2])
        z[3] = h
        size *= HALF
        np.add(start, size, z[:2])
        return z

    def unmeasure(self, p: FloatArray) -> FloatArray:
        # A track that shrank and was then lost for long is predicted to vanish; its box must stay valid.
        size = np.maximum(p[2:], SMALLEST)
        w, h = size[0], size[1]
        w *= h
        corners = np.empty(p.shape)
        start = corners[:2]
        np.multiply(size, HALF, start)
        np.subtract(p[:2], start, start)
        np.add(start, size, corners[2:])
        return corners.T

    def initial_variance(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        return (
            self._variance(p, 2 * self.position_weight, 1e-2),
            self._variance(p, 10 * self.velocity_weight, 1e-5),
        )

    def process_variance(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self._variance(p, self.position_weight, 1e-2), self._variance(p, self.velocity_weight, 1e-5)

    def measurement_variance(self, p: FloatArray) -> FloatArray:
        return self._variance(p, self.position_weight, 1e-1)

    def _variance(self, p: FloatArray, weight: float, aspect_deviation: float) -> FloatArray:
        deviation = p[3] * weight
        deviation *= deviation
        variance = np.empty(p.shape)
        variance[:] = deviation
        variance[2] = aspect_deviation**2
        return variance


@dataclass(frozen=True)
class XYWH(_SplitKalman):
    """Centre, width and height, all with velocity: BoT-SORT (Aharon 2022, section 3.1, equations 3 to 6).

    Standard deviations of x and width grow with the width of the track, those of y and height with its height;
    position_weight and velocity_weight are their ratios to it; birth_velocity_weight that of a new track's velocity.
    agility multiplies the velocity's noise of the centre: objects that speed up and turn more than people do.
    """

    position_weight: float = 1 / 20
    velocity_weight: float = 1 / 160
    birth_velocity_weight: float = 10 / 160
    agility: float = 1.0

    sized: ClassVar[tuple[int, ...]] = (2, 3)

    def measure(self, boxes: FloatArray) -> FloatArray:
        z: FloatArray = CENTRED.dot(boxes.T)
        return z

    def unmeasure(self, p: FloatArray) -> FloatArray:
        # A track that shrank and was then lost for long is predicted to vanish; its box must stay valid.
        xywh = p.copy()
        size = xywh[2:]
        np.maximum(size, SMALLEST, out=size)
        corners: FloatArray = CORNERS.dot(xywh)
        return corners.T

    @cached_property
    def _weights(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Squares of position_weight, velocity_weight and agility: calls with arrays are cheaper."""
        position, velocity, agility = self.position_weight**2, self.velocity_weight**2, self.agility**2
        return np.array(position), np.array(velocity), np.array(agility)

    def initial_variance(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        squares = self._squares(p)
        return squares * (2 * self.position_weight) ** 2, squares * self.birth_velocity_weight**2

    def process_variance(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        position, velocity, agility = self._weights
        squares = self._squares(p)
        changing: FloatArray = squares * velocity
        if self.agility != 1.0:
            changing[:2] *= agility
        squares *= position
        return squares, changing

    def measurement_variance(self, p: FloatArray) -> FloatArray:
        squares = self._squares(p)
        squares *= self._weights[0]
        return squares

    def _squares(self, p: FloatArray) -> FloatArray:
        """(4, N) what the variance of each coordinate grows with."""
        squares = p.take(SIZES_TWICE, axis=0)
        squares *= squares
        return squares


@dataclass(frozen=True)
class FilterpyMotion:
    """Any filterpy filter as a motion model, one filter object per track: slow, but open.

    make             box (4,) xyxy -> a new filter (KalmanFilter, ExtendedKalmanFilter, UnscentedKalmanFilter,
                     IMMEstimator) whose state starts at that box
    measure          (N, 4) boxes xyxy -> (N, K) measurements of the filter; default centre, area, aspect ratio (SORT)
    unmeasure        (N, K) -> (N, 4) boxes xyxy, the inverse of ``measure``
    observe          filter -> (K,) its state as a measurement; default the first K entries of ``filter.x``
    centre_velocity  filter -> (2,) pixels per frame; default entries 4 and 5 of ``filter.x``
    predict_filter   (filter, step) advances the filter by ``step`` frames; default ``filter.predict()`` per whole frame
    update_filter    (filter, z) gives the filter one measurement; default ``filter.update(z)``. An EKF needs
                     ``lambda f, z: f.update(z, HJacobian, Hx)``.
    warp_filter      (filter, matrix (2, 3)) moves the filter's state with the camera; needed for camera motion only

    The default ``predict_filter`` raises ValueError for a part of a frame.
    """

    make: Callable[[FloatArray], Any]
    measure: Callable[[FloatArray], FloatArray] = xyxy_to_xysr
    unmeasure: Callable[[FloatArray], FloatArray] = xysr_to_xyxy
    observe: Callable[[Any], FloatArray] | None = None
    centre_velocity: Callable[[Any], FloatArray] | None = None
    predict_filter: Callable[[Any, float], None] | None = None
    update_filter: Callable[[Any, FloatArray], None] | None = None
    warp_filter: Callable[[Any, FloatArray], None] | None = None

    def birth(self, boxes: FloatArray) -> MotionState:
        return _objects([self.make(box.copy()) for box in boxes])

    def predict(self, state: MotionState, step: float) -> MotionState:
        whole = round(step)
        if self.predict_filter is None and (abs(step - whole) > 0.25 or whole < 1):
            raise ValueError(
                f"this filterpy motion predicts whole frames, not {step:g}; pass predict_filter=lambda f, step: ..."
            )
        out = [copy.deepcopy(f) for f in state]
        for f in out:
            if self.predict_filter is not None:
                self.predict_filter(f, step)
            else:
                for _ in range(whole):
                    f.predict()
        return _objects(out)

    def update(self, state: MotionState, boxes: FloatArray, noise: FloatArray | None = None) -> MotionState:
        out = [copy.deepcopy(f) for f in state]
        factors = np.ones(len(out)) if noise is None else noise
        for f, z, factor in zip(out, self.measure(boxes), factors, strict=True):
            own = getattr(f, "R", None)
            if own is None or factor == 1:  # an IMM has no noise of its own to multiply
                self._give(f, z)
            else:
                f.R = own * factor
                self._give(f, z)
                f.R = own
        return _objects(out)

    def boxes(self, state: MotionState) -> FloatArray:
        if len(state) == 0:
            return np.empty((0, 4))
        z = np.stack([self._observation(f) for f in state])
        if self.unmeasure is xysr_to_xyxy:  # a filter may predict an area below zero; its box must stay valid
            np.maximum(z[:, 2:], SMALLEST_SIZE, out=z[:, 2:])
        return self.unmeasure(z)

    def velocities(self, state: MotionState) -> FloatArray:
        out = np.zeros((len(state), 2))
        for i, f in enumerate(state):
            if self.centre_velocity is not None:
                out[i] = self.centre_velocity(f)
            elif np.size(f.x) >= 6:
                out[i] = np.ravel(f.x)[4:6]
        return out

    def _distances(self, state: MotionState, boxes: FloatArray) -> FloatArray:
        """(N, M) squared Mahalanobis distance of every track's predicted measurement to every box."""
        out = np.empty((len(state), len(boxes)))
        if out.size == 0:
            return out
        z = self.measure(boxes)
        for i, f in enumerate(state):
            mean, covariance = self._predicted_measurement(f, z[0])
            difference = z - mean
            out[i] = np.einsum("mk,mk->m", difference, np.linalg.solve(covariance, difference.T).T)
        return out

    def gated_pairs(self, state: MotionState, boxes: FloatArray, limit: float) -> GatedPairs:
        distances = self._distances(state, boxes)
        rows, columns = (distances <= limit).nonzero()
        return rows, columns, distances[rows, columns]

    def warp(self, state: MotionState, matrix: FloatArray) -> MotionState:
        if self.warp_filter is None:
            raise ValueError("this filterpy motion cannot follow the camera; pass warp_filter=lambda f, matrix: ...")
        out = [copy.deepcopy(f) for f in state]
        for f in out:
            self.warp_filter(f, matrix)
        return _objects(out)

    def hold_size(self, state: MotionState, which: BoolArray) -> MotionState:
        return state  # which entries of an unknown filter's state are sizes, only its author knows

    def _give(self, f: Any, z: FloatArray) -> None:
        if self.update_filter is not None:
            self.update_filter(f, z)
        else:
            f.update(z)

    def _observation(self, f: Any) -> FloatArray:
        return np.ravel(f.x)[:4].astype(np.float64) if self.observe is None else np.ravel(self.observe(f))

    def _predicted_measurement(self, f: Any, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        # filterpy knows its innovation only after an update, so a copy takes one.
        if hasattr(f, "filters"):  # IMM: the moments of the mixture
            parts = [self._predicted_measurement(part, z) for part in f.filters]
            mean: FloatArray = sum(w * m for w, (m, _) in zip(f.mu, parts, strict=True))
            spread = [w * (s + np.outer(m - mean, m - mean)) for w, (m, s) in zip(f.mu, parts, strict=True)]
            return mean, np.sum(spread, axis=0)
        trial = copy.deepcopy(f)
        self._give(trial, z)
        return z - np.ravel(trial.y), np.asarray(trial.S, dtype=np.float64)


def _objects(filters: list[Any]) -> MotionState:
    out = np.empty(len(filters), dtype=object)
    out[:] = filters
    return out
