"""Merging: tracks of one object become one, with a reason; tracks that cannot be one object stay apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from tracklets import columns, results, same, straight, together, track

from tracker.refine import Rows, as_rows, merge


def broken(first: int = 1, second: int = 2, **second_motion: object) -> Rows:
    """One object in uniform motion whose id changes over a gap of 12 frames."""
    return together(track(range(1, 21), first), track(range(33, 50), second, **second_motion))


def test_an_object_that_lost_its_id_is_one_track_again_with_a_reason() -> None:
    merged, links = merge(broken(4, 17))
    assert np.unique(merged.ids).tolist() == [4]
    assert merged.frames.tolist() == [*range(1, 21), *range(33, 50)]
    (link,) = links
    assert (link.kept, link.merged, link.gap, link.distance) == (4, 17, 12, None)
    assert link.overlap == pytest.approx(1)
    assert str(link) == "id 17 -> id 4: gap 12 frames, predicted boxes overlap 1.00"


def test_the_earliest_id_is_kept_along_a_chain_even_if_it_is_the_largest() -> None:
    rows = together(*(track(range(start, start + 10), id) for start, id in ((1, 9), (13, 2), (30, 5))))
    merged, links = merge(rows)
    assert np.unique(merged.ids).tolist() == [9]
    assert [(link.merged, link.kept) for link in links] == [(2, 9), (5, 2)]


@pytest.mark.parametrize(
    "rows",
    [
        together(track(range(1, 21)), track(range(20, 40), 2)),
        together(track(range(1, 21)), track(range(60, 80), 2)),
        broken(box=(400, 20, 440, 120)),
        broken(box=(10, 20, 210, 420)),
        broken(velocity=(-3, -1), box=(202, 20, 242, 120)),
        together(track(range(1, 50)), track(range(20, 30), 2)),
    ],
    ids=["at once", "too late", "elsewhere", "another size", "the other way", "within"],
)
def test_tracks_of_two_objects_stay_apart(rows: Rows) -> None:
    merged, links = merge(rows)
    assert links == []
    assert same(merged, rows)


def test_another_class_stays_apart() -> None:
    rows = broken()
    apart = as_rows(rows.frames, rows.ids, rows.boxes, classes=rows.ids)
    assert merge(apart)[1] == []
    assert len(merge(as_rows(rows.frames, rows.ids, rows.boxes, classes=np.where(rows.frames == 3, 7, 0)))[1]) == 1


def test_the_nearer_of_two_candidates_is_merged() -> None:
    near, far = (track(range(33, 50), id, box=(10 + move, 20, 50 + move, 120)) for id, move in ((2, 1), (3, 12)))
    (link,) = merge(together(track(range(1, 21)), near, far))[1]
    assert link.merged == 2


def test_a_single_row_takes_its_partners_velocity() -> None:
    (link,) = merge(together(track(range(1, 21)), track([41], 2)))[1]
    assert link.overlap == pytest.approx(1)
    (link,) = merge(together(track([1], velocity=(0, 0)), track([2], 2, velocity=(0, 0))))[1]
    assert str(link) == "id 2 -> id 1: gap 0 frames, predicted boxes overlap 1.00"


def test_appearance_prevents_and_permits_merges() -> None:
    alike, other = np.array([[1.0, 0], [2, 0.2]]), np.array([[1.0, 0], [0, 1]])
    assert merge(broken(), embeddings=other)[1] == []
    (link,) = merge(broken(), embeddings=alike)[1]
    assert link.distance == pytest.approx(1 - 2 / np.hypot(2, 0.2))
    assert str(link).endswith("overlap 1.00, appearance distance 0.00")
    turned = broken(velocity=(4, 0), box=(-40, -12, 0, 88))
    assert merge(turned)[1] == []
    assert len(merge(turned, embeddings=alike)[1]) == 1
    assert merge(turned, 30, 0.3, embeddings=alike)[1] == []


def test_a_track_without_embedding_is_merged_by_motion() -> None:
    (link,) = merge(broken(), embeddings=np.array([[1.0, 0], [np.nan, np.nan]]))[1]
    assert link.distance is None


@given(results())
def test_rows_only_change_their_id_and_no_frame_has_one_twice(rows: Rows) -> None:
    before = columns(rows)
    merged, links = merge(rows, 60, 0.05)
    assert all(np.array_equal(getattr(rows, name), value) for name, value in before.items())
    as_rows(**columns(merged))  # type: ignore[arg-type]  # raises where a frame has an id twice
    assert len(np.unique(merged.ids)) == len(np.unique(rows.ids)) - len(links)
    assert set(merged.ids.tolist()) <= set(rows.ids.tolist())
    assert sorted(map(tuple, merged.boxes.tolist())) == sorted(map(tuple, rows.boxes.tolist()))
    for id in np.unique(merged.ids).tolist():
        frames = merged.frames[merged.ids == id]
        assert rows.frames[rows.ids == id][0] == frames[0]  # the id is that of the earliest


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"max_gap": -1}, "max_gap=-1"),
        ({"max_gap": float("nan")}, "max_gap=nan"),
        ({"min_overlap": 0}, "least overlap 0 of a merge: give an IoU above 0 and up to 1"),
        ({"min_overlap": float("nan")}, "least overlap nan"),
        ({"max_distance": 3}, "max_distance=3: give a cosine distance, 0 to 2"),
        ({"embeddings": np.ones((3, 2))}, r"embeddings have shape \(3, 2\); give \(T, D\) for the 2 tracks"),
        ({"embeddings": np.full((2, 2), np.inf)}, "embeddings hold inf"),
    ],
)
def test_a_value_out_of_range_is_one_line(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        merge(broken(), **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [as_rows([], [], []), track([3]), track(range(1, 9))])
def test_nothing_to_merge(rows: Rows) -> None:
    merged, links = merge(rows)
    assert same(merged, rows)
    assert links == []


def test_boxes_without_size_overlap_nothing() -> None:
    assert merge(as_rows([1, 2], [1, 2], [[5, 5, 5, 5], [5, 5, 5, 5]]))[1] == []


def test_a_track_far_ahead_in_a_long_file_is_no_partner() -> None:
    frames = 10**9
    late = as_rows(np.arange(frames, frames + 5), np.full(5, 2), straight(range(5)))
    assert merge(together(track(range(1, 6)), late))[1] == []
