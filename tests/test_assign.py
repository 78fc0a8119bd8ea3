"""Assignment: the largest total gain of all assignments there are; stages only see what is free and admitted."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from tracker import assign as assignment
from tracker.arrays import FloatArray, IntArray
from tracker.assign import Matching, assign_pairs, lone_pairs
from tracker.boxes import iou_pairs_xyxy, iou_xyxy

sides = st.tuples(st.integers(0, 5), st.integers(0, 5))
gains = sides.flatmap(lambda s: arrays(np.float64, s, elements=st.floats(-2, 2)))
ties = sides.flatmap(lambda s: arrays(np.float64, s, elements=st.sampled_from([-1.0, 0.0, 1.0])))


def best_total(gain: FloatArray) -> float:
    """The largest sum of positive gains over all one-to-one pairings, tried one by one."""
    wide = gain if gain.shape[0] <= gain.shape[1] else gain.T
    wide = np.maximum(wide, 0.0)
    return max(sum(wide[i, j] for i, j in enumerate(order)) for order in permutations(range(wide.shape[1]), len(wide)))


def assign(gain: FloatArray) -> tuple[IntArray, IntArray]:
    """The pairs that ``assign_pairs`` chooses of a whole matrix."""
    rows, columns = (gain > 0).nonzero()
    chosen = assign_pairs(rows, columns, gain[rows, columns])
    return rows[chosen], columns[chosen]


def stage(matching: Matching, name: str, gain: FloatArray, *masks: Any, **options: Any) -> None:
    """A stage of which every pair of a whole matrix is a candidate."""
    rows, columns = np.indices(gain.shape).reshape(2, -1)
    matching.stage(name, rows, columns, gain[rows, columns], *masks, **options)


@given(gain=gains | ties)
def test_the_total_is_the_largest_there_is(gain: FloatArray) -> None:
    before = gain.copy()
    rows, columns = assign(gain)
    np.testing.assert_array_equal(gain, before)
    assert len(set(rows.tolist())) == len(rows) == len(columns) == len(set(columns.tolist()))
    assert (gain[rows, columns] > 0).all()
    assert (np.diff(rows) > 0).all()
    assert gain[rows, columns].sum() == pytest.approx(best_total(gain))


@given(gain=ties)
def test_ties_fall_the_same_way_every_time(gain: FloatArray) -> None:
    first = assign(gain)
    for layout in (gain.copy(), np.asfortranarray(gain), np.repeat(gain, 2, axis=0)[::2]):
        for a, b in zip(first, assign(layout), strict=True):
            np.testing.assert_array_equal(a, b)


def scene(kind: str, seed: int) -> tuple[FloatArray, FloatArray]:
    """Boxes of tracks and detections."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 60, 2)
    corner = rng.uniform(0, 900, (n + m, 2))
    size = rng.uniform(20, 60, (n + m, 2))
    if kind == "chain":  # every box overlaps the next: one long component
        corner = np.column_stack((np.arange(n + m) * 12.0 + rng.uniform(0, 4, n + m), np.zeros(n + m)))
    elif kind == "heap":  # everybody overlaps everybody
        corner, size = corner / 60, size + 40
    elif kind == "grid":  # whole numbers, and every box some times over: ties
        corner, size = rng.integers(0, 6, (n + m, 2)) * 10.0, rng.integers(1, 4, (n + m, 2)) * 10.0
    boxes = np.concatenate((corner, corner + size), axis=1)[rng.permutation(n + m)]
    return boxes[:n], boxes[n:]


@pytest.mark.parametrize("parts", [False, True])
@pytest.mark.parametrize("kind", ["loose", "chain", "heap", "grid"])
@given(seed=st.integers(0, 2**32 - 1), least=st.sampled_from([0.05, 0.3]))
def test_pairs_of_a_scene_are_matched_as_by_its_whole_matrix(kind: str, parts: bool, seed: int, least: float) -> None:
    tracks, detections = scene(kind, seed)
    dense = iou_xyxy(tracks, detections)
    dense = np.where(dense >= least, dense, 0)  # the gate first
    r, c = linear_sum_assignment(dense, maximize=True)
    expected = {(i, j) for i, j in zip(r.tolist(), c.tolist(), strict=True) if dense[i, j] > 0}
    rows, columns, iou = iou_pairs_xyxy(tracks, detections, least)
    with pytest.MonkeyPatch.context() as patch:
        if parts:
            patch.setattr(assignment, "WHOLE", 0)
            patch.setattr(assignment, "PART", 3)
        chosen = assign_pairs(rows, columns, iou)
        of_matrix = assign(dense)
    assert (np.diff(chosen) > 0).all()
    matched = list(zip(rows[chosen].tolist(), columns[chosen].tolist(), strict=True))
    assert iou[chosen].sum() == pytest.approx(dense[r, c].sum())
    assert len({i for i, _ in matched}) == len({j for _, j in matched}) == len(matched)
    # The same pairs by the sparse way and by the matrix, ties and all; and, where only one answer is best, scipy's.
    assert sorted(matched) == list(zip(of_matrix[0].tolist(), of_matrix[1].tolist(), strict=True))
    if kind != "grid":
        assert set(matched) == expected


