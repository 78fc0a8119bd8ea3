"""DeepSORT: probation, cascade, gates and galleries, on scenes small enough to reckon by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracker import DeepSORT, Detections, Tracks

A, B = [0.0, 0, 100, 200], [600.0, 0, 700, 200]
RED, BLUE = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]


def feed(deepsort: DeepSORT, *frames: list[tuple[list[float], list[float]]], **options: Any) -> Tracks:
    for seen in frames:
        boxes = np.array([box for box, _ in seen]).reshape(-1, 4)
        looks = np.array([look for _, look in seen]).reshape(-1, 3)
        tracks = deepsort.update(Detections(boxes, embeddings=looks), **options)
    return tracks


def test_a_track_is_confirmed_after_n_init_matches_and_reported_one_frame_beyond() -> None:
    deepsort = DeepSORT(n_init=3)
    seen = [(A, RED)]
    assert [len(feed(deepsort, frame)) for frame in (seen, seen, seen, [], [])] == [0, 0, 1, 1, 0]
    assert deepsort.tracks.states.tolist() == ["lost"]


def test_a_tentative_track_ends_at_its_first_miss() -> None:
    deepsort = DeepSORT()
    feed(deepsort, [(A, RED)], [(A, RED)], [])
    assert len(deepsort.tracks) == 0
    assert len(feed(deepsort, *[[(A, RED)]] * 3)) == 1
    assert deepsort.tracks.ids.tolist() == [2]


def test_a_confirmed_track_is_found_again_by_its_looks() -> None:
    for look, found in ((RED, True), (BLUE, False)):
        deepsort = DeepSORT(max_age=10)
        feed(deepsort, *[[(A, RED)]] * 5, *[[]] * 8, *[[(A, look)]] * 3)
        assert deepsort.tracks.ids.tolist()[-1] == (1 if found else 2)


@pytest.mark.parametrize(("gap", "survives"), [(9, True), (10, True), (11, False)])
def test_a_confirmed_track_lives_max_age_frames(gap: int, survives: bool) -> None:
    deepsort = DeepSORT(max_age=10)
    feed(deepsort, *[[(A, RED)]] * 5, *[[]] * gap)
    assert (len(deepsort.tracks) == 1) == survives


def test_the_motion_gate_stops_a_twin_across_the_street() -> None:
    deepsort = DeepSORT()
    feed(deepsort, *[[(A, RED)]] * 10, *[[(B, RED)]] * 3)
    assert deepsort.tracks.ids.tolist() == [1, 2]


def test_looks_decide_where_boxes_cannot() -> None:
    left, right = [0.0, 0, 100, 200], [40.0, 0, 140, 200]
    deepsort = DeepSORT()
    before = feed(deepsort, *[[(left, RED), (right, BLUE)]] * 6)
    after = feed(deepsort, [(right, RED), (left, BLUE)])  # they changed places
    assert before.ids.tolist() == after.ids.tolist() == [1, 2]
    assert after.detections.tolist() == [0, 1]


def test_the_cascade_prefers_the_track_seen_last() -> None:
    near, reddish = [30.0, 0, 130, 200], [0.85, 0.53, 0.0]  # cosine distance to RED .15
    deepsort = DeepSORT()
    feed(deepsort, *[[(A, RED), (near, reddish)]] * 5, *[[(near, reddish)]] * 2)
    tracks = feed(deepsort, [([15.0, 0, 115, 200], RED)])  # looks most like the first, lost for three frames
    assert tracks.ids[tracks.detections == 0].tolist() == [2]


def test_galleries_are_bounded_and_tracks_beyond_them_are_matched_by_overlap() -> None:
    boxes = np.column_stack([300.0 * np.arange(8), np.zeros(8), 300.0 * np.arange(8) + 100, np.full(8, 200.0)])
    seen = [(box, RED) for box in boxes.tolist()]
    deepsort = DeepSORT(max_galleries=3, budget=4)
    tracks = feed(deepsort, *[seen] * 50)
    assert tracks.ids.tolist() == list(range(1, 9))
    assert deepsort.state.galleries.nbytes == 3 * 4 * 3 * 4


def test_memory_stays_bounded_over_many_births() -> None:
    rng = np.random.default_rng(0)
    deepsort = DeepSORT(max_age=3, max_galleries=32, budget=5)
    for _ in range(200):
        corner = rng.uniform(0, 5000, (10, 2))
        deepsort.update(Detections(np.hstack((corner, corner + 50)), embeddings=rng.normal(size=(10, 8))))
        assert len(deepsort.tracks) <= 50
    assert deepsort.state.galleries.nbytes <= 32 * 5 * 8 * 4


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Detections([A]), r"DeepSORT needs embeddings: give detections with embeddings, or DeepSORT\(embedder="),
        (Detections([A], embeddings=[[1.0, 2]]), r"embeddings are 2 wide, those remembered 3; use one embedder"),
    ],
)
def test_embeddings_that_do_not_fit_are_named(given: Detections, message: str) -> None:
    deepsort = DeepSORT()
    feed(deepsort, [(A, RED)])
    with pytest.raises(ValueError, match=rf"^{message}[^\n]*$"):
        deepsort.update(given)


def test_the_embedder_needs_the_image_and_fitting_embeddings() -> None:
    deepsort = DeepSORT(embedder=lambda image, boxes: np.ones((len(boxes) + 1, 3)))
    with pytest.raises(ValueError, match=r"^DeepSORT's embedder needs the image: call update\(detections, frame\)$"):
        deepsort.update([A])
    with pytest.raises(ValueError, match=r"^detections embeddings have 2 rows for 1 boxes"):
        deepsort.update([A], np.zeros((10, 10, 3)))
    assert deepsort.state.frame == 0


def walkers(number: int) -> np.ndarray:
    """Two who walk towards each other, meet around frame 20 and pass, and one far away who stands."""
    x = 5.0 * number
    return np.array([[x, 100, x + 40, 200], [200 - x, 104, 240 - x, 204], [500, 100, 540, 200]])


@pytest.mark.parametrize("given", [False, True])
def test_those_alone_are_not_looked_at(given: bool) -> None:
    """``given``: the detections bring embeddings, which must change nothing but who computes them."""
    colours = np.array([RED, BLUE, [0.0, 0, 1]], dtype=np.float32)
    asked: dict[int, list[int]] = {}

    def embedder(number: int, boxes: np.ndarray) -> np.ndarray:
        rows = [int(np.flatnonzero((walkers(number) == box).all(axis=1))[0]) for box in boxes]
        asked[number] = rows
        return colours[rows]

    every, some = DeepSORT(embedder=embedder), DeepSORT(embedder=embedder, lone_iou=0.5, embed_every=7)
    for number in range(40):
        expected = every.update(walkers(number), number)
        asked.pop(number)
        found = Detections(walkers(number), embeddings=colours) if given else walkers(number)
        assert some.update(found, number).ids.tolist() == expected.ids.tolist()
    assert expected.ids.tolist() == [1, 2, 3]
    if given:
        assert not asked
        return
    assert [asked[number] for number in range(3)] == [[0, 1, 2]] * 3  # not confirmed yet
    assert [number for number, rows in asked.items() if 2 in rows] == [0, 1, 2, 7, 14, 21, 28, 35]
    overlapping = [number for number in range(40) if abs(10 * number - 200) < 40]
    assert all({0, 1} <= set(asked[number]) for number in overlapping)
    assert sum(map(len, asked.values())) < 0.5 * 3 * 40


def test_looks_that_must_be_dropped_start_nothing() -> None:
    def embedder(broken: bool, boxes: np.ndarray) -> np.ndarray:
        return np.full((len(boxes), 3), np.nan if broken else 1.0)

    some = DeepSORT(embedder=embedder, lone_iou=0.5, n_init=1)
    with pytest.raises(ValueError, match="NaN"):
        some.update([A], True)
    assert len(some.update([A], True, invalid="drop")) == 0
    assert some.state.dropped == 1
    assert some.update([A], False).ids.tolist() == [1]
    assert some.update([A, B], True, invalid="drop").ids.tolist() == [1]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"n_init": 0}, "n_init=0: give a whole number, 1 or more"),
        ({"budget": 0}, "budget=0"),
        ({"max_galleries": -1}, "max_galleries=-1"),
        ({"max_iou_distance": 1.5}, "max_iou_distance=1.5: give a number from 0 to 1"),
        ({"max_cosine_distance": 2.5}, "max_cosine_distance=2.5: give a number from 0 to 2"),
        ({"max_age": "long"}, "max_age='long'"),
        ({"lone_iou": -0.1}, "lone_iou=-0.1"),
        ({"embed_every": 0}, "embed_every=0"),
    ],
)
def test_settings_out_of_range_are_named(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        DeepSORT(**setting)


def test_bad_rows_left_out_shift_no_look_to_another_detection() -> None:
    rng = np.random.default_rng(3)
    looks = rng.normal(size=(4, 8))

    def embedder(frame: Any, boxes: np.ndarray) -> np.ndarray:
        return looks[: len(boxes)]

    frame = np.zeros((300, 700, 3), dtype=np.uint8)
    good = np.array([[x, 100.0, x + 50, 200, 0.9] for x in (100, 300, 600, 610)])
    bad = np.insert(good, 1, np.nan, axis=0)
    clean, dirty = (DeepSORT(embedder=embedder, lone_iou=0.5) for _ in range(2))
    for _ in range(8):
        wanted = clean.update(good, frame)
        found = dirty.update(bad, frame, invalid="drop")
        np.testing.assert_array_equal(found.ids, wanted.ids)
        np.testing.assert_array_equal(found.boxes, wanted.boxes)
    assert len(found) == 4
    assert dirty.state.dropped == 8


def test_a_cost_at_its_limit_matches() -> None:
    """IoU 1/2 at a largest distance of 1/2; cosine 0.8 at one of 0.2, up to a rounding of either."""
    deepsort = DeepSORT(max_iou_distance=0.5)
    feed(deepsort, [(A, RED)], [([0.0, 0, 100, 100], RED)])
    assert deepsort.tracks.ids.tolist() == [1]
    for cosine in (0.8, np.nextafter(np.float32(0.8), np.float32(0))):
        deepsort = DeepSORT(max_cosine_distance=0.2, max_iou_distance=0.01)
        feed(deepsort, *[[(A, RED)]] * 5, [], [], [(A, [cosine, float(np.sqrt(1 - cosine**2)), 0.0])])
        assert deepsort.tracks.ids.tolist() == [1]
