"""Appearance: the pool of galleries against a list of lists, its memory, and its slots."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tracker import appearance
from tracker.appearance import ENOUGH, Galleries, Separation, pair_cosines, unit
from tracker.arrays import EmbeddingArray

WIDTH = 4


@given(arrays(np.float32, (5, 3), elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_unit_rows_have_length_one_or_are_zero(embeddings: EmbeddingArray) -> None:
    scaled = unit(embeddings)
    assert scaled.dtype == np.float32
    lengths = np.linalg.norm(scaled, axis=1)
    np.testing.assert_allclose(lengths, embeddings.any(axis=1), atol=1e-5)
    aligned = (scaled * np.sign(embeddings) >= 0).all()
    assert aligned


@pytest.mark.parametrize("pairs", [0, 1, 10, 300])  # few of all: one by one; many: in one product
def test_cosines_of_pairs(pairs: int) -> None:
    rng = np.random.default_rng(0)
    remembered, embeddings = (
        unit(rng.normal(size=(20, 8)).astype(np.float32)),
        unit(rng.normal(size=(30, 8)).astype("f4")),
    )
    rows, columns = rng.integers(0, 20, pairs), rng.integers(0, 30, pairs)
    cosines = pair_cosines(remembered.T, embeddings, rows, columns)
    expected = [float(remembered[i] @ embeddings[j]) for i, j in zip(rows, columns, strict=True)]
    np.testing.assert_allclose(cosines, expected, atol=1e-6)


def distances(galleries: Galleries, slots: Any, embeddings: Any, wanted: Any = None) -> Any:
    """(N, M) distances of all pairs, or of those of the mask, infinity elsewhere."""
    out = np.full((len(slots), len(embeddings)), np.inf)
    rows, columns = (np.full(out.shape, True) if wanted is None else wanted).nonzero()
    out[rows, columns] = galleries.pair_distances(slots, embeddings, rows, columns)
    return out


def test_unit_of_nothing() -> None:
    assert unit(np.empty((0, 3), dtype=np.float32)).shape == (0, 3)


class SlowGalleries:
    """A list of the latest embeddings per slot."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.lists: dict[int, list[EmbeddingArray]] = {}

    def distance(self, slot: int, embedding: EmbeddingArray) -> float:
        if slot < 0:
            return np.inf
        return min(1.0 - float(kept @ embedding) for kept in self.lists[slot])


steps = st.lists(st.tuples(st.sampled_from(["open", "add", "close"]), st.integers(0, 6)), max_size=25)


@given(
    steps=steps,
    budget=st.integers(1, 4),
    limit=st.integers(1, 9),
    seed=st.integers(0, 99),
    at_once=st.booleans(),
    dense=st.sampled_from([0.0, 0.25, 2.0]),
)
@settings(max_examples=60)
def test_distances_equal_those_of_lists(
    steps: list[tuple[str, int]], budget: int, limit: int, seed: int, at_once: bool, dense: float
) -> None:
    rng = np.random.default_rng(seed)
    galleries, slow = Galleries(budget, limit), SlowGalleries(budget)
    slots = np.empty(0, dtype=np.int64)
    patch = pytest.MonkeyPatch()
    patch.setattr(appearance, "DENSE", dense)  # one product for all, or one for each gallery
    if not at_once:
        patch.setattr(appearance, "SIMILARITIES", 1)
    for what, count in steps:
        fresh = unit(rng.normal(size=(count, WIDTH)).astype(np.float32))
        if what == "open":
            new = galleries.open(fresh)
            assert (new[: limit - len(slow.lists)] >= 0).all(), "a free slot was refused"
            slow.lists.update({int(s): [e] for s, e in zip(new, fresh, strict=True) if s >= 0})
            slots = np.concatenate((slots, new))
        elif what == "add":
            chosen = slots[rng.permutation(len(slots))[:count]]
            galleries.add(chosen, fresh[: len(chosen)])
            for slot, embedding in zip(chosen.tolist(), fresh, strict=False):
                if slot >= 0:
                    slow.lists[slot] = [*slow.lists[slot], embedding][-budget:]
        else:
            galleries.close(slots[:count])
            for slot in slots[:count].tolist():
                slow.lists.pop(slot, None)
            slots = slots[count:]
        probes = unit(rng.normal(size=(3, WIDTH)).astype(np.float32))
        expected = np.array([[slow.distance(slot, probe) for probe in probes] for slot in slots.tolist()])
        np.testing.assert_allclose(distances(galleries, slots, probes), expected.reshape(-1, 3), atol=1e-5)
        wanted = rng.random(expected.reshape(-1, 3).shape) < 0.4
        some = np.where(wanted, expected.reshape(-1, 3), np.inf)
        np.testing.assert_allclose(distances(galleries, slots, probes, wanted), some, atol=1e-5)
        held = slots[slots >= 0].tolist()
        assert len(set(held)) == len(held)
        assert galleries.nbytes <= limit * budget * WIDTH * 4
    patch.undo()


