"""CLEAR on scenes small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.evaluate.clear import Clear, ClearCounter, clear, combine_clear
from tracker.evaluate.frames import Names, frames_from_matrices


def test_a_switch_and_a_gap() -> None:
    one = np.array([[0.8]])
    score = clear(
        [[1], [1], [1], [1], [1]],
        [[5], [5], [], [6], [6]],
        [one, one, np.empty((1, 0)), one, one],
    )
    assert (score.tp, score.fn, score.fp) == (4, 1, 0)
    assert score.idsw == 1
    # The frame without results is passed over, so the trajectory counts as unbroken: the official kit's rule.
    assert score.frag == 0
    assert (score.mt, score.pt, score.ml) == (0, 1, 0)
    assert score.mota == pytest.approx(1 - 2 / 5)
    assert score.motp == pytest.approx(0.8)
    assert score.recall == pytest.approx(0.8)
    assert score.precision == 1
    assert score.frames == 5


def test_a_gap_in_a_frame_with_results_is_a_fragment() -> None:
    score = clear([[1]] * 3, [[5], [7], [5]], [[[0.9]], [[0.1]], [[0.9]]])
    assert (score.tp, score.fn, score.fp, score.frag, score.idsw) == (2, 1, 1, 1, 0)


def test_partners_stay_together_before_similarity_counts() -> None:
    # In frame 2 the other pairing overlaps more; the pairs of frame 1 are kept all the same.
    score = clear([[1, 2]] * 2, [[5, 6]] * 2, [[[0.9, 0.0], [0.0, 0.9]], [[0.6, 0.9], [0.9, 0.6]]])
    assert (score.idsw, score.tp) == (0, 4)
    assert score.motp == pytest.approx((0.9 + 0.9 + 0.6 + 0.6) / 4)


def test_blocks_make_no_difference() -> None:
    rng = np.random.default_rng(3)
    gt_ids = [rng.permutation(6)[: rng.integers(0, 6)] for _ in range(80)]
    ids = [rng.permutation(7)[: rng.integers(0, 6)] for _ in range(80)]
    similarity = [rng.random((len(g), len(t))) for g, t in zip(gt_ids, ids, strict=True)]
    whole = clear(gt_ids, ids, similarity)
    counter, gt_names, id_names = ClearCounter(), Names(), Names()
    for low in range(0, 80, 7):
        part = slice(low, low + 7)
        counter.add(frames_from_matrices(gt_ids[part], ids[part], similarity[part], gt_names, id_names))
    assert counter.result().to_dict() == pytest.approx(whole.to_dict(), abs=1e-12)


def test_combined_counts_are_sums() -> None:
    a = Clear(frames=3, tp=5, fn=1, fp=2, idsw=1, mt=1, motp_sum=4.0)
    b = Clear(frames=2, tp=1, fn=3, ml=2, motp_sum=0.5)
    both = combine_clear([a, b])
    assert (both.frames, both.tp, both.fn, both.fp, both.idsw, both.mt, both.ml) == (5, 6, 4, 2, 1, 1, 2)
    assert both.motp == pytest.approx(4.5 / 6)


def test_nothing_at_all() -> None:
    score = clear([], [], [])
    assert (score.tp, score.fn, score.fp, score.mota) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("gt_ids", "ids", "similarity", "said"),
    [
        ([[1, 1]], [[2]], [[[0.1], [0.2]]], "frame 0: ground truth id 1 occurs twice"),
        ([[1]], [[2, 2]], [[[0.1, 0.2]]], "frame 0: result id 2 occurs twice"),
        ([[1], [1]], [[2], [2]], [[[0.1]], [[0.1, 0.2]]], "frame 1: similarity is"),
        ([[1]], [[2]], [[[np.nan]]], "NaN or outside 0..1"),
        ([[1]], [[2]], [[[1.5]]], "NaN or outside 0..1"),
        ([[1.5]], [[2]], [[[0.5]]], "give integers"),
        ([[[1]]], [[2]], [[[0.5]]], r"have shape \(1, 1\)"),
    ],
)
def test_bad_arrays(gt_ids: list[object], ids: list[object], similarity: list[object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        clear(gt_ids, ids, similarity)  # type: ignore[arg-type]
