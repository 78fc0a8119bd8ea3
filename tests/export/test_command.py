"""`track export` and `track --save`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from made import write_video

from tracker.commands.main import main
from tracker.io.cvat import read_cvat
from tracker.io.mot import read_results


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A folder with a short video, its detections, and the command that tracks it."""
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "street.mp4", 10)
    lines = [f"{frame},-1,{90 + 4 * frame},100,20,40,0.9,-1,-1,-1\n" for frame in range(1, 11)]
    (tmp_path / "det.txt").write_text("".join(lines))
    return ["street.mp4", "--algo", "sort", "--detector", "det.txt", "--no-video", "--quiet"]


def test_a_run_is_exported_with_its_times_and_size(run: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*run, "--class-column", "-o", "out"]) == 0
    assert main(["export", "out", "--to", "csv", "--names", "coco"]) == 0
    assert capsys.readouterr().out == "csv: out/tracks.csv\n"
    rows = list(csv.DictReader(Path("out/tracks.csv").read_text().splitlines()))
    assert len(rows) == len(read_results("out/tracks.txt"))
    assert rows[0]["class"] == "person"
    rate = json.loads(Path("out/run.json").read_text())["source"]["frame_rate"]
    assert float(rows[0]["time"]) == pytest.approx((int(rows[0]["frame"]) - 1) / rate, abs=1e-4)
    assert main(["export", "out", "--to", "yolo", "--names", "coco"]) == 0
    assert Path("out/yolo/classes.txt").read_text() == "person\n"
    assert main(["export", "out", "--to", "csv"]) == 2
    assert "-o out/tracks.csv: exists; give another name, or --overwrite" in capsys.readouterr().err
    assert main(["export", "out", "--to", "yolo", "--names", "coco"]) == 2


def test_a_run_saves_at_once_what_export_writes_and_more(run: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*run, "-o", "out", "--save", "csv,cvat"]) == 0
    rows = list(csv.DictReader(Path("out/tracks.csv").read_text().splitlines()))
    assert rows[0]["detection"] == "0"
    rate = json.loads(Path("out/run.json").read_text())["source"]["frame_rate"]
    assert float(rows[-1]["time"]) == pytest.approx((int(rows[-1]["frame"]) - 1) / rate, abs=1e-3)
    assert float(rows[0]["detection_left"]) == 90 + 4 * int(rows[0]["frame"])
    back, names = read_cvat("out/cvat.xml")
    assert names == {0: "object"}  # the detections have no names of classes
    assert back.frames.tolist() == read_results("out/tracks.txt").frames.tolist()
    assert main([*run, "-o", "out", "--overwrite", "--save", "csv"]) == 0
    assert main([*run, "-o", "again", "--save", "csv,jpg"]) == 2
    assert capsys.readouterr().err.startswith("track: format 'jpg' is unknown")
    assert not Path("again").exists() or not list(Path("again").iterdir())


def test_cvat_is_an_input_too(run: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*run, "--class-column", "-o", "out"]) == 0
    assert main(["export", "out", "--to", "cvat", "--names", "coco"]) == 0
    assert main(["export", "out/cvat.xml", "--to", "csv", "-o", "a.csv", "--frame-rate", "25"]) == 0
    rows = list(csv.DictReader(Path("a.csv").read_text().splitlines()))
    assert len(rows) == len(read_results("out/tracks.txt"))
    assert rows[0]["class"] == "person"
    capsys.readouterr()
    assert main(["count", "out/cvat.xml", "--line", "120,0 120,400", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"]["line1"]["out"] == 1


def test_an_empty_run_leaves_no_files(run: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("none.txt").write_text("")
    Path("images").mkdir()
    command = ["images", *run[1:], "-o", "out", "--save", "csv", "--line", "0,0 9,9"]
    assert main(command) == 2
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--to", "xls"], "format 'xls' is unknown"),
        (["--to", "coco"], "class 0 has no name, and coco needs one; give --names FILE, or --names coco"),
        (["--to", "coco", "--names", "coco"], "the size of the images is unknown, and coco needs it; give --video"),
        (["--to", "coco", "--size", "12"], "--size 12: give width x height in pixels"),
        (["--to", "csv", "--frame-rate", "nan"], "--frame-rate nan: give frames per second"),
        (["--to", "csv", "-o", "none/a.csv"], "-o none/a.csv: no such folder"),
        (["--to", "csv", "-o", "tracks.txt", "--overwrite"], "-o tracks.txt: is the file to read"),
        (["--to", "csv", "--names", "none.txt"], "none.txt: no such file; give class names"),
    ],
)
def test_what_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    error: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tracks.txt").write_text("1,1,10,20,30,40,0.9,0,-1,-1\n")
    assert main(["export", "tracks.txt", *options]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert error in err
    assert [path.name for path in tmp_path.iterdir()] == ["tracks.txt"]


def test_tracks_without_times_or_names_are_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("1,1,10,20,30,40,0.9,0,-1,-1\n")
    assert main(["export", "a.txt", "--to", "csv"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "track: note: a.txt: frame rate unknown, so times are empty; give --frame-rate or --video",
        "track: note: a.txt: names of classes unknown, so they are empty; give --names",
    ]


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("1,1,10,20,30,40,0.9,-1,-1,-1\n")
    Path("tracks.csv").write_text("old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("csv.writer", full)
    assert main(["export", "a.txt", "--to", "csv", "--overwrite"]) == 2
    assert "tracks.csv: cannot be written (No space left on device); make room" in capsys.readouterr().err
    assert Path("tracks.csv").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "tracks.csv"]
