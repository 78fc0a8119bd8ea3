"""Identity scores on scenes small enough to count by hand."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tracker.evaluate.identity import Identity, combine_identity, identity


def test_the_better_half_counts() -> None:
    one = [[0.9]]
    score = identity([[1]] * 5, [[5], [5], [6], [6], [6]], [one] * 5)
    assert (score.idtp, score.idfn, score.idfp) == (3, 2, 2)
    assert score.idf1 == pytest.approx(0.6)
    assert (score.idp, score.idr) == (pytest.approx(0.6), pytest.approx(0.6))


def test_one_assignment_for_the_whole_sequence() -> None:
    # 1 meets 5 three times and 6 twice, 2 meets 5 twice: giving 5 to 2 and 6 to 1 would lose.
    score = identity([[1]] * 5 + [[2]] * 2, [[5]] * 3 + [[6]] * 2 + [[5]] * 2, [[[1.0]]] * 7)
    assert score.idtp == 4  # 6 with 1 (2) and 5 with 2 (2) equal 5 with 1 (3) alone, plus one


def test_large_scenes_are_solved_in_independent_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    gt_ids = [rng.permutation(30)[:8] for _ in range(60)]
    ids = [rng.permutation(40)[:8] for _ in range(60)]
    similarity = [rng.random((8, 8)) * (rng.random((8, 8)) < 0.1) for _ in range(60)]
    whole = identity(gt_ids, ids, similarity)
    monkeypatch.setattr(sys.modules["tracker.evaluate.identity"], "_DENSE", 0)
    assert identity(gt_ids, ids, similarity) == whole


def test_combined_counts_are_sums() -> None:
    assert combine_identity([Identity(1, 2, 3), Identity(10, 20, 30)]) == Identity(11, 22, 33)


def test_nothing_at_all() -> None:
    assert identity([], [], []) == Identity(0, 0, 0)
    assert identity([], [], []).idf1 == 0
