from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracker.boxes import iou_xyxy
from tracker.detect.overlaps import merge_xyxy, thin_xyxy


def greedy(boxes, scores, classes, iou):
    """The definition, one box at a time."""
    overlap = iou_xyxy(boxes, boxes)
    keep = []
    for row in np.argsort(-scores, kind="stable"):
        if all(classes[row] != classes[kept] or overlap[row, kept] <= iou for kept in keep):
            keep.append(row)
    return keep


@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.sampled_from([0.3, 0.45, 0.7]))
def test_thinning_is_the_greedy_definition_also_for_negative_coordinates(seed, count, iou):
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-60, 60, (count, 2))
    sizes = rng.uniform(10, 40, (count, 2))
    boxes = np.concatenate((centres - sizes / 2, centres + sizes / 2), axis=1)
    scores, classes = rng.permutation(count) / 100, rng.integers(0, 3, count)
    before = boxes.copy()
    assert thin_xyxy(boxes, scores, classes, iou).tolist() == greedy(boxes, scores, classes, iou)
    np.testing.assert_array_equal(boxes, before)


def test_merging_gives_the_weighted_mean_of_each_group():
    boxes = np.array([[100.0, 100, 120, 140], [0, 0, 20, 40], [2, 0, 22, 40]])
    merged, scores = merge_xyxy(boxes, np.array([0.5, 0.3, 0.9]), 0.35)
    np.testing.assert_allclose(merged, [[1.5, 0, 21.5, 40], [100, 100, 120, 140]])
    np.testing.assert_allclose(scores, [0.9, 0.5])


def test_nothing_stays_nothing():
    merged, scores = merge_xyxy(np.empty((0, 4)), np.empty(0), 0.35)
    assert merged.shape == (0, 4)
    assert scores.shape == (0,)
    assert thin_xyxy(np.empty((0, 4)), np.empty(0), np.empty(0, np.int64), 0.5).shape == (0,)
