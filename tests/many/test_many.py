"""Many videos: each equals a run of its own, what is done stays done, and a failure stops no other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tracker.commands.main import main
from tracker.many import listed

FRAMES = 12


def clip(path: Path, seed: int, frames: int = FRAMES) -> Path:
    """A video of a bright box that crosses a noisy scene."""
    rng = np.random.default_rng(seed)
    scene = rng.integers(60, 90, (96, 128, 3), dtype=np.uint8)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (128, 96))
    for n in range(frames):
        image = scene.copy()
        image[30:70, 5 + 6 * n : 25 + 6 * n] = 230
        writer.write(image)
    writer.release()
    return path


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "clips"
    folder.mkdir()
    for seed, name in enumerate("abc"):
        clip(folder / f"{name}.mp4", seed)
    for name in "abc":
        lines = "".join(f"{n},-1,{5 + 6 * n},30,20,40,.9,-1,-1,-1\n" for n in range(1, FRAMES + 1))
        (folder / f"{name}.txt").write_text(lines)
    return folder


WORDS = ["--algo", "sort", "--detector", "clips/{name}.txt", "--no-video", "--workers", "2"]


class Here:
    """An engine that runs each task in this process, at once."""

    name = "here"
    room = 1

    def submit(self, function: Any, task: Any, /) -> Future[Any]:
        answer: Future[Any] = Future()
        try:
            answer.set_result(function(task))
        except Exception as error:
            answer.set_exception(error)
        return answer

    def close(self, *, at_once: bool = False) -> None:
        pass


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """No processes: they take a second to begin."""
    monkeypatch.setattr("tracker.workers.open.open_engine", lambda *_, **__: Here())


def many(*words: str) -> int:
    return main(["many", *words, *WORDS, "-o", "out"])


def summary() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("out/summary.json").read_text())
    return {one["name"]: one["state"] for one in found["videos"]}


def test_each_video_gets_what_a_run_of_its_own_gives(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By two real processes."""
    assert many("clips/*.mp4") == 0
    assert "3 of 3 videos: 3 complete, 0 kept" in capsys.readouterr().out
    for name in "abc":
        words = [f"clips/{name}.mp4", "--algo", "sort", "--detector", f"clips/{name}.txt", "--no-video", "--quiet"]
        assert main([*words, "-o", f"alone/{name}"]) == 0
        assert Path(f"out/{name}/tracks.txt").read_bytes() == Path(f"alone/{name}/tracks.txt").read_bytes() != b""
    page = Path("out/index.html").read_text()
    assert 'href="a/tracks.txt"' in page


@pytest.mark.usefixtures("here", "clips")
def test_a_second_call_does_what_is_missing_or_changed() -> None:
    assert many("clips/*.mp4") == 0
    dates = {name: Path(f"out/{name}/run.json").stat().st_mtime_ns for name in "abc"}

    def changed() -> set[str]:
        now = {name: Path(f"out/{name}/run.json").stat().st_mtime_ns for name in "abc"}
        new = {name for name in "abc" if now[name] != dates[name]}
        dates.update(now)
        return new

    assert many("clips/*.mp4") == 0
    assert changed() == set()
    assert summary() == dict.fromkeys("abc", "kept")
    os.utime("clips/a.mp4")  # touched, not changed
    assert many("clips/*.mp4") == 0
    assert changed() == set()
    clip(Path("clips/b.mp4"), seed=7)
    Path("out/c/run.json").write_text("{")
    assert many("clips/*.mp4") == 0
    assert changed() == {"b", "c"}
    Path("clips/a.txt").write_text("1,-1,5,30,20,40,.9,-1,-1,-1\n")  # its detections
    assert many("clips/*.mp4") == 0
    assert changed() == {"a"}
    assert many("clips/*.mp4", "--set", "max_age=3") == 0
    assert changed() == set("abc")


@pytest.mark.usefixtures("here", "clips")
def test_a_failure_is_tried_again_written_down_and_stops_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    Path("clips/b.mp4").write_text("no video")
    assert many("clips/*.mp4", "clips/missing.mp4") == 1
    assert summary() == {"a": "complete", "b": "failed", "c": "complete", "missing": "failed"}
    said = capsys.readouterr()
    assert "b: failed: clips/b.mp4: this is a text file, not a video" in said.err
    assert "missing: failed: clips/missing.mp4: no such file" in said.err
    assert "text file" in json.loads(Path("out/b/failed.json").read_text())["error"]
    assert "text file" in Path("out/index.html").read_text()
    clip(Path("clips/b.mp4"), seed=1)
    assert many("clips/*.mp4") == 0
    assert summary() == {"a": "kept", "b": "complete", "c": "kept"}
    assert not Path("out/b/failed.json").exists()


