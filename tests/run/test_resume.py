"""A run that is killed, at any frame and any number of times, and resumed, is the run that nobody killed."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import tracker
from tests.clips import one_line
from tests.made import write_video
from tracker.commands.main import main
from tracker.io.snapshot import read_snapshot
from tracker.io.source import Frame, Place, Source
from tracker.run.snapshots import NAME, seconds_between

FRAMES = 45
PROGRAM = Path(__file__).with_name("killed_runs.py")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with street.mp4, and street.npz: six objects of three classes with embeddings, some missed."""
    folder = tmp_path_factory.mktemp("clip")
    write_video(folder / "street.mp4", FRAMES)
    chance = np.random.default_rng(1)
    rows = []
    for frame in range(1, FRAMES + 1):
        for i in range(6):
            if chance.random() < 0.85:
                x, y = (40 + 90 * i + (4 if i % 2 else -3) * frame) % 520, 60 + 30 * i + chance.normal(0, 1)
                vector = np.eye(6, 16)[i] + chance.normal(0, 0.15, 16)
                rows.append((frame, [x, y, x + 40, y + 90], chance.uniform(0.4, 1), i % 3, vector))
    frame, xyxy, score, label, embedding = map(np.array, zip(*rows, strict=True))
    np.savez(folder / "street.npz", frame=frame, xyxy=xyxy, score=score, embedding=embedding, **{"class": label})
    return folder


def command(clip: Path, out: Path, *options: str) -> list[str]:
    start = [str(clip / "street.mp4"), "--detector", str(clip / "street.npz"), "--no-video", "--quiet"]
    return [*start, "-o", str(out), *options]


def decisions(path: Path) -> list[object]:
    with closing(sqlite3.connect(path)) as base:
        tables = ("SELECT * FROM decisions", "SELECT * FROM frames", "SELECT * FROM meta")
        return [sorted(base.execute(table).fetchall(), key=repr) for table in tables]


