"""HOTA on scenes small enough to count by hand, and its second pass over a file."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tracker.evaluate.frames import Names, frames_from_matrices
from tracker.evaluate.hota import THRESHOLDS, HotaCounter, combine_hota, hota


def test_one_object_two_identities() -> None:
    score = hota([[1]] * 4, [[5], [5], [6], [6]], [[[0.7]]] * 4)
    low = THRESHOLDS < 0.7
    assert score.tp.tolist() == [4 if t <= 0.7 + 1e-9 else 0 for t in THRESHOLDS.tolist()]
    assert np.allclose(score.det_a[low], 1)
    assert np.allclose(score.ass_a[low], 0.5)  # each match agrees with 2 of 4 frames
    assert np.allclose(score.hota[low], np.sqrt(0.5))
    assert np.allclose(score.ass_pr[low], 1)
    assert np.allclose(score.ass_re[low], 0.5)
    assert score.hota[-1] == 0
    assert np.allclose(score.loc_a[low], 0.7)
    assert score.loc_a[-1] == 1


def test_combined_means_are_weighted_by_matches() -> None:
    a = hota([[1]] * 4, [[5]] * 4, [[[1.0]]] * 4)
    b = hota([[1]] * 4, [[5], [5], [6], []], [[[0.6]], [[0.6]], [[0.6]], np.empty((1, 0))])
    both = combine_hota([a, b])
    assert both.tp[0] == 7
    assert both.fn[0] == 1
    assert both.ass_a[0] == pytest.approx((4 * 1 + 3 * b.ass_a[0]) / 7)
    assert both.det_a[0] == pytest.approx(7 / 8)


def test_pairs_that_wait_in_a_file_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    gt_ids = [rng.permutation(9)[:6] for _ in range(50)]
    ids = [rng.permutation(9)[:6] for _ in range(50)]
    similarity = [rng.random((6, 6)) for _ in range(50)]
    want = hota(gt_ids, ids, similarity).to_dict()
    monkeypatch.setattr(sys.modules["tracker.evaluate.hota"], "_MEMORY", 1000)
    counter, gt_names, id_names = HotaCounter(), Names(), Names()
    for low in range(0, 50, 6):
        part = slice(low, low + 6)
        counter.add(frames_from_matrices(gt_ids[part], ids[part], similarity[part], gt_names, id_names))
    for got in (counter.result().to_dict(), counter.result().to_dict()):
        for name, value in want.items():
            np.testing.assert_allclose(got[name], value, rtol=0, atol=1e-12, err_msg=name)


def test_nothing_at_all() -> None:
    score = hota([], [], [])
    assert score.hota.shape == (19,)
    assert not score.hota.any()
    assert (score.loc_a == 1).all()
