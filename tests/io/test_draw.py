"""Drawing leaves its input alone, keeps colours with ids, and survives any box."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from tracker.arrays import Image
from tracker.io.draw import Trails, _text, colour_of, draw_tracks
from tracker.tracks import Tracks


def make(boxes: object, *, ids: object = None, missed: object = 0, confirmed: object = True, frame: int = 1) -> Tracks:
    xyxy = np.array(boxes, np.float64).reshape(-1, 4)
    n = len(xyxy)
    ones = np.ones(n, np.int64)
    return Tracks(
        ids=np.arange(1, n + 1) if ids is None else np.array(ids),
        boxes=xyxy,
        detection_boxes=xyxy,
        scores=np.ones(n),
        classes=0 * ones,
        detection_classes=0 * ones,
        confirmed=np.full(n, confirmed),
        ages=ones,
        hits=ones,
        missed=ones * missed,
        velocities=np.zeros((n, 2)),
        detections=np.arange(n),
        frame=frame,
    )


def grey(width: int = 480, height: int = 360) -> Image:
    return np.full((height, width, 3), 128, np.uint8)


def pixels(image: Image, id: int) -> int:
    return int((image == colour_of(id)).all(axis=2).sum())


def test_a_copy_is_drawn_with_box_and_label_in_the_ids_colour() -> None:
    image = grey()
    out = draw_tracks(image, make([[100, 100, 160, 220]], ids=[7]))
    assert (image == 128).all()
    assert out.shape == image.shape
    assert out is not image
    for y, x in ((160, 100), (160, 160), (220, 130)):
        assert tuple(out[y, x]) == colour_of(7)
    assert tuple(out[160, 130]) == (128, 128, 128)
    assert (out[80:98, 98:112] == colour_of(7)).all(axis=2).any()  # the label above it


def test_no_tracks_no_change() -> None:
    np.testing.assert_array_equal(draw_tracks(grey(), make([])), grey())


def test_colours_are_stable_and_apart() -> None:
    assert colour_of(12) == colour_of(12)
    colours = np.array([colour_of(id) for id in range(1, 13)], float)
    far = np.linalg.norm(colours[:, None] - colours[None], axis=2) + 999 * np.eye(12)
    assert far.min() > 25
    assert np.linalg.norm(np.diff(colours, axis=0), axis=1).min() > 120  # successive ids
    assert len({colour_of(id) for id in range(1, 500)}) == 499


def test_lost_tracks_are_dashed_and_tentative_ones_thin() -> None:
    box = [[100, 100, 200, 300]]
    full = pixels(draw_tracks(grey(), make(box)), 1)
    lost = pixels(draw_tracks(grey(), make(box, missed=3)), 1)
    tentative = pixels(draw_tracks(grey(), make(box, confirmed=False)), 1)
    assert 0 < lost < 0.8 * full
    assert 0 < tentative < 0.8 * full


@pytest.mark.parametrize(
    "box",
    [
        [-1e8, -1e8, 1e8, 1e8],
        [1e7, 1e7, 1e7 + 10, 1e7 + 10],
        [-500, -500, -400, -400],
        [470, 350, 1e6, 1e6],
        [-50, 100, 20, 1e8],
        [100, 100, 100.001, 100.001],
        [np.nan, 0, 10, 10],
        [0, 0, np.inf, 10],
    ],
)
def test_any_box_is_drawn_quickly_or_not_at_all(box: list[float]) -> None:
    trails = Trails()
    start = time.perf_counter()
    for frame, missed in ((1, 0), (2, 0), (3, 4)):
        out = draw_tracks(grey(), make([box], missed=missed, frame=frame), trails=trails)
    assert time.perf_counter() - start < 0.5
    outside = not np.isfinite(box).all() or box[0] > 480 or box[2] < 0
    assert outside == bool((out == grey()).all())


def test_edges_outside_the_image_are_not_drawn_at_its_border() -> None:
    out = draw_tracks(grey(), make([[-30, -30, 600, 200]]))
    assert tuple(out[100, 0]) == tuple(out[100, 479]) == (128, 128, 128)
    assert tuple(out[200, 300]) == colour_of(1)


@pytest.mark.parametrize("size", [(1, 1), (16, 12), (120, 90), (3840, 2160)])
def test_all_image_sizes(size: tuple[int, int]) -> None:
    w, h = size
    out = draw_tracks(grey(w, h), make([[w * 0.3, h * 0.3, w * 0.6, h * 0.9]]), class_names=["person"])
    assert out.shape == (h, w, 3)
    assert not (out == grey(w, h)).all()


def test_class_names_lengthen_the_label_and_unknown_classes_are_numbers() -> None:
    tracks = make([[200, 200, 260, 300]])
    plain = draw_tracks(grey(), tracks)
    named = draw_tracks(grey(), tracks, class_names={0: "person"})
    assert pixels(named, 1) > pixels(plain, 1)
    np.testing.assert_array_equal(
        draw_tracks(grey(), tracks, class_names={0: "0"}), draw_tracks(grey(), tracks, class_names=[])
    )


@pytest.mark.parametrize("bad", [np.zeros((5, 5)), np.zeros((5, 5, 3)), np.zeros((0, 5, 3), np.uint8)])
def test_other_arrays_are_refused(bad: Image) -> None:
    with pytest.raises(ValueError, match="uint8"):
        draw_tracks(bad, make([]))


def test_trails_follow_the_feet_and_are_bounded() -> None:
    trails = Trails(length=5)
    for k in range(1, 21):
        tracks = make([[k, 0, k + 10, 50]], ids=[3], frame=k)
        out = draw_tracks(grey(), tracks, trails=trails)
        draw_tracks(grey(), tracks, trails=trails)  # the same frame counts once
    np.testing.assert_allclose(trails.points(3), [[k + 5, 50] for k in range(16, 21)])
    assert not (out == draw_tracks(grey(), tracks)).all()
    for k in range(21, 200):
        trails.update(make([[0, 0, 9, 9]], ids=[k], frame=k))
        assert len(trails) <= 6
    assert len(trails.points(3)) == 0


def test_lost_tracks_keep_their_trail_and_an_earlier_frame_starts_afresh() -> None:
    trails = Trails(length=4)
    for k in range(1, 12):
        trails.update(make([[k, 0, k + 2, 9]], missed=0 if k < 3 else k, frame=k))
    np.testing.assert_allclose(trails.points(1), [[2, 9], [3, 9]])
    trails.update(make([[50, 0, 52, 9]], frame=1))
    np.testing.assert_allclose(trails.points(1), [[51, 9]])
    with pytest.raises(ValueError, match="length"):
        Trails(0)


def test_ten_tracks_with_trails_are_fast() -> None:
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 300, (10, 2))
    trails, image = Trails(), grey()
    best = np.inf
    for k in range(60):
        tracks = make(np.hstack((xy + k, xy + k + (30, 80))), frame=k + 1)
        start = time.perf_counter()
        draw_tracks(image, tracks, trails=trails, class_names=["person"])
        best = min(best, time.perf_counter() - start)
    print(f"{best * 1e3:.2f} ms")
    assert best < 0.003


@pytest.mark.parametrize(
    ("boxes", "places"),
    [
        ([[100, 100, 130, 200], [135, 100, 165, 200]], ["above", "below"]),  # the names are wider than the boxes
        ([[100, 100, 300, 200], [150, 100, 350, 200]], ["above", "inside"]),  # narrower
        ([[100, 100, 130, 200], [130, 105, 160, 205], [300, 100, 330, 200]], ["above", "below", "above"]),
        ([[100, 5, 130, 90], [120, 5, 150, 150]], ["below", "below"]),  # no room above
        ([[100, 320, 300, 359], [150, 320, 350, 359]], ["above", "inside"]),  # none below
    ],
)
def test_labels_of_neighbours_do_not_hide_each_other(boxes: list[list[float]], places: list[str]) -> None:
    ids = np.arange(11, 11 + len(boxes))
    out = draw_tracks(grey(), make(boxes, ids=ids), class_names=["person"])
    for id, (_, top, _, bottom), place in zip(ids.tolist(), boxes, places, strict=True):
        same = (out == colour_of(id)).all(axis=2).astype(np.uint8)
        # 6 x 6 pixels of one colour: in its label, between the words and round them, not on a box's lines.
        middle = np.nonzero(cv2.erode(same, np.ones((6, 6), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0))[
            0
        ]
        assert len(middle), f"the label of {id} is covered"
        assert place == ("above" if middle.max() < top else "below" if middle.min() > bottom else "inside")


def test_the_order_of_the_rows_does_not_show() -> None:
    rng = np.random.default_rng(5)
    corner = rng.uniform(0, 300, (30, 2))
    tracks = make(np.hstack((corner, corner + rng.uniform(10, 120, (30, 2)))))
    turned = make(tracks.boxes[::-1], ids=tracks.ids[::-1])
    np.testing.assert_array_equal(
        draw_tracks(grey(), tracks, class_names=["person"]), draw_tracks(grey(), turned, class_names=["person"])
    )


def test_labels_show_control_characters_escaped() -> None:
    names = ["per\x1b[31mson\n"]
    assert _text(3, 0, names) == _text(3, 0, dict(enumerate(names))) == "3 per\\x1b[31mson\\n"
