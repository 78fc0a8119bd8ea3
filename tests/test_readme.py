"""The snippets and commands of the README, the guide and CONTRIBUTING run as written."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import write_video

import tracker
from tracker.commands.main import main
from tracker.detect.auto import STORE
from tracker.detect.catalogue import CATALOGUE
from tracker.evaluate import evaluate
from tracker.io.digest import sha256_of
from tracker.io.mot import write_results
from tracker.rows import as_rows

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


SHELL = [*blocks("sh"), *blocks("sh", GUIDE)]
COMMANDS = dict.fromkeys(
    line.partition("#")[0].strip() for block in SHELL for line in block.splitlines() if line.startswith("track ")
)


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a short street.mp4, as the README assumes."""
    write_video(tmp_path / "street.mp4", 8)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put_into_the_cache(model: Path, request: pytest.FixtureRequest) -> None:
    """Put a model into an empty cache as yolox-nano."""
    patch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    patch.setenv("TRACKWHY_CACHE", str(request.getfixturevalue("tmp_path") / "cache"))
    sha256 = sha256_of([model])
    patch.setitem(CATALOGUE, "yolox-nano", replace(CATALOGUE["yolox-nano"], size=model.stat().st_size, sha256=sha256))
    STORE.add((model,), "yolox-nano")


def lay_out(text: str, folder: Path, request: pytest.FixtureRequest) -> None:
    """Put the real models, data and results that ``text`` names into the folder."""
    if "yolox-nano" in text:  # by another export of the same weights
        put_into_the_cache(request.getfixturevalue("shared") / "data/models/yolox_nano.onnx", request)
    for model in re.findall(r"\w+\.onnx", text):
        (folder / model).symlink_to(request.getfixturevalue("shared") / "data/models" / model)
    if "--params tuned/params.json" in text:
        (folder / "tuned").mkdir()
        algo = "bytetrack" if "bytetrack" in text else "sort"
        (folder / "tuned/params.json").write_text(f'{{"algorithm": "{algo}", "parameters": {{"max_age": 40}}}}')
    if "track count out" in text or "track report out" in text:
        (folder / "out").mkdir()
        write_results(folder / "out/tracks.txt", as_rows([1, 2], [1, 1], [[0, 0, 9, 9], [1, 0, 10, 9]]))
    if "MOT17/train" in text or "refine" in text:
        shared: Path = request.getfixturevalue("shared")
        (folder / "MOT17/train").mkdir(parents=True)
        named = re.search(r"runs/mot17/full|refined", text.partition(" -o ")[0])
        results = folder / (named[0] if named else "results")
        results = results / "sort" if results.name == "full" else results
        results.mkdir(parents=True, exist_ok=True)  # what the command before it wrote
        for reference in (shared / "reference/bytetrack").glob("*.npz"):
            if reference.stem == "MOT17-04":  # as large as the others together
                continue
            (folder / "MOT17/train" / reference.stem).symlink_to(shared / "data/MOT17/train" / reference.stem)
            rows = np.load(reference)
            part = rows["frame"] <= 200  # enough to see that the command runs
            few = as_rows(rows["frame"][part], rows["id"][part], rows["xyxy"][part])
            write_results(results / f"{reference.stem}.txt", few)


@pytest.mark.parametrize("code", [*blocks("python"), *blocks("python", GUIDE)])
def test_snippet(code: str, street: Path, request: pytest.FixtureRequest) -> None:
    lay_out(code, street, request)
    exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
    if "save=" in code:
        assert (street / "out" / "tracks.txt").stat().st_size > 0
        assert (street / "out" / "tracks.mp4").stat().st_size > 0


def heavy(command: str) -> bool:
    """Whether a command runs on whole data sets or networks."""
    return "MOT17" in command or ".onnx" in command or "yolox-" in command or "refine" in command


@pytest.mark.parametrize(
    "command", [pytest.param(line, marks=pytest.mark.slow) if heavy(line) else line for line in COMMANDS]
)
def test_command(command: str, street: Path, request: pytest.FixtureRequest) -> None:
    words = shlex.split(command, comments=True)[1:]
    if words[0] == "tune":
        pytest.importorskip("optuna", reason="needs the extra tune")
        words += ["--trials", "1", "--sequences", "MOT17-05,MOT17-09"]  # a search takes minutes
    lay_out(command.partition("#")[0], street, request)
    assert main(words) == 0


def test_set_up_commands_exist_and_ci_runs_the_tests_one() -> None:
    commands = re.findall(r"^python3 (scripts/\S+)", README, flags=re.MULTILINE)
    assert commands == ["scripts/demo.py", "scripts/test.py"]
    for script in commands:
        assert (ROOT / script).is_file()
    assert "python3 scripts/test.py\n" in (ROOT / ".ci/run").read_text()


def test_links_and_pictures_exist() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
    assert len(README.splitlines()) < 150


def test_a_tracker_as_contributing_shows_it(street: Path) -> None:
    (code,) = [block for block in blocks("python", CONTRIBUTING) if "class Mine" in block]
    assert len(code.splitlines()) < 25
    (street / "mine.py").write_text(code)
    rows = [f"{frame},-1,{10 + frame},20,40,100,0.9,-1,-1,-1\n" for frame in range(1, 9)]
    (street / "det.txt").write_text("".join(rows))
    command = ["street.mp4", "--algo", "./mine.py:Mine", "--set", "least=0.2", "--detector", "det.txt", "--every", "2"]
    assert main([*command, "--no-video", "-o", "out"]) == 0
    ids = [line.split(",")[1] for line in (street / "out" / "tracks.txt").read_text().splitlines()]
    assert ids == ["1"] * 8


def contributed(word: str) -> dict[str, Any]:
    """What CONTRIBUTING's only snippet with this word defines."""
    (code,) = [block for block in blocks("python", CONTRIBUTING) if word in block]
    names: dict[str, Any] = {}
    exec(compile(code, "CONTRIBUTING.md", "exec"), names)
    return names


def test_a_sink_as_contributing_shows_it(street: Path) -> None:
    sink = contributed("class Counts")["Counts"]("counts.csv")
    for image, _ in tracker.track("street.mp4", algo="sort", detector=lambda image: [[0, 0, 9, 9]], sinks=[sink]):
        image[:] = 0  # a copy: what a sink has of the step does not change
    assert (street / "counts.csv").read_text() == "".join(f"{frame},1\n" for frame in range(1, 9))
    assert sink.file.closed
    broken = contributed("class Counts")["Counts"]("counts.csv")
    for _ in tracker.track("street.mp4", algo="sort", detector=lambda image: [[0, 0, 9, 9]], sinks=[broken]):
        break
    assert broken.file.closed


def test_a_format_as_contributing_shows_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("frame,id,left,top,right,bottom\n2,1,0,0,5,9\n1,1,0,0,4,9\n1,2,50,0,54,9\n")
    rows = contributed("def read_results")["read_results"](tmp_path / "a.csv")
    write_results(tmp_path / "a.txt", rows)
    assert (tmp_path / "a.txt").read_text().splitlines()[0] == "1,1,0.00,0.00,4.00,9.00,1.0000,-1,-1,-1"
    assert evaluate(rows, tmp_path / "a.txt", "plain").combined.summary()["HOTA"] == 1
