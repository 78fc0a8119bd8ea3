"""Smoothing: the textbook's equations, filterpy's smoother, and what must not change."""

from __future__ import annotations

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter
from hypothesis import given
from tracklets import columns, results, straight, track

from tracker.arrays import FloatArray
from tracker.refine import Rows, as_rows, interpolate, smooth_gaussian, smooth_rts
from tracker.refine.smooth import FIRST_VELOCITY, VELOCITY_GAIN

SMOOTHERS = [smooth_rts, smooth_gaussian]


def noisy(frames: object, deviation: float = 2.0) -> tuple[Rows, FloatArray]:
    """A track with noise, and its true boxes."""
    true = straight(frames)
    boxes = true + np.random.default_rng(0).normal(0, deviation, true.shape)
    return as_rows(frames, np.ones(len(true), int), boxes), true  # type: ignore[arg-type]


def filterpy_rts(rows: Rows) -> FloatArray:
    """The whole filter of eight states by filterpy, one step a frame, nothing split, no step skipped."""
    frames = np.arange(rows.frames[0], rows.frames[-1] + 1)
    seen = dict(zip(rows.frames[~rows.interpolated].tolist(), rows.boxes[~rows.interpolated], strict=True))
    f = KalmanFilter(dim_x=8, dim_z=4)
    f.F = np.kron([[1, 1], [0, 1]], np.eye(4))
    f.H = np.eye(4, 8)
    f.Q = VELOCITY_GAIN * np.kron([[1 / 3, 1 / 2], [1 / 2, 1]], np.eye(4))
    f.P = np.diag([1.0] * 4 + [FIRST_VELOCITY] * 4)
    f.x = np.append(rows.boxes[0], np.zeros(4))[:, None]
    if len(frames) == 1:
        return rows.boxes
    means, covariances = [f.x.copy()], [f.P.copy()]
    for frame in frames[1:].tolist():
        f.predict()
        f.update(seen[frame][:, None] if frame in seen else None)
        means.append(f.x.copy())
        covariances.append(f.P.copy())
    smoothed = f.rts_smoother(np.array(means), np.array(covariances))[0][:, :4, 0]
    return smoothed[np.isin(frames, rows.frames)]


@pytest.mark.parametrize("frames", [range(1, 60), [*range(1, 9), *range(15, 40), 90], [5, 6], [7]])
def test_rts_equals_filterpy_on_the_whole_state(frames: object) -> None:
    rows, _ = noisy(frames)
    np.testing.assert_allclose(smooth_rts(rows).boxes, filterpy_rts(rows), rtol=0, atol=1e-8)


def test_rts_takes_interpolated_rows_as_not_measured() -> None:
    filled = interpolate(noisy([*range(1, 30), *range(38, 70)])[0])
    assert filled.interpolated.sum() == 8
    smoothed = smooth_rts(filled)
    np.testing.assert_allclose(smoothed.boxes, filterpy_rts(filled), rtol=0, atol=1e-8)
    wild = as_rows(**(columns(filled) | {"boxes": filled.boxes + 99 * filled.interpolated[:, None]}))  # type: ignore[arg-type]
    np.testing.assert_allclose(smooth_rts(wild).boxes, smoothed.boxes, rtol=0, atol=1e-9)


def test_rts_takes_no_guess_at_a_tracks_beginning_for_a_measurement() -> None:
    rows = track(range(1, 31))
    wild = as_rows(rows.frames, rows.ids, rows.boxes + 50 * (rows.frames < 4)[:, None], interpolated=rows.frames < 4)
    np.testing.assert_allclose(smooth_rts(wild).boxes, straight(range(1, 31)), rtol=0, atol=0.01)


@pytest.mark.parametrize("seen", [0, 1])
def test_rts_leaves_tracks_with_fewer_than_two_observed_rows(seen: int) -> None:
    rows = track(range(1, 31))
    guessed = as_rows(rows.frames, rows.ids, rows.boxes, interpolated=rows.frames > seen)
    np.testing.assert_array_equal(smooth_rts(guessed).boxes, rows.boxes)


def test_gaussian_is_the_mean_of_the_process() -> None:
    rows, _ = noisy(np.arange(1, 41))
    t = np.arange(40.0)
    scale = 10 * np.log(10**3 / 40)
    kernel = np.exp(-((t[:, None] - t) ** 2) / (2 * scale**2))
    line = np.polynomial.polynomial.polyfit(t, rows.boxes, 1)
    trend = line[0] + t[:, None] * line[1]
    mean = trend + kernel @ np.linalg.inv(kernel + 0.01 * np.eye(40)) @ (rows.boxes - trend)
    np.testing.assert_allclose(smooth_gaussian(rows, noise=0.01).boxes, mean, rtol=0, atol=1e-6)


def test_gaussian_smooths_less_the_longer_the_track_and_not_at_all_from_tau_cubed() -> None:
    moved = []
    for length in (50, 500, 1000, 3000):
        rows, _ = noisy(np.arange(1, length + 1))
        moved.append(np.abs(smooth_gaussian(rows).boxes - rows.boxes).mean())
    assert moved[0] > moved[1] > 0
    assert moved[2:] == [0, 0]


@pytest.mark.parametrize("smooth", SMOOTHERS)
def test_noise_on_straight_motion_gets_less(smooth: object) -> None:
    rows, true = noisy(np.arange(1, 101))
    before, after = (np.sqrt(((boxes - true) ** 2).mean()) for boxes in (rows.boxes, smooth(rows).boxes))  # type: ignore[operator]
    assert after < 0.75 * before


@pytest.mark.parametrize("smooth", SMOOTHERS)
def test_straight_motion_stays(smooth: object) -> None:
    rows = track([*range(1, 80), *range(90, 120)])
    moved = np.abs(smooth(rows).boxes - rows.boxes)  # type: ignore[operator]
    assert moved.max() < 1e-5


@pytest.mark.parametrize("smooth", SMOOTHERS)
@given(rows=results())
def test_boxes_alone_change_stay_finite_and_keep_a_size(smooth: object, rows: Rows) -> None:
    before = columns(rows)
    smoothed = smooth(rows)  # type: ignore[operator]
    for name, value in before.items():
        assert np.array_equal(getattr(rows, name), value)
        assert name == "boxes" or np.array_equal(getattr(smoothed, name), value)
    assert np.isfinite(smoothed.boxes).all()
    size = [r.boxes[:, 2:] - r.boxes[:, :2] for r in (rows, smoothed)]
    for start, stop in rows.spans:
        assert (size[1][start:stop] >= size[0][start:stop].min(axis=0) - 1e-9).all()


@pytest.mark.parametrize("smooth", SMOOTHERS)
def test_sizes_of_zero_survive(smooth: object) -> None:
    boxes = np.array([[10.0, 10, 10, 40], [11, 11, 31, 40], [12, 12, 12, 12], [13, 13, 90, 90]])
    smoothed = smooth(as_rows([1, 2, 3, 4], [1, 1, 1, 1], boxes)).boxes  # type: ignore[operator]
    assert (smoothed[:, 2:] >= smoothed[:, :2]).all()


def test_a_value_out_of_range_is_one_line() -> None:
    for bad in (0, -1, float("nan")):
        with pytest.raises(ValueError, match=r"velocity_gain=.*above 0$"):
            smooth_rts(track([1]), bad)
        with pytest.raises(ValueError, match=r"a noise above 0$"):
            smooth_gaussian(track([1]), noise=bad)
    for bad in (1, 21, float("nan")):
        with pytest.raises(ValueError, match=r"give a tau above 1 and up to 20"):
            smooth_gaussian(track([1]), tau=bad)
