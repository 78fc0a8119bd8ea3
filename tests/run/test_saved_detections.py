"""Detections that a run keeps give the same tracks again, byte for byte, without a detector and without images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import tracker
from tests.clips import one_line
from tests.made import write_video
from tracker.commands.main import main
from tracker.detect import Recorded
from tracker.detect.saved import Saved
from tracker.detections import Detections
from tracker.io import detections_file
from tracker.io.detections_file import DetectionsFolder, DetectionsWriter

FRAMES = 40


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with street.mp4, and street.npz: five objects with embeddings and classes, some missed."""
    folder = tmp_path_factory.mktemp("clip")
    write_video(folder / "street.mp4", FRAMES)
    chance = np.random.default_rng(2)
    rows = []
    for frame in range(1, FRAMES + 1):
        for i in range(5):
            if chance.random() < 0.85:
                x, y = 40 + 100 * i + 3 * frame, 60 + 30 * i + chance.normal(0, 1)
                vector = np.eye(5, 16)[i] + chance.normal(0, 0.15, 16)
                rows.append((frame, [x, y, x + 40, y + 90], chance.uniform(0.3, 1), i % 2, vector))
    frame, xyxy, score, label, embedding = map(np.array, zip(*rows, strict=True))
    np.savez(folder / "street.npz", frame=frame, xyxy=xyxy, score=score, embedding=embedding, **{"class": label})
    return folder