@pytest.mark.usefixtures("here", "clips")
def test_shards_share_the_videos(capsys: pytest.CaptureFixture[str]) -> None:
    assert many("clips/*.mp4", "--shard", "1/2") == 0
    assert [Path(f"out/{name}").exists() for name in "abc"] == [True, False, True]
    assert many("clips/*.mp4", "--shard", "2/2") == 0
    assert many("clips/*.mp4") == 0
    assert summary() == dict.fromkeys("abc", "kept")
    for wrong in ("0/2", "3/2", "2", "a/b"):
        assert many("clips/*.mp4", "--shard", wrong) == 2
        assert f"--shard {wrong}: give i/n" in capsys.readouterr().err


@pytest.mark.usefixtures("here", "clips")
def test_json_is_a_line_for_each_video(capsys: pytest.CaptureFixture[str]) -> None:
    Path("clips/b.mp4").write_text("no video")
    assert many("clips/*.mp4", "--json") == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted((one["name"], one["state"]) for one in lines) == [
        ("a", "complete"),
        ("b", "failed"),
        ("c", "complete"),
    ]


@pytest.mark.usefixtures("here", "clips")
def test_hostile_names_are_escaped() -> None:
    clip(Path("clips/<script>x.mp4"), seed=1)
    Path("clips/_script_x.txt").write_text("1,-1,5,30,20,40,.9,-1,-1,-1\n")
    assert many("clips/<script>x.mp4") == 0
    page = Path("out/index.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;x.mp4" in page


def test_lists_patterns_and_names(clips: Path) -> None:
    Path("list.txt").write_text("# three\nclips/a.mp4\n\nclips/b.mp4\tdoor\nrtsp://me:secret@cam/stream7\n")
    videos, notes = listed(["list.txt", "clips/[a-b].mp4", "clips/a.mp4"])
    assert [(Path(v.source).name, v.name) for v in videos] == [
        ("a.mp4", "a"),
        ("b.mp4", "door"),
        ("stream7", "stream7"),
    ]
    assert notes == ["clips/a.mp4: named more than once, tracked once"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["clips/*.avi"], "clips/*.avi: no file fits; check the pattern"),
        (["nowhere.txt"], "nowhere.txt: cannot be read as a list of videos"),
        (["empty.txt"], "empty.txt: names no video"),
        (["clips/a.mp4", "other/a.mp4"], "would both write to the folder a"),
        (["clips/a.mp4", "--engine", "local", "--address", "x:1"], "address goes with the engines dask and ray"),
        ([], "no SOURCE given"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: list[str], line: str, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty.txt").write_text("# nothing\n")
    assert many(*words) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1


@pytest.mark.usefixtures("here")
def test_two_calls_do_not_share_a_folder(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tracker.many.schedule import claim

    held = claim(Path("out"), None)
    assert many("clips/*.mp4") == 2
    assert "out: another call is writing there" in capsys.readouterr().err
    held.release()
    assert many("clips/*.mp4") == 0


@pytest.mark.usefixtures("here", "clips")
def test_videos_on_object_storage() -> None:
    fsspec = pytest.importorskip("fsspec", reason="needs the extra storage")
    with fsspec.open("memory://bucket/a.mp4", "wb") as remote:
        remote.write(Path("clips/a.mp4").read_bytes())
    assert many("memory://bucket/a.mp4", "clips/b.mp4") == 0
    assert many("memory://bucket/gone.mp4") == 1
    assert "cannot be fetched" in json.loads(Path("out/gone/failed.json").read_text())["error"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_call_that_was_stopped_goes_on(number: signal.Signals, clips: Path) -> None:
    for n in range(12):
        clip(Path(f"clips/long{n}.mp4"), n, frames=200)
    words = ["clips/long*.mp4", "--detector", "motion", "--algo", "sort", "--no-video", "--workers", "2", "-o", "out"]
    command = [sys.executable, "-m", "tracker", "many", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True) as running:
        until = time.monotonic() + 60
        while time.monotonic() < until and len(list(Path("out").glob("*/tracks.txt"))) < 3:
            time.sleep(0.01)
        running.send_signal(number)
        running.wait(30)
    assert running.returncode == (130 if number == signal.SIGINT else -number)
    assert main(["many", *words]) == 0
    states = list(summary().values())
    assert len(states) == 12
    assert states.count("kept") >= 1
    for n in range(12):
        assert json.loads(Path(f"out/long{n}/run.json").read_text())["state"] == "complete"


@pytest.mark.usefixtures("here", "clips")
def test_a_quiet_call_prints_no_note(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from tracker.detect.auto import Choice

    choice = Choice("motion", notes=("the network is not here",))
    monkeypatch.setattr("tracker.detect.auto.choose", lambda **_: choice)
    words = ["many", "clips/a.mp4", "--no-video", "--workers", "1", "-o", "out", "--overwrite"]
    for more, noted in (["--quiet"], False), (["--json"], False), ([], True):
        assert main([*words, *more]) in (0, 1)
        assert ("the network is not here" in capsys.readouterr().err) == noted
