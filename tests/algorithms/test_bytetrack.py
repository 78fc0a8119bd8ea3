"""ByteTrack: its thresholds and the published code's habits, on scenes small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tracker import ByteTrack, Detections

BOX = [100.0, 100, 140, 200]
NOTHING = np.empty((0, 4))


def followed(tracker: ByteTrack, score: float, box: list[float] | None = None, frames: int = 5) -> list[int]:
    """The ids of a frame with one detection, after some frames with a sure one at the same place."""
    for _ in range(frames):
        tracker.update(Detections([BOX], [0.9]))
    return tracker.update(Detections([box or BOX], [score])).ids.tolist()


@pytest.mark.parametrize(("published", "ids"), [(False, [1]), (True, [])])
def test_a_score_at_the_threshold_is_neither_high_nor_low_as_published(published: bool, ids: list[int]) -> None:
    assert followed(ByteTrack(published_iou=published), 0.5) == ids


@pytest.mark.parametrize(("published", "ids"), [(False, []), (True, [1])])
def test_boxes_include_their_last_pixel_as_published(published: bool, ids: list[int]) -> None:
    # 10 x 10 pixels moved by 5: IoU 5 / 15 as they are, 6 / 16 of boxes one pixel larger.
    tracker = ByteTrack(published_iou=published, low_match_threshold=0.65)
    for _ in range(5):
        tracker.update(Detections([[0.0, 0, 10, 10]], [0.9]))
    assert tracker.update(Detections([[5.0, 0, 15, 10]], [0.3])).ids.tolist() == ids


@pytest.mark.parametrize(("gap", "ids"), [(4, [1]), (5, [1]), (6, [])])
def test_a_track_too_old_is_matched_once_more(gap: int, ids: list[int]) -> None:
    tracker = ByteTrack(max_age=4)
    followed(tracker, 0.9)
    for _ in range(gap):
        tracker.update(NOTHING)
    assert tracker.update(Detections([BOX], [0.9])).ids.tolist() == ids


@pytest.mark.parametrize(("per_class", "living"), [(False, [2]), (True, [1, 2])])
def test_duplicates_are_of_one_class_with_per_class(per_class: bool, living: list[int]) -> None:
    """Track 1 is lost in its place; track 2, followed for longer, walks there."""
    tracker = ByteTrack(per_class=per_class)
    still, walks = np.array(BOX), np.array(BOX) + np.array([120, 0, 120, 0])
    for frame in range(13):
        boxes, classes = ([still, walks], [1, 2]) if frame < 5 else ([walks], [2])
        assert frame == 0 or tracker.tracks.ids.tolist() == [1, 2]
        tracker.update(Detections(boxes, [0.9] * len(boxes), classes))
        walks = walks - np.array([9.85, 0, 9.85, 0])
    assert tracker.tracks.ids.tolist() == living
