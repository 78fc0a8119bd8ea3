"""Some hundred cases of scripts/fuzz.py: damaged files and odd values are taken, or refused in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tracker import SORT

sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))


@pytest.mark.parametrize("first", [0, 1400])
def test_nothing_but_one_line(first: int, tmp_path: Path) -> None:
    import fuzz

    for base in fuzz.BASES:
        (tmp_path / base.name).write_bytes(base.content)
        base.read(tmp_path / base.name)
    assert [fault for seed in range(first, first + 150) if (fault := fuzz.one(seed, tmp_path))] == []


def test_a_value_of_many_lines_is_said_on_one() -> None:
    with pytest.raises(ValueError, match=r"^iou_threshold=array[^\n]{20,60}\.\.\.: give a number from 0 to 1$"):
        SORT(iou_threshold=np.ones((9, 9)))
