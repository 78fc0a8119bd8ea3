"""Rows of a result: sorted, checked, copied."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.refine import as_rows

BOX = [10.0, 20.0, 30.0, 60.0]


def test_rows_come_sorted_by_id_and_frame_with_what_was_left_out() -> None:
    rows = as_rows([3, 1, 2], [7, 9, 7], [BOX, BOX, BOX])
    assert rows.ids.tolist() == [7, 7, 9]
    assert rows.frames.tolist() == [2, 3, 1]
    assert rows.scores.tolist() == [1, 1, 1]
    assert rows.classes.tolist() == [-1, -1, -1]
    assert not rows.interpolated.any()
    assert rows.starts.tolist() == [0, 2, 3]
    assert rows.spans == [(0, 2), (2, 3)]


def test_no_rows_are_rows() -> None:
    rows = as_rows([], [], [])
    assert len(rows) == 0
    assert rows.boxes.shape == (0, 4)
    assert rows.spans == []


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
        (([1], [-1], [BOX]), "frame 1, id -1: ids count from 1"),
        (([4, 4], [2, 2], [BOX, BOX]), "frame 4, id 2: two rows; an id names one box a frame"),
        (([1.5], [1], [BOX]), "frames are not whole numbers"),
        (([np.nan], [1], [BOX]), "frames are not whole numbers"),
        (([1, 2], [1], [BOX]), "do not belong together"),
        (([1], [1], [BOX[:3]]), "do not belong together"),
        ((1, 1, BOX), "do not belong together"),
    ],
)
def test_bad_rows_are_one_line(given: tuple[object, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        as_rows(*given)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
