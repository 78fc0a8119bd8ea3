"""One video over many workers: the tracks are those of one machine, byte for byte, however it is cut."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.many.test_many import Here
from tracker.arrays import Image
from tracker.camera_glance import CameraGlance
from tracker.commands.main import main
from tracker.detect.hog import HOG as Detector
from tracker.detections import Detections
from tracker.io.detections_file import DetectionsFolder, DetectionsWriter
from tracker.many import pieces
from tracker.many.pieces import Piece, make
from tracker.run.open import Options

FRAMES = 130
CODECS = {"mp4": "mp4v", "avi": "MJPG", "mkv": "mp4v", "ts": "mp4v"}
FLOW = ["--algo", "bytetrack", "--camera-motion", "flow"]
EMBEDDED = ["--algo", "deepsort", "--reid", "histogram"]


def write_clip(path: Path) -> None:
    """Two bright boxes that cross a scene which a shaking camera sees; a cut in the middle."""
    chance = np.random.default_rng(3)
    scenes = [cv2.resize(chance.integers(40, 120, (20, 26), dtype=np.uint8), None, fx=8, fy=8) for _ in "ab"]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*CODECS[path.suffix[1:]]), 10, (128, 96))
    for n in range(FRAMES):
        x, y = 30 + round(12 * np.sin(n / 5)), 20 + round(8 * np.cos(n / 7))
        image = cv2.cvtColor(scenes[n > 70][y : y + 96, x : x + 128], cv2.COLOR_GRAY2BGR)
        image[20:60, (3 * n) % 108 : (3 * n) % 108 + 20] = (60, 230, 230)
        image[50:80, 100 - (2 * n) % 90 : 112 - (2 * n) % 90] = (250, 90, 20)
        writer.write(image)
    writer.release()


def write_pan(path: Path) -> None:
    """A scene which a camera sees that rests, moves, and rests again."""
    chance = np.random.default_rng(4)
    scene = cv2.resize(chance.integers(40, 220, (30, 60), dtype=np.uint8), None, fx=8, fy=8)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (128, 96))
    x = 0
    for n in range(FRAMES):
        x += 3 if 22 <= n < 31 or 57 <= n < 61 or 106 <= n < 113 else 0
        writer.write(np.repeat(scene[40:136, x : x + 128, None], 3, axis=2))
    writer.release()


def write_network(path: Path) -> None:
    """A network whose four boxes and scores move with where the image is bright."""
    onnx = pytest.importorskip("onnx", reason="needs the onnx package to write models")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    rows, pull = np.zeros((1, 300, 6), np.float32), np.zeros((1, 300, 6), np.float32)
    for k, left in enumerate((4, 14, 28, 40)):
        rows[0, k] = (left, 16 + 2 * k, left + 12, 34 + k, 0.55, k % 2)
        pull[0, k] = (60, 20, 60, 20, (-1) ** k * 4, 0)
    ramp = np.broadcast_to(np.linspace(-0.5, 0.5, 64, dtype=np.float32), (1, 3, 64, 64))
    given = {"rows": rows, "pull": pull, "ramp": np.ascontiguousarray(ramp)}
    nodes = [
        helper.make_node("Mul", ["images", "ramp"], ["weighed"]),
        helper.make_node("ReduceSum", ["weighed"], ["above"], keepdims=0),
        helper.make_node("ReduceSum", ["images"], ["below"], keepdims=0),
        helper.make_node("Div", ["above", "below"], ["centre"]),
        helper.make_node("Mul", ["pull", "centre"], ["moved"]),
        helper.make_node("Add", ["rows", "moved"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("images", kind, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("output", kind, [1, 300, 6])],
        [onnx.numpy_helper.from_array(array, name) for name, array in given.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"names": "{0: 'person', 1: 'car'}"})
    path.write_bytes(model.SerializeToString())


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_network(folder / "net.onnx")
    for suffix in CODECS:
        write_clip(folder / f"v.{suffix}")
    write_pan(folder / "pan.mp4")
    return folder


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clips: Path) -> None:
    """Workers of this process, in a folder where the clips are."""
    monkeypatch.setattr("tracker.workers.open.open_engine", lambda *_, **__: Here())
    monkeypatch.chdir(tmp_path)
    for path in clips.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())


def cut(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    """Let every piece have so many frames."""
    monkeypatch.setattr(pieces, "LENGTHS", (length, length))


def tracked(source: str, out: str, *options: str, code: int = 0) -> bytes:
    video = [] if "--with-video" in options else ["--no-video"]
    words = [word for word in options if word != "--with-video"]
    assert main([source, "--detector", "net.onnx", "--quiet", "-o", out, *video, *words]) == code
    assert not (Path(out) / pieces.FOLDER).exists()
    return (Path(out) / "tracks.txt").read_bytes()


def said(out: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(out) / "run.json").read_text())
    return found


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("source", "length", "options"),
    [
        ("v.mp4", 7, [*FLOW, "--conf", "0.5"]),
        ("v.mp4", 60, EMBEDDED),
        ("v.mp4", 55, ["--algo", "sort", "--every", "3"]),
        ("v.mp4", 300, ["--roi", "0,0 100,0 100,90 0,90"]),
        ("v.avi", 53, FLOW),
        ("v.avi", 31, [*EMBEDDED, "--classes", "car"]),
        ("v.mkv", 61, ["--camera-motion", "flow", "--reid", "histogram"]),
        ("v.mkv", 40, [*EMBEDDED, "--set", "lone_iou=0.5"]),
        ("v.ts", 45, FLOW),
        ("v.mp4", 50, ["--every", "5"]),
        ("pan.mp4", 50, []),
        ("pan.mp4", 7, ["--frames", "13:118"]),
        ("v.mp4", 20, [*FLOW, "--frames", "11:97"]),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_the_same_tracks(source: str, length: int, options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    cut(monkeypatch, length)
    alone = tracked(source, "alone", *options)
    assert tracked(source, "shared", *options, "--workers", "2") == alone
    assert alone.count(b"\n") > 50
    one, many = said("alone"), said("shared")
    assert many.pop("workers") == {"engine": "here", "tasks": 1, "longest_piece": length}
    for facts in (one, many):
        del facts["command"], facts["date"]
    assert many == one


@pytest.mark.usefixtures("here")
def test_what_else_a_run_writes_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saved detections, the log's rows, the annotated video."""
    cut(monkeypatch, 50)
    options = [*EMBEDDED, "--camera-motion", "flow", "--with-video", "--anonymise", "--save", "csv"]
    for out, more in (("alone", []), ("shared", ["--workers", "2"])):
        tracked("v.mp4", out, *options, "--save-detections", f"{out}-dets", *more)
    for name in ("tracks.csv", "tracks.mp4"):
        assert Path(f"shared/{name}").read_bytes() == Path(f"alone/{name}").read_bytes()
    names = sorted(path.name for path in Path("alone-dets").iterdir())
    assert names == ["000001.npz", "detections.json"]
    for name in names:
        assert Path(f"shared-dets/{name}").read_bytes() == Path(f"alone-dets/{name}").read_bytes()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "options", [["--camera-motion", "flow"], [], ["--frames", "3:90"]], ids=["flow", "a glance", "a part"]
)
def test_no_image_is_decoded_by_the_one_that_tracks(options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from tracker.io.source import Source

    told = []
    plain = Source.without_images
    monkeypatch.setattr(Source, "without_images", lambda *given: (told.append(len(given[1])), plain(*given)))
    tracked("v.mp4", "shared", "--workers", "2", *options)
    assert told == [88 if "--frames" in options else FRAMES]


@pytest.mark.usefixtures("here")
def test_images_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame lost right before a piece: its camera motion is from the last one that there is."""
    cut(monkeypatch, 10)
    capture = cv2.VideoCapture("v.mp4")
    Path("images").mkdir()
    for n in range(1, 36):
        cv2.imwrite(f"images/{n:04d}.png", capture.read()[1])
    for n in (10, *range(21, 31)):  # the last of the first piece, and all of the third
        Path(f"images/{n:04d}.png").write_bytes(b"")
    alone = tracked("images", "alone", *FLOW, code=1)
    assert tracked("images", "shared", *FLOW, "--workers", "2", code=1) == alone != b""
    assert said("shared")["counts"] == said("alone")["counts"]
    assert said("shared")["notes"] == said("alone")["notes"]
    words = ["images", "--detector", "net.onnx", "--every", "2", "--no-video", "--quiet", "--workers", "2", "-o", "no"]
    assert main(words) == 2
    assert not Path("no").exists()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--detector", "motion"], "--workers: the detector motion remembers earlier images"),
        (["--detector", "det.txt"], "det.txt is recorded, so there is nothing to detect"),
        (["--every", "2", "--camera-motion", "flow"], "--every with camera motion from images needs the tracks"),
        (["--seconds", "1:2"], "--seconds names no frames to share out; give --frames"),
        (["--snapshot", "1s", "--no-video"], "--snapshot, --resume: go with one process"),
    ],
)
def test_what_cannot_be_shared_is_one_line(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("det.txt").write_text("1,-1,5,5,20,20,0.9,-1,-1,-1\n")
    assert main(["v.mp4", "--detector", "net.onnx", "--workers", "2", "-o", "out", *words]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
    assert not Path("out").exists()


@pytest.mark.usefixtures("here")
def test_a_piece_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(piece: Piece) -> None:
        raise ValueError("frame 17: no more")

    monkeypatch.setattr(pieces, "make", broken)
    assert main(["v.mp4", "--detector", "net.onnx", "--workers", "2", "-o", "out", "--quiet"]) == 2
    assert capsys.readouterr().err == "track: frame 17: no more\n"
    assert not Path("out").exists()


@pytest.mark.parametrize("settings", [{}, {"lone_iou": 0.5}], ids=["all", "as the tracker chooses"])
def test_a_worker_embeds_what_the_run_would(settings: dict[str, float], clips: Path, tmp_path: Path) -> None:
    options = Options(
        str(clips / "v.avi"), algo="deepsort", detector=str(clips / "net.onnx"), reid="histogram", settings=settings
    )
    made = make(Piece(options, 11, 20, 1, str(tmp_path)))
    folder = DetectionsFolder(tmp_path)
    assert (made.frames, made.whole, folder.numbers.tolist()) == (10, True, list(range(11, 21)))
    assert folder.embedded == (not settings)


def test_a_frame_of_no_piece_is_not_one_without_detections(tmp_path: Path) -> None:
    writer = DetectionsWriter(tmp_path, {})
    writer.write(1, 0.0, Detections.empty())
    writer.close(complete=True)
    found = pieces.Found(Detector(), DetectionsFolder(tmp_path), None)
    assert len(found.at(1)) == 0
    with pytest.raises(ValueError, match="no worker could read it"):
        found.at(2)


def test_lengths_of_pieces(clips: Path) -> None:
    from tracker.run.open import open_run

    opened = open_run(Options(str(clips / "v.mp4"), detector=str(clips / "net.onnx"), every=7))
    found = pieces.pieces_of(opened, opened.options, Path("x"), 1)
    opened.close()
    assert [(piece.first, piece.last) for piece in found] == [(1, 56), (57, 112), (113, float("inf"))]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the workers in /proc")
@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_killed_worker_loses_nothing(workers: str, clips: Path, tmp_path: Path) -> None:
    """By real processes; the first worker that has begun a piece is killed."""
    base = [sys.executable, "-m", "tracker", str(clips / "v.mkv"), "--detector", str(clips / "net.onnx")]
    base += [*EMBEDDED, "--camera-motion", "flow", "--no-video", "--quiet"]
    subprocess.run([*base, "-o", str(tmp_path / "alone")], check=True)
    out = tmp_path / "shared"
    with subprocess.Popen([*base, "-o", str(out), "--workers", workers]) as running:
        until = time.monotonic() + 120
        while time.monotonic() < until and not list(out.glob(f"{pieces.FOLDER}/*/detections.json")):
            time.sleep(0.005)
        victims = [pid for pid in children(running.pid) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(victims[0], signal.SIGKILL)
        assert running.wait(240) == 0
    assert (out / "tracks.txt").read_bytes() == (tmp_path / "alone/tracks.txt").read_bytes() != b""


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """The address of a Dask scheduler with two workers, which run in a folder of their own."""
    pytest.importorskip("distributed", reason="needs the extra dask")
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    told, where = tmp_path / "scheduler.json", tmp_path / "elsewhere"
    where.mkdir()
    base = ["--scheduler-file", str(told), "--dashboard-address", ":0"]
    own = {"cwd": where, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    begun = [subprocess.Popen([*dask, "--host", "127.0.0.1", "--port", "0", *base], **own)]
    begun.append(
        subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_worker", *base, "--nworkers", "2", "--nthreads", "1"], **own
        )
    )
    try:
        until = time.monotonic() + 60
        while not told.exists() and time.monotonic() < until:
            time.sleep(0.05)
        yield json.loads(told.read_text())["address"]
    finally:
        for process in reversed(begun):
            process.terminate()
            process.wait(30)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the workers in /proc")
def test_a_cluster_gives_the_same_even_where_a_worker_is_killed(scheduler: str, clips: Path, tmp_path: Path) -> None:
    base = [sys.executable, "-m", "tracker", "v.mkv", "--detector", "net.onnx"]
    base += [*EMBEDDED, "--camera-motion", "flow", "--no-video", "--quiet", "--engine", "dask", "--address", scheduler]
    out = tmp_path / "shared"
    with subprocess.Popen([*base, "-o", str(out)], cwd=clips) as running:
        until = time.monotonic() + 120
        while time.monotonic() < until and not list(out.glob(f"{pieces.FOLDER}/*/detections.json")):
            time.sleep(0.005)
        os.kill(workers_of(scheduler)[0], signal.SIGKILL)
        assert running.wait(240) == 0
    subprocess.run([*base[:-4], "-o", str(tmp_path / "alone")], check=True, cwd=clips)
    assert (out / "tracks.txt").read_bytes() == (tmp_path / "alone/tracks.txt").read_bytes() != b""


def workers_of(scheduler: str) -> list[int]:
    from distributed import Client

    with Client(scheduler) as client:
        return list(client.run(os.getpid).values())


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the workers in /proc")
def test_ray_gives_the_same_even_where_a_worker_is_killed(clips: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    base = [sys.executable, "-m", "tracker", "v.mkv", "--detector", "net.onnx"]
    base += [*EMBEDDED, "--camera-motion", "flow", "--no-video", "--quiet"]
    out = tmp_path / "shared"
    with subprocess.Popen([*base, "-o", str(out), "--engine", "ray", "--workers", "2"], cwd=clips) as running:
        until = time.monotonic() + 120
        while time.monotonic() < until and not list(out.glob(f"{pieces.FOLDER}/*/detections.json")):
            time.sleep(0.005)
        os.kill(at_work(running.pid)[0], signal.SIGKILL)
        assert running.wait(240) == 0
    subprocess.run([*base, "-o", str(tmp_path / "alone")], check=True, cwd=clips)
    assert (out / "tracks.txt").read_bytes() == (tmp_path / "alone/tracks.txt").read_bytes() != b""


def at_work(pid: int) -> list[int]:
    """The processes below that one which Ray names by the function that they run."""
    below = children(pid)
    named = [one for one in below if Path(f"/proc/{one}/cmdline").read_bytes().startswith(b"ray::run_call")]
    return named + [one for child in below for one in at_work(child)]


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_glance_remembers_no_more_than_pieces_look_back(clips: Path) -> None:
    """From any frame on it follows in the same frames as one that has seen all of them."""
    capture = cv2.VideoCapture(str(clips / "pan.mp4"))
    images = [capture.read()[1] for _ in range(FRAMES)]

    def seen(camera: CameraGlance, part: list[Image]) -> list[tuple[int, list[float]]]:
        """Frames followed so far, and the motion."""
        return [(camera.followed, motion) for motion in (camera(image).ravel().tolist() for image in part)]

    whole = seen(CameraGlance(), images)
    assert 20 < whole[-1][0] < 110
    assert len({tuple(motion) for _, motion in whole}) > 10
    for first in range(2, FRAMES, 9):  # of every place among the images that it glances at
        camera = CameraGlance()
        piece = Piece(Options(str(clips / "pan.mp4")), first, first + 9, 1, "")
        assert pieces._look_back(camera, piece, first - 1)
        before = whole[first - 3][0] - camera.followed if first > 2 else 0
        got = [(before + count, motion) for count, motion in seen(camera, images[first - 2 : first + 9])]
        assert got[1:] == whole[first - 1 : first + 9]
