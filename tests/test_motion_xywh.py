"""XYWH, noise per measurement and the size of lost tracks, with filterpy's full matrices as the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from filters import KalmanFilter, distances, sort_filter
from hypothesis import given
from hypothesis import strategies as st

from tracker.boxes import xyxy_to_xysr, xyxy_to_xywh
from tracker.motion import XYAH, XYSR, XYWH, FilterpyMotion


def deviations(f, position, velocity):
    return np.square([weight * f.x[2 + i % 2] for weight in (position, velocity) for i in range(4)])


@given(st.integers(0, 2**32 - 1))
def test_xywh_agrees_with_filterpy(seed):
    rng = np.random.default_rng(seed)
    box = np.array([100.0, 100.0, 160.0, 250.0])
    motion = XYWH()
    f = KalmanFilter(dim_x=8, dim_z=4)
    f.F, f.H = np.eye(8) + np.eye(8, k=4), np.eye(4, 8)
    f.x = np.append(xyxy_to_xywh(box[None])[0], np.zeros(4))
    f.P = np.diag(deviations(f, 1 / 10, 1 / 16))
    state = motion.birth(box[None])
    for _ in range(30):
        f.Q = np.diag(deviations(f, 1 / 20, 1 / 160))
        f.predict()
        state = motion.predict(state, 1.0)
        box = box + rng.normal(2, 1, 4)
        if rng.random() < 0.3:
            continue
        factor = rng.uniform(0.1, 4)
        f.R = np.diag(deviations(f, 1 / 20, 1)[:4])
        z = xyxy_to_xywh(box[None])[0]
        away = z - f.x[:4]
        squared = away @ np.linalg.solve(f.P[:4, :4] + f.R, away)
        np.testing.assert_allclose(distances(motion, state, box[None])[0, 0], squared, rtol=1e-9)
        f.R = f.R * factor
        f.update(z)
        state = motion.update(state, box[None], np.array([factor]))
        np.testing.assert_allclose(state[:2, :, 0].ravel(), f.x, atol=1e-9)
        covariance = np.block(
            [[np.diag(state[2, :, 0]), np.diag(state[3, :, 0])], [np.diag(state[i, :, 0]) for i in (3, 4)]]
        )
        np.testing.assert_allclose(covariance, f.P, atol=1e-9)


def test_noise_per_measurement_reaches_a_filterpy_filter():
    boxes = np.array([[0.0, 0, 10, 20], [5, 5, 30, 60]])
    ours, theirs = XYSR(), FilterpyMotion(sort_filter)
    noise = np.array([1.0, 5.0])
    a = ours.update(ours.predict(ours.birth(boxes), 1.0), boxes + 2, noise)
    b = theirs.update(theirs.predict(theirs.birth(boxes), 1.0), boxes + 2, noise)
    np.testing.assert_allclose(ours.boxes(a), theirs.boxes(b), atol=1e-9)
    np.testing.assert_array_equal(b[1].R, sort_filter(boxes[0]).R)


@pytest.mark.parametrize("motion", [XYSR(), XYAH(), XYWH()], ids=lambda motion: type(motion).__name__)
def test_a_held_size_stays(motion):
    boxes = np.array([[0.0, 0, 100, 200], [0, 0, 100, 200]])
    grown = motion.update(motion.predict(motion.birth(boxes), 1.0), boxes * 1.1)
    before = grown.copy()
    held = motion.hold_size(grown, np.array([True, False]))
    later = motion.boxes(motion.predict(held, 1.0))
    height = later[:, 3] - later[:, 1]
    now = motion.boxes(grown)
    assert height[0] == pytest.approx(now[0, 3] - now[0, 1], rel=1e-3)
    assert height[1] > height[0] + 1
    np.testing.assert_array_equal(grown, before)


def test_a_filterpy_motion_says_that_it_needs_a_warp():
    boxes = np.array([[0.0, 0, 10, 20]])
    motion = FilterpyMotion(sort_filter)
    state = motion.birth(boxes)
    assert motion.hold_size(state, np.array([True])) is state
    with pytest.raises(ValueError, match="warp_filter"):
        motion.warp(state, np.eye(2, 3))

    def shift(f, matrix):
        f.x[:2] += matrix[:, 2]

    motion = FilterpyMotion(sort_filter, warp_filter=shift)
    moved = motion.warp(state, np.array([[1.0, 0, 5], [0, 1, -3]]))
    np.testing.assert_allclose(motion.boxes(moved), boxes + np.array([5, -3, 5, -3]))
    np.testing.assert_allclose(xyxy_to_xysr(motion.boxes(state)), xyxy_to_xysr(boxes))


def test_a_lost_track_keeps_its_width_too():
    box, motion = np.array([[0.0, 0, 100, 200]]), XYWH()
    grown = motion.update(motion.predict(motion.birth(box), 1.0), box * 1.2)
    later = motion.predict(motion.hold_size(grown, np.array([True])), 9.0)
    np.testing.assert_array_equal(later[0, 2:], grown[0, 2:])
