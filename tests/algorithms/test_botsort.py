"""BoT-SORT: what its embeddings decide, on scenes small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tracker import BoTSORT, Detections

BOX = np.array([100.0, 100, 140, 200])
RED, BLUE = np.array([1.0, 0, 0]), np.array([0.0, 1, 0])
NOTHING = np.empty((0, 4))


def right(step: float) -> np.ndarray:
    """BOX moved to the right."""
    return BOX + np.array([step, 0, step, 0])


def seen(box: np.ndarray, embedding: np.ndarray | None, score: float = 0.9) -> Detections:
    return Detections(box[None], [score], embeddings=None if embedding is None else embedding[None])


def known(tracker: BoTSORT) -> BoTSORT:
    """The tracker after five frames of RED in BOX, surely seen."""
    for _ in range(5):
        tracker.update(seen(BOX, RED, 1.0))
    return tracker


def at_distance(cosine_distance: float) -> np.ndarray:
    """A unit embedding at that cosine distance from RED."""
    cosine = 1 - cosine_distance
    return np.array([cosine, np.sqrt(1 - cosine**2), 0])


@pytest.mark.parametrize(("distance", "ids"), [(0.0, [1]), (0.4, [1]), (0.48, [1]), (0.52, [])])
def test_half_the_cosine_distance_counts(distance: float, ids: list[int]) -> None:
    """Equation 8; 0.25 of it is the limit. By overlap alone, IoU 0.6 and score 0.9, nothing matches here."""
    tracker = known(BoTSORT(match_threshold=0.3, birth_threshold=0.95))
    found = tracker.update(seen(right(10), at_distance(distance)))
    assert found.ids.tolist() == ids


def test_the_half_distance_is_weighed_against_overlap() -> None:
    """Two tracks of one place: RED is at half distance 0.2 of the detection, BLUE, nearer, costs 0.29 by overlap."""
    tracker = BoTSORT(max_half_distance=0.5)
    for _ in range(5):
        ids = tracker.update(Detections([BOX, right(4)], [0.9, 0.9], embeddings=[RED, BLUE])).ids
    found = tracker.update(seen(right(5), np.array([0.6, -0.8, 0]), 0.75))
    assert found.ids.tolist() == [ids[0]]


@pytest.mark.parametrize(("step", "ids"), [(10.0, [1]), (20.0, [])])
def test_embeddings_count_where_boxes_are_near(step: float, ids: list[int]) -> None:
    """IoU 0.6 and 1/3; the proximity asks for half."""
    tracker = known(BoTSORT(match_threshold=0.3, birth_threshold=0.95))
    assert tracker.update(seen(right(step), RED)).ids.tolist() == ids


def test_low_detections_leave_the_embedding_alone() -> None:
    tracker = known(BoTSORT(match_threshold=0.3, birth_threshold=0.95, momentum=0))
    for _ in range(3):
        assert tracker.update(seen(BOX, BLUE, 0.5)).ids.tolist() == [1]
    assert tracker.update(seen(right(10), RED)).ids.tolist() == [1]


def test_the_past_weighs_nine_tenths_of_the_average() -> None:
    """Equation 7: after one BLUE the average points 6.3 degrees off RED, at half distance 0.003 of it."""
    tracker = known(BoTSORT(match_threshold=0.3, birth_threshold=0.95, max_half_distance=0.01))
    tracker.update(seen(BOX, BLUE, 0.9))
    assert tracker.update(seen(right(10), RED)).ids.tolist() == [1]


def test_low_detections_continue_only_tracks_just_seen() -> None:
    tracker = known(BoTSORT())
    tracker.update(NOTHING)
    assert tracker.update(seen(BOX, None, 0.5)).ids.tolist() == []
    assert tracker.update(seen(BOX, None, 0.9)).ids.tolist() == [1]
