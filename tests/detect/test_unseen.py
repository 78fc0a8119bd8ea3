"""When a detector that finds nothing, or not what moves, is told of."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.detect.unseen import IMAGES, Unseen

NONE = np.empty((0, 4))
ELSEWHERE = np.array([[0.0, 0, 20, 40]])


def scene(number: int, *, moves: bool = False) -> np.ndarray:
    """Noise of a still camera, 480x640; a light block of 60x40 goes to and fro where something moves."""
    image = np.random.default_rng(number).integers(80, 100, (480, 640, 3)).astype(np.uint8)
    if moves:
        x = 100 + abs(number % 80 - 40) * 10
        image[200:240, x : x + 60] = 220
    return image


def around(number: int) -> np.ndarray:
    """A box around the block, now and in the image before."""
    x = 100 + abs(number % 80 - 40) * 10
    return np.array([[x - 20.0, 190, x + 80, 250]])


def test_nothing_found_and_nothing_moves() -> None:
    unseen = Unseen("hog")
    for number in range(IMAGES - 1):
        unseen.see(scene(number), NONE)
        assert unseen.line is None
    unseen.see(scene(IMAGES), NONE)
    assert unseen.line == "hog found nothing in 50 images in a row"


def test_a_detection_now_and_then_is_enough() -> None:
    unseen = Unseen("hog")
    for number in range(3 * IMAGES):
        unseen.see(scene(number), ELSEWHERE if number % (IMAGES - 1) == 0 else NONE)
    assert unseen.line is None


@pytest.mark.parametrize("boxes", [NONE, ELSEWHERE])
def test_what_moves_outside_the_boxes_is_told(boxes: np.ndarray) -> None:
    unseen = Unseen("hog")
    for number in range(IMAGES):
        unseen.see(scene(number, moves=True), boxes)
    assert unseen.line is not None
    assert unseen.line.startswith(
        "most of what moves in 50 images is outside the boxes of hog; --detector motion finds"
    )


def test_what_moves_within_the_boxes_is_seen() -> None:
    unseen = Unseen("hog")
    for number in range(2 * IMAGES):
        unseen.see(scene(number, moves=True), around(number))
    assert unseen.line is None


def test_a_picture_that_changes_everywhere_is_no_motion() -> None:
    unseen = Unseen("hog")
    for number in range(2 * IMAGES):
        unseen.see(np.full((480, 640, 3), 50 + 60 * (number % 2), np.uint8), ELSEWHERE)
    assert unseen.line is None


def test_a_new_video_begins_from_nothing_and_may_have_another_size() -> None:
    unseen = Unseen("hog")
    for number in range(IMAGES - 1):
        unseen.see(scene(number), NONE)
    unseen.reset()
    for number in range(IMAGES - 1):
        unseen.see(scene(number)[:1, : 1 + number], NONE)
    assert unseen.line is None
