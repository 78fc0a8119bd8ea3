"""Detectors by name in the command and the library, and what runs where none is named."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from made import write_video
from models.server import Served, wait_for

import tracker
from tracker.arrays import Image
from tracker.commands.main import main
from tracker.detect import HOG, ONNX
from tracker.detect.auto import MODEL, STORE, choose
from tracker.detect.catalogue import CATALOGUE
from tracker.io.source import Frame, Source
from tracker.models import Model

ROOT = Path(__file__).resolve().parents[2]
Made = Callable[..., Model]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A short video; the test runs in its folder."""
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "street.mp4", 4)
    return tmp_path / "street.mp4"


def run_json(folder: Path) -> dict[str, object]:
    facts: dict[str, object] = json.loads((folder / "run.json").read_text())
    return facts


def model_of(folder: Path) -> tuple[str, str]:
    """The detector's file and hash in run.json."""
    inputs = run_json(folder)["inputs"]
    assert isinstance(inputs, dict)
    (file,) = inputs["detector"]
    return file["path"], file["sha256"]


@pytest.mark.parametrize("words", [["--detector", "yolox-nano"], ["--detector", "auto"], []])
def test_track_fetches_the_model_and_records_it(
    words: list[str], made: Made, served: Served, street: Path, tmp_path: Path, capsys: Captured
) -> None:
    model = made()
    command = [str(street), *words, "--no-video", "-o"]
    assert main([*command, str(tmp_path / "first")]) == 0
    out, err = capsys.readouterr()
    assert err.splitlines()[0].startswith(f"fetching yolox-nano from {model.url}: ")
    assert "-> detector made.onnx on cpu -> steady" in out
    assert "hog" not in out + err
    assert main([*command, str(tmp_path / "again"), "--offline"]) == 0
    assert "fetching" not in capsys.readouterr().err
    assert len(served.requests) == 1
    for run in ("first", "again"):
        assert model_of(tmp_path / run) == (str(STORE.path("yolox-nano")), model.sha256)
    assert (tmp_path / "first/tracks.txt").read_bytes() == (tmp_path / "again/tracks.txt").read_bytes()


def test_the_library_by_name(made: Made, served: Served, street: Path, capsys: Captured) -> None:
    made()
    run = tracker.track(street, detector="yolox-nano")
    assert len(list(run)) == run.counts["detections"] == 4
    assert run.notes == []
    assert capsys.readouterr().err.count("fetching yolox-nano from") == 1
    detector = tracker.open_detector("yolox-nano", offline=True)
    assert isinstance(detector, ONNX)
    found = detector(np.zeros((64, 64, 3), np.uint8))
    np.testing.assert_allclose(found.boxes, [[8, 8, 24, 40]])
    assert detector.head == "yolox"
    assert type(tracker.open_detector("auto")) is ONNX
    assert len(served.requests) == 1
    assert capsys.readouterr() == ("", "")


def refused(capsys: Captured, *words: object) -> list[str]:
    """The lines of a command that must fail."""
    assert main([str(word) for word in words]) == 2
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    assert out == ""
    return err.splitlines()


def test_a_named_model_that_cannot_be_had_ends_the_run(
    made: Made, served: Served, street: Path, capsys: Captured
) -> None:
    model = made()
    by_hand = "elsewhere and `track models add made.onnx --name yolox-nano`"
    (line,) = refused(capsys, street, "--detector", "yolox-nano", "--offline")
    assert line.startswith("track: yolox-nano is not in the cache, and --offline or TRACKWHY_OFFLINE forbids fetching")
    assert line.endswith(f"; `track models get yolox-nano` where there is a network, or download {model.url} {by_hand}")
    served.status = 404
    first, line = refused(capsys, street, "--detector", "yolox-nano")
    assert first.startswith("fetching")
    assert line.startswith(f"track: {model.url}: the server says 404 Not Found; ")
    assert line.endswith(f"or download it {by_hand}")
    assert not Path("runs").exists()
    with pytest.raises(ValueError, match="404 Not Found"):
        tracker.track(street, detector="yolox-nano")


BROKEN: dict[str, Callable[[Served], object]] = {
    "the server says 404": lambda served: setattr(served, "status", 404),
    "another SHA-256": lambda served: setattr(served, "content", served.content[::-1]),
    "it is another file": lambda served: setattr(served, "content", b"<html>"),
    "broke off after 10 of": lambda served: served.cuts.extend([10, 0]),
}


