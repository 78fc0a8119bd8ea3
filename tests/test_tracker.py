"""What every tracker of the library shares: prediction between detections."""

from __future__ import annotations

import numpy as np
import pytest

from tracker import SORT, DeepSORT, Detections, Steady
from tracker.motion import XYSR


def test_between_detections_a_lost_track_keeps_the_size_it_has() -> None:
    """It comes nearer, growing 5 % a frame; from the frame that misses it on it only moves on."""
    deepsort, size, red = DeepSORT(), np.array([40.0, 100]), np.ones((1, 4))
    for frame in range(8):
        centre = np.array([300 + 6.0 * frame, 200])
        box = np.concatenate((centre - size / 2, centre + size / 2))
        deepsort.update(Detections(box[None], embeddings=red))
        size = 1.05 * size
    reported = deepsort.update([])
    expected = deepsort.predict(reported)
    (before,), (after,) = (boxes[:, 3] - boxes[:, 1] for boxes in (reported.boxes, expected.boxes))
    assert after == pytest.approx(before)
    assert expected.boxes[0, 0] > reported.boxes[0, 0]


def test_what_is_set_later_is_checked_as_in_the_constructor() -> None:
    sort = SORT(frame_rate=10)
    sort.max_age = "3s"
    assert sort.max_age == 30
    for name, value in (("max_age", "x"), ("iou_threshold", 2), ("frame_rate", 0), ("per_class", "no")):
        with pytest.raises(ValueError, match=f"^{name}="):
            setattr(sort, name, value)
    for name, value in (("motion", 3), ("log", 3), ("state", 3), ("motion", XYSR)):
        with pytest.raises(TypeError, match=f"^SORT: {name} cannot be "):
            setattr(sort, name, value)
    with pytest.raises(TypeError, match=r"^SORT: motion cannot be a int; give a motion model"):
        SORT(motion=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^Steady: embedder cannot be a int"):
        Steady(embedder=3)  # type: ignore[arg-type]
    assert sort.update([[10, 20, 60, 180]]).ids.tolist() == [1]


def test_a_misspelt_setting_is_no_new_attribute() -> None:
    sort = SORT()
    with pytest.raises(AttributeError, match="SORT has no parameter 'max_agee', did you mean 'max_age'"):
        sort.max_agee = 3
    sort.camera_name = "north"
    assert sort.camera_name == "north"


def test_predict_and_warp_refuse_what_is_none() -> None:
    with pytest.raises(TypeError, match="give the Tracks that update"):
        SORT().predict(3)  # type: ignore[arg-type]
    for matrix in (3, np.full((2, 3), np.nan), np.eye(3)):
        with pytest.raises(ValueError, match=r"give an affine map \(2, 3\)"):
            SORT().warp(matrix)  # type: ignore[arg-type]


def test_boxes_and_scores_that_look_wrong_are_warned_of_once() -> None:
    image, sort = np.zeros((240, 320, 3), np.uint8), SORT()
    with pytest.warns(UserWarning, match="all boxes lie within 0..1"):
        sort.update([[0.1, 0.1, 0.2, 0.3]], image)
    sort.update([[0.1, 0.1, 0.2, 0.3]], image)
    with pytest.warns(UserWarning, match="scores run from 87 to 87"):
        SORT().update([[10, 20, 60, 180, 87]], image)
