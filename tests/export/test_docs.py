"""docs/formats.md: its commands run as written, and its tables name every format and every rule."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from sets import write_coco, write_visdrone

from tracker.commands.main import main
from tracker.evaluate.rules import CHOICES, SINGLE
from tracker.export import FORMATS
from tracker.export.crops import NAME as CROPS
from tracker.io.cvat import write_cvat
from tracker.rows import as_rows

PAGE = (Path(__file__).resolve().parents[2] / "docs/formats.md").read_text(encoding="utf-8")
WRITTEN, READ = re.findall(r"^```sh\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def words_of(block: str) -> list[list[str]]:
    return [shlex.split(line, comments=True)[1:] for line in block.splitlines()]


def test_the_commands_that_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words in words_of(WRITTEN):
        assert main([*words, "--frames", "6", "--no-video"] if words[0] == "demo" else words) == 0
    assert (tmp_path / "out2/cvat.xml").is_file()


def test_the_commands_that_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_coco(tmp_path)
    write_visdrone(tmp_path)
    rows = as_rows([1, 2], [1, 1], [[0, 0, 9, 9], [0, 0, 9, 9]])
    write_cvat(tmp_path / "cvat.xml", rows, ["person"], rows.classes + 1)
    for words in words_of(READ):
        assert main(words) == (1 if words[0] == "doctor" else 0)  # the other video has no rows


def test_every_format_and_every_rule_is_named() -> None:
    written, read = PAGE.split("## Read")
    assert all(f"| `{form}`" in written or f"`{form}`, `" in written or f", `{form}` |" in written for form in FORMATS)
    assert f"| `{CROPS}`" in written
    assert all(f"`{rule}`" in read for rule in CHOICES if rule not in SINGLE and rule != "mot16")
