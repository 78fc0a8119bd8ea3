"""Columns of MOTChallenge text whose meaning depends on what they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracker.io.mot import read_ground_truth, read_results


@pytest.mark.parametrize(
    ("rest", "classes"),
    [("1,0.5,-1", [1, 1]), ("2,7.5,0", [-1, -1]), ("1.5,0.5,0", [-1, -1]), ("14,0.5,0", [-1, -1])],
    ids=["class and visibility", "place", "no whole number", "no class of the benchmark"],
)
def test_ten_columns_hold_a_class_only_beside_a_visibility(tmp_path: Path, rest: str, classes: list[int]) -> None:
    (tmp_path / "gt.txt").write_text(f"1,1,0,0,5,9,1,1,0.5,-1\n2,1,0,0,5,9,1,{rest}\n")
    assert read_ground_truth(tmp_path / "gt.txt").classes.tolist() == classes


@pytest.mark.parametrize("other", ["5", "0", "0.5", "-2"])
def test_a_tenth_column_of_other_numbers_marks_nothing(tmp_path: Path, other: str) -> None:
    (tmp_path / "a.txt").write_text(f"1,1,0,0,5,9,1,-1,-1,1\n2,1,0,0,5,9,1,-1,-1,{other}\n")
    rows = read_results(tmp_path / "a.txt")
    assert rows.interpolated is None or not rows.interpolated.any()
