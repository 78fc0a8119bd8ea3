"""Steady: the numbers behind its stages, on scenes small enough to work out by hand. A frame is 1/30 of a second."""

from __future__ import annotations

import numpy as np
import pytest

from tracker import Detections, Steady
from tracker.log import Log, Stage
from tracker.motion import XYWH

BOX = np.array([100.0, 100, 140, 200])
RED, BLUE = np.array([1.0, 0]), np.array([0.0, 1])
NOTHING = np.empty((0, 4))


def moved(x: float, y: float = 0) -> np.ndarray:
    return BOX + np.array([x, y, x, y])


def seen(box: np.ndarray, score: float = 0.9, embedding: np.ndarray | None = None) -> Detections:
    return Detections(box[None], [score], embeddings=None if embedding is None else embedding[None])


def known(tracker: Steady, frames: int = 40, embedding: np.ndarray | None = None) -> Steady:
    """The tracker after some frames of one person in BOX."""
    for _ in range(frames):
        tracker.update(seen(BOX, embedding=embedding))
    return tracker


def logged(tracker: Steady, detections: Detections) -> dict[str, Stage]:
    """The stages of one more frame."""
    tracker.log = Log()
    tracker.update(detections)
    return {stage.name: stage for stage in tracker.log.frames[-1].stages}


def ratio_of_heights(tracker: Steady, box: np.ndarray) -> float:
    """How far the height of the only track agrees with that of a box at its place: the smaller over the larger."""
    parts = logged(tracker, seen(box))["high"].parts
    return float(parts["likeness"][0] / parts["overlap"][0])


@pytest.mark.parametrize(("gap", "step", "ids"), [(1, 58, [1]), (1, 62, []), (21, 158, [1]), (21, 162, [])])
def test_appearance_reaches_half_a_height_and_one_and_a_half_a_second(gap: int, step: float, ids: list[int]) -> None:
    """60 pixels after 2 frames, 160 after 22, for a height of 100."""
    tracker = known(Steady(coast=0), embedding=RED)
    for _ in range(gap):
        tracker.update(NOTHING)
    found = tracker.update(seen(moved(step), embedding=RED))
    assert found.ids.tolist() == ids


@pytest.mark.parametrize(("frames", "reported"), [(29, 0), (30, 1)])
def test_only_who_was_seen_for_long_is_reported_while_missed(frames: int, reported: int) -> None:
    assert len(known(Steady(), frames).update(NOTHING)) == reported


def test_heights_are_averaged_and_weak_detections_weigh_less() -> None:
    """A tenth of the newest height, 0.03 of a weak one's."""
    for score, height in ((0.9, 100 + 0.1 * -20), (0.4, 100 + 0.03 * -20)):
        tracker = known(Steady())
        tracker.update(seen(BOX - np.array([0, 0, 0, 20]), score))
        assert ratio_of_heights(tracker, BOX) == pytest.approx(height / 100)


def test_likeness_weighs_the_agreement_in_height_against_the_mean() -> None:
    assert ratio_of_heights(known(Steady()), BOX + np.array([0, 0, 0, 25])) == pytest.approx(0.8)


def test_heights_follow_the_camera() -> None:
    tracker = known(Steady())
    tracker.warp(np.array([[2.0, 0, 0], [0, 2, 0]]))
    assert ratio_of_heights(tracker, 2 * BOX) == pytest.approx(1)


@pytest.mark.parametrize(("step", "gain"), [(0, 0.5), (10, (90 / 110) ** 2 - 0.5), (20, (80 / 120) ** 2 - 0.5)])
def test_height_overlap_counts_twice_for_weak_detections(step: float, gain: float) -> None:
    tracker = known(Steady())
    stage = logged(tracker, seen(moved(0, step), 0.4))["low"]
    np.testing.assert_allclose(stage.gains, gain, atol=1e-9)
    assert stage.chosen.tolist() == [gain > 0]


