"""The cache: what is in it, what is fetched and said, and models of one's own."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from models.server import Served

from tracker.detect.auto import STORE
from tracker.detect.catalogue import CATALOGUE
from tracker.models import FetchError, Model, cache_folder

ROOT = Path(__file__).resolve().parents[2]
Made = Callable[..., Model]


def test_the_catalogue_is_whole() -> None:
    assert len({model.file for model in CATALOGUE.values()}) == len(CATALOGUE)  # a mirror has them in one folder
    for name, model in CATALOGUE.items():
        assert (name, len(model.sha256)) == (model.name, 64)
        assert model.url.startswith("https://")
        assert model.file.endswith(".onnx")
        assert STORE.knows(name)
    nano = CATALOGUE["yolox-nano"]
    assert (nano.size, nano.sha256[:8], nano.licence, len(nano.classes)) == (3_659_407, "c789161e", "Apache-2.0", 80)
    assert (CATALOGUE["yolox-tiny"].size, CATALOGUE["yolox-tiny"].sha256[:8]) == (20_219_662, "427cc366")


def test_a_model_is_fetched_once_after_a_line_that_says_so(made: Made, served: Served, tmp_path: Path) -> None:
    model, said = made(), list[str]()

    def say(line: str) -> None:
        said.append(f"{line} [{len(served.requests)} requests]")

    path = STORE.get("yolox-nano", say=say)
    assert path == tmp_path / "cache/models/yolox-nano/made.onnx"
    assert path.read_bytes() == served.content
    assert STORE.get("yolox-nano", say=say) == path
    assert len(served.requests) == 1
    assert said == [
        f"fetching yolox-nano from {model.url}: 0.0 MB, licence Apache-2.0, to {path} [0 requests]",
    ]


def test_the_line_goes_to_stderr(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    made()
    STORE.get("yolox-nano")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("fetching yolox-nano from http://127.0.0.1:")
    assert len(err.splitlines()) == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal(made: Made, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.content = bytes(2_000_000)
    served.stall = 0.3
    made()
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    STORE.get("yolox-nano", say=lambda _: None)
    assert re.search(r"yolox-nano \[#{12,13}-{11,12}\] 1\.[01] of 2\.0 MB, \d+\.\d MB/s", terminal.getvalue())
    assert terminal.getvalue().endswith("\r\x1b[1A\x1b[2K")  # the line is gone again


def test_a_mirror(made: Made, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    made(url="https://models.invalid/release/made.onnx")
    monkeypatch.setenv("TRACKWHY_MODELS_URL", f"{served.url}/our/models/")
    said: list[str] = []
    STORE.get("yolox-nano", say=said.append)
    assert [path for path, *_ in served.requests] == ["/our/models/made.onnx"]
    assert f"from {served.url}/our/models/made.onnx: " in said[0]


def test_the_passwords_of_a_mirror_are_shown_nowhere(
    made: Made, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    made()
    served.status = 404
    monkeypatch.setenv("TRACKWHY_MODELS_URL", f"http://me:sesame@127.0.0.1:{served.port}")
    said: list[str] = []
    with pytest.raises(FetchError, match="404") as error:
        STORE.get("yolox-nano", say=said.append)
    assert "sesame" not in f"{said} {error.value}"
    assert served.requests[0][2] is not None


@pytest.mark.parametrize("value", ["1", "true", "yes", None])
def test_offline_forbids_fetching_and_nothing_else(
    value: str | None, made: Made, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    made()
    if value is not None:
        monkeypatch.setenv("TRACKWHY_OFFLINE", value)
    said: list[str] = []
    with pytest.raises(FetchError, match="yolox-nano is not in the cache, and --offline or TRACKWHY_OFFLINE forbids"):
        STORE.get("yolox-nano", forbidden=value is None, say=said.append)
    assert (served.requests, said) == ([], [])
    monkeypatch.setenv("TRACKWHY_OFFLINE", "0")
    path = STORE.get("yolox-nano", say=said.append)
    assert STORE.get("yolox-nano", forbidden=True) == path


@pytest.mark.parametrize("content", [b"", b"short", None])
def test_a_damaged_file_in_the_cache_is_fetched_again(content: bytes | None, made: Made, served: Served) -> None:
    made()
    path = STORE.get("yolox-nano", say=lambda _: None)
    path.write_bytes(bytes(len(served.content)) if content is None else content)
    with pytest.raises(FetchError, match="is damaged in the cache" if content is None else "is not in the cache"):
        STORE.get("yolox-nano", forbidden=True)
    assert STORE.get("yolox-nano", say=lambda _: None).read_bytes() == served.content


def test_the_folder_of_each_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TRACKWHY_CACHE", "~/mine")
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("TRACKWHY_CACHE")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == tmp_path / "Library/Caches/trackwhy"
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / ".cache/trackwhy"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the standard says: ignore it
    assert cache_folder() == tmp_path / ".cache/trackwhy"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg/trackwhy"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == tmp_path / "local/trackwhy/Cache"


def test_a_model_of_ones_own_with_its_weights(tmp_path: Path) -> None:
    model, weights = tmp_path / "net.ONNX", tmp_path / "parts" / "net.bin"
    weights.parent.mkdir()
    model.write_bytes(b"model")
    weights.write_bytes(b"weights")
    path = STORE.add((model, weights), "my-net")
    assert path == tmp_path / "cache/models/my-net/net.onnx"
    assert (path.read_bytes(), (path.parent / "parts/net.bin").read_bytes()) == (b"model", b"weights")
    assert (STORE.own, STORE.knows("my-net"), STORE.get("my-net")) == (["my-net"], True, path)

    other = tmp_path / "other.onnx"
    other.write_bytes(b"other")
    with pytest.raises(ValueError, match="has a model of this name; give another, or --overwrite"):
        STORE.add((other,), "my-net")
    assert STORE.get("my-net") == path
    assert STORE.add((other,), "my-net", overwrite=True).read_bytes() == b"other"
    assert [entry.name for entry in STORE.folder.iterdir()] == ["my-net"]
    assert [entry.name for entry in (STORE.folder / "my-net").iterdir()] == ["other.onnx"]


@pytest.mark.parametrize("name", ["", "My-Net", "../net", "a/b", "net.onnx", ".hidden", "-o"])
def test_names_that_are_none(name: str, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"model")
    with pytest.raises(ValueError, match="is no name for a model; use lower-case letters"):
        STORE.add((tmp_path / "net.onnx",), name)
    assert not STORE.knows(name)
    assert not (tmp_path / "cache").exists()


def test_a_name_of_the_catalogue_takes_its_own_file_only(made: Made, served: Served, tmp_path: Path) -> None:
    made()
    mine = tmp_path / "downloaded (1).onnx"
    mine.write_bytes(served.content)
    path = STORE.add((mine,), "yolox-nano")
    assert STORE.get("yolox-nano", forbidden=True) == path == tmp_path / "cache/models/yolox-nano/made.onnx"
    mine.write_bytes(b"another")
    with pytest.raises(ValueError, match="is not the file named yolox-nano, which is http"):
        STORE.add((mine,), "yolox-nano", overwrite=True)
    assert path.read_bytes() == served.content
    assert served.requests == []


def test_a_cache_that_takes_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.onnx").write_bytes(b"model")
    monkeypatch.setenv("TRACKWHY_CACHE", str(tmp_path / "net.onnx"))
    with pytest.raises(ValueError, match=r"cannot be written \(.*\); make room there or give TRACKWHY_CACHE another"):
        STORE.add((tmp_path / "net.onnx",), "my-net")
    assert STORE.own == []


def test_what_is_left_of_a_killed_add_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "cache/models/.my-net.123").mkdir(parents=True)
    (tmp_path / "cache/models/.my-net.123/net.onnx").write_bytes(b"half")
    assert STORE.own == []


def test_nothing_of_the_network_is_loaded_before_it_is_needed() -> None:
    code = "import tracker.detect, sys; sys.exit('urllib.request' in sys.modules or 'ssl' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
