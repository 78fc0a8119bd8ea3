"""Boxes: every conversion goes there and back; overlaps equal a slow reference on integer grids of pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker import boxes
from tracker.arrays import FloatArray
from tracker.assign import assign_pairs
from tracker.boxes import iou_pairs_xyxy, iou_xyxy, near_pairs_xyxy

a_box = st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(1, 1e4), st.floats(1, 1e4)).map(
    lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]]
)
some_boxes = st.lists(a_box, max_size=5).map(lambda rows: np.array(rows, dtype=float).reshape(-1, 4))
pixels = st.integers(0, 12)
a_pixel_box = st.tuples(pixels, pixels, st.integers(1, 9), st.integers(1, 9)).map(
    lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]]
)
some_pixel_boxes = st.lists(a_pixel_box, max_size=4).map(lambda rows: np.array(rows, dtype=float).reshape(-1, 4))

PAIRS = {
    "xywh": (boxes.xyxy_to_xywh, boxes.xywh_to_xyxy),
    "xysr": (boxes.xyxy_to_xysr, boxes.xysr_to_xyxy),
}
KNOWN = {"xywh": [30, 60, 40, 80], "xysr": [30, 60, 3200, 0.5]}


@pytest.mark.parametrize("name", PAIRS)
@given(given_boxes=some_boxes)
def test_conversions_there_and_back(name: str, given_boxes: FloatArray) -> None:
    there, back = PAIRS[name]
    before = given_boxes.copy()
    converted = there(given_boxes)
    np.testing.assert_allclose(back(converted), given_boxes, rtol=1e-9, atol=1e-8)
    there(converted + 1)
    np.testing.assert_array_equal(given_boxes, before)
    assert converted.shape == given_boxes.shape


@pytest.mark.parametrize("name", PAIRS)
def test_a_known_box(name: str) -> None:
    there, back = PAIRS[name]
    corners, converted = np.array([[10.0, 20, 50, 100]]), np.array([KNOWN[name]], dtype=float)
    np.testing.assert_allclose(there(corners)[0], converted[0])
    kept = converted.copy()
    np.testing.assert_allclose(back(converted)[0], corners[0])
    np.testing.assert_array_equal(converted, kept)


def painted(box: FloatArray) -> set[tuple[int, int]]:
    """The unit pixels that a box of whole coordinates covers."""
    left, top, right, bottom = box.astype(int).tolist()
    return {(x, y) for x in range(left, right) for y in range(top, bottom)}


def slow_iou(a: FloatArray, b: FloatArray) -> float:
    return len(painted(a) & painted(b)) / len(painted(a) | painted(b))


@given(a=some_pixel_boxes, b=some_pixel_boxes)
def test_overlaps_equal_counted_pixels(a: FloatArray, b: FloatArray) -> None:
    found = boxes.iou_xyxy(a, b)
    assert found.shape == (len(a), len(b))
    expected = np.array([[slow_iou(x, y) for y in b] for x in a]).reshape(len(a), len(b))
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(a=some_boxes, b=some_boxes)
def test_overlaps_are_symmetric_and_bounded(a: FloatArray, b: FloatArray) -> None:
    found = boxes.iou_xyxy(a, b)
    np.testing.assert_allclose(found, boxes.iou_xyxy(b, a).T, atol=1e-12)
    assert ((found >= 0.0) & (found <= 1 + 1e-12)).all()
    np.testing.assert_allclose(np.diagonal(boxes.iou_xyxy(a, a)), 1.0)


def test_areas() -> None:
    np.testing.assert_array_equal(boxes.area_xyxy(np.array([[0.0, 0, 2, 3], [-1, -1, 1, 1]])), [6, 4])


# How candidates are looked for: among all pairs, along x, in cells; and as the number of boxes says.
SEARCHES = {"all": (10**9, 10**9), "along x": (0, 10**9), "cells": (0, 0), "by number": (400, 250_000)}


@pytest.mark.parametrize("search", SEARCHES)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 40),
    m=st.integers(0, 40),
    extent=st.sampled_from([30.0, 300.0, 3000.0, 1e7]),
    longest=st.sampled_from([2, 40, 2000]),
    apart=st.sampled_from([0.0, -1e7, 25.5]),
    giants=st.sampled_from([0.0, 0.05, 0.5]),
    least=st.sampled_from([None, 0.0, 0.3]),
)
def test_overlapping_pairs_are_those_of_the_matrix(
    search: str,
    seed: int,
    n: int,
    m: int,
    extent: float,
    longest: int,
    apart: float,
    giants: float,
    least: float | None,
) -> None:
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, int(extent), (n + m, 2)).astype(float)  # whole numbers: edges that only touch are common
    size = rng.integers(1, longest, (n + m, 2)) * np.where(rng.random((n + m, 2)) < giants, 50, 1)
    some = np.concatenate((corner, corner + size), axis=1)
    a, b = some[:n], some[n:] + apart
    dense = iou_xyxy(a, b)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boxes, "FEW_PAIRS", SEARCHES[search][0])
        patch.setattr(boxes, "MORE_PAIRS", SEARCHES[search][1])
        rows, columns, iou = iou_pairs_xyxy(a, b, least)
    assert (np.diff(rows) >= 0).all()
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == len(rows)
    assert len(rows) == (dense.size if least == 0 else (dense > 0 if least is None else dense >= least).sum())
    found = np.zeros_like(dense)
    found[rows, columns] = iou
    np.testing.assert_array_equal(found, np.where(dense >= (least or 0), dense, 0))


def test_a_few_large_boxes_do_not_make_every_pair_a_candidate() -> None:
    corner = np.indices((40, 25)).reshape(2, -1).T * 50.0
    small = np.concatenate((corner, corner + 30), axis=1)
    giant = np.array([[-10.0, -10, 2100, 2100]])
    wide = np.array([[0.0, 5, 2000, 10]])
    for a, b in ((small, small), (np.concatenate((small, giant)), np.concatenate((wide, small, giant)))):
        rows, columns = near_pairs_xyxy(a, b)
        assert len(rows) < 15 * len(a)
        assert (np.diff(rows) >= 0).all()
        near = np.zeros((len(a), len(b)), dtype=bool)
        near[rows, columns] = True
        assert near[iou_xyxy(a, b) > 0].all()


def test_thousands_of_boxes_on_one_spot_cost_a_bounded_number_of_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "MOST_PAIRS", 20_000)
    heap = np.tile([[10.0, 20, 60, 180]], (700, 1))
    left = np.arange(300) * 90.0 + 5000
    apart = np.column_stack((left, np.zeros(300), left + 40, np.full(300, 99.0)))
    both = np.concatenate((heap, apart))
    rows, columns, iou = boxes.iou_pairs_xyxy(both, both)
    assert len(rows) <= 20_000
    assert (np.diff(rows) >= 0).all()
    np.testing.assert_allclose(iou, 1.0)
    assert len(assign_pairs(rows, columns, iou)) == 1000  # every box still finds a partner
    alone = rows >= 700
    assert (rows[alone] == columns[alone]).all()
    assert np.count_nonzero(alone) == 300


def test_no_overlapping_pair_of_a_dense_crowd_is_left_out() -> None:
    """Sizes differ little, so that boxes overlap whose corners are nearly the largest box apart."""
    rng = np.random.default_rng(0)
    corner, size = rng.uniform((0, 0), (1900, 900), (1200, 2)), rng.uniform((55, 110), (60, 120), (1200, 2))
    some = np.concatenate((corner, corner + size), axis=1)
    a, b = some[:600], some[600:]
    assert len(a) * len(b) > boxes.MORE_PAIRS
    rows, columns, iou = iou_pairs_xyxy(a, b)
    found = np.zeros((600, 600))
    found[rows, columns] = iou
    np.testing.assert_array_equal(found, iou_xyxy(a, b))


def test_boxes_seen_by_a_camera_that_moved() -> None:
    turn = np.array([[0.0, -2, 100], [2, 0, 50]])  # a quarter turn, twice as large
    assert boxes.affine_scale(turn) == pytest.approx(2)
    np.testing.assert_allclose(boxes.warp_boxes(np.array([[10.0, 20, 30, 60]]), turn), [[0, 50, 40, 130]])
