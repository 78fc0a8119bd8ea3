"""docs/report.md: its commands run as written, one after the other."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.report.made import write_video
from tracker.commands.main import main

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, flags=re.M | re.S) for line in block.splitlines()]


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av", reason="needs PyAV, for --embed")
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "street.mp4")
    (tmp_path / "edits.json").write_text(json.dumps({"version": 1, "edits": []}))
    assert len(COMMANDS) == 4
    for line in COMMANDS:
        assert main([*shlex.split(line)[1:], "--quiet"]) == 0, line
    assert (tmp_path / "runs/street/report.html").is_file()
    assert (tmp_path / "runs/street-refined/tracks.txt").is_file()