def test_a_weak_detection_that_is_too_far_up_or_down_is_left() -> None:
    """Likeness 2/3 is enough for a step to the side, not up: 2/3 of that height overlap, too."""
    assert known(Steady()).update(seen(moved(8), 0.4)).detections.tolist() == [0]
    assert known(Steady()).update(seen(moved(0, -20), 0.4)).detections.tolist() == [-1]


def test_weak_detections_leave_the_embedding_alone() -> None:
    boxes, looks, tracker = np.array([BOX, moved(400)]), np.array([RED, BLUE]), Steady()
    for scores, embeddings in [([0.9, 0.9], looks)] * 40 + [([0.4, 0.9], looks[[1, 1]])] * 30:
        tracker.update(Detections(boxes, scores, embeddings=embeddings))
    agreement = logged(tracker, Detections(boxes, [0.9, 0.9], embeddings=looks))["high"].parts["appearance"]
    assert agreement == pytest.approx(2)


def test_the_box_of_a_weak_detection_is_measured_with_more_noise() -> None:
    shift = {}
    for noise in (1.0, 4.0, 400.0):
        tracks = known(Steady(low_noise=noise)).update(seen(moved(6), 0.4))
        assert tracks.detections.tolist() == [0]
        shift[noise] = float(tracks.boxes[0, 0] - BOX[0])
    assert shift[1.0] > 1.3 * shift[4.0]
    assert shift[4.0] > 10 * shift[400.0]


def test_the_level_of_the_scores_is_remembered_for_minutes() -> None:
    """Good ones of 0.45 for a while, then a hundred weak ones: 0.45 still starts a track, 0.2 does not."""
    tracker = Steady()
    for _ in range(200):
        tracker.update(seen(BOX, 0.45))
    for _ in range(100):
        tracker.update(seen(BOX + 400, 0.2))
    assert len(tracker.tracks) == 0
    for _ in range(2):
        found = tracker.update(seen(BOX + 200, 0.45))
    assert len(found) == 1


