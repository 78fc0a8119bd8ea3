"""Tracks: arrays by column, records by row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from tracker import Track, Tracks
from tracker.arrays import FloatArray


def three(kind: type[Tracks] = Tracks, **columns: Any) -> Tracks:
    given: dict[str, Any] = {
        "ids": np.array([4, 7, 9]),
        "boxes": np.arange(12.0).reshape(3, 4),
        "detection_boxes": np.array([[0.0, 1, 2, 3], [np.nan] * 4, [8, 9, 10, 11]]),
        "scores": np.array([0.9, 0.8, 0.7]),
        "classes": np.array([0, 1, 2]),
        "detection_classes": np.array([0, 5, 2]),
        "confirmed": np.array([True, True, False]),
        "ages": np.array([5, 6, 1]),
        "hits": np.array([5, 4, 1]),
        "missed": np.array([0, 2, 0]),
        "velocities": np.zeros((3, 2)),
        "detections": np.array([1, -1, 0]),
        "frame": 12,
        "time": 0.4,
    }
    return kind(**given, **columns)


def test_states() -> None:
    assert three().states.tolist() == ["confirmed", "lost", "tentative"]


def test_parts_keep_every_column_together() -> None:
    tracks = three()
    for which in (tracks.ids > 5, slice(1, None), [1, 2]):
        part = tracks[which]
        assert (part.ids.tolist(), part.boxes[0].tolist(), part.ages.tolist()) == ([7, 9], [4, 5, 6, 7], [6, 1])
        assert (part.frame, part.time, len(part)) == (12, 0.4, 2)
    one = tracks[1]
    assert isinstance(one, Track)
    assert (one.id, one.state) == (7, "lost")
    assert tracks[np.int64(-1)].id == 9
    with pytest.raises(IndexError):
        tracks[3]
    assert len(tracks[tracks.ids < 0]) == 0


def test_rows_as_records() -> None:
    first, second, third = three()
    assert isinstance(first, Track)
    assert (first.id, first.state, first.class_id, first.detection) == (4, "confirmed", 0, 1)
    assert (second.class_id, second.detection_class_id) == (1, 5)
    assert (second.id, second.state, second.missed, second.detection) == (7, "lost", 2, -1)
    assert (third.id, third.state, third.age, third.hits, third.score) == (9, "tentative", 1, 1, 0.7)
    assert third.box.tolist() == [8, 9, 10, 11]
    assert all(type(value) is int for value in (first.id, first.age, first.hits, first.missed, first.detection))


def test_a_short_text() -> None:
    assert repr(three()) == "Tracks(frame 12, 3 tracks: ids [4, 7, 9])"


def test_tracks_of_boxes_alone() -> None:
    tracks = Tracks.of_boxes([3, 5], [[0, 0, 1, 1], [2, 2, 4, 4]], frame=7, detections=[1, 0])
    assert (tracks.ids.tolist(), tracks.boxes[1].tolist(), tracks.detections.tolist()) == ([3, 5], [2, 2, 4, 4], [1, 0])
    assert tracks.states.tolist() == ["confirmed"] * 2
    assert (tracks.frame, tracks.time, tracks.velocities.shape, tracks.ids.dtype) == (7, None, (2, 2), np.int64)
    assert Tracks.of_boxes([1], [[0, 0, 1, 1]]).detections.tolist() == [-2]
    assert len(Tracks.of_boxes([], [])) == 0
    with pytest.raises(ValueError, match=r"^tracks boxes have shape \(1, 4\); expected \(2, 4\)$"):
        Tracks.of_boxes([1, 2], [[0, 0, 1, 1]])
    with pytest.raises(ValueError, match=r"^tracks have no column 'speed'; they have: ids, "):
        Tracks.of_boxes([1], [[0, 0, 1, 1]], speed=[3])


@dataclass(frozen=True, eq=False)
class Warmer(Tracks):
    heat: FloatArray | None = None


def test_a_subclass_adds_a_column() -> None:
    part = three(Warmer, heat=np.array([1.0, 2, 3]))[[2, 0]]
    assert isinstance(part, Warmer)
    assert part.heat is not None
    assert part.heat.tolist() == [3, 1]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("scores", np.ones(4), r"tracks scores: \(4,\); give an array \(3,\)"),
        ("boxes", np.ones((3, 3)), r"tracks boxes: \(3, 3\); give an array \(3, 4\)"),
        ("boxes", [[1, 2, 3, 4]] * 3, "tracks boxes: a list"),
        ("ids", None, "tracks ids: a NoneType"),
    ],
)
def test_columns_of_unequal_length_are_refused(column: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(three(), **{column: value})


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["a"], "ids are not numbers"),
        ([1.5], "ids are not whole numbers"),
        ([10**30], "ids are not whole numbers"),
        ([float("nan")], "ids are not whole"),
        (iter([1]), "ids are not numbers"),
        ([1, 1], "ids hold 1 twice"),
    ],
)
def test_ids_of_a_tracker_of_ones_own(ids: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Tracks.of_boxes(ids, [[1, 2, 3, 4]])
