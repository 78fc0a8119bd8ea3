from __future__ import annotations

import numpy as np
import pytest

from tracker.detect.letterbox import Letterbox

CORNERS = np.array([[0.0, 0, 100, 50], [20, 10, 60, 40]])


@pytest.mark.parametrize(
    ("centred", "top_left"),
    [(False, (0, 0)), (True, (16, 0))],
)
def test_where_the_picture_lies(centred, top_left):
    box = Letterbox(64, 64, centred=centred, rgb=False, scale=1.0)
    image = np.full((50, 100, 3), (10, 20, 30), np.uint8)
    block, shift, zoom = box(image)
    assert block.shape == (1, 3, 64, 64)
    top, left = top_left
    inside = block[0, :, top : top + 32, left : left + 64]
    assert (inside == np.array([10, 20, 30])[:, None, None]).all()
    assert (block == 114).sum() == 3 * 32 * 64  # grey on the rest
    np.testing.assert_allclose(CORNERS * zoom + shift, CORNERS * 0.64 + [left, top, left, top])


def test_colours_and_scale():
    block, _, _ = Letterbox(32, 32, centred=True, rgb=True, scale=1 / 255)(np.full((32, 32, 3), (0, 51, 255), np.uint8))
    np.testing.assert_allclose(block[0, :, 5, 5], [1.0, 0.2, 0.0], atol=1e-6)


def test_channels_last_and_uint8():
    block, _, _ = Letterbox(32, 64, centred=False, rgb=True, scale=1.0, dtype=np.uint8, channels_last=True)(
        np.full((32, 64, 3), (1, 2, 3), np.uint8)
    )
    assert block.shape == (1, 32, 64, 3)
    assert block.dtype == np.uint8
    assert block[0, 0, 0].tolist() == [3, 2, 1]


def test_another_shape_leaves_nothing_of_the_one_before():
    box = Letterbox(64, 64, centred=True, rgb=False, scale=1.0)
    wide, tall = np.full((10, 40, 3), 200, np.uint8), np.full((40, 10, 3), 50, np.uint8)
    box(wide)
    again = box(tall)[0].copy()
    fresh = Letterbox(64, 64, centred=True, rgb=False, scale=1.0)(tall)[0]
    np.testing.assert_array_equal(again, fresh)
    assert (again != 200).all()


def test_extreme_shapes_keep_a_pixel():
    for shape in ((1, 5000), (5000, 1)):
        block, _, _ = Letterbox(64, 64, centred=False, rgb=False, scale=1.0)(np.zeros((*shape, 3), np.uint8))
        assert (block == 0).any()
