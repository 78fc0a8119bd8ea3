from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid import ReidError, augment
from reid.sampler import pk_batches


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(2, 4))
def test_every_batch_has_p_people_with_k_crops_and_an_epoch_is_seeded(seed: int, people: int, crops: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.full(rng.integers(1, 12), name) for name in range(8)])
    batches = list(pk_batches(labels, people, crops, np.random.default_rng(seed)))
    again = list(pk_batches(labels, people, crops, np.random.default_rng(seed)))
    assert batches
    for rows, same in zip(batches, again, strict=True):
        np.testing.assert_array_equal(rows, same)
        assert np.unique(labels[rows], return_counts=True)[1].tolist() == [crops] * people


def test_almost_all_crops_are_used() -> None:
    labels = np.repeat(np.arange(20), 8)
    rows = np.concatenate(list(pk_batches(labels, 5, 4, np.random.default_rng(0))))
    assert len(np.unique(rows)) == 160


def test_too_few_people_for_a_batch() -> None:
    with pytest.raises(ReidError, match="2 identities, but a batch needs 3"):
        next(pk_batches(np.array([0, 0, 1, 1]), 3, 2, np.random.default_rng(0)))


ALL = (augment.flip, augment.pad_crop, augment.colour, augment.erase)


@pytest.mark.parametrize("change", ALL)
def test_augmentation_keeps_shape_and_input_and_is_seeded(change: augment.Augment) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (9, 64, 32, 3), dtype=np.uint8)
    before = crops.copy()
    out = change(crops, np.random.default_rng(5))
    np.testing.assert_array_equal(crops, before)
    np.testing.assert_array_equal(out, change(crops, np.random.default_rng(5)))
    assert out.shape == crops.shape
    assert out.dtype == np.uint8
    assert (out != crops).any()
    assert change(crops[:0], np.random.default_rng(5)).shape == (0, 64, 32, 3)


def test_flip_mirrors_and_erase_leaves_the_rest() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (6, 16, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(augment.flip(crops, np.random.default_rng(0), 1.0), crops[:, :, ::-1])
    erased = augment.erase(crops, np.random.default_rng(0), 1.0, (0.1, 0.2))
    changed = (erased != crops).any(-1).mean((1, 2))
    assert ((changed > 0) & (changed < 0.35)).all()
