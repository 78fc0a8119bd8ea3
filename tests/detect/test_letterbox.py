from __future__ import annotations

import numpy as np
import pytest

from tracker.detect.head import Preprocessing
from tracker.detect.letterbox import Letterbox

CORNERS = np.array([[0.0, 0, 100, 50], [20, 10, 60, 40]])


@pytest.mark.parametrize(
    ("pad", "top_left"),
    [("end", (0, 0)), ("around", (16, 0))],
)
def test_where_the_image_lies(pad, top_left):
    box = Letterbox((64, 64), Preprocessing(order="BGR", pad=pad))
    image = np.full((50, 100, 3), (10, 20, 30), np.uint8)
    block, fit = box(image)
    assert block.shape == (1, 3, 64, 64)
    top, left = top_left
    inside = block[0, :, top : top + 32, left : left + 64]
    assert (inside == np.array([10, 20, 30])[:, None, None]).all()
    assert (block == 114).sum() == 3 * 32 * 64  # grey on the rest
    np.testing.assert_allclose(fit.to_image(CORNERS * 0.64 + [left, top, left, top]), CORNERS)


def test_colours_and_scale():
    image = np.full((32, 32, 3), (0, 51, 255), np.uint8)
    block, _ = Letterbox((32, 32), Preprocessing(order="RGB", scale=1 / 255))(image)
    np.testing.assert_allclose(block[0, :, 5, 5], [1.0, 0.2, 0.0], atol=1e-6)
    how = Preprocessing(order="RGB", scale=1 / 255, mean=(0.5, 0.4, 0.3), std=(0.25, 0.5, 1.0))
    for last in (False, True):
        block, _ = Letterbox((32, 32), how, channels_last=last)(image)
        pixel = block[0, 5, 5] if last else block[0, :, 5, 5]
        np.testing.assert_allclose(pixel, [2.0, -0.4, -0.3], atol=1e-6)


@pytest.mark.parametrize("last", [False, True])
def test_padding_is_scaled_too_also_after_an_image_of_another_shape(last):
    box = Letterbox((32, 32), Preprocessing(order="RGB", scale=1 / 255, mean=(0.5, 0.4, 0.3)), channels_last=last)
    for shape in ((32, 64, 3), (64, 32, 3), (32, 64, 3)):
        block, _ = box(np.zeros(shape, np.uint8))
        rows = block[0] if last else block[0].transpose(1, 2, 0)
        padding = rows[16:] if shape == (32, 64, 3) else rows[:, 16:]
        np.testing.assert_allclose(
            padding, np.broadcast_to(114 / 255 - np.array([0.5, 0.4, 0.3]), padding.shape), atol=1e-6
        )


def test_stretching_fills_the_input_and_is_undone_per_axis():
    image = np.zeros((50, 100, 3), np.uint8)
    image[:, 50:] = 200
    block, fit = Letterbox((64, 32), Preprocessing(order="BGR", fit="stretch"))(image)
    assert block.shape == (1, 3, 64, 32)
    assert (block[0, :, :, :15] == 0).all()
    assert (block[0, :, :, 17:] == 200).all()
    np.testing.assert_allclose(
        fit.to_image(np.array([[0.0, 0, 32, 64], [16, 32, 24, 48]])), [[0, 0, 100, 50], [50, 25, 75, 37.5]]
    )
    np.testing.assert_allclose(fit.to_image(np.array([[[16.0, 32]]])), [[[50, 25]]])


def test_padding_and_rounding_are_the_heads():
    for rounding, tall in (("down", 10), ("nearest", 11)):
        how = Preprocessing(order="BGR", pad_value=7, rounding=rounding)
        block, _ = Letterbox((32, 32), how)(np.full((32, 96, 3), 50, np.uint8))  # 10.67 rows
        assert (block[0, 0, :tall] == 50).all()
        assert (block[0, 0, tall:] == 7).all()


def test_channels_last_and_uint8():
    how = Preprocessing(order="RGB", scale=1 / 255, mean=(1.0, 1, 1))  # for floats; uint8 takes the pixels
    block, _ = Letterbox((32, 64), how, dtype=np.uint8, channels_last=True)(np.full((32, 64, 3), (1, 2, 3), np.uint8))
    assert block.shape == (1, 32, 64, 3)
    assert block.dtype == np.uint8
    assert block[0, 0, 0].tolist() == [3, 2, 1]


def test_another_shape_leaves_nothing_of_the_one_before():
    how = Preprocessing(order="BGR", pad="around")
    box = Letterbox((64, 64), how)
    wide, tall = np.full((10, 40, 3), 200, np.uint8), np.full((40, 10, 3), 50, np.uint8)
    box(wide)
    again = box(tall)[0].copy()
    fresh = Letterbox((64, 64), how)(tall)[0]
    np.testing.assert_array_equal(again, fresh)
    assert (again != 200).all()


def test_extreme_shapes_keep_a_pixel():
    for shape in ((1, 5000), (5000, 1)):
        block, _ = Letterbox((64, 64), Preprocessing(order="BGR"))(np.zeros((*shape, 3), np.uint8))
        assert (block == 0).any()