@pytest.mark.parametrize("why", BROKEN)
def test_auto_goes_on_with_hog_and_says_so_in_two_lines(
    why: str, made: Made, served: Served, street: Path, tmp_path: Path, capsys: Captured
) -> None:
    model = made()
    BROKEN[why](served)
    assert main([str(street), "--no-video", "-o", str(tmp_path / "out")]) == 0
    out, err = capsys.readouterr()
    assert "-> detector hog on cpu -> steady" in out
    notes = [line for line in err.splitlines() if line.startswith("track: note: ")]
    assert len(notes) == 2
    assert notes[0].startswith("track: note: the detector is hog, which sees people only, and those poorly: ")
    assert why in notes[0]
    assert notes[1] == (
        "track: note: for a better one, `track models get yolox-nano` where there is a network, or "
        f"download {model.url} elsewhere and `track models add made.onnx --name yolox-nano`"
    )
    assert run_json(tmp_path / "out")["notes"] == [note.removeprefix("track: note: ") for note in notes]
    assert STORE.path("yolox-nano") is None


def test_auto_offline_asks_no_server(made: Made, served: Served, street: Path, capsys: Captured) -> None:
    made()
    run = tracker.track(street, offline=True)
    assert len(run.notes) == 2
    assert "is not in the cache, and --offline or TRACKWHY_OFFLINE forbids fetching it" in run.notes[0]
    run.close()
    assert capsys.readouterr() == ("", "")
    assert type(tracker.open_detector("auto", offline=True)) is HOG
    assert capsys.readouterr().err.splitlines() == run.notes
    assert served.requests == []


