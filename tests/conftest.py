"""What every test shares: the folder of data and references, and a hypothesis profile without chance or clock."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

SHARED = Path(__file__).resolve().parents[1].parent / "shared"

settings.register_profile(
    "tests",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder ../shared of data and published outputs; a checkout elsewhere does not have it."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the project's shared data, absent here: {SHARED}")
    return SHARED
