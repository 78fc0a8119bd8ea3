"""Tracks: arrays by column, records by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

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
    assert tracks[1].ids.tolist() == [7]
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


@dataclass(frozen=True, eq=False)
class Warmer(Tracks):
    heat: FloatArray | None = None


def test_a_subclass_adds_a_column() -> None:
    part = three(Warmer, heat=np.array([1.0, 2, 3]))[[2, 0]]
    assert isinstance(part, Warmer)
    assert part.heat is not None
    assert part.heat.tolist() == [3, 1]
