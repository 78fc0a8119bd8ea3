from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracker.boxes import iou_xyxy
from tracker.detect.overlaps import SIGMA, merge_xyxy, soften_xyxy, thin_xyxy


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


# Ten wide, the second 2 and the third 20/3 further right.
ROW = np.array([[0.0, 0, 10, 8], [2, 0, 12, 8], [20 / 3, 0, 50 / 3, 8]])
FIRST_SECOND, FIRST_THIRD, SECOND_THIRD = 8 / 12, 1 / 5, (16 / 3) / (44 / 3)


def test_linear_decay_by_hand():
    kept, scores = soften_xyxy(ROW, np.array([0.9, 0.8, 0.7]), np.zeros(3, int), 0.0, 0.3)
    # The third stands by itself beside the first (IoU .2 < .3) and comes before the second, which fell to .267.
    assert kept.tolist() == [0, 2, 1]
    np.testing.assert_allclose(scores, [0.9, 0.7, 0.8 * (1 - FIRST_SECOND) * (1 - SECOND_THIRD)])
    kept, scores = soften_xyxy(ROW, np.array([0.9, 0.8, 0.7]), np.zeros(3, int), 0.2, 0.3)
    assert kept.tolist() == [0, 2], "what falls below the least score goes"


def test_gaussian_decay_by_hand():
    kept, scores = soften_xyxy(ROW, np.array([0.9, 0.8, 0.7]), np.zeros(3, int), 0.1)
    second, third = 0.8 * np.exp(-(FIRST_SECOND**2) / SIGMA), 0.7 * np.exp(-(FIRST_THIRD**2) / SIGMA)
    assert kept.tolist() == [0, 2, 1]
    np.testing.assert_allclose(scores, [0.9, third, second * np.exp(-(SECOND_THIRD**2) / SIGMA)])


def test_soft_scores_do_not_decay_across_classes_and_identical_boxes_end():
    same = np.tile(ROW[:1], (3, 1))
    kept, scores = soften_xyxy(same, np.array([0.5, 0.9, 0.5]), np.array([0, 0, 1]), 0.01, 0.3)
    assert (kept.tolist(), scores.tolist()) == ([1, 2], [0.9, 0.5])


def softened(boxes, scores, classes, least, iou):
    """The paper's figure 2, one box at a time."""
    overlap, left, out = iou_xyxy(boxes, boxes), dict(enumerate(scores.tolist())), []
    while left:
        best = max(left, key=lambda row: (left[row], -row))
        if left[best] < least:
            break
        out.append((best, left.pop(best)))
        for row in left:
            shared = overlap[best, row]
            if classes[row] == classes[best] and iou is None:
                left[row] *= np.exp(-(shared**2) / SIGMA)
            elif classes[row] == classes[best] and shared >= iou:
                left[row] *= 1 - shared
    return out


@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.sampled_from([None, 0.3, 0.6]))
def test_soft_is_the_definition(seed, count, iou):
    rng = np.random.default_rng(seed)
    centres, sizes = rng.uniform(-40, 40, (count, 2)), rng.uniform(10, 40, (count, 2))
    boxes = np.concatenate((centres - sizes / 2, centres + sizes / 2), axis=1)
    scores, classes = rng.permutation(count) / 50, rng.integers(0, 2, count)
    before = scores.copy()
    kept, decayed = soften_xyxy(boxes, scores, classes, 0.05, iou)
    wanted = softened(boxes, scores, classes, 0.05, iou)
    assert kept.tolist() == [row for row, _ in wanted]
    np.testing.assert_allclose(decayed, [score for _, score in wanted], rtol=1e-9)
    np.testing.assert_array_equal(scores, before)


def test_merging_gives_the_weighted_mean_of_each_group():
    boxes = np.array([[100.0, 100, 120, 140], [0, 0, 20, 40], [2, 0, 22, 40]])
    merged, scores = merge_xyxy(boxes, np.array([0.5, 0.3, 0.9]), 0.35)
    np.testing.assert_allclose(merged, [[1.5, 0, 21.5, 40], [100, 100, 120, 140]])
    np.testing.assert_allclose(scores, [0.9, 0.5])


def test_nothing_stays_nothing():
    merged, scores = merge_xyxy(np.empty((0, 4)), np.empty(0), 0.35)
    assert merged.shape == (0, 4)
    assert scores.shape == (0,)
    nothing = np.empty((0, 4)), np.empty(0), np.empty(0, np.int64)
    assert thin_xyxy(*nothing, 0.5).shape == (0,)
    assert [part.shape for part in soften_xyxy(*nothing, 0.1)] == [(0,), (0,)]
