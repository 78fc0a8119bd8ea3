"""The tables of docs/formats.md name every format and every rule."""

from __future__ import annotations

from pathlib import Path

from tracker.evaluate.rules import CHOICES, SINGLE
from tracker.export import FORMATS
from tracker.export.crops import NAME as CROPS

PAGE = (Path(__file__).resolve().parents[2] / "docs/formats.md").read_text(encoding="utf-8")


def test_every_format_and_every_rule_is_named() -> None:
    written, read = PAGE.split("## Read")
    assert all(f"| `{form}`" in written or f"`{form}`, `" in written or f", `{form}` |" in written for form in FORMATS)
    assert f"| `{CROPS}`" in written
    assert all(f"`{rule}`" in read for rule in CHOICES if rule not in SINGLE and rule != "mot16")
