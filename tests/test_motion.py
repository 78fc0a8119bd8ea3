"""Motion models: filterpy with the whole matrices as the oracle, and filterpy's filters as models of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crowds import crowd
from filters import (
    DeepSORTOracle,
    distances,
    extended,
    mixed,
    predict_sort,
    sort_filter,
    unscented,
    update_extended,
    xyxy_to_xyah,
)
from hypothesis import given
from hypothesis import strategies as st

from tracker import SORT, XYAH, XYSR, XYWH, DeepSORT, Detections, FilterpyMotion
from tracker.arrays import FloatArray
from tracker.boxes import warp_boxes, xyxy_to_xysr
from tracker.io.mot import read_detections

a_box = st.tuples(st.floats(-500, 2000), st.floats(-500, 2000), st.floats(5, 400), st.floats(5, 400)).map(
    lambda b: np.array([b[0], b[1], b[0] + b[2], b[1] + b[3]])
)
# A track's life: its first box, then per frame a shift of its corners, or None where it was not seen.
a_life = st.lists(st.none() | st.tuples(*[st.floats(-2, 2)] * 4).map(np.array), min_size=1, max_size=12)


def close(a: Any, b: Any) -> None:
    """To 1e-9, relative to the largest entry."""
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * max(1e-6, float(np.abs(b).max(initial=0))))


def whole(state: FloatArray, track: int, size: int) -> tuple[FloatArray, FloatArray]:
    """Mean (size,) and covariance (size, size) of one track of a split state."""
    p, v, pp, pv, vv = state[..., track]
    mean = np.concatenate((p, v))[:size]
    covariance = np.block([[np.diag(pp), np.diag(pv)], [np.diag(pv), np.diag(vv)]])[:size, :size]
    return mean, covariance


def mahalanobis(f: Any, noise: FloatArray, z: FloatArray) -> float:
    difference = z - f.H @ f.x
    return float(difference @ np.linalg.solve(f.H @ f.P @ f.H.T + noise, difference))


@given(first=a_box, other=a_box, life=a_life, probe=a_box)
def test_xysr_equals_the_seven_state_filter(
    first: FloatArray, other: FloatArray, life: list[FloatArray | None], probe: FloatArray
) -> None:
    motion, oracle = XYSR(), sort_filter(first)
    state = motion.birth(np.stack((other, first)))  # a neighbour, which must not matter
    box = first
    for shift in life:
        predict_sort(oracle, 1)
        state = motion.predict(state, 1)
        distance = distances(motion, state, np.stack((probe, other)))[1, 0]
        close(distance, mahalanobis(oracle, oracle.R, xyxy_to_xysr(probe[None])[0]))
        if shift is not None:
            box = box + shift
            oracle.update(xyxy_to_xysr(box[None])[0])
            state = motion.update(state, np.stack((other, box)))
        mean, covariance = whole(state, 1, 7)
        close(mean, oracle.x)
        close(covariance, oracle.P)
        assert state[1, 3, 1] == state[3, 3, 1] == state[4, 3, 1] == 0  # the aspect ratio has no velocity


@given(first=a_box, other=a_box, life=a_life, probe=a_box)
def test_xyah_equals_the_eight_state_filter(
    first: FloatArray, other: FloatArray, life: list[FloatArray | None], probe: FloatArray
) -> None:
    motion, oracle = XYAH(), DeepSORTOracle(first)
    state = motion.birth(np.stack((first, other)))
    box = first
    for shift in life:
        oracle.predict()
        state = motion.predict(state, 1)
        distance = distances(motion, state, np.stack((probe, other)))[0, 0]
        close(distance, mahalanobis(oracle.f, oracle.noise, xyxy_to_xyah(probe[None])[0]))
        if shift is not None:
            box = box + shift
            oracle.update(xyxy_to_xyah(box[None])[0])
            state = motion.update(state, np.stack((box, other)))
        mean, covariance = whole(state, 0, 8)
        close(mean, oracle.f.x)
        close(covariance, oracle.f.P)


@given(first=a_box, shift=st.tuples(*[st.floats(-2, 2)] * 2), steps=st.integers(1, 9))
@pytest.mark.parametrize("motion", [XYSR(), XYAH()], ids=["xysr", "xyah"])
def test_a_step_of_k_frames_equals_k_steps(
    motion: Any, first: FloatArray, shift: tuple[float, ...], steps: int
) -> None:
    # A shift changes no size, so that the noise is the same in every frame.
    state = motion.update(motion.predict(motion.birth(first[None]), 1), (first + np.tile(shift, 2))[None])
    one_by_one = state
    for _ in range(steps):
        one_by_one = motion.predict(one_by_one, 1)
    at_once = motion.predict(state, steps)
    for row in range(5):
        close(at_once[row], one_by_one[row])


@pytest.mark.parametrize("motion", [XYSR(), XYAH(), FilterpyMotion(sort_filter)], ids=["xysr", "xyah", "filterpy"])
def test_every_function_leaves_its_input_alone_and_takes_no_tracks(motion: Any) -> None:
    seen = crowd()[20].boxes
    state = motion.birth(seen)
    before = motion.boxes(state)
    np.testing.assert_allclose(before, seen, rtol=1e-9)
    motion.predict(state, 1)
    motion.update(state, seen + 3)
    distances(motion, state, seen)
    np.testing.assert_array_equal(motion.boxes(state), before)
    none = np.empty((0, 4))
    nobody = motion.update(motion.predict(motion.birth(none), 2), none)
    assert nobody.shape[-1] == 0
    assert motion.boxes(nobody).shape == (0, 4)
    assert motion.velocities(nobody).shape == (0, 2)
    assert distances(motion, nobody, seen).shape == (0, len(seen))
    assert distances(motion, state, none).shape == (len(seen), 0)


@pytest.mark.parametrize(
    "motion", [XYSR(), XYAH(), XYWH(), FilterpyMotion(sort_filter)], ids=lambda m: type(m).__name__
)
def test_gated_pairs_are_those_of_all_distances(motion: Any) -> None:
    rng = np.random.default_rng(3)
    many = [] if isinstance(motion, FilterpyMotion) else [(700, 600)]
    for n, m in [(1, 1), (7, 30), (40, 25), (30, 0), (0, 30), *many]:
        corner, size = rng.uniform(0, 40 * np.sqrt(n + m), (n + m, 2)), rng.uniform(10, 80, (n + m, 2))
        boxes = np.concatenate((corner, corner + size), axis=1)
        state = motion.predict(motion.birth(boxes[:n]), 1)
        seen = np.concatenate((boxes[n:], boxes[: n // 2] + 1))
        dense = distances(motion, state, seen)
        for limit in (0.5, 9.4877, 200.0):
            rows, columns, squared = motion.gated_pairs(state, seen, limit)
            assert (np.diff(rows) >= 0).all()
            found = np.zeros(dense.shape, dtype=int)
            np.add.at(found, (rows, columns), 1)
            np.testing.assert_array_equal(found, dense <= limit)
            np.testing.assert_allclose(squared, dense[rows, columns], rtol=1e-12)


def test_a_shrinking_area_stays_positive() -> None:
    motion = XYSR()
    state = motion.birth(np.array([[0.0, 0, 100, 100]]))
    for side in (80, 50, 20, 5):
        state = motion.update(motion.predict(state, 1), np.array([[0.0, 0, side, side]]))
    for _ in range(20):
        state = motion.predict(state, 3)
        assert (state[0, 2:] > 0).all()
        assert np.isfinite(motion.boxes(state)).all()
    np.testing.assert_array_equal(motion.predict(state, 1)[0, 2:], state[0, 2:])  # it stopped changing


def test_sort_on_filterpy_filters_equals_sort(shared: Path) -> None:
    seen = read_detections(shared / "data" / "MOT15" / "train" / "TUD-Campus" / "det" / "det.txt")
    ours, slow = SORT(), SORT(motion=FilterpyMotion(sort_filter, predict_filter=predict_sort))
    for frame in range(1, 72):
        detections = Detections(seen.boxes[seen.at(frame)])
        a, b = ours.update(detections), slow.update(detections)
        assert a.ids.tolist() == b.ids.tolist()
        np.testing.assert_allclose(b.boxes, a.boxes, rtol=1e-9)
        np.testing.assert_allclose(b.velocities, a.velocities, atol=1e-9)


FILTERS: dict[str, tuple[Callable[[FloatArray], Any], dict[str, Any]]] = {
    "linear": (sort_filter, {}),
    "extended": (extended, {"update_filter": update_extended}),
    "unscented": (unscented, {}),
    "imm": (mixed, {}),
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("build", [SORT, DeepSORT])
def test_every_kind_of_filter_tracks(build: Any, name: str) -> None:
    make, options = FILTERS[name]
    scene = crowd(frames=25, objects=4, false=0, missing=0)
    reference = build(motion=FilterpyMotion(sort_filter))
    tracker = build(motion=FilterpyMotion(make, **options))
    for seen in scene:
        a, b = reference.update(seen.detections()), tracker.update(seen.detections())
        assert a.ids.tolist() == b.ids.tolist()
        # The unscented filter of filterpy 1.4.5 measures at points that it drew before it added the noise.
        np.testing.assert_allclose(b.boxes, a.boxes, atol={"imm": 4, "unscented": 0.05}.get(name, 1e-3))
    assert len(b) > 0


@pytest.mark.parametrize("name", FILTERS)
def test_distances_of_every_kind_of_filter(name: str) -> None:
    make, options = FILTERS[name]
    seen = crowd()[20].boxes
    motion, linear = FilterpyMotion(make, **options), XYSR()
    a = linear.predict(linear.birth(seen), 1)
    b = motion.predict(motion.birth(seen), 1)
    near, far = distances(linear, a, seen + 1), distances(motion, b, seen + 1)
    if name == "imm":  # the brisk part widens the mixture
        assert (far <= near * (1 + 1e-9)).all()
        assert (far > 0).all()
    else:
        np.testing.assert_allclose(far, near, rtol=0.01 if name == "unscented" else 1e-6)


def test_filterpy_motion_predicts_whole_frames_unless_told_how() -> None:
    motion = FilterpyMotion(sort_filter)
    state = motion.birth(np.array([[0.0, 0, 10, 10]]))
    for step in (0.4, 1.5):
        with pytest.raises(ValueError, match=r"predicts whole frames.*predict_filter="):
            motion.predict(state, step)
    taken: list[float] = []
    told = FilterpyMotion(sort_filter, predict_filter=lambda f, step: taken.append(step))
    told.predict(state, 1.5)
    assert taken == [1.5]


def test_filterpy_motion_observes_what_it_is_told() -> None:
    motion = FilterpyMotion(
        sort_filter,
        observe=lambda f: f.x[:4] + np.array([1, 0, 0, 0]),
        centre_velocity=lambda f: np.array([7.0, 8.0]),
    )
    state = motion.birth(np.array([[0.0, 0, 10, 20]]))
    np.testing.assert_allclose(motion.boxes(state), [[1, 0, 11, 20]])
    assert motion.velocities(state).tolist() == [[7, 8]]


def test_filterpy_motion_predicts_every_frame_of_a_step() -> None:
    motion = FilterpyMotion(sort_filter)
    state = motion.update(motion.predict(motion.birth(np.array([[0.0, 0, 10, 20]])), 1), np.array([[4.0, 1, 14, 21]]))
    one_by_one = state
    for _ in range(3):
        one_by_one = motion.predict(one_by_one, 1)
    np.testing.assert_allclose(motion.predict(state, 3)[0].x, one_by_one[0].x)
    np.testing.assert_allclose(motion.predict(state, 3)[0].P, one_by_one[0].P)


def test_a_mixture_is_as_wide_as_its_parts_lie_apart() -> None:
    boxes = np.array([[0.0, 0, 10, 20], [30.0, 0, 40, 20]])
    probe = np.array([[12.0, 1, 22, 21]])
    state = FilterpyMotion(mixed).birth(boxes[:1])
    weights, parts = state[0].mu, state[0].filters
    parts[1].x[:4] = xyxy_to_xysr(boxes[1:])[0]
    mean = weights[0] * parts[0].x[:4] + weights[1] * parts[1].x[:4]
    spread = sum(
        weight * (part.P[:4, :4] + part.R + np.outer(part.x[:4] - mean, part.x[:4] - mean))
        for weight, part in zip(weights, parts, strict=True)
    )
    away = xyxy_to_xysr(probe)[0] - mean
    expected = away @ np.linalg.solve(spread, away)
    np.testing.assert_allclose(FilterpyMotion(mixed).gated_pairs(state, probe, np.inf)[2], expected)


@pytest.mark.parametrize("motion", [XYAH(), XYWH()], ids=["xyah", "xywh"])
def test_a_track_that_shrank_and_was_lost_for_long_keeps_a_box(motion: Any) -> None:
    state = motion.birth(np.array([[0.0, 0, 100, 200]]))
    for share in (0.8, 0.6, 0.4, 0.2):
        state = motion.update(motion.predict(state, 1), np.array([[0.0, 0, 100 * share, 200 * share]]))
    boxes = motion.boxes(motion.predict(state, 100))
    assert (boxes[:, 2:] > boxes[:, :2]).all()


@pytest.mark.parametrize("motion", [XYSR(), XYAH(), XYWH()], ids=["xysr", "xyah", "xywh"])
def test_a_warped_state_has_the_variances_of_the_warp(motion: Any) -> None:
    """Those on the diagonal of J P J^T, J being the derivative of the warp at the state, taken by differences."""
    box = np.array([[100.0, 50, 160, 180]])
    state = motion.predict(motion.update(motion.predict(motion.birth(box), 1), 1.05 * box), 1)
    turn = np.array([[1.2, -0.5, 30], [0.5, 1.2, -7]])
    around = state[0] + np.concatenate((np.zeros((4, 1)), 1e-3 * np.eye(4), -1e-3 * np.eye(4)), axis=1)
    warped = motion.measure(warp_boxes(motion.unmeasure(around), turn))
    derivative = (warped[:, 1:5] - warped[:, 5:]) / 2e-3
    after = motion.warp(state, turn)
    np.testing.assert_allclose(after[0], warped[:, :1], rtol=1e-9)
    np.testing.assert_allclose(after[1], derivative @ state[1], rtol=1e-5, atol=1e-7)
    for row in (2, 3, 4):
        np.testing.assert_allclose(after[row], derivative**2 @ state[row], rtol=1e-5, atol=1e-9)
