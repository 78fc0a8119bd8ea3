"""Assignment: the largest total gain of all assignments there are; stages only see what is free and admitted."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tracker.assign import Matching, assign, same_class
from tracker.boxes import FloatArray

sides = st.tuples(st.integers(0, 5), st.integers(0, 5))
gains = sides.flatmap(lambda s: arrays(np.float64, s, elements=st.floats(-2, 2)))
ties = sides.flatmap(lambda s: arrays(np.float64, s, elements=st.sampled_from([-1.0, 0.0, 1.0])))


def best_total(gain: FloatArray) -> float:
    """The largest sum of positive gains over all one-to-one pairings, tried one by one."""
    wide = gain if gain.shape[0] <= gain.shape[1] else gain.T
    wide = np.maximum(wide, 0.0)
    return max(sum(wide[i, j] for i, j in enumerate(order)) for order in permutations(range(wide.shape[1]), len(wide)))


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


def test_a_pair_out_of_reach_cannot_push_a_good_one_out() -> None:
    rows, columns = assign(np.array([[0.5, -9.0], [0.6, -np.inf]]))
    assert (rows.tolist(), columns.tolist()) == ([1], [0])


def test_stages_see_what_is_free_and_admitted() -> None:
    matching = Matching(4, 3)
    gain = np.array([[9.0, 8, 0], [8, 0, 0], [7, 7, 7], [6, 6, 6]])
    matching.stage("first", gain, np.array([True, False, False, False]))
    matching.stage("second", gain, np.array([True, True, True, False]), np.array([True, True, False]))
    assert matching.detection_of.tolist() == [0, -1, 1, -1]
    assert matching.track_of.tolist() == [0, 2, -1]
    assert matching.free_tracks.tolist() == [False, True, False, True]
    assert matching.free_detections.tolist() == [False, False, True]
    matching.stage("third", gain)
    assert matching.stages == ["first", "second", "third"]
    assert matching.stage_of.tolist() == [0, -1, 1, 2]
    tracks, detections = matching.pairs
    assert (tracks.tolist(), detections.tolist()) == ([0, 2, 3], [0, 1, 2])
    matching.stage("nothing left", gain)
    assert matching.stage_of.tolist() == [0, -1, 1, 2]


def test_stages_of_nothing() -> None:
    for tracks, detections in ((0, 0), (0, 3), (3, 0)):
        matching = Matching(tracks, detections)
        matching.stage("empty", np.empty((tracks, detections)))
        assert len(matching.pairs[0]) == 0
        assert matching.free_tracks.tolist() == [True] * tracks


def test_same_class() -> None:
    assert same_class(np.array([1, 2]), np.array([2, 2, 1])).tolist() == [[False, False, True], [True, True, False]]
