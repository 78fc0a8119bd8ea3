"""The camera's motion from tracks and detections: found where it moves, never where only the people do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracker import Steady
from tracker.algorithms import build
from tracker.camera_pairs import UNKNOWN, Camera, rests, watch
from tracker.tracks import Tracks

PEOPLE, FRAMES = 12, 60


def crowd(frame: int, seed: int = 0, walk: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Boxes (PEOPLE, 4): each walks its own way, and all ``walk`` pixels a frame besides."""
    draw = np.random.default_rng(seed)
    start = np.column_stack((draw.uniform(200, 1700, PEOPLE), draw.uniform(200, 800, PEOPLE)))
    speed = draw.normal(0, 2, (PEOPLE, 2)) + walk
    noise = np.random.default_rng((seed, frame)).normal(0, 0.6, (PEOPLE, 2))
    size = np.column_stack((draw.uniform(30, 60, PEOPLE), draw.uniform(90, 180, PEOPLE)))
    centre = start + frame * speed + noise
    return np.concatenate((centre - size / 2, centre + size / 2), axis=1)


def follow(tracker: Any, offsets: np.ndarray, walk: tuple[float, float] = (0.0, 0.0)) -> list[Tracks]:
    """The reports for a camera that shifts the image by ``offsets`` (FRAMES, 2)."""
    return [
        tracker.update({"boxes": crowd(f, walk=walk) + np.tile(offset, 2), "scores": np.full(PEOPLE, 0.9)})
        for f, offset in enumerate(offsets)
    ]


def switches(reports: list[Tracks]) -> int:
    """How often a detection has another id than in the last report that had it."""
    last: dict[int, int] = {}
    changes = 0
    for tracks in reports:
        for row, track in zip(tracks.detections.tolist(), tracks.ids.tolist(), strict=True):
            if row >= 0:
                changes += last.setdefault(row, track) != track
                last[row] = track
    return changes


def jerks() -> np.ndarray:
    """A camera that rests for 20 frames and is then thrown to and fro."""
    offsets = np.zeros((FRAMES, 2))
    offsets[20:] = np.random.default_rng(3).normal(0, 20, (FRAMES - 20, 2))
    return offsets


@pytest.mark.parametrize("name", ["steady", "bytetrack", "botsort", "ocsort", "sort"])
def test_ids_survive_a_camera_that_is_thrown_about(name: str) -> None:
    assert switches(follow(build(name, {"camera_from_pairs": True}), jerks())) == 0
    assert switches(follow(build(name, {"camera_from_pairs": False}), jerks())) > 0


def test_the_motion_found_is_the_camera_s() -> None:
    predicted, shift = crowd(5), np.array([37.0, -21.0])
    camera, matrix = watch(UNKNOWN, predicted, predicted + np.tile(shift, 2))
    assert camera.moving
    assert matrix is not None
    np.testing.assert_allclose(matrix, [[1, 0, 37], [0, 1, -21]], atol=0.5)


def test_a_zoom_is_a_similarity() -> None:
    predicted = crowd(5)
    camera, matrix = watch(UNKNOWN, predicted, predicted * 1.02 - 19)
    assert camera.moving
    assert matrix is not None
    np.testing.assert_allclose(matrix, [[1.02, 0, -19], [0, 1.02, -19]], atol=0.5)


def test_of_a_turn_the_centres_say_it() -> None:
    predicted = crowd(5)
    centres = (predicted[:, :2] + predicted[:, 2:]) / 2
    turn = np.array([[np.cos(0.02), -np.sin(0.02)], [np.sin(0.02), np.cos(0.02)]])
    moved = centres @ turn.T
    _, matrix = watch(UNKNOWN, predicted, predicted + np.tile(moved - centres, 2))
    assert matrix is not None
    np.testing.assert_allclose(matrix[:, :2], turn, atol=1e-3)


@pytest.mark.parametrize("walk", [(0.0, 0.0), (6.0, 0.0), (-9.0, 2.0)])
def test_a_crowd_that_walks_one_way_before_a_still_camera_is_no_camera(walk: tuple[float, float]) -> None:
    offsets = np.zeros((FRAMES, 2))
    tracker, other = Steady(), Steady(camera_from_pairs=False)
    for ours, plain in zip(follow(tracker, offsets, walk), follow(other, offsets, walk), strict=True):
        assert np.array_equal(ours.boxes, plain.boxes)
        assert np.array_equal(ours.ids, plain.ids)
    assert not tracker.state.camera.moving


def test_few_who_agree_outvote_nobody() -> None:
    """A third of the tracks jump together: they are a group, not the camera."""
    predicted = crowd(5)
    boxes = predicted.copy()
    boxes[:4] += np.tile([60.0, 0.0], 2)
    camera, matrix = watch(UNKNOWN, predicted, boxes)
    assert matrix is None
    assert not camera.moving


def test_two_tracks_are_not_enough() -> None:
    predicted = crowd(5)[:2]
    camera, matrix = watch(Camera(5.0), predicted, predicted + 30)
    assert matrix is None
    assert camera.evidence == pytest.approx(4.5)


def test_where_all_are_where_expected_nothing_is_looked_at_closer() -> None:
    predicted = crowd(5)
    boxes = predicted + np.tile(np.random.default_rng(1).normal(0, 0.5, (PEOPLE, 2)), 2)
    own = np.arange(PEOPLE)
    every = np.full(PEOPLE, True)
    pairs = (own, own, np.full(PEOPLE, 0.9))
    still = rests(UNKNOWN, predicted, boxes, pairs, every, every)
    assert still is not None
    assert still.evidence < 0
    assert rests(UNKNOWN, predicted, predicted + 12, pairs, every, every) is None  # all miss by a tenth of a height
    assert rests(UNKNOWN._replace(moving=True), predicted, boxes, pairs, every, every) is None
    few = np.arange(PEOPLE) < 2
    assert rests(UNKNOWN, predicted, boxes, pairs, few, every) is None


def test_it_costs_no_frame_what_the_detections_score() -> None:
    """Weak detections are no evidence: here they stand where a moved camera would show the people."""
    tracker = Steady()
    follow(tracker, np.zeros((20, 2)))
    for f in range(20, 30):
        people = crowd(f)
        boxes, scores = np.concatenate((people, people + 50)), np.repeat([0.9, 0.1], PEOPLE)
        tracker.update({"boxes": boxes, "scores": scores})
    assert not tracker.state.camera.moving


def test_a_failed_update_leaves_the_camera_as_it_was() -> None:
    tracker = Steady()
    follow(tracker, jerks()[:30])
    before = tracker.state.camera
    with pytest.raises(ValueError, match="not finite"):
        tracker.update({"boxes": np.full((3, 4), np.nan), "scores": np.ones(3)})
    assert tracker.state.camera == before
