"""The README is short and CONTRIBUTING's tracker, sink and format do what it says of them.

tests/test_snippets.py runs every block of code.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from made import write_video
from pages import ROOT, blocks, read

import tracker
from tracker.commands.main import main
from tracker.evaluate import evaluate
from tracker.io.mot import write_results

README = read("README.md")


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a short street.mp4, as the README assumes."""
    write_video(tmp_path / "street.mp4", 8)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_set_up_commands_exist_and_ci_runs_the_tests_one() -> None:
    commands = re.findall(r"^python3 (scripts/\S+)", README, flags=re.MULTILINE)
    assert commands == ["scripts/demo.py", "scripts/test.py"]
    for script in commands:
        assert (ROOT / script).is_file()
    assert "python3 scripts/test.py\n" in (ROOT / ".ci/run").read_text()


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) < 150


def test_a_tracker_as_contributing_shows_it(street: Path) -> None:
    code = contributed("class Mine")
    assert len(code.splitlines()) < 25
    (street / "mine.py").write_text(code)
    rows = [f"{frame},-1,{10 + frame},20,40,100,0.9,-1,-1,-1\n" for frame in range(1, 9)]
    (street / "det.txt").write_text("".join(rows))
    command = ["street.mp4", "--algo", "./mine.py:Mine", "--set", "least=0.2", "--detector", "det.txt", "--every", "2"]
    assert main([*command, "--no-video", "-o", "out"]) == 0
    ids = [line.split(",")[1] for line in (street / "out" / "tracks.txt").read_text().splitlines()]
    assert ids == ["1"] * 8


def contributed(word: str) -> str:
    """CONTRIBUTING's only block with this word."""
    (code,) = [block.text for block in blocks("CONTRIBUTING.md") if word in block.text]
    return code


def defined(word: str) -> dict[str, Any]:
    """What that block defines."""
    names: dict[str, Any] = {}
    exec(compile(contributed(word), "CONTRIBUTING.md", "exec"), names)
    return names


def test_a_sink_as_contributing_shows_it(street: Path) -> None:
    sink = defined("class Counts")["Counts"]("counts.csv")
    for image, _ in tracker.track("street.mp4", algo="sort", detector=lambda image: [[0, 0, 9, 9]], sinks=[sink]):
        image[:] = 0  # a copy: what a sink has of the step does not change
    assert (street / "counts.csv").read_text() == "".join(f"{frame},1\n" for frame in range(1, 9))
    assert sink.file.closed
    broken = defined("class Counts")["Counts"]("counts.csv")
    for _ in tracker.track("street.mp4", algo="sort", detector=lambda image: [[0, 0, 9, 9]], sinks=[broken]):
        break
    assert broken.file.closed


def test_a_format_as_contributing_shows_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("frame,id,left,top,right,bottom\n2,1,0,0,5,9\n1,1,0,0,4,9\n1,2,50,0,54,9\n")
    rows = defined("def read_results")["read_results"](tmp_path / "a.csv")
    write_results(tmp_path / "a.txt", rows)
    assert (tmp_path / "a.txt").read_text().splitlines()[0] == "1,1,0.00,0.00,4.00,9.00,1.0000,-1,-1,-1"
    assert evaluate(rows, tmp_path / "a.txt", "plain").combined.summary()["HOTA"] == 1
