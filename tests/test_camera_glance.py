"""The glance at the images: it sees a moving camera at once, costs little while it rests, and invents no motion."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker.arrays import FloatArray, Image
from tracker.camera import STILL
from tracker.camera_glance import EVERY, RESTING, CameraGlance
from tracker.detections import Detections
from tracker.run.open import Options, open_run

cv2 = pytest.importorskip("cv2")
HEIGHT, WIDTH = 240, 320


def scenery(seed: int = 0) -> Image:
    """A picture full of edges, larger than what the camera shows."""
    noise = np.random.default_rng(seed).normal(0, 1, (HEIGHT + 200, WIDTH + 200, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    return np.asarray(np.clip(128 + 60 * smooth / smooth.std(), 0, 255), dtype=np.uint8)


def view(x: float, people: int = 0, seed: int = 0) -> Image:
    """What a camera at ``x`` shows of the scenery, with some people who walk and with noise of its own."""
    image = scenery()[100 : 100 + HEIGHT, 20 + int(x) : 20 + int(x) + WIDTH].astype(np.float64)
    draw = np.random.default_rng(seed)
    for k in range(people):
        left = (37 * k + 5 * seed) % (WIDTH - 20)
        image[60 : 60 + 70, left : left + 20] = draw.uniform(0, 255, 3)
    return np.clip(image + draw.normal(0, 1, image.shape), 0, 255).astype(np.uint8)


def maps(images: list[Image]) -> tuple[CameraGlance, list[FloatArray]]:
    camera = CameraGlance()
    return camera, [camera(image) for image in images]


def test_a_still_camera_never_starts_the_flow_however_many_people_walk() -> None:
    camera, found = maps([view(0, people=8, seed=n) for n in range(40)])
    assert camera.followed == 0
    assert all(matrix is STILL for matrix in found)


def test_a_pan_is_followed_from_the_first_glance_that_shows_it_until_the_camera_rests() -> None:
    start, stop = 12, 32
    x = [2 * min(max(n - start, 0), stop - start) for n in range(100)]
    camera, found = maps([view(place, people=3, seed=n) for n, place in enumerate(x)])
    moved = [n for n, matrix in enumerate(found) if matrix is not STILL]
    assert moved[0] <= start + EVERY + 1
    assert moved[-1] == stop
    np.testing.assert_allclose([found[n][0, 2] for n in moved], -2, atol=0.2)
    assert moved == list(range(moved[0], stop + 1))
    assert camera.followed <= stop - start + EVERY * (RESTING + 1)
    assert (camera.failures, camera.frame) == (0, 100)


def test_what_has_no_edges_another_size_and_no_image_count_as_still() -> None:
    grey = np.full((HEIGHT, WIDTH), 90, dtype=np.uint8)
    images = [grey + np.uint8(20 * (n % 2)) for n in range(20)] + [view(0)] * 6 + [view(0)[:100, :100]] * 6
    camera, found = maps(images)
    assert all(matrix is STILL for matrix in found)
    assert camera(None) is STILL
    assert camera.followed == 0
    camera.reset()
    assert camera.frame == 0


def test_what_it_remembers_can_be_put_back() -> None:
    images = [view(2 * min(max(n - 7, 0), 12), seed=n) for n in range(30)]
    whole, first, second = CameraGlance(), CameraGlance(), CameraGlance()
    every = [whole(image) for image in images]
    before = [first(image) for image in images[:13]]
    second.state = pickle.loads(pickle.dumps(first.state))
    after = [second(image) for image in images[13:]]
    np.testing.assert_array_equal(every, before + after)
    assert (second.followed, second.frame) == (whole.followed, whole.frame)
    assert any(matrix is not STILL for matrix in after)


def test_a_scene_cut_warns_not_and_is_no_motion() -> None:
    other = scenery(9)[:HEIGHT, :WIDTH]
    _, found = maps([view(0, seed=n) for n in range(10)] + [other] * 20)
    assert all(matrix is STILL for matrix in found)


class Pans:
    """A source whose camera pans over people who stand."""

    frame_rate = 10.0

    def __iter__(self) -> Any:
        from tracker.io.video import Frame

        return (Frame(view(3 * n, seed=n), n + 1, n / 10) for n in range(40))

    def detector(self, image: Image) -> Any:
        return []


@pytest.mark.parametrize(
    ("options", "glances"),
    [
        ({}, True),
        ({"algo": "sort"}, False),
        ({"algo": "sort", "settings": {"camera_from_pairs": True}}, True),
        ({"settings": {"camera_from_pairs": False}}, False),
        ({"camera_motion": "pairs"}, False),
        ({"camera_motion": "off"}, False),
    ],
)
def test_auto_glances_for_trackers_that_follow_the_camera_by_themselves(options: dict[str, Any], glances: bool) -> None:
    source = Pans()
    opened = open_run(Options(source, detector=source.detector, **options))
    assert isinstance(opened.camera, CameraGlance) == glances


def test_two_people_whose_pairs_are_too_few_are_followed_by_the_flow() -> None:
    """Each step of the camera is wider than a box: without its motion every frame begins new tracks."""
    from tracker import Compensated, Steady

    found = {}
    for name, camera in (("pairs", None), ("glance", CameraGlance())):
        mine: Any = Steady() if camera is None else Compensated(Steady(), camera)
        ids: set[int] = set()
        for n in range(12, 60):
            shift = 3 * (n // 6) * (n % 2)  # a jerk to the right and back, wider and wider
            boxes = [[100 - shift, 80, 112 - shift, 110.0], [200 - shift, 80, 212 - shift, 110]]
            ids |= set(mine.update(Detections(boxes, [0.9, 0.9]), view(shift, seed=n)).ids.tolist())
        found[name] = len(ids)
    assert found["glance"] == 2
    assert found["pairs"] > 2


def test_vtest_stands_still(shared: Path) -> None:
    capture = cv2.VideoCapture(str(shared / "data/video/vtest_480x360.mp4"))
    camera = CameraGlance()
    for _ in range(300):
        camera(capture.read()[1])
    assert camera.followed == 0
