"""The table of rows: checked, copied, in either order, and made from what a tracker reports."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracklets import results, same

from tracker import SORT, Detections, Rows, Tracks, as_rows
from tracker.rows import joined, repeats, results_of

BOX = [10.0, 20.0, 30.0, 60.0]


def test_rows_come_ordered_by_id_and_frame_with_defaults_for_what_was_left_out() -> None:
    rows = as_rows([3, 1, 2], [7, 9, 7], [BOX, BOX, BOX])
    assert rows.ids.tolist() == [7, 7, 9]
    assert rows.frames.tolist() == [2, 3, 1]
    assert rows.scores.tolist() == [1, 1, 1]
    assert rows.classes.tolist() == rows.visibility.tolist() == [-1, -1, -1]
    assert rows.lines.tolist() == [3, 1, 2]
    assert not rows.interpolated.any()
    assert (len(rows), rows.last_frame, rows.has_classes, rows.dropped) == (3, 3, False, 0)
    assert repr(rows) == "Rows(3 rows, 2 ids, last frame 3)"


def test_no_rows_are_rows() -> None:
    rows = as_rows([], [], [])
    assert (len(rows), rows.last_frame, rows.spans) == (0, 0, [])
    assert rows.boxes.shape == (0, 4)
    assert rows.by_frame().at(1) == slice(0, 0)
    assert same(results_of([]), rows)


def test_rows_share_nothing_with_what_they_were_made_of() -> None:
    boxes = np.array([BOX])
    rows = as_rows([1], [1], boxes)
    boxes += 1
    assert rows.boxes.tolist() == [BOX]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (([1], [1], [[np.nan, 0, 1, 1]]), "frame 1, id 1: NaN or inf"),
        (([1], [1], [BOX], [np.inf]), "frame 1, id 1: NaN or inf"),
        (([1], [1], [[5, 5, 4, 9]]), "negative size; give xyxy"),
        (([0], [1], [BOX]), "frame 0, id 1: frames count from 1"),
        (([1], [-1], [BOX]), "frame 1, id -1: ids count from 0"),
        (([4, 4], [2, 2], [BOX, BOX]), "frame 4, id 2: two rows; an id names one box a frame"),
        (([1.5], [1], [BOX]), "frames are not whole numbers"),
        (([np.nan], [1], [BOX]), "frames are not whole numbers"),
        (([1], [np.inf], [BOX]), "ids are not whole numbers"),
        ((["one"], [1], [BOX]), "frames are not whole numbers"),
        (([1, 2], [1], [BOX]), "do not belong together"),
        (([1], [1], [BOX[:3]]), "do not belong together"),
        ((1, 1, BOX), "do not belong together"),
    ],
)
def test_bad_rows_are_one_line(given: tuple[object, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        as_rows(*given)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_ids_count_from_zero() -> None:
    assert as_rows([1], [0], [BOX]).ids.tolist() == [0]


@given(results())
def test_both_orders_hold_the_same_rows(rows: Rows) -> None:
    by_frame = rows.by_frame()
    assert (np.diff(by_frame.frames) >= 0).all()
    assert same(by_frame.by_track(), rows)
    assert rows.by_track() is rows
    assert by_frame.by_frame() is by_frame
    for frame in np.unique(rows.frames).tolist():
        assert set(by_frame.ids[by_frame.at(frame)].tolist()) == set(rows.ids[rows.frames == frame].tolist())
    assert [set(rows.ids[start:stop].tolist()) for start, stop in rows.spans] == [{i} for i in np.unique(rows.ids)]


def test_rows_of_one_frame_keep_their_order_by_frame() -> None:
    rows = as_rows([1, 1, 2, 2], [3, 4, 3, 4], [BOX] * 4).select(np.array([3, 1, 2, 0]))  # ids 4, 4, 3, 3
    assert rows.by_frame().ids.tolist() == [4, 3, 4, 3]


def test_a_view_that_needs_the_other_order_is_refused() -> None:
    rows = as_rows([1, 2, 1], [3, 3, 4], [BOX] * 3)
    with pytest.raises(ValueError, match=r"not ordered by frame; call at\(\) on rows\.by_frame\(\)"):
        rows.at(1)
    with pytest.raises(ValueError, match=r"not ordered by track; take starts or spans of rows\.by_track\(\)"):
        rows.by_frame().spans  # noqa: B018


def test_what_a_tracker_reports_keeps_classes_and_marks_what_was_not_detected() -> None:
    sort = SORT(min_hits=0)
    found = Detections([BOX, [90, 20, 110, 60]], [0.9, 0.8], [5, 2])
    reports = [sort.update(found), sort.update(found[:1])]
    reports.append(sort.predict(reports[-1]))
    rows = results_of(reports, first=4)
    assert (rows.frames.tolist(), rows.ids.tolist()) == ([4, 4, 5, 6], [1, 2, 1, 1])
    assert rows.classes.tolist() == [5, 2, 5, 5]
    assert rows.scores.tolist() == [0.9, 0.8, 0.9, 0.9]
    assert rows.interpolated.tolist() == [False, False, False, True]
    assert rows.lines.tolist() == [1, 2, 3, 4]
    rows.check()


def test_joined_rows_come_one_table_after_the_other() -> None:
    a, b = as_rows([5], [1], [BOX], classes=[2]), as_rows([1, 2], [1, 1], [BOX] * 2)
    assert joined([a, b]).frames.tolist() == [5, 1, 2]
    assert joined([a, b]).classes.tolist() == [2, -1, -1]


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(-1, 3)), max_size=12))
def test_repeats_are_all_but_the_first(pairs: list[tuple[int, int]]) -> None:
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    again, first = repeats(table[:, 0], table[:, 1])
    want = {k: pairs.index(pair) for k, pair in enumerate(pairs) if pairs.index(pair) < k}
    assert dict(zip(again.tolist(), first.tolist(), strict=True)) == want


def test_rows_of_a_tracker_that_does_not_say_which_detection_it_matched_are_measurements() -> None:
    own = Tracks.of_boxes([1], [[0, 0, 4, 9]])
    predicted = Tracks.of_boxes([1], [[1, 0, 5, 9]], detections=[-1])
    assert results_of([own, predicted]).interpolated.tolist() == [False, True]


def test_joined_tables_count_what_was_dropped() -> None:
    part = replace(as_rows([1], [1], [BOX]), dropped=2)
    assert joined([part, replace(part, dropped=3)]).dropped == 5
