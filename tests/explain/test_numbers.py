"""Ids of a run's results and of its decisions: there and back."""

from __future__ import annotations

import numpy as np

from tracker.explain.numbers import Numbers
from tracker.log import Edits
from tracker.tracks import Tracks


def reports(*frames: list[int]) -> list[Tracks]:
    return [Tracks.of_boxes(ids, np.tile((0.0, 0, 10, 20), (len(ids), 1))) for ids in frames]


def test_numbers_follow_the_first_report_and_the_rest_are_negative() -> None:
    numbers = Numbers(reports([], [5], [2, 5], [2, 9]), births=9)
    assert numbers.of(np.arange(1, 12)).tolist() == [-1, 2, -3, -4, 1, -6, -7, -8, 3, 10, 11]
    assert [numbers.of_one(id) for id in (5, 2, 9, 1, 12)] == [1, 2, 3, -1, 12]
    for id in range(1, 13):
        assert numbers.back(numbers.of_one(id)) == id
    assert numbers.of_tracks(reports([9, 5])[0]).ids.tolist() == [3, 1]


def test_edits_name_tracks_by_number() -> None:
    numbers = Numbers(reports([5]), births=5)
    edits = Edits(frozenset({(1, 0)}), frozenset({(-2, 3)}), frozenset({1, 8}), {0: 0.5})
    assert numbers.edits(edits) == Edits(frozenset({(5, 0)}), frozenset({(2, 3)}), frozenset({5, 8}), {0: 0.5})


def test_without_reports_ids_stay() -> None:
    ids, numbers = np.array([3, 1]), Numbers()
    assert numbers.of(ids) is ids
    assert (numbers.of_one(7), numbers.back(7)) == (7, 7)
    assert numbers.edits(edits := Edits(keep=frozenset({3}))) is edits