def test_auto_waits_no_longer_than_it_says(
    made: Made, served: Served, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    made()
    served.stall = 60.0
    monkeypatch.setattr("tracker.detect.auto.PATIENCE", 0.2)
    assert choose().detector == "hog"
    assert "stalled for 0.2 s" in choose().notes[0]


def test_a_class_that_only_the_model_knows(made: Made, street: Path, capsys: Captured) -> None:
    made()
    (line,) = refused(capsys, street, "--offline", "--classes", "car")
    assert line.startswith("track: detector hog has no class 'car'; choose from person; the detector is hog, which ")
    assert main([str(street), "--classes", "car", "--no-video", "--quiet"]) == 0


def test_nothing_is_fetched_for_a_source_without_images(made: Made, served: Served) -> None:
    made()
    bare = Source("bare", "frames", lambda _: iter([Frame(None, 1, 0.0)]), frame_rate=25.0, has_images=False)
    with pytest.raises(ValueError, match="no images"):
        list(tracker.track(bare))
    assert served.requests == []


def test_a_head_needs_a_network(made: Made, served: Served, street: Path, capsys: Captured) -> None:
    made()
    (line,) = refused(capsys, street, "--head", "yolox")
    assert "head goes with MODEL.onnx or MODEL.xml, not with auto; leave it out (--head)" in line
    assert served.requests == []
    assert main([str(street), "--detector", "yolox-nano", "--head", "yolox", "--no-video", "--quiet"]) == 0


def test_models_lists_gets_and_adds(made: Made, served: Served, tmp_path: Path, capsys: Captured) -> None:
    model = made()
    assert main(["models"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["name", "size", "licence", "here", "what", "it", "is"]
    assert table[1].split() == ["yolox-nano", "0.0", "MB", "Apache-2.0", "no", "made", "for", "a", "test"]
    assert table[2].split()[:5] == ["yolox-tiny", "20.2", "MB", "Apache-2.0", "no"]

    assert main(["models", "get", "yolox-nano"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path}/cache/models/yolox-nano/made.onnx\n"
    assert err.startswith("fetching yolox-nano from ")

    mine = tmp_path / "best.onnx"
    mine.write_bytes(served.content)
    assert main(["models", "add", str(mine), "--name", "mine"]) == 0
    added, err = capsys.readouterr()
    assert added == f"{tmp_path}/cache/models/mine/best.onnx\n"
    assert err.startswith("track: note: ")  # two heads could read the made output; the catalogue's names one
    assert "choose with --head yolov8 or --head yolox" in err
    assert main(["models", "--json"]) == 0
    nano, tiny, own = json.loads(capsys.readouterr().out)
    assert (nano["sha256"], nano["file"], nano["head"]) == (model.sha256, out.strip(), "yolox")
    assert (len(nano["classes"]), nano["notice"], nano["url"]) == (80, "nobody's", model.url)
    assert (tiny["file"], own["name"], own["size"]) == (None, "mine", len(served.content))
    assert type(tracker.open_detector("mine", head="yolox")) is ONNX


def test_what_models_refuses(made: Made, served: Served, tmp_path: Path, capsys: Captured) -> None:
    made()
    served.status = 404
    assert "did you mean 'yolox-nano'" in refused(capsys, "models", "get", "yolox-nan")[0]
    assert refused(capsys, "models", "get", "yolox-nano")[1].endswith("made.onnx --name yolox-nano`")
    (tmp_path / "net.onnx").write_bytes(served.content)
    for name in ("hog", "motion", "auto", "yunet"):
        assert "means another detector" in refused(capsys, "models", "add", tmp_path / "net.onnx", "--name", name)[-1]
    (tmp_path / "no.onnx").write_bytes(b"no model")
    (tmp_path / "det.txt").write_text("1,-1,0,0,10,20,0.5\n")
    (tmp_path / "best.pt").write_bytes(b"weights")
    for file, words in (
        ("no.onnx", "is not an ONNX model"),
        ("gone.onnx", "no such file"),
        ("det.txt", "is no ONNX model"),
        ("best.pt", "is a PyTorch checkpoint"),
    ):
        (line,) = refused(capsys, "models", "add", tmp_path / file, "--name", "mine")
        assert words in line
    assert STORE.own == []


def test_a_model_of_no_known_head_is_added_with_a_note(constant_onnx: Callable[..., Path], capsys: Captured) -> None:
    odd = constant_onnx(np.zeros((1, 3, 7, 9), np.float32))
    assert main(["models", "add", str(odd), "--name", "odd"]) == 0
    assert "track: note: " in capsys.readouterr().err
    with pytest.raises(ValueError, match="no head known"):
        tracker.open_detector("odd")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (
            "best.pt",
            "export it to ONNX, with ultralytics by `yolo export model=best.pt format=onnx`",
        ),
        ("net.pth", "PyTorch checkpoint"),
        ("net.engine", "TensorRT engine"),
        ("net.tflite", "`python -m tf2onnx.convert --tflite net.tflite --output new.onnx`"),
    ],
)
def test_the_way_to_onnx_is_one_line(file: str, words: str, street: Path, capsys: Captured) -> None:
    (line,) = refused(capsys, street, "--detector", file)
    assert line.startswith(f"track: {file}: is a ")
    assert words in line
    with pytest.raises(ValueError, match=r"export it|pass the|pass what"):
        tracker.track(street, detector=file, head="yolox")


def test_a_real_model_of_ones_own(shared: Path, street: Path, tmp_path: Path) -> None:
    real = shared / "data/models/yolox_nano.onnx"
    assert main(["models", "add", str(real), "--name", "mine"]) == 0
    assert main([str(street), "--detector", "mine", "--no-video", "--quiet", "-o", "out"]) == 0
    assert model_of(Path("out")) == (str(STORE.path("mine")), hashlib.sha256(real.read_bytes()).hexdigest())


# The command in a process of its own, with the made model in the catalogue.
PROGRAM = """
import sys
from dataclasses import replace
from tracker.detect.catalogue import CATALOGUE
from tracker.commands.main import main
url, size, sha256 = sys.argv[1:4]
CATALOGUE["yolox-nano"] = replace(CATALOGUE["yolox-nano"], url=url, size=int(size), sha256=sha256)
sys.exit(main(sys.argv[4:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="needs Unix signals")
@pytest.mark.parametrize("words", [["models", "get", "yolox-nano"], ["street.mp4", "--no-video"]])
def test_ctrl_c_while_it_is_fetched(words: list[str], made: Made, served: Served, street: Path, tmp_path: Path) -> None:
    model, served.held = made(), threading.Event()
    command = [sys.executable, "-c", PROGRAM, model.url, str(model.size), model.sha256, *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as one:
        part = tmp_path / "cache/models/yolox-nano/.made.onnx.part"
        wait_for(lambda: part.exists() and part.stat().st_size > 0)
        one.send_signal(signal.SIGINT)
        _, complained = one.communicate(timeout=30)
    assert one.returncode == 130
    assert complained.splitlines()[1:] == [
        "stopped; the next `track models get yolox-nano` goes on from where it was",
        "track: interrupted",
    ]
    assert STORE.path("yolox-nano") is None
    have = part.stat().st_size
    served.held = None
    assert main(["models", "get", "yolox-nano"]) == 0
    assert served.asked == [None, f"bytes={have}-"]


@pytest.fixture
def blank() -> Source:
    """120 grey frames in which a square runs about from the 61st on."""

    def frames(_: object) -> Iterator[Frame]:
        for number in range(1, 121):
            image: Image = np.full((120, 160, 3), 90, np.uint8)
            if number > 60:
                x = number * 7 % 130
                image[50:70, x : x + 30] = 200
            yield Frame(image, number, number / 25)

    return Source("blank", "frames", frames, frame_rate=25.0)


def test_hog_says_that_it_sees_nothing_and_names_motion(blank: Source) -> None:
    run = tracker.track(blank, detector=HOG(height=128))
    said = {}
    for _, tracks in run:
        for note in run.notes:
            said.setdefault(note, tracks.frame)
    first, second = said
    assert first == "hog found nothing in 50 images in a row"
    assert second.startswith("most of what moves in 50 images is outside the boxes of hog; --detector motion ")
    assert said[first] >= 50
    assert said[second] >= 100


def test_the_default_is_in_the_catalogue() -> None:
    assert MODEL in CATALOGUE
