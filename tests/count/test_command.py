"""`track count` on files: what it prints, and what it refuses in one line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import cv2
import pytest
from made import write_video
from walks import rows_of, walk

from tracker.commands.main import main
from tracker.io.mot import write_results

DOOR = "door=100,200 300,200"
SQUARE = "100,100 300,100 400,300 0,300 = 0,0 8,0 8,12 0,12"


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One person who walks down through the door, and the folder of tests."""
    monkeypatch.chdir(tmp_path)
    write_results("tracks.txt", rows_of(walk((200, 101), (200, 301))))
    return "tracks.txt"


def test_people_read_lines_of_text(results: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["count", results, "--line", DOOR, "--zone", "0,250 400,250 400,400 0,400", "--frame-rate", "25"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "line door: in 1, out 0",
        "zone zone1: enter 1, leave 0; at most 1 at once, 0.3 on average",
        "people: 1 (between 1 and 1)",
    ]
    assert err == ""


def test_programs_read_json_and_csv(results: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["count", results, "--line", DOOR, "--frame-rate", "25", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {key: said["lines"]["door"][key] for key in ("in", "out", "undecided")} == {
        "in": 1,
        "out": 0,
        "undecided": 0,
    }
    (event,) = said["lines"]["door"]["events"]
    assert event == {
        "frame": 26,
        "time": 0.99,
        "id": 1,
        "class": None,
        "direction": "in",
        "certainty": "sure",
        "gap": 0,
        "x": 200.0,
        "y": 200.0,
    }
    assert (said["zones"], said["people"], said["merges"]) == ({}, 1, [])
    assert main(["count", results, "--line", DOOR, "--csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["place"], row["frame"], row["time"], row["direction"]) == ("door", "26", "", "in")


def test_without_a_frame_rate_a_note_says_so(results: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["count", results, "--line", DOOR]) == 0
    assert capsys.readouterr().err == (
        "track: note: tracks.txt: frame rate unknown, so times and stays are left out; give --frame-rate\n"
    )


def test_the_rate_of_run_json_is_used(results: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("run.json").write_text('{"source": {"frame_rate": 50, "size": [640, 480], "name": "a", "frames": 60}}')
    assert main(["count", ".", "--line", DOOR, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["frame_rate"] == 50
    assert said["lines"]["door"]["events"][0]["time"] == 0.495
    Path("run.json").write_text("[]")
    assert main(["count", ".", "--line", DOOR, "--json"]) == 0


def test_no_merge_keeps_ids(results: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = walk((200, 100), (200, 300))
    write_results(results, rows_of(path[:25], path[25:], first=(1, 26)))
    for option, expected in (([], (1, 0)), (["--no-merge"], (0, 2))):
        assert main(["count", results, "--line", DOOR, "--json", *option]) == 0
        said = json.loads(capsys.readouterr().out)["lines"]["door"]
        assert (said["in"], said["undecided"]) == expected


def test_speed_and_heat(results: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_video(Path("street.mp4"), 2)
    heat = ["--heat", "heat.png", "--video", "street.mp4"]
    assert main(["count", results, "--ground", SQUARE, "--frame-rate", "25", *heat]) == 0
    assert "speed: median " in capsys.readouterr().out
    assert cv2.imread("heat.png") is not None
    assert main(["count", results, *heat]) == 2
    assert "--heat heat.png: exists; give another name, or --overwrite" in capsys.readouterr().err
    assert main(["count", results, *heat, "--overwrite"]) == 0
    assert main(["count", results, "--heat", "dark.png"]) == 0
    assert cv2.imread("dark.png").shape[:2] == (301, 212)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ([], "nothing to count; give --line, --zone, --ground or --heat"),
        (["--line", "door=100,200"], "line door: has one point"),
        (["--zone", "0,0 9,9 9,0 0,9"], "zone zone1: edges 1 and 3 cross or touch"),
        (["--line", DOOR, "--line", DOOR], "line door: there are two of this name"),
        (["--line", DOOR, "--band", "-1"], "line door: band=-1.0: give a share"),
        (["--line", DOOR, "--frame-rate", "0"], "--frame-rate 0.0: give frames per second, above 0"),
        (["--line", DOOR, "--merge-gap", "soon"], "merge_gap='soon'"),
        (["--ground", "0,0 1,1 2,2 0,3 = 0,0 8,0 8,12 0,12"], "three of the four points in image lie on a line"),
        (["--ground", SQUARE], "speed needs times and the frame rate is unknown"),
        (["--heat", "heat.jpg"], "--heat heat.jpg: give a name that ends in .png"),
        (["--heat", "none/heat.png"], "--heat none/heat.png: no such folder"),
        (["--line", DOOR, "--video", "a.mp4"], "--video is the picture below --heat"),
    ],
)
def test_what_is_refused(results: str, options: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["count", results, *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("track: ")
    assert error in err
    assert err.count("\n") == 1


def test_results_that_are_none(results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["count", "empty", "--line", DOOR]) == 2
    assert "empty: has no tracks.txt; give a results file, or the folder of a run" in capsys.readouterr().err
    assert main(["count", "gone.txt", "--line", DOOR]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    Path("tracks.txt").write_text("")
    assert main(["count", results, "--line", DOOR]) == 0
    assert "has no rows, so there is nothing to count" in capsys.readouterr().err


def test_a_full_disk(results: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device", str(self))

    Path("heat.png").write_bytes(b"old")
    monkeypatch.setattr(Path, "write_bytes", full)
    assert main(["count", results, "--heat", "heat.png", "--overwrite"]) == 2
    assert capsys.readouterr().err == (
        "track: heat.png: cannot be written (No space left on device); make room, or write to another place\n"
    )
    assert Path("heat.png").read_bytes() == b"old"
    assert sorted(path.name for path in Path().iterdir()) == ["heat.png", "tracks.txt"]


def test_events_name_their_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"{frame},1,190,{100 + 4 * frame},20,40,0.9,{frame % 1 + 2},-1,-1\n" for frame in range(1, 51)]
    Path("a.txt").write_text("".join(lines))
    Path("names.txt").write_text("person\nbicycle\n=car\n")
    command = ["count", "a.txt", "--line", "door=0,250 400,250", "--zone", "all=0,0 400,0 400,400 0,400"]
    assert main([*command, "--names", "names.txt", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [event["class_name"] for event in said["lines"]["door"]["events"]] == ["=car"]
    assert [visit["class_name"] for visit in said["zones"]["all"]["visits"]] == ["=car"]
    assert main([*command, "--names", "names.txt", "--csv"]) == 0
    heading, first = capsys.readouterr().out.splitlines()[:2]
    assert heading.endswith(",y,class_name")
    assert first.endswith(",'=car")  # no spreadsheet runs it
    assert main([*command, "--csv"]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith(",x,y")
