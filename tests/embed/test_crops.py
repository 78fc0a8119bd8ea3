from __future__ import annotations

import numpy as np
import pytest

from tracker.embed import cut_crops
from tracker.embed.crops import resized


def an_image() -> np.ndarray:
    return np.random.default_rng(3).integers(1, 256, (50, 80, 3)).astype(np.uint8)


def test_a_crop_of_its_own_size_is_the_pixels():
    image = an_image()
    crops = cut_crops(image, [[10, 20, 26, 44], [0, 0, 16, 24]], (16, 24))
    assert crops.shape == (2, 24, 16, 3)
    assert crops.dtype == np.uint8
    np.testing.assert_array_equal(crops[0], image[20:44, 10:26])
    np.testing.assert_array_equal(crops[1], image[:24, :16])


def test_boxes_at_and_beyond_the_border():
    image = an_image()
    crops = cut_crops(
        image,
        [
            [-8, -12, 8, 12],
            [70, 40, 1e7, 1e7],
            [80, 0, 90, 10],
            [-20, 5, 0, 9],
            [300, 300, 320, 320],
            [5.2, 5.2, 5.4, 5.4],
        ],
        (8, 12),
    )
    np.testing.assert_array_equal(crops[0], cut_crops(image, [[0, 0, 8, 12]], (8, 12))[0])
    np.testing.assert_array_equal(crops[1], cut_crops(image, [[70, 40, 80, 50]], (8, 12))[0])
    assert (crops[2:5] == 0).all()
    assert (crops[5] == image[5, 5]).all()  # less than a pixel is that pixel


def test_no_boxes_and_an_untouched_an_image():
    image = an_image()
    before = image.copy()
    assert cut_crops(image, np.empty((0, 4)), (8, 12)).shape == (0, 12, 8, 3)
    cut_crops(image, [[0, 0, 80, 50]], (80, 50))[:] = 0
    np.testing.assert_array_equal(image, before)


def test_images_that_are_views():
    image = an_image()
    view = image[::-1, ::2]
    np.testing.assert_array_equal(cut_crops(view, [[3, 4, 11, 16]], (8, 12))[0], view[4:16, 3:11])


@pytest.mark.parametrize(
    ("boxes", "size", "words"),
    [
        ([[0, 0, 5]], (8, 8), "expected \\(N, 4\\)"),
        ([[0, 0, 5, 5], [0, 0, np.nan, 5]], (8, 8), "box 1 is not finite"),
        ([[0, 0, 5, 5]], (0, 8), "not positive"),
    ],
)
def test_what_cannot_be_cut(boxes, size, words):
    with pytest.raises(ValueError, match=words):
        cut_crops(an_image(), boxes, size)
    with pytest.raises(ValueError, match="BGR uint8 array"):
        cut_crops(np.zeros((5, 5)), [[0, 0, 5, 5]], (8, 8))


def test_crops_of_another_size_are_resized_as_boxes_are():
    image = an_image()
    crops = np.stack([image[10:34, 20:36], image[20:44, 40:56]])
    assert resized(crops, (16, 24)) is crops
    boxes = [[20, 10, 36, 34], [40, 20, 56, 44]]
    np.testing.assert_array_equal(resized(crops, (8, 30)), cut_crops(image, boxes, (8, 30)))
    assert resized(crops[:0], (8, 30)).shape == (0, 30, 8, 3)
