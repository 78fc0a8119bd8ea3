"""The lowest versions that CI installs are those that pyproject.toml claims."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOWEST = runpy.run_path(str(ROOT / "scripts" / "lowest.py"))["lowest"]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_every_requirement_has_a_lowest_version() -> None:
    extras = PYPROJECT.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    own = re.findall(r"^dependencies = (\[.*?\])$", PYPROJECT, re.M | re.S)
    lists = [*own, *re.findall(r"^[\w-]+ = (\[.*?\])$", extras, re.M | re.S)]
    wanted = {re.split(r"[<>=\[]", text)[0] for some in lists for text in re.findall(r'"(\w[^"]*)"', some)}
    assert len(own) == 1
    assert len(lists) > 8
    assert set(LOWEST(PYPROJECT)) - {"hatchling"} == wanted - {"trackwhy"}


def test_a_version_is_the_bound_itself() -> None:
    found = LOWEST('requires-python = ">=3.10"\nx = ["a-b>=4.13.0.90,<5", "c_d>=2", "e[f]", "g<3"]')
    assert found == {"a-b": "4.13.0.90", "c_d": "2"}