def run(clip: Path, out: Path, detector: Path, *options: str) -> bytes:
    call = [str(clip / "street.mp4"), "--detector", str(detector), "--no-video", "--quiet", "-o", str(out), *options]
    assert main(call) == 0
    return (out / "tracks.txt").read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        ["--algo", "steady"],
        ["--algo", "deepsort", "--class-column"],
        ["--algo", "bytetrack", "--camera-motion", "flow"],
        ["--algo", "sort", "--every", "3", "--camera-motion", "ecc"],
    ],
    ids=" ".join,
)
def test_the_same_tracks_without_decoding(
    clip: Path, tmp_path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detections_file, "PART", 7)
    kept = tmp_path / "kept"
    first = run(clip, tmp_path / "first", clip / "street.npz", *options, "--save-detections", str(kept))
    assert len(list(kept.glob("*.npz"))) == -(-FRAMES // 7)
    assert json.loads((kept / "detections.json").read_text())["complete"] is True

    def decode(*_: object, **__: object) -> object:
        raise AssertionError("an image is decoded")

    monkeypatch.setattr("tracker.io.video_file.captured_frames", decode)
    assert run(clip, tmp_path / "again", kept, *options) == first != b""
    part = run(clip, tmp_path / "part", kept, *options, "--frames", "10:30")
    numbers = {int(line.split(b",")[0]) for line in part.splitlines()}
    assert numbers <= set(range(10, 31))
    assert numbers


def test_a_folder_holds_what_the_detector_gave(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detections_file, "PART", 16)
    kept = tmp_path / "kept"
    run(clip, tmp_path / "out", clip / "street.npz", "--algo", "sort", "--save-detections", str(kept))
    saved, given = Saved(kept), Recorded(clip / "street.npz")
    assert (saved.frames, saved.embedded, saved.folder.rows) == (given.frames, True, len(given))
    for number in range(FRAMES + 3):
        a, b = saved.at(number), given.at(number)
        assert np.array_equal(a.floats, b.floats)
        assert np.array_equal(a.integers, b.integers)
        assert len(a) == 0 or np.array_equal(a.embeddings, b.embeddings)
    assert [len(Saved(kept, conf=0.6).at(n)) for n in range(1, 9)] == [
        len(Recorded(clip / "street.npz", conf=0.6).at(n)) for n in range(1, 9)
    ]
    part = Recorded(kept / "000002.npz")  # a part alone is a file of detections too
    assert part.numbers == [n for n in given.numbers if 17 <= n <= 32]


def test_embeddings_in_half_of_the_space_or_not_at_all(clip: Path, tmp_path: Path) -> None:
    sizes = {}
    for how in ("float32", "float16", "none"):
        kept = tmp_path / how
        options = ["--algo", "sort", "--save-detections", str(kept), "--save-embeddings", how]
        run(clip, tmp_path / f"{how}-run", clip / "street.npz", *options)
        sizes[how] = sum(path.stat().st_size for path in kept.iterdir())
        found = Saved(kept).at(1).embeddings
        assert (found is None) == (how == "none")
        if found is not None:
            assert found == pytest.approx(Recorded(clip / "street.npz").at(1).embeddings, abs=1e-3)
    assert sizes["float32"] > sizes["float16"] > sizes["none"]


def test_twins_and_frames_without_detections(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    writer = DetectionsWriter(folder, {"source": {}})
    boxes = Detections([[0, 0, 10, 10], [5, 5, 20, 30]], [0.5, 0.7], [1, 2])
    twinned = boxes.with_twins(np.array([2, -1]), np.array([0.25, 0]))
    for number, found in enumerate((Detections.empty(), boxes, twinned, Detections.empty()), start=3):
        writer.write(number, number / 10, found)
    writer.close(complete=True)
    read = DetectionsFolder(folder)
    assert read.numbers.tolist() == [3, 4, 5, 6]
    assert (read.last, read.rows, read.embedded, read.motions) == (5, 4, False, None)
    assert np.array_equal(read.at(5).twins, twinned.twins)
    assert [len(read.at(number)) for number in range(8)] == [0, 0, 0, 0, 2, 2, 0, 0]


def test_classes_by_the_names_that_the_detector_had(clip: Path, tmp_path: Path) -> None:
    class Named:
        def __init__(self) -> None:
            self.class_names = {0: "person", 1: "car"}

        def __call__(self, image: object) -> object:
            return np.array([[10, 10, 40, 90, 0.9, 0], [100, 10, 190, 60, 0.8, 1]])

    from tracker.run.driver import Driver
    from tracker.run.open import Options, open_run
    from tracker.run.output import Output

    opened = open_run(Options(clip / "street.mp4", algo="sort", detector=Named(), frames="1:5"))
    output = Output(tmp_path / "out", opened, {}, video=False, detections=(tmp_path / "kept", "float32"))
    assert len(list(Driver(opened, output).steps())) == 5
    assert Saved(tmp_path / "kept", classes=["Car"]).at(3).classes.tolist() == [1]
    with pytest.raises(ValueError, match="no class 'cat', did you mean 'car'") as error:
        Saved(tmp_path / "kept", classes=["cat"])
    one_line(error, "kept")


def test_a_run_that_is_resumed_keeps_all_of_them(clip: Path, tmp_path: Path) -> None:
    """Between snapshot and kill parts may have been written: they are cut off."""
    kept, whole = tmp_path / "kept", tmp_path / "whole"
    options = ["--algo", "sort", "--snapshot", "0"]
    run(clip, tmp_path / "a", clip / "street.npz", *options, "--save-detections", str(whole))
    run(clip, tmp_path / "b", clip / "street.npz", *options, "--save-detections", str(kept))
    (kept / f"{FRAMES + 1:06d}.npz").write_bytes((kept / "000001.npz").read_bytes())
    run(clip, tmp_path / "b", clip / "street.npz", *options[:2], "--resume", "--save-detections", str(kept))
    a, b = DetectionsFolder(kept), DetectionsFolder(whole)
    assert np.array_equal(a.numbers, b.numbers)
    assert all(np.array_equal(a.at(n).floats, b.at(n).floats) for n in range(1, FRAMES + 1))


def test_a_run_killed_before_its_first_snapshot_begins_its_detections_anew(clip: Path, tmp_path: Path) -> None:
    out, kept = tmp_path / "out", tmp_path / "kept"
    given = {"detector": clip / "street.npz", "algo": "sort", "save": out, "save_detections": kept}
    begun = tracker.track(clip / "street.mp4", **given, snapshot=3600)
    next(begun)
    empty = (out / "snapshot.npz").read_bytes()
    begun.close()
    (out / "snapshot.npz").write_bytes(empty)
    (kept / "000002.npz").write_bytes((kept / "000001.npz").read_bytes())  # it had come further
    assert len(list(tracker.track(clip / "street.mp4", **given, resume=True))) == FRAMES
    assert DetectionsFolder(kept).numbers.tolist() == list(range(1, FRAMES + 1))


def test_bad_folders(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = tmp_path / "good"
    run(clip, tmp_path / "out", clip / "street.npz", "--algo", "sort", "--every", "2", "--save-detections", str(good))

    def refused(*options: str) -> str:
        capsys.readouterr()
        call = [str(clip / "street.mp4"), "--no-video", "-o", str(tmp_path / "new"), "--algo", "sort"]
        assert main([*call, *options]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1, error
        return error

    part, meta = (good / "000001.npz").read_bytes(), (good / "detections.json").read_text()
    assert "saved with every=2" in refused("--detector", str(good))
    (good / "detections.json").write_text(meta.replace('"version": 1', '"version": 9'))
    assert "detections.json: is of version 9" in refused("--detector", str(good))
    (good / "detections.json").write_text("{")
    assert "cannot be read" in refused("--detector", str(good))
    (good / "detections.json").write_text(meta)
    for bad in (b"", part[:-50], part.replace(b"\0\0", b"\0\1"), b"text"):
        (good / "000001.npz").write_bytes(bad)
        assert "000001.npz" in refused("--detector", str(good), "--every", "2")
    (good / "000001.npz").rename(good / "000002.npz")
    assert "a part is missing" in refused("--detector", str(good), "--every", "2")
    (good / "000002.npz").unlink()
    np.savez(good / "000001.npz", frame=[1], xyxy=[[0, 0, 1, 1]])
    assert "does not list its frames" in refused("--detector", str(good), "--every", "2")
    given = ["--detector", str(clip / "street.npz"), "--save-detections"]
    assert "is not empty" in refused(*given, str(good))
    assert "holds what the run reads" in refused(*given, str(clip))
    assert "is a file" in refused(*given, str(tmp_path / "out" / "tracks.txt"))
    assert "no such file" in refused("--detector", str(tmp_path / "absent.npz"))


def test_the_log_of_a_run_is_detections_too(clip: Path, tmp_path: Path) -> None:
    given = ["--algo", "deepsort", "--conf", "0.5"]
    first = run(clip, tmp_path / "a", clip / "street.npz", *given, "--log")
    assert run(clip, tmp_path / "b", tmp_path / "a" / "log.sqlite", *given) == first != b""


def test_another_video_is_decoded_and_old_files_still_open(clip: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first = run(clip, tmp_path / "a", clip / "street.npz", "--algo", "sort", "--save-detections", str(kept))
    other = tmp_path / "other"
    other.mkdir()
    write_video(other / "street.mp4", 10)
    shorter = run(other, tmp_path / "b", kept, "--algo", "sort")
    assert first.startswith(shorter)
    assert {int(line.split(b",")[0]) for line in shorter.splitlines()} <= set(range(1, 11))
    again = tmp_path / "again"
    save = {"save": tmp_path / "out", "save_detections": again}
    steps = list(tracker.track(clip / "street.mp4", detector=kept, algo="sort", **save))
    assert np.array_equal(Saved(again).at(7).floats, Saved(kept).at(7).floats)
    with pytest.raises(ValueError, match="save_detections goes with save"):
        tracker.track(clip / "street.mp4", save_detections=again)
    assert len(steps) == FRAMES
    assert all(image is not None for image, _ in steps)  # the library's user gets the images
