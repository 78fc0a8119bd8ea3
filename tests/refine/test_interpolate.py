"""Linear interpolation: exact on straight lines, and observed rows stay as they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from tracklets import results, same, straight, together, track

from tracker.refine import Rows, as_rows, interpolate


def test_a_gap_in_straight_motion_is_filled_exactly_and_marked() -> None:
    seen = [*range(1, 31), *range(36, 60)]
    filled = interpolate(track(seen))
    assert filled.frames.tolist() == list(range(1, 60))
    np.testing.assert_allclose(filled.boxes, straight(range(1, 60)), rtol=0, atol=1e-9)
    assert filled.frames[filled.interpolated].tolist() == [31, 32, 33, 34, 35]


def test_scores_are_interpolated_and_the_class_is_that_of_the_row_before() -> None:
    rows = as_rows([1, 4], [2, 2], straight([1, 4]), [0.9, 0.6], [3, 5])
    filled = interpolate(rows, support=0)
    np.testing.assert_allclose(filled.scores, [0.9, 0.8, 0.7, 0.6])
    assert filled.classes.tolist() == [3, 3, 3, 5]


@pytest.mark.parametrize(("max_gap", "filled"), [(0, 0), (4, 0), (5, 5), (20, 5)])
def test_longer_gaps_stay_open(max_gap: int, filled: int) -> None:
    assert interpolate(track([*range(1, 31), *range(36, 60)]), max_gap).interpolated.sum() == filled


@pytest.mark.parametrize(("before", "after", "filled"), [(6, 6, 2), (5, 60, 0), (60, 5, 0)])
def test_a_gap_needs_support_on_both_sides(before: int, after: int, filled: int) -> None:
    rows = track([*range(1, before + 1), *range(before + 3, before + 3 + after)])
    assert interpolate(rows, support=3).interpolated.sum() == filled
    assert interpolate(rows, support=0).interpolated.sum() == 2


def test_rows_already_interpolated_are_no_support() -> None:
    rows = track([*range(1, 7), *range(9, 15)])
    marked = as_rows(rows.frames, rows.ids, rows.boxes, interpolated=rows.frames < 4)
    assert interpolate(marked).interpolated.sum() == 3


def test_frames_between_two_tracks_are_no_gap() -> None:
    assert len(interpolate(together(track([1, 2, 3]), track([9, 10, 11], id=2)), support=0)) == 6


@given(results())
def test_observed_rows_stay_as_they_are_and_a_second_time_adds_nothing(rows: Rows) -> None:
    filled = interpolate(rows, support=0)
    assert same(filled.select(np.flatnonzero(~filled.interpolated)), rows)
    assert same(interpolate(filled, support=0), filled)


@pytest.mark.parametrize("values", [(-1, 3), (float("nan"), 3), (20, -1), (20, float("nan"))])
def test_a_value_out_of_range_is_one_line(values: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"give a number, 0 or more$"):
        interpolate(track([1]), *values)