@given(seed=st.integers(0, 2**32 - 1))
def test_a_stage_matches_what_is_free_and_admitted_and_nothing_else(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = rng.integers(0, 9, 2)
    matching = Matching(int(n), int(m))
    for name in ("first", "second", "third"):
        gain = np.round(rng.uniform(-1, 1, (n, m)), 1)
        tracks, detections = rng.random(n) < 0.6, rng.random(m) < 0.6
        before = matching.detection_of.copy()
        seen = np.outer(matching.free_tracks & tracks, matching.free_detections & detections)
        rows, columns = assign(np.where(seen, gain, 0.0))
        stage(matching, name, gain, tracks, detections)
        before[rows] = columns
        assert matching.detection_of.tolist() == before.tolist()
        taken = before[before >= 0]
        assert matching.track_of[taken].tolist() == np.flatnonzero(before >= 0).tolist()


def test_pairs_that_are_not_valid_take_part_and_are_dropped_afterwards() -> None:
    gain = np.array([[0.2, 0.0], [0.5, 0.4]])
    solved_first, refused_first = Matching(2, 2), Matching(2, 2)
    stage(solved_first, "published", gain, valid=(gain >= 0.3).ravel())
    stage(refused_first, "ours", np.where(gain >= 0.3, gain, 0.0))
    assert solved_first.detection_of.tolist() == [-1, 1]  # the best total gave detection 0 to track 0
    assert refused_first.detection_of.tolist() == [-1, 0]


def test_a_pair_out_of_reach_cannot_push_a_good_one_out() -> None:
    rows, columns = assign(np.array([[0.5, -9.0], [0.6, -np.inf]]))
    assert (rows.tolist(), columns.tolist()) == ([1], [0])


def test_stages_see_what_is_free_and_admitted() -> None:
    matching = Matching(4, 3)
    gain = np.array([[9.0, 8, 0], [8, 0, 0], [7, 7, 7], [6, 6, 6]])
    stage(matching, "first", gain, np.array([True, False, False, False]))
    stage(matching, "second", gain, np.array([True, True, True, False]), np.array([True, True, False]))
    assert matching.detection_of.tolist() == [0, -1, 1, -1]
    assert matching.track_of.tolist() == [0, 2, -1]
    assert matching.free_tracks.tolist() == [False, True, False, True]
    assert matching.free_detections.tolist() == [False, False, True]
    stage(matching, "third", gain)
    tracks, detections = matching.pairs
    assert (tracks.tolist(), detections.tolist()) == ([0, 2, 3], [0, 1, 2])
    stage(matching, "nothing left", gain)
    assert matching.detection_of.tolist() == [0, -1, 1, 2]


def test_stages_of_nothing() -> None:
    for tracks, detections in ((0, 0), (0, 3), (3, 0)):
        matching = Matching(tracks, detections)
        stage(matching, "empty", np.empty((tracks, detections)))
        assert len(matching.pairs[0]) == 0
        assert matching.free_tracks.tolist() == [True] * tracks


@pytest.mark.parametrize("seed", range(20))
def test_lone_pairs_are_alone_in_the_whole_matrix(seed: int) -> None:
    rng = np.random.default_rng(seed)
    iou = rng.random((9, 7)) * (rng.random((9, 7)) < 0.15)
    rows, columns = np.ones_like(iou).nonzero() if seed % 2 else iou.nonzero()  # pairs that do not overlap, or not
    found = lone_pairs(rows, columns, iou[rows, columns], 0.4)
    pairs = set(zip(rows[found].tolist(), columns[found].tolist(), strict=True))
    expected = {
        (i, j)
        for i, j in np.argwhere(iou >= 0.4).tolist()
        if np.count_nonzero(iou[i]) == 1 and np.count_nonzero(iou[:, j]) == 1
    }
    assert pairs == expected
    assert lone_pairs(rows[:0], columns[:0], iou[0, :0], 0.4).shape == (0,)
