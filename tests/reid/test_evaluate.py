from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid import ReidError, evaluate, evaluate_one_set
from reid.evaluate import evaluate_apart, evaluate_draws


def slow(q, qi, qc, g, gi, gc):
    """The protocol read aloud, one query and one gallery crop at a time."""
    aps, ranks, inps = [], [], []
    for v, i, c in zip(q, qi, qc, strict=True):
        listed = []
        for k in range(len(g)):
            if gi[k] == -1 or (gi[k] == i and gc[k] == c):
                continue
            cosine = float(v @ g[k] / (np.linalg.norm(v) * np.linalg.norm(g[k])))
            listed.append((-cosine, k, gi[k] == i))
        listed.sort()
        hits, precision, first, last = 0, 0.0, 0, 0
        for rank, (_, _, true) in enumerate(listed, start=1):
            if true:
                hits += 1
                precision += hits / rank
                first, last = first or rank, rank
        if hits and i > 0:
            aps.append(precision / hits)
            ranks.append(first)
            inps.append(hits / last)
    cmc = [np.mean([r <= k for r in ranks]) for k in (1, 5, 10)]
    return [np.mean(aps), *cmc, np.mean(inps)], len(aps)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_equal_to_a_slow_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = 12, 60
    q, g = rng.normal(size=(n, 6)), rng.normal(size=(m, 6))
    qi, gi = rng.integers(1, 5, n), rng.integers(-1, 6, m)
    qc, gc = rng.integers(1, 4, n), rng.integers(1, 4, m)
    gi[:5], gc[:5] = np.arange(1, 6), 9  # every query has a match
    wanted, count = slow(q, qi, qc, g, gi, gc)
    found = evaluate(q, qi, qc, g, gi, gc)
    np.testing.assert_allclose(
        [found.mean_ap, found.rank1, found.rank5, found.rank10, found.minp], wanted, rtol=0, atol=1e-12
    )
    assert found.queries == count


def test_perfect_embeddings_score_one_and_float32_is_taken() -> None:
    ids = np.repeat(np.arange(1, 6), 4)
    scores = evaluate_one_set(np.eye(6, dtype=np.float32)[ids], ids, np.tile([1, 2], 10))
    assert (scores.mean_ap, scores.rank1, scores.minp, scores.queries) == (1, 1, 1, 10)


def test_distractors_count_against_and_junk_does_not() -> None:
    q = np.array([[1.0, 0.0]])
    g = np.array([[0.9, 0.1], [1.0, 0.0]])
    one = np.ones(1, dtype=np.int64)
    cameras = np.array([2, 2])
    assert evaluate(q, one, one, g, np.array([1, -1]), cameras).mean_ap == 1.0
    assert evaluate(q, one, one, g, np.array([1, 0]), cameras).mean_ap == 0.5


def test_bad_input_is_one_line() -> None:
    ids, cameras = np.array([1, 1]), np.array([1, 2])
    with pytest.raises(ReidError, match="128 wide, the gallery's 256"):
        evaluate(np.ones((2, 128)), ids, cameras, np.ones((2, 256)), ids, cameras)
    with pytest.raises(ReidError, match="NaN or infinity"):
        evaluate_one_set(np.full((2, 4), np.nan), ids, cameras)
    with pytest.raises(ReidError, match="no query has a match"):
        evaluate_one_set(np.ones((2, 4)), np.array([1, 2]), cameras)


def test_queries_set_apart_are_not_in_the_gallery() -> None:
    e = np.array([[1.0, 0], [0.9, 0.1], [0, 1], [0.95, 0.05], [0.1, 0.9], [0, 1]])
    ids, cameras = np.array([1, 1, 1, 2, 2, 2]), np.array([1, 1, 2, 1, 2, 2])
    assert evaluate_one_set(e, ids, cameras).minp < evaluate_apart(e, ids, cameras).minp
    query, rest = [0, 2, 3, 4], [1, 5]
    assert evaluate_apart(e, ids, cameras) == evaluate(
        e[query], ids[query], cameras[query], e[rest], ids[rest], cameras[rest]
    )


def test_draws_of_the_queries_average_over_them() -> None:
    rng = np.random.default_rng(1)
    ids, cameras = np.repeat(np.arange(1, 9), 6), np.tile([1, 1, 1, 2, 2, 2], 8)
    e = np.eye(8)[ids - 1] + rng.normal(0, 0.6, (48, 8))
    mean, spread = evaluate_draws(e, ids, cameras, draws=30)
    assert (mean, spread) == evaluate_draws(e, ids, cameras, draws=30)
    single = [evaluate_draws(e, ids, cameras, draws=1, seed=seed)[0].rank1 for seed in range(30)]
    assert np.ptp(single) > 0.1, "one draw says little"
    assert mean.rank1 == pytest.approx(np.mean(single), abs=0.03)
    assert spread.rank1 == pytest.approx(np.std(single), rel=0.5)
    assert mean.queries == spread.queries == 16


def test_one_camera_ignores_only_the_query_itself() -> None:
    e = np.array([[1.0, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]])
    scores = evaluate_one_set(e, np.array([1, 1, 2, 2]), np.zeros(4, dtype=np.int64))
    assert scores.mean_ap == 1.0
