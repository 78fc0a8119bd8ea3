"""Smoothing of whole tracks: Gaussian process regression, as in StrongSORT, and a Rauch-Tung-Striebel smoother.

Both are linear in the boxes and treat all four coordinates alike, so smoothing the corners equals smoothing centre and
size.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tracker.arrays import BoolArray, FloatArray
from tracker.rows import Rows

TAU = 10.0  # StrongSORT, section 3.5
# Ratio of the noise's variance to the signal's. The paper names none; its program keeps the default regulariser of
# its library, 1e-10, so that the length scale alone decides what is noise.
NOISE = 1e-10

# Variances in units of the measurement's. The gain follows from DeepSORT's weights: 1/20 of the height for a measured
# position, 1/160 for the change of velocity a frame. A track starts with its velocity unknown, so that straight motion
# stays straight.
VELOCITY_GAIN = (20 / 160) ** 2
FIRST_VELOCITY = 1e6


def smooth_gaussian(rows: Rows, tau: float = TAU, noise: float = NOISE) -> Rows:
    """Move every box of a track to the mean of a Gaussian process that is fitted to all boxes of the track.

    StrongSORT (Du 2023, section 3.5): a radial basis kernel over frames whose length scale, tau * log(tau^3 / l), falls
    with the track's length l, clipped to 1 / tau and tau^2 frames. After ``interpolate`` it is their Gaussian-smoothed
    interpolation. The process is fitted to the residuals of a straight line, so that uniform motion stays exact. One
    solve costs l^3, but long tracks need none: from tau^3 rows on the scale is 1 / tau of a frame, neighbouring frames
    have no influence, and the rows stay as they are. tau: above 1 and up to 20. noise: ratio of variances, above 0.
    Returns rows ordered by id, then frame. Raises ValueError for a value out of range.
    """
    if not 1 < tau <= 20 or not noise > 0:
        raise ValueError(f"tau={tau}, noise={noise}: give a tau above 1 and up to 20, and a noise above 0")
    from scipy.linalg import cho_factor, cho_solve

    rows = rows.by_track()
    boxes = rows.boxes.copy()
    for start, stop in rows.spans:
        length = stop - start
        scale = np.clip(tau * np.log(tau**3 / length), 1 / tau, tau**2)
        if length < 3 or scale <= 1 / tau:
            continue
        t = (rows.frames[start:stop] - rows.frames[start]).astype(np.float64)
        line = np.column_stack([np.ones(length), t - t.mean()])
        y = boxes[start:stop]
        rest = y - line @ np.linalg.lstsq(line, y, rcond=None)[0]
        kernel = np.exp(-0.5 * ((t[:, None] - t) / scale) ** 2)
        kernel[np.diag_indices(length)] += noise
        # The mean at the frames themselves is K (K + noise)^-1 rest; this form avoids its cancellation.
        y -= noise * cho_solve(cho_factor(kernel, lower=True, overwrite_a=True), rest)
    return replace(rows, boxes=_sized(boxes, rows))


def smooth_rts(rows: Rows, velocity_gain: float = VELOCITY_GAIN) -> Rows:
    """Move every box of a track to its estimate from all rows of the track, under constant velocity.

    A Kalman filter runs forward over the observed rows, then filterpy's Rauch-Tung-Striebel smoother backward.
    Interpolated rows are not measurements: they get the smoother's path through the gap. Tracks with fewer than two
    observed rows have no velocity and stay as they are. velocity_gain: variance that a velocity gains a frame, divided
    by the variance of a measured coordinate, above 0; the noise is white noise acceleration (Bar-Shalom 2001, section
    6.2.2), so that a gap of any length is one step. Returns rows ordered by id, then frame. Raises ValueError for a
    value out of range.
    """
    if not velocity_gain > 0:
        raise ValueError(f"velocity_gain={velocity_gain}: give a ratio of variances above 0")
    from filterpy.kalman import rts_smoother

    rows = rows.by_track()
    boxes = rows.boxes.copy()
    for start, stop in rows.spans:
        observed = ~rows.interpolated[start:stop]
        if np.count_nonzero(observed) < 2:
            continue
        steps = np.diff(rows.frames[start:stop]).astype(np.float64)
        move, noise = constant_velocity(steps, velocity_gain)
        means, covariances = _forward(boxes[start:stop], observed, move, noise)
        boxes[start:stop] = rts_smoother(means, covariances, move, noise)[0][:, 0]
    return replace(rows, boxes=_sized(boxes, rows))


def constant_velocity(steps: FloatArray, gain: float) -> tuple[FloatArray, FloatArray]:
    """Transition and process noise, both (S, 2, 2), of position and velocity over steps of (S,) frames."""
    one, none = np.ones_like(steps), np.zeros_like(steps)
    move = np.array([[one, steps], [none, one]])
    noise = gain * np.array([[steps**3 / 3, steps**2 / 2], [steps**2 / 2, steps]])
    return move.transpose(2, 0, 1), noise.transpose(2, 0, 1)


def _forward(
    boxes: FloatArray, observed: BoolArray, move: FloatArray, noise: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Filtered means (R, 2, 4), position and velocity of the four coordinates, and their covariances (R, 2, 2)."""
    means, covariances = np.zeros((len(boxes), 2, 4)), np.zeros((len(boxes), 2, 2))
    mean = np.array([boxes[0], np.zeros(4)])
    p = np.diag([1.0 if observed[0] else FIRST_VELOCITY, FIRST_VELOCITY])
    means[0], covariances[0] = mean, p
    for k in range(1, len(boxes)):
        f = move[k - 1]
        mean, p = f @ mean, f @ p @ f.T + noise[k - 1]
        if observed[k]:
            gain = p[:, :1] / (p[0, 0] + 1)
            mean, p = mean + gain * (boxes[k] - mean[0]), p - gain * p[:1]
        means[k], covariances[k] = mean, p
    return means, covariances


def _sized(boxes: FloatArray, rows: Rows) -> FloatArray:
    """The boxes (R, 4), enlarged about their centres where they are smaller than the smallest of their track was."""
    if not len(rows):
        return boxes
    starts = rows.starts
    smallest = np.minimum.reduceat(rows.boxes[:, 2:] - rows.boxes[:, :2], starts[:-1])
    smallest = np.repeat(smallest, np.diff(starts), axis=0)
    lacking = np.maximum(smallest - (boxes[:, 2:] - boxes[:, :2]), 0) / 2
    low, high = boxes[:, :2] - lacking, boxes[:, 2:] + lacking
    return np.concatenate([low, np.maximum(low, high)], axis=1)
