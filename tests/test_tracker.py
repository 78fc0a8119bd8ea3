"""What every tracker of the library shares: prediction between detections."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from tracker import SORT, DeepSORT, Detections, Steady, Tracker
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


def noisy(frames: int = 60) -> list[Detections]:
    """Two that walk, and false detections of one frame that start tracks which nobody confirms."""
    rng = np.random.default_rng(3)
    out = []
    for k in range(frames):
        boxes = [[2.0 * k, 0, 2.0 * k + 40, 100]] if k < 25 or k > 45 else []
        boxes += [[600 - 2.0 * k, 200, 640 - 2.0 * k, 300]] if k > 10 else []
        x, y = rng.uniform(700, 1800), rng.uniform(0, 900)
        out.append(Detections(np.array([*boxes, [x, y, x + 40, y + 100]])))
    return out


@pytest.mark.parametrize("build", [SORT, Steady])
def test_with_ids_at_birth_off_the_third_person_is_three(build: type[Tracker]) -> None:
    births, shown = build(max_age=5), build(max_age=5, ids_at_birth=False)
    seen: list[int] = []
    high = 0
    for found in noisy():
        plain, numbered = births.update(found), shown.update(found)
        np.testing.assert_array_equal(plain.boxes, numbered.boxes)
        seen += [id for id in numbered.ids.tolist() if id not in seen]
        high = max([high, *plain.ids.tolist()])
    assert seen == list(range(1, len(seen) + 1))  # in the order of the first report
    assert len(seen) < high


def test_ids_given_late_hold_between_detections_and_among_all_tracks() -> None:
    steady = Steady(ids_at_birth=False)
    for found in noisy(30):
        reported = steady.update(found)
    assert set(steady.predict(reported).ids.tolist()) == set(reported.ids.tolist())
    every = steady.tracks.ids.tolist()
    assert set(reported.ids.tolist()) <= set(every)
    assert len(set(every)) == len(every)
    assert min(every) < 0  # one that is not reported yet
    saved = copy.deepcopy(steady.state)
    ids = [steady.update(found).ids.tolist() for found in noisy(50)[30:]]
    steady.state = saved
    assert [steady.update(found).ids.tolist() for found in noisy(50)[30:]] == ids


def test_an_update_that_fails_gives_no_id() -> None:
    sort = SORT(ids_at_birth=False, min_hits=1)
    before = sort.state
    with pytest.raises(ValueError, match=r"NaN|finite"):
        sort.update([[0, 0, 10, float("nan")]])
    assert sort.state is before
    assert sort.update([[0, 0, 10, 20]]).ids.tolist() == [1]


def test_the_numbers_of_ids_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.state.NUMBERS", 20)
    sort = SORT(ids_at_birth=False, min_hits=0)
    stays = [0.0, 0, 10, 20]
    for k in range(100):
        tracks = sort.update([stays, [50.0 + 100 * k, 0, 60 + 100 * k, 20]])
    assert tracks.ids.tolist() == [1, 101]
    assert len(sort.state.numbers) < 60