def test_where_tracks_do_not_last_a_new_one_needs_more_than_two_detections() -> None:
    """A detector that sees what is not there for two frames at a time, and one that does not."""
    doubtful, trusting = Steady(), Steady()
    for f in range(150):
        x = 150.0 * (f // 3)
        ghost = [[x, 300, x + 40, 400]] if f % 3 < 2 else np.empty((0, 4))
        doubtful.update({"boxes": ghost, "scores": np.full(len(ghost), 0.8)})
        trusting.update({"boxes": np.empty((0, 4)), "scores": []})
    seen = []
    for tracker in (doubtful, trusting):
        person = {"boxes": [[90, 100, 130, 200]], "scores": [0.8]}
        seen.append([len(tracker.update(person)) for _ in range(6)])
    assert seen == [[0, 0, 0, 0, 1, 1], [0, 1, 1, 1, 1, 1]]  # 50 of 54 did not last: 3.3 is asked


@pytest.mark.parametrize(("ghosts", "needed"), [(12, 3), (50, 5)])
def test_the_fewer_last_the_more_proof_is_asked(ghosts: int, needed: int) -> None:
    """1.8 up to 12 of 15 that did not last, 3.3 where 50 of 54 did not."""
    tracker = Steady()
    for f in range(3 * ghosts):
        tracker.update(seen(moved(150 * (f // 3), 300), 0.8) if f % 3 < 2 else NOTHING)
    counts = [len(tracker.update(seen(BOX, 0.8))) for _ in range(6)]
    assert counts.index(1) + 1 == needed


@pytest.mark.parametrize(("ghosts", "regained"), [(0, True), (20, False)])
def test_where_tracks_do_not_last_none_waits_for_longer_than_it_was_seen(ghosts: int, regained: bool) -> None:
    tracker = Steady()
    for f in range(3 * ghosts):
        tracker.update(seen(moved(150 * (f // 3), 300), 0.8) if f % 3 < 2 else NOTHING)
    known(tracker, 8)
    before = tracker.tracks.ids.tolist()
    for _ in range(10):
        tracker.update(NOTHING)
    assert (tracker.tracks.ids.tolist() == before) is regained


@pytest.mark.parametrize("rate", [10.0, 30.0])
def test_coast_may_be_given_in_seconds(rate: float) -> None:
    tracker = Steady(coast="0.5s", frame_rate=rate)
    assert (tracker.coast, tracker.coast_frames) == (15, rate / 2)
    with pytest.raises(ValueError, match="coast='soon': give frames"):
        Steady(coast="soon")


@pytest.mark.parametrize("rate", [10.0, 30.0, 60.0])
def test_height_memory_and_coast_are_as_long_at_every_rate(rate: float) -> None:
    tracker = Steady(frame_rate=rate)
    assert tracker.coast_frames == pytest.approx(8 * rate / 30)
    forgotten = (1 - tracker.height_weight) ** rate
    assert forgotten == pytest.approx(0.9**30 if rate <= 30 else 0.9**rate)


def test_another_motion_model_is_used_from_the_next_frame_on() -> None:
    """The filter of a learned agility is kept from frame to frame, but not beyond its motion model."""
    changed, fresh = Steady(), Steady(motion=XYWH(position_weight=1 / 5))
    for tracker in (changed, fresh):
        known(tracker)
        tracker.state.agility = 4.0
        tracker.update(seen(BOX))
    changed.motion, changed.state = fresh.motion, fresh.state
    for x in (0, 3, 9):
        (ours,), (theirs,) = changed.update(seen(moved(x))).boxes, fresh.update(seen(moved(x))).boxes
        np.testing.assert_array_equal(ours, theirs)


def test_scores_as_logits_are_told_from_probabilities_and_from_percentages() -> None:
    def confirmed(change) -> list[int]:
        tracker = Steady()
        draw = np.random.default_rng(0)
        counts = []
        for f in range(30):
            people = np.array([[100.0 * k + 2 * f, 100, 100 * k + 40 + 2 * f, 200] for k in range(4)])
            junk = draw.uniform(0, 900, (6, 2))
            boxes = np.concatenate((people, np.concatenate((junk, junk + 50), axis=1)))
            scores = np.concatenate((draw.uniform(0.9, 0.99, 4), draw.uniform(0.01, 0.1, 6)))
            counts.append(len(tracker.update({"boxes": boxes, "scores": change(scores)})))
        return counts

    plain = confirmed(lambda s: s)
    assert plain[-1] == 4
    assert confirmed(lambda s: np.log(s / (1 - s))) == plain
    assert confirmed(lambda s: s + 0.3)[-1] == 4
    assert confirmed(lambda s: 100 * s)[-1] == 4


def test_a_track_that_leaves_the_image_is_not_reported_beyond_its_border() -> None:
    def frame(tracker: Steady, x: float) -> int:
        boxes = [[10.0, 100, 50, 200], [x, 300, x + 40, 400]][: 2 if np.isfinite(x) else 1]
        return len(tracker.update({"boxes": boxes, "scores": [0.9] * len(boxes)}))

    def after(frames: int) -> int:
        """How many are reported when the one who walks left is missed after so many frames."""
        tracker = Steady()
        for f in range(frames):
            frame(tracker, 560.0 - 10 * f)
        return frame(tracker, np.nan)

    assert after(45) == 2  # in the middle of the image
    assert after(57) == 1  # the next box would lie to the left of all seen so far


def test_the_filter_learns_to_follow_objects_that_speed_up_and_stays_calm_for_those_that_do_not() -> None:
    def agility(speeding: float) -> float:
        tracker = Steady(camera_from_pairs=False)
        draw = np.random.default_rng(0)
        for f in range(90):
            x = 300 + 60 * np.arange(5) + speeding * 900 * np.sin(f / 15 + np.arange(5))
            corner = np.column_stack((x, 200.0 * np.arange(5))) + draw.normal(0, 1, (5, 2))
            tracker.update({"boxes": np.concatenate((corner, corner + [80, 60]), axis=1), "scores": np.full(5, 0.9)})
        return float(tracker.state.agility)

    assert agility(0.0) == 1.0
    assert agility(1.0) > 2.0