EVERYTHING = ["--log", "--save", "csv,coco", "--line", "gate=300,0 300,400", "--zone", "hall=50,50 400,50 400,400"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which this system does not have")
@pytest.mark.parametrize(
    ("kills", "options"),
    [
        (20, ["--algo", "steady", *EVERYTHING]),
        (3, ["--algo", "deepsort"]),
        (3, ["--algo", "deepsort", "--set", "lone_iou=0.5", "--camera-motion", "ecc"]),
        (3, ["--algo", "bytetrack", "--camera-motion", "flow", "--every", "3", "--log"]),
        (3, ["--algo", "ocsort", "--class-column", "--camera-motion", "pairs"]),
        (3, ["--algo", "botsort", "--camera-motion", "orb"]),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_killed_and_resumed_is_as_if_never_killed(clip: Path, tmp_path: Path, kills: int, options: list[str]) -> None:
    seed = str(sum(map(len, options)))
    given = [str(clip / "street.mp4"), "--detector", str(clip / "street.npz"), "--no-video", "--quiet", *options]
    call = [sys.executable, str(PROGRAM), str(tmp_path), seed, str(kills), *given]
    root = Path(tracker.__file__).parents[1]
    done = subprocess.run(call, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root)})
    assert done.returncode == 0, done.stdout + done.stderr
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert {path.name for path in whole.iterdir()} == {path.name for path in killed.iterdir()}
    assert (whole / "tracks.txt").stat().st_size > 1000
    for path in whole.iterdir():
        if path.name == "log.sqlite":
            assert decisions(path) == decisions(killed / path.name)
        elif path.name not in (NAME, "run.json"):  # which tell of the runs
            assert path.read_bytes() == (killed / path.name).read_bytes(), path.name


def test_a_run_that_is_stopped_goes_on_too_and_one_that_is_complete_stays_as_it_is(clip: Path, tmp_path: Path) -> None:
    given = {"algo": "sort", "detector": clip / "street.npz", "save": tmp_path / "out"}
    run = tracker.track(clip / "street.mp4", **given, snapshot=3600)
    for _ in range(17):
        next(run)
    run.close()
    assert run.state == "interrupted"
    assert read_snapshot(tmp_path / "out" / NAME)[0]["place"]["number"] == 17

    run = tracker.track(clip / "street.mp4", **given, resume=True)
    seen = [tracks.frame for _, tracks in run]
    assert seen == list(range(18, FRAMES + 1))
    assert json.loads((tmp_path / "out" / "run.json").read_text())["goes_on_behind_frame"] == 17
    assert (run.state, run.counts["frames"]) == ("complete", FRAMES)
    whole = tracker.track(clip / "street.mp4", **{**given, "save": tmp_path / "whole"})
    for _ in whole:
        pass
    text = (tmp_path / "whole" / "tracks.txt").read_bytes()
    assert (tmp_path / "out" / "tracks.txt").read_bytes() == text
    assert list(tracker.track(clip / "street.mp4", **given, resume=True)) == []
    assert (tmp_path / "out" / "tracks.txt").read_bytes() == text


def stopped(clip: Path, out: Path, **options: object) -> None:
    """A run that was left after 20 frames."""
    run = tracker.track(clip / "street.mp4", algo="sort", detector=clip / "street.npz", save=out, snapshot=0, **options)
    for _ in range(20):
        next(run)
    run.close()


def resumed(clip: Path, out: Path, **options: object) -> pytest.ExceptionInfo[ValueError]:
    """The error of a run that tries to go on with it; the text must be as it was."""
    before = (out / "tracks.txt").read_bytes()
    given = {"algo": "sort", "detector": clip / "street.npz", **options}
    with pytest.raises(ValueError, match=r"\w") as error:
        list(tracker.track(given.pop("source", clip / "street.mp4"), **given, save=out, resume=True))
    assert (out / "tracks.txt").read_bytes() == before
    return error


def test_another_run_is_refused(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    stopped(clip, out)
    one_line(resumed(clip, out, algo="bytetrack"), NAME, "algorithm.name was sort and is bytetrack", "--overwrite")
    one_line(resumed(clip, out, settings={"max_age": 7}), "algorithm.parameters.max_age was", "is 7")
    one_line(resumed(clip, out, conf=0.5), "detector.conf was None and is 0.5")
    one_line(resumed(clip, out, every=2), "detector.every was 1 and is 2")
    one_line(resumed(clip, out, log=True), "writes.log was False and is True")
    other = tmp_path / "street.mp4"
    write_video(other, FRAMES + 1)
    one_line(resumed(clip, out, source=other), "another run: source.")
    copied = np.load(clip / "street.npz")
    np.savez(tmp_path / "street.npz", **{**copied, "score": copied["score"] * 0.99})
    one_line(resumed(clip, out, detector=tmp_path / "street.npz"), "inputs.detector")


def test_a_snapshot_that_is_damaged_or_of_another_version_is_refused(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    stopped(clip, out)
    good = (out / NAME).read_bytes()
    for bad in (
        b"",
        good[:-100],
        good.replace(b'"facts"', b'"fakts"', 1),
        good.replace(b"\0\0", b"\0\1"),
        b"text\n" * 9,
    ):
        (out / NAME).write_bytes(bad)
        one_line(resumed(clip, out), NAME)
    (out / NAME).write_bytes(good)
    with monkeypatch.context() as patch:
        patch.setattr("tracker.io.snapshot.VERSION", 2)
        one_line(resumed(clip, out), NAME, "format 1", "format 2")
    with monkeypatch.context() as patch:
        patch.setattr("tracker.io.snapshot._trackwhy", lambda: "99.0")
        one_line(resumed(clip, out), NAME, "this is 99.0")


def test_files_that_are_not_as_the_run_left_them_are_refused(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    stopped(clip, out, log=True)
    text, log = (out / "tracks.txt").read_bytes(), (out / "log.sqlite").read_bytes()
    for bad in (text[:-50], text.replace(b"1,1,", b"1,2,", 1)):
        (out / "tracks.txt").write_bytes(bad)
        one_line(resumed(clip, out, log=True), "tracks.txt", "not as the run left it")
    (out / "tracks.txt").write_bytes(text)
    for bad in (b"no database" * 100, log[:5000]):
        (out / "log.sqlite").write_bytes(bad)
        one_line(resumed(clip, out, log=True), "log.sqlite", "not as the run left it")
    (out / "log.sqlite").unlink()
    one_line(resumed(clip, out, log=True), "log.sqlite", "not as the run left it")


def test_a_folder_without_a_snapshot(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new, used = tmp_path / "new", tmp_path / "used"
    assert main(command(clip, new, "--algo", "sort", "--resume")) == 0  # nothing to go on from: it begins
    used.mkdir()
    (used / "tracks.txt").write_text("1,1,0,0,10,10,1,-1,-1,-1\n")
    assert main(command(clip, used, "--algo", "sort", "--resume")) == 2
    assert "used: has no snapshot to go on from" in capsys.readouterr().err
    assert (used / "tracks.txt").read_text() == "1,1,0,0,10,10,1,-1,-1,-1\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--snapshot", "soon", "--no-video"], "--snapshot 'soon': give a time such as 30s"),
        (["--snapshot", "-1s", "--no-video"], "--snapshot"),
        (["--snapshot", "30s"], "--no-video"),
        (["--resume"], "--no-video"),
        (["--resume", "--overwrite", "--no-video"], "give one of them"),
        (["--snapshot", "30s", "--no-video", "--detector", "motion"], "motion remembers earlier images"),
    ],
)
def test_bad_options(
    clip: Path, tmp_path: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [f"--snapshot={options[1]}", *options[2:]] if options[1:2] == ["-1s"] else options
    assert main([str(clip / "street.mp4"), "-o", str(tmp_path / "out"), *options]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_seconds() -> None:
    assert [seconds_between(text, "x") for text in ("30s", "10m", "1h", "0", 2.5)] == [30, 600, 3600, 0, 2.5]


class Own:
    """A tracker of the user's own: every detection is a track of its row; ``state`` counts."""

    def __init__(self) -> None:
        self.state: dict[str, object] = {"seen": 0, "boxes": np.empty((0, 4))}

    def update(self, detections: tracker.Detections, frame: object = None, time: float | None = None) -> tracker.Tracks:
        self.state = {"seen": int(self.state["seen"]) + len(detections), "boxes": detections.boxes}  # type: ignore[call-overload]
        return tracker.Tracks.of_boxes(np.arange(len(detections)) + self.state["seen"], detections.boxes)


class Silent(Own):
    """One that does not say what it remembers."""

    @property
    def state(self) -> dict[str, object]:  # type: ignore[override]
        raise AttributeError("state")

    @state.setter
    def state(self, value: dict[str, object]) -> None:
        self.kept = value


def test_a_tracker_of_the_users_own(clip: Path, tmp_path: Path) -> None:
    given = {"detector": clip / "street.npz"}
    texts = []
    for name, stops in (("whole", []), ("parts", [5, 1, 20])):
        for k, stop in enumerate([*stops, 1000]):
            run = tracker.track(
                clip / "street.mp4", algo=Own(), **given, save=tmp_path / name, snapshot=0, resume=k > 0
            )
            for _ in zip(range(stop), run, strict=False):
                pass
            run.close()
        texts.append((tmp_path / name / "tracks.txt").read_bytes())
    assert texts[0] == texts[1] != b""
    with pytest.raises(ValueError, match="state") as error:
        tracker.track(clip / "street.mp4", algo=Silent(), **given, save=tmp_path / "silent", snapshot=0)
    one_line(error, "Silent cannot be saved", "state")


def test_a_live_source_keeps_ids_and_time(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detections = tracker.detect.recorded.Recorded(clip / "street.npz")
    now = [1000.0]
    monkeypatch.setattr("tracker.run.snapshots.clock.time", lambda: now[0])
    image = np.zeros((400, 600, 3), np.uint8)

    def camera(first: int) -> Source:
        """From each start it counts from 1 again."""
        frames = (Frame(image, k, (k - 1) / 10) for k in range(1, 21))
        source = Source("camera", "webcam", lambda _: frames, frame_rate=10, live=True)
        shown = iter(range(first, first + 20))
        source.look = lambda _: detections.at(next(shown))  # type: ignore[attr-defined]
        return source

    def run(first: int, resume: bool) -> list[tuple[int, float | None, set[int]]]:
        source = camera(first)
        given = {"algo": "sort", "detector": source.look, "save": tmp_path / "out"}  # type: ignore[attr-defined]
        steps = tracker.track(source, **given, snapshot=0, resume=resume)
        return [(tracks.frame, tracks.time, set(tracks.ids.tolist())) for _, tracks in steps]

    before = run(1, resume=False)
    now[0] += 0.3
    after = run(21, resume=True)
    assert [number for number, _, _ in after] == list(range(21, 41))
    assert after[0][1] == pytest.approx(before[-1][1] + 0.3)
    assert after[2][2] & before[-1][2], "the same objects have the same ids"
    numbers = [int(line.split(",")[0]) for line in (tmp_path / "out" / "tracks.txt").read_text().splitlines()]
    assert numbers == sorted(numbers)
    assert numbers[-1] == 40
    place = Place(7, 2.0, 7, now[0] - 5)
    assert [(f.number, f.time) for f in place.behind([Frame(None, 1, 0.0), Frame(None, 3, 0.2)], 10)] == [
        (8, 7.0),
        (10, 7.2),
    ]
