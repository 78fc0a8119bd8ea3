"""Real crops for the ReID tests; skipped where the project's shared data is absent."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from reid.data import Crops, load

MARKET = Path(__file__).resolve().parents[3] / "shared" / "data" / "reid" / "market1501_train"


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    with contextlib.suppress(ImportError):
        import torch

        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def market() -> Path:
    if not MARKET.is_dir():
        pytest.skip("../shared/data/reid/market1501_train is absent")
    return MARKET


@pytest.fixture(scope="session")
def folder(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the crops of 40 identities, by links."""
    made = tmp_path_factory.mktemp("crops")
    files = sorted(market.glob("*.jpg"))
    chosen = sorted({file.name[:4] for file in files})[:40]
    for file in files:
        if file.name[:4] in chosen:
            (made / file.name).symlink_to(file)
    return made


@pytest.fixture(scope="session")
def crops(folder: Path) -> Crops:
    """Their crops at 64x32."""
    return load(folder, (64, 32))


@pytest.fixture
def noise() -> Crops:
    """24 crops of six people who are a colour each, under two cameras; no file needed."""
    rng = np.random.default_rng(0)
    ids = np.repeat(np.arange(1, 7), 4)
    base = rng.integers(40, 216, (7, 1, 1, 3))
    images = np.clip(base[ids] + rng.normal(0, 12, (24, 64, 32, 3)), 0, 255).astype(np.uint8)
    return Crops(images, ids.astype(np.int64), np.tile([1, 2], 12).astype(np.int64))
