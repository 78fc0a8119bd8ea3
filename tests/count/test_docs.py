"""docs/count.md: its commands and snippets run as written, and its JSON has the form of the real one."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from made import write_video

from tracker.commands.main import main

PAGE = (Path(__file__).resolve().parents[2] / "docs/count.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"))
def test_snippet(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "street.mp4", 8)
    exec(compile(code, "count.md", "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("block", blocks("sh"))
def test_commands(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for line in block.splitlines():
        words = shlex.split(line)[1:]
        assert main([*words, "--frames", "6", "--no-video"] if words[0] == "demo" else words) == 0
    if "--line" in block:
        capsys.readouterr()
        places = shlex.split(block.splitlines()[1])[1:]
        assert main([*places, "--json"]) == 0
        real = json.loads(capsys.readouterr().out)
        assert_same_form(json.loads(blocks("json")[0]), real)


def assert_same_form(shown: Any, real: Any) -> None:
    """Every key that is shown is there, with a value of that kind."""
    if isinstance(shown, dict):
        assert shown.keys() <= real.keys()
        for key, value in shown.items():
            assert_same_form(value, real[key])
    elif isinstance(shown, list) and shown and real:
        assert_same_form(shown[0], real[0])
    elif shown is not None and real is not None and not isinstance(real, list):
        assert isinstance(shown, (int, float)) == isinstance(real, (int, float))
