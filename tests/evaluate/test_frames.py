"""Overlaps of many frames at once, and the assignment that mostly needs no solver."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from score_scenes import scenes

from tracker.boxes import iou_xyxy
from tracker.evaluate.frames import Names, PairSums, assign, frames_from_boxes, frames_from_matrices


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_overlaps_equal_the_iou_of_every_pair(seed: int, crowd: int) -> None:
    rng = np.random.default_rng(seed)
    a_count, b_count = rng.integers(0, crowd * 10, 9), rng.integers(0, crowd * 10, 9)
    a_start, b_start = np.concatenate(([0], np.cumsum(a_count))), np.concatenate(([0], np.cumsum(b_count)))

    def boxes(n: int) -> Any:
        corner = rng.integers(0, 100, (n, 2)).astype(float)
        return np.hstack((corner, corner + rng.integers(1, 40, (n, 2))))

    a, b = boxes(int(a_start[-1])), boxes(int(b_start[-1]))
    frames = frames_from_boxes(np.arange(len(a)), a, a_start, np.arange(len(b)), b, b_start)
    got = np.zeros((len(a), len(b)))
    got[frames.row, frames.col] = frames.similarity
    want = np.zeros_like(got)
    for f in range(9):
        r, c = slice(a_start[f], a_start[f + 1]), slice(b_start[f], b_start[f + 1])
        want[r, c] = iou_xyxy(a[r], b[c])
    assert np.array_equal(got, want)


def test_boxes_without_area_overlap_nothing() -> None:
    a = np.array([[0.0, 0, 10, 10], [5, 5, 5, 9]])
    b = np.array([[2.0, 2, 2, 2], [0, 0, 10, 10]])
    start = np.array([0, 2])
    frames = frames_from_boxes(np.arange(2), a, start, np.arange(2), b, start)
    assert list(zip(frames.row.tolist(), frames.col.tolist(), strict=True)) == [(0, 1)]


@settings(max_examples=200)
@given(scenes(frames=4, size=9))
def test_assign_is_the_solver(scene: tuple[list[Any], list[Any], list[Any]]) -> None:
    frames = frames_from_matrices(*scene, Names(), Names())
    chosen = assign(frames, frames.similarity)
    got = set(zip(frames.row[chosen].tolist(), frames.col[chosen].tolist(), strict=True))
    want = set()
    for k, matrix in enumerate(scene[2]):
        for r, c in zip(*linear_sum_assignment(matrix, maximize=True), strict=True):
            if matrix[r, c] > 0:
                want.add((int(r + frames.gt_start[k]), int(c + frames.id_start[k])))
    assert got == want


def test_only_keeps_pairs_of_kept_rows() -> None:
    frames = frames_from_matrices([[1, 2], [1]], [[5, 6], [5]], [[[0.9, 0.2], [0.1, 0.8]], [[0.7]]], Names(), Names())
    part = frames.only(np.array([False, True, True]), np.array([True, True, False]))
    assert part.gt.tolist() == [1, 0]
    assert part.gt_start.tolist() == [0, 1, 2]
    assert part.id_start.tolist() == [0, 2, 2]
    assert (part.row.tolist(), part.col.tolist(), part.similarity.tolist()) == ([0, 0], [0, 1], [0.1, 0.8])


def test_sums_of_pairs_small_and_large() -> None:
    rng = np.random.default_rng(5)
    for scale in (1, 10_000):  # the second is past the flat table
        sums, want = PairSums(), {}
        for _ in range(4):
            gt, ids, value = rng.integers(0, 6, 40) * scale, rng.integers(0, 6, 40) * scale, rng.random(40)
            sums.add(gt, ids, value)
            for g, i, v in zip(gt.tolist(), ids.tolist(), value.tolist(), strict=True):
                want[g, i] = want.get((g, i), 0.0) + v
        pairs = list(want)
        found = sums.find(np.array([g for g, _ in pairs]), np.array([i for _, i in pairs]))
        assert sums.sums[found].tolist() == list(want.values())


def test_scoring_does_not_wait_for_the_rest_of_scipy() -> None:
    code = (
        "import sys, tracker.evaluate.benchmark; from tracker.assign import linear_sum_assignment as s; "
        "import numpy as np; assert s()(np.eye(3), maximize=True)[1].tolist() == [0, 1, 2]; "
        "late = {'scipy.optimize', 'pandas', 'matplotlib', 'cv2', 'motmetrics'} & set(sys.modules); "
        "assert not late, late; "
        "import scipy.optimize as o; assert o.linear_sum_assignment(np.eye(2))[0].tolist() == [0, 1]"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
