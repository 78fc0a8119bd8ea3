"""Completion: a script for the shell that knows every command and option."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tracker.algorithms import algorithms
from tracker.commands.completion import SHELLS, whole_parser
from tracker.commands.main import COMMANDS, main

pytest.importorskip("shtab", reason="needs the extra completion")


@pytest.fixture
def script(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Path:
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    assert main(["completion", "bash"]) == 0
    path = tmp_path / "track.bash"
    path.write_text(capfd.readouterr().out)
    return path


def completed(script: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    line = " ".join(f"'{word}'" for word in ("track", *words))
    code = f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _shtab_track; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_commands_options_and_algorithms_are_completed(script: Path) -> None:
    assert set(COMMANDS) <= set(completed(script, ""))
    assert completed(script, "street.mp4", "--alg") == ["--algo"]
    assert completed(script, "eval", "r", "--spl") == ["--split"]
    assert completed(script, "eval", "r", "--split", "") == ["full", "second-half"]
    assert completed(script, "street.mp4", "--algo", "") == algorithms()


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_a_script(shell: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "--algo" in capfd.readouterr().out


def test_every_command_is_there() -> None:
    (subparsers,) = (action for action in whole_parser()._actions if action.choices and "eval" in action.choices)
    assert set(COMMANDS) <= set(subparsers.choices or ())


def test_without_shtab_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tracker.commands.completion.find_spec", lambda name: None)
    assert main(["completion", "bash"]) == 2
    assert "completion needs shtab, which is not installed: pip install " in capsys.readouterr().err