def test_memory_is_bounded_and_slots_are_used_again() -> None:
    galleries = Galleries(budget=10, max_galleries=50)
    assert (galleries.width, galleries.nbytes) == (None, 0)
    embeddings = unit(np.random.default_rng(0).normal(size=(200, WIDTH)).astype(np.float32))
    slots = galleries.open(embeddings)
    assert (slots >= 0).sum() == 50
    assert (galleries.width, galleries.nbytes) == (WIDTH, 50 * 10 * WIDTH * 4)
    galleries.add(slots, embeddings)
    for _ in range(20):
        galleries.close(slots[:20])
        again = galleries.open(embeddings[:20])
        assert sorted(again.tolist()) == sorted(slots[:20].tolist())
        assert distances(galleries, again, embeddings[:20]).diagonal() == pytest.approx(0, abs=1e-5)
    assert galleries.nbytes == 50 * 10 * WIDTH * 4


def test_a_small_scene_takes_little_memory() -> None:
    galleries = Galleries(budget=100, max_galleries=1000)
    galleries.open(np.ones((5, WIDTH), dtype=np.float32))
    assert galleries.nbytes < 1000 * 100 * WIDTH * 4 / 10


def test_distances_of_nothing() -> None:
    galleries = Galleries(2, 2)
    none = np.empty(0, dtype=np.int64)
    nobody = np.empty((0, WIDTH), dtype=np.float32)
    assert distances(galleries, none, nobody).shape == (0, 0)
    slots = galleries.open(np.ones((1, WIDTH), dtype=np.float32))
    assert distances(galleries, slots, nobody).shape == (1, 0)
    assert distances(galleries, none, np.ones((2, WIDTH), dtype=np.float32)).shape == (0, 2)


@pytest.mark.parametrize("budget", [1, 2, 3, 4])
def test_the_oldest_embedding_makes_room_for_the_newest(budget: int) -> None:
    galleries, told = Galleries(budget, 1), np.eye(9, dtype=np.float32)
    slots = galleries.open(told[:1])
    for newest in range(1, 9):
        galleries.add(slots, told[newest : newest + 1])
        near = distances(galleries, slots, told)[0] < 0.5
        assert near.nonzero()[0].tolist() == list(range(max(0, newest - budget + 1), newest + 1))


def separation(noise: float, people: EmbeddingArray, frames: int = 60) -> Separation:
    """Learned from tracks that remember ``people`` (N, D) exactly, and detections with noise."""
    draw, known = np.random.default_rng(0), Separation()
    for _ in range(frames):
        seen = unit((people + draw.normal(0, noise, people.shape)).astype(np.float32))
        known = known.learn(unit(people).T, seen)
    return known


def test_embeddings_are_trusted_by_how_far_they_tell_people_apart() -> None:
    people, alike = np.eye(16, dtype=np.float32)[:5], np.ones((5, 16), dtype=np.float32)
    sound, useless, dull = separation(0.05, people), separation(1e3, people), separation(0.05, alike)
    assert (sound.trust, useless.trust, dull.trust) == (1, 0, 0)
    assert 0 < separation(0.4, people).trust < 1
    near, other = 1 - sound.own.mean, 1 - sound.other.mean
    between = np.array([-1, other, (near + other) / 2, near, 1], dtype=np.float32)
    np.testing.assert_allclose(sound.agreement(between), [0, 0, 1, 2, 2], atol=1e-5)
    assert sound.own.mean < sound.safe_distance < sound.other.mean


def test_little_is_not_enough_to_trust_embeddings() -> None:
    people = np.eye(16, dtype=np.float32)
    for count, frames in ((1, 200), (2, int(ENOUGH / 2))):
        assert separation(0.05, people[:count], frames).trust == 0
    assert separation(0.05, people[:2], int(ENOUGH / 2) + 3).trust == 1
