"""Words that people bring from other programs, or mistype, are answered with ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracker import install
from tracker.commands.hints import KNOWN
from tracker.commands.main import COMMANDS, main
from tracker.install import installing


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("x.mp4 --alg steady", "unknown option --alg, did you mean '--algo'?; see `track run --help`"),
        ("x.mp4 --class_column", "unknown option --class_column, did you mean '--class-column'?"),
        ("x.mp4 --source y.mp4", "unknown option --source: the source is the first word: track street.mp4"),
        ("--source x.mp4", "unknown option --source: the source is the first word: track street.mp4"),
        ("x.mp4 --tracker bytetrack.yaml", "unknown option --tracker: --algo names the tracker"),
        ("x.mp4 --save-txt", "unknown option --save-txt: tracks.txt is written always"),
        ("x.mp4 --weights=y.pt", "unknown option --weights: --detector names the model"),
        ("x.mp4 --exist-ok", "unknown option --exist-ok: --overwrite replaces results"),
        ("x.mp4 --max-age 30", "max_age is a parameter of the algorithm; give --set max_age=VALUE"),
        ("x.mp4 --classes 0 2", "2: one word too many"),
        ("count x --tracker y", "unknown option --tracker; see `track count --help`"),
        ("count x --xyzzy", "unknown option --xyzzy; see `track count --help`"),
    ],
)
def test_an_unknown_option_is_answered(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(words.split())
    assert left.value.code == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("evall r", "evall: no such command, file or folder, did you mean 'eval'?; `track --help` lists the commands"),
        ("bnech --data x", "did you mean 'bench'?"),
        (
            "source=x.mp4 model=y.pt",
            "source=x.mp4: options are words with --, and the source stands alone: track x.mp4",
        ),
        ("street", "street: no such file or folder"),
    ],
)
def test_a_word_that_is_neither_a_command_nor_a_source(
    words: str, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words.split()) == 2
    assert said in capsys.readouterr().err


def test_a_folder_named_nearly_as_a_command_is_a_source(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evall").mkdir()
    assert main(["evall"]) == 2
    assert "no such command" not in capsys.readouterr().err


@pytest.mark.parametrize("device", ["0", "cuda:0", "gpu", "mps"])
def test_devices_of_others_are_answered(device: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"x")
    (tmp_path / "images").mkdir()
    import cv2
    import numpy as np

    cv2.imwrite(str(tmp_path / "images/000001.png"), np.zeros((8, 8, 3), np.uint8))
    words = [str(tmp_path / "images"), "--detector", str(tmp_path / "m.onnx"), "--device", device]
    assert main(words) == 2
    meant = "coreml,cpu" if device == "mps" else "cuda,cpu"
    assert f"devices are onnxruntime's providers; give {meant} (--device {meant})" in capsys.readouterr().err


def test_no_hint_is_for_an_option_that_a_run_has(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    known = capsys.readouterr().out.replace(",", " ").split()
    assert not set(KNOWN) & set(known)
    assert not set(KNOWN) & set(COMMANDS)


def test_install_hints_fit_a_checkout_and_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "tracker"
    package.mkdir()
    monkeypatch.setattr(install, "__file__", str(package / "install.py"))
    assert installing("video") == "pip install 'trackwhy[video]'"
    (tmp_path / "pyproject.toml").touch()
    assert installing("video") == f"pip install -e '{tmp_path}[video]'"
    monkeypatch.chdir(tmp_path)
    assert installing("video") == "pip install -e '.[video]'"
