"""Drawing leaves its input alone, keeps colours with ids, and survives any box."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.arrays import FloatArray, Image
from tracker.draw import palette, text
from tracker.draw.palette import COLOURS, SHAPES, Mark, Palette
from tracker.draw.places import heads_of, places_of
from tracker.io.draw import Annotator, Trails, colour_of, draw_tracks, parse_labels
from tracker.tracks import Tracks


def make(
    boxes: object,
    *,
    ids: object = None,
    missed: object = 0,
    confirmed: object = True,
    frame: int = 1,
    classes: object = 0,
) -> Tracks:
    xyxy = np.array(boxes, np.float64).reshape(-1, 4)
    n = len(xyxy)
    ones = np.ones(n, np.int64)
    return Tracks(
        ids=np.arange(1, n + 1) if ids is None else np.array(ids),
        boxes=xyxy,
        detection_boxes=xyxy,
        scores=np.ones(n),
        classes=ones * classes,
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


# Machado 2009, severity 1, on linear RGB.
DEUTERANOPE = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
PROTANOPE = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))


def lab(bgr: palette.Colour, sight: object = None) -> FloatArray:
    """CIELAB (D65) of an sRGB colour, as seen."""
    rgb = np.array(bgr[::-1]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    if sight is not None:
        linear = np.clip(np.array(sight) @ linear, 0, 1)
    to_xyz = np.array(
        ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
    )
    t = to_xyz @ linear / to_xyz.sum(axis=1)
    x, y, z = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array((116 * y - 16, 500 * (x - y), 200 * (y - z)))


def ciede2000(one: FloatArray, other: FloatArray) -> float:
    """CIE 142-2001; in the notation of Sharma, Wu and Dalal (2005)."""
    mean = (np.hypot(*one[1:]) + np.hypot(*other[1:])) / 2
    g = 0.5 * (1 - np.sqrt(mean**7 / (mean**7 + 25.0**7)))
    a = np.array((one[1], other[1])) * (1 + g)
    b = np.array((one[2], other[2]))
    c, h = np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360
    dh = 0.0 if c.prod() == 0 else (h[1] - h[0] + 180) % 360 - 180
    d_hue = 2 * np.sqrt(c.prod()) * np.sin(np.radians(dh / 2))
    lightness, chroma = (one[0] + other[0]) / 2, c.mean()
    hue = h.sum() if c.prod() == 0 else (h[0] + dh / 2) % 360
    degrees = np.radians(np.array((hue - 30, 2 * hue, 3 * hue + 6, 4 * hue - 63)))
    t = 1 + np.cos(degrees) @ np.array((-0.17, 0.24, 0.32, -0.2))
    s_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    s_c, s_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    turn = np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2)))
    r = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * np.sin(turn)
    parts = np.array(((other[0] - one[0]) / s_l, (c[1] - c[0]) / s_c, d_hue / s_h))
    return float(np.sqrt(parts @ parts + r * parts[1] * parts[2]))


@pytest.mark.parametrize(
    ("one", "other", "expected"),  # of Sharma, Wu and Dalal's table
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, -1.0, 2.0), (50.0, 0.0, 0.0), 2.3669),
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((90.8027, -2.0831, 1.441), (91.1528, -1.6435, 0.0447), 1.4441),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_measure_of_colours_is_ciede2000(one: object, other: object, expected: float) -> None:
    assert ciede2000(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("sight", "least"), [(None, 25), (DEUTERANOPE, 25), (PROTANOPE, 15)])
def test_any_two_colours_are_far_apart(sight: object, least: float) -> None:
    seen = [lab(colour, sight) for colour in COLOURS]
    assert min(ciede2000(a, b) for k, a in enumerate(seen) for b in seen[:k]) >= least


def walk(seed: int, most: int, frames: int = 200) -> list[tuple[list[int], FloatArray]]:
    """Tracks that come and go, ``most`` on screen at once; some come back."""
    rng = np.random.default_rng(seed)
    known = 0
    on: list[int] = []
    out = []
    for _ in range(frames):
        on = [id for id in on if rng.random() > 0.1]
        while len(on) < most and rng.random() < 0.6:
            back = rng.integers(1, known + 1) if known and rng.random() < 0.3 else known + 1
            known = max(known, int(back))
            on += [] if back in on else [int(back)]
        corner = rng.uniform(0, 300, (len(on), 2))
        out.append((list(on), np.hstack((corner, corner + 40))))
    return out


@pytest.mark.parametrize("seed", range(5))
def test_eight_on_screen_have_eight_colours_and_keep_them(seed: int) -> None:
    found = Palette()
    last: dict[int, Mark] = {}
    for ids, boxes in walk(seed, most=8):
        marks = found.update(np.array(ids, np.int64), boxes)
        assert len({mark.colour for mark in marks}) == len(ids)
        now = dict(zip(ids, marks, strict=True))
        assert all(last[id] == mark for id, mark in now.items() if id in last)
        last = now


def test_the_same_frames_get_the_same_marks_in_any_order_of_rows() -> None:
    first, second = Palette(), Palette()
    for ids, boxes in walk(7, most=14):
        one = first.update(np.array(ids, np.int64), boxes)
        assert second.update(np.array(ids[::-1], np.int64), boxes[::-1]) == one[::-1]


def test_beyond_eight_a_colour_comes_again_far_away_and_with_another_shape() -> None:
    n = len(COLOURS)
    left = np.arange(n + 1) * 50.0
    left[-1] = -40  # beside the first
    boxes = np.stack((left, left * 0, left + 30, left * 0 + 80), axis=1)
    *marks, last = Palette().update(np.arange(1, n + 2), boxes)
    assert last.colour == marks[-1].colour
    assert last.shape != marks[-1].shape
    assert len({mark.colour for mark in marks}) == n


def test_one_that_comes_back_has_its_colour_where_it_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Palette()
    box = np.zeros((1, 4))
    (first,) = found.update(np.array([3]), box)
    found.update(np.array([4]), box)
    assert found.update(np.array([3]), box) == [first]
    found.update(np.array([3 + len(COLOURS)]), box)  # it wants the same colour
    others = found.update(np.array([3, 3 + len(COLOURS)]), np.zeros((2, 4)))
    assert others[0].colour != others[1].colour
    monkeypatch.setattr(palette, "REMEMBERED", 3)
    for id in range(20, 40):
        found.update(np.array([id]), box)
    assert len(found._marks) == 3


def test_successive_ids_have_eight_colours() -> None:
    assert {colour_of(id) for id in range(12, 20)} == set(COLOURS)
    assert Palette().update(np.array([5]), np.zeros((1, 4))) == [Mark(4, 4 % len(SHAPES))]


def test_lost_tracks_are_dashed_and_of_tentative_ones_there_are_the_corners() -> None:
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
def test_any_box_is_drawn_or_not_at_all(box: list[float]) -> None:
    trails = Trails()
    for frame, missed in ((1, 0), (2, 0), (3, 4)):
        out = draw_tracks(grey(), make([box], missed=missed, frame=frame), trails=trails)
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


def test_the_class_is_named_only_where_it_is_not_the_commonest() -> None:
    people = make([[100, 200, 160, 300], [200, 200, 260, 300]])
    names = {0: "person", 2: "bicycle"}
    np.testing.assert_array_equal(draw_tracks(grey(), people, class_names=names), draw_tracks(grey(), people))
    mixed = make([[100, 200, 160, 300], [200, 200, 260, 300], [300, 200, 360, 300]], classes=np.array([0, 0, 2]))
    named, plain = draw_tracks(grey(), mixed, class_names=names), draw_tracks(grey(), mixed)
    assert pixels(named, 3) > pixels(plain, 3)
    assert pixels(named, 1) == pixels(plain, 1)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (None, "7"),
        (("id", "class", "score"), "7 person 1.00"),
        (("class",), "person"),
        (("score", "id"), "1.00 7"),
    ],
)
def test_labels_show_what_is_asked_for(labels: tuple[str, ...] | None, expected: str) -> None:
    for names in (["person"], {0: "person"}):
        annotator = Annotator(class_names=names, labels=labels)
        annotator.draw(grey(), make([[100, 100, 160, 220]], ids=[7]))
        assert annotator._text(7, 0, 1.0) == expected
    assert Annotator(class_names=[], labels=("class",))._text(7, 4, 1.0) == "4"
    assert Annotator(class_names={}, labels=("class",))._text(7, 4, 1.0) == "4"


def test_no_labels() -> None:
    tracks = make([[100, 100, 160, 220]])
    with_label, without = (Annotator(labels=labels).draw(grey(), tracks) for labels in (None, ()))
    assert pixels(with_label, 1) > pixels(without, 1) + 50
    assert (without[:99] == 128).all()


def test_words_of_labels() -> None:
    assert parse_labels(["score", "id"]) == ("score", "id")
    assert parse_labels(["none"]) == ()
    for wrong in (["ids"], [], ["id", "none"]):
        with pytest.raises(ValueError, match=r"^--labels: "):
            parse_labels(wrong)


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


def placed(boxes: object, size: tuple[int, int] = (480, 360), wide: int = 30) -> list[tuple[int, ...] | None]:
    corners = np.array(boxes, np.int64).reshape(-1, 4)
    labels = np.tile((wide, 14), (len(corners), 1))
    return list(places_of(corners, labels, size, [-1] * len(corners), [])[0])


def overlap(one: object, other: object) -> float:
    a, b = np.array(one, float), np.array(other, float)
    return float(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod())


@pytest.mark.parametrize("seed", range(10))
def test_a_label_is_never_over_the_head_of_another(seed: int) -> None:
    rng = np.random.default_rng(seed)
    foot = rng.uniform((0, 60), (480, 360), (30, 2))
    high = rng.uniform(40, 140, 30)
    boxes = np.rint(np.stack((foot[:, 0] - high / 5, foot[:, 1] - high, foot[:, 0] + high / 5, foot[:, 1]), 1))
    places = placed(boxes)
    heads = heads_of(boxes).T
    for k, place in enumerate(places):
        if place is not None:
            assert place[0] >= 0 <= place[1]
            assert place[2] <= 480
            assert place[3] <= 360
            assert not any(overlap(place, head) for j, head in enumerate(heads) if j != k)
    assert sum(place is not None for place in places) > 15


def test_a_label_without_a_free_place_is_left_out() -> None:
    row = [[20 * k, 40 * j, 20 * k + 30, 40 * j + 300] for k in range(-2, 8) for j in range(8)]
    boxes = [*row, [60, 60, 70, 70]]
    assert placed(boxes, size=(160, 120), wide=100)[-1] is None


@pytest.mark.parametrize(
    "boxes",
    [
        [[100, 100, 130, 200], [135, 100, 165, 200]],
        [[100, 100, 300, 200], [150, 100, 350, 200]],
        [[100, 100, 130, 200], [130, 105, 160, 205], [300, 100, 330, 200]],
        [[100, 5, 130, 90], [120, 5, 150, 150]],
        [[100, 320, 300, 359], [150, 320, 350, 359]],
    ],
)
def test_labels_of_neighbours_do_not_hide_each_other(boxes: list[list[float]]) -> None:
    places = placed(boxes, wide=60)
    assert all(place is not None for place in places)
    assert sum(overlap(a, b) for k, a in enumerate(places) for b in places[:k]) == 0


def test_a_label_stays_where_it_was_unless_another_place_is_much_better() -> None:
    boxes, labels = np.array([[100, 100, 160, 220]]), np.array([[30, 14]])
    for last in range(4):
        (_,), (now,) = places_of(boxes, labels, (480, 360), [last], [])
        assert now == last
    crowd = np.array([[100, 100, 160, 220], [90, 80, 150, 200]])
    (_, _), (now, _) = places_of(crowd, np.array([[30, 14], [30, 14]]), (480, 360), [0, -1], [])
    assert now != 0  # another's head has come there


def test_the_order_of_the_rows_does_not_show() -> None:
    rng = np.random.default_rng(5)
    corner = rng.uniform(0, 300, (30, 2))
    tracks = make(np.hstack((corner, corner + rng.uniform(10, 120, (30, 2)))))
    turned = make(tracks.boxes[::-1], ids=tracks.ids[::-1])
    np.testing.assert_array_equal(
        draw_tracks(grey(), tracks, class_names=["person"]), draw_tracks(grey(), turned, class_names=["person"])
    )


def test_labels_show_control_characters_escaped() -> None:
    escaped = text.chip("per\\x1b[31mson\\n", 12, (0, 0, 0), (255, 255, 255))
    np.testing.assert_array_equal(text.chip("per\x1b[31mson\n", 12, (0, 0, 0), (255, 255, 255)), escaped)


def test_text_is_antialiased_kept_and_grows_with_the_image() -> None:
    sizes = text.size_for(360, 480), text.size_for(1080, 1920)
    small, large = (text.chip("17", size, (0, 0, 0), (255, 255, 255)) for size in sizes)
    assert len(np.unique(small)) > 10
    assert small.shape[0] < large.shape[0] < 40
    assert text.chip("17", text.size_for(360, 480), (0, 0, 0), (255, 255, 255)) is small
    assert text.chip("Fußgänger", 12, (0, 0, 0), (255, 255, 255)).shape[1] > 3 * small.shape[1]


def test_trails_are_smoothed_and_end_at_the_feet() -> None:
    rng = np.random.default_rng(0)
    trails, feet = Trails(40), []
    for k in range(40):
        x = 3.0 * k + rng.normal(0, 2)
        tracks = make([[x, 0, x + 10, 50]], ids=[3], frame=k + 1)
        trails.update(tracks)
        feet.append(x + 5)
    (smooth,) = trails.smooth(np.array([3]), 1000.0, 8)
    drawn = smooth[:, 0] / 8
    assert drawn[-1] == pytest.approx(feet[-1], abs=0.1)
    assert np.abs(np.diff(drawn[1:-2], 2)).mean() < 0.5 * np.abs(np.diff(feet[1::2], 2)).mean()


def test_lines_are_wider_in_larger_images() -> None:
    box = [[100, 100, 200, 300]]
    small, large = draw_tracks(grey(), make(box)), draw_tracks(grey(1920, 1080), make(box))
    widths = [int((image[200, 80:120] == colour_of(1)).all(axis=1).sum()) for image in (small, large)]
    assert widths == [1, 3]
