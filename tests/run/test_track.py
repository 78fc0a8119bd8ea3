"""``tracker.track(save=)``: the same files as the command's, whole however the loop ends."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import tracker
from tracker.io.mot import read_results
from tracker.io.sinks import Step, VideoSink
from tracker.io.video import Frame, Source, open_source
from tracker.run.track import Run
from tracker.scene.street import Scene

ROOT = Path(__file__).resolve().parents[2]


def boxes(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.array([[10.0, 10, 50, 90], [80, 20, 120, 100]])


def street(frames: int = 20) -> Source:
    return Scene(n_frames=frames, size=(160, 120)).source()


def run_json(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return found


def check_whole(folder: Path, frames: int, state: str) -> dict[str, Any]:
    """The folder's files agree on the number of frames, and run.json has the state; returns what it says."""
    run = run_json(folder)
    assert run["state"] == state
    assert run["complete"] is (state == "complete")
    assert run["counts"]["frames"] == frames
    with open_source(folder / "tracks.mp4") as video:
        assert sum(1 for _ in video) == frames
    rows = read_results(folder / "tracks.txt")
    assert rows.last_frame == frames
    assert run["counts"]["rows"] == len(rows)
    assert sorted(path.name for path in folder.iterdir()) == ["run.json", "tracks.mp4", "tracks.txt"]
    return run


def test_run_json_is_written_and_says_the_call(tmp_path: Path) -> None:
    options: dict[str, Any] = {"algo": "deepsort", "reid": "histogram", "settings": {"max_age": "2s"}, "every": 2}
    run = tracker.track(street(), detector=boxes, conf=0.25, save=tmp_path / "out", **options)
    assert len(list(run)) == 20
    said = check_whole(tmp_path / "out", 20, "complete")
    assert run.state == "complete"
    assert run.counts == said["counts"]
    call = said["call"]
    assert call["algo"] == "deepsort"
    assert call["detector"].endswith("test_track.boxes")
    assert call["settings"] == {"max_age": "2s"}
    assert call["save"] == str(tmp_path / "out")
    assert said["detector"]["conf"] == 0.25
    assert said["detector"]["every"] == 2
    assert said["embedder"]["name"] == "histogram"
    assert said["algorithm"]["parameters"]["max_age"] == 50  # frames at 25 a second, as it is used
    assert said["algorithm"]["parameters"]["max_cosine_distance"] == 0.2
    assert said["versions"]["numpy"] == np.__version__


def test_run_json_says_that_it_is_running_from_the_first_frame_on(tmp_path: Path) -> None:
    run = tracker.track(street(), detector=boxes, save=tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    next(run)
    said = run_json(tmp_path / "out")
    assert (said["state"], said["complete"], run.state) == ("running", False, "running")
    run.close()
    run.close()
    check_whole(tmp_path / "out", 1, "interrupted")
    assert list(run) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_error_in_the_loops_body_leaves_whole_files(error: type[BaseException], tmp_path: Path) -> None:
    threads = set(threading.enumerate())

    def loop() -> None:
        for _, tracks in tracker.track(street(), detector=boxes, save=tmp_path):
            if tracks.frame == 7:
                raise error

    with pytest.raises(error):
        loop()
    assert set(threading.enumerate()) <= threads
    check_whole(tmp_path, 7, "interrupted")


def test_leaving_the_loop_or_the_context_finishes_the_files(tmp_path: Path) -> None:
    for _, tracks in tracker.track(street(), detector=boxes, save=tmp_path / "a"):
        if tracks.frame == 5:
            break
    check_whole(tmp_path / "a", 5, "interrupted")
    with tracker.track(street(), detector=boxes, save=tmp_path / "b") as run:
        next(run)
        next(run)
    check_whole(tmp_path / "b", 2, "interrupted")


def test_a_detector_that_fails_midway_leaves_whole_files_and_its_reason(tmp_path: Path) -> None:
    calls: list[int] = []

    def failing(image: NDArray[np.uint8]) -> NDArray[np.float64]:
        calls.append(1)
        if len(calls) == 9:
            raise RuntimeError("the network gave up")
        return boxes(image)

    run = tracker.track(street(), detector=failing, save=tmp_path)
    with pytest.raises(RuntimeError, match="gave up"):
        list(run)
    assert "the network gave up" in check_whole(tmp_path, 8, "failed")["error"]
    assert run.state == "failed"
    assert list(run) == []


def test_what_the_user_draws_is_not_in_the_video(tmp_path: Path) -> None:
    for name, draws in (("plain", False), ("drawn", True)):
        for image, tracks in tracker.track(street(), detector=boxes, save=tmp_path / name):
            if draws:
                assert image is not None
                cv2.rectangle(image, (0, 0), (160, 120), (0, 0, 255), -1)
                tracks.boxes[:] = 0
    for file in ("tracks.mp4", "tracks.txt"):
        assert (tmp_path / "plain" / file).read_bytes() == (tmp_path / "drawn" / file).read_bytes()


def test_no_input_is_overwritten_and_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    list(tracker.track(street(), detector=boxes, save=tmp_path))
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for source in (street(), tmp_path / "tracks.mp4"):
        with pytest.raises(ValueError, match="not empty"):
            tracker.track(source, detector=boxes, save=tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept


def test_a_run_that_is_never_started_leaves_nothing_open(tmp_path: Path) -> None:
    run = tracker.track(street(), detector=boxes, save=tmp_path / "out")
    del run
    assert list((tmp_path / "out").iterdir()) == []


def test_a_source_of_ones_own_is_left_open_and_a_named_one_is_closed(tmp_path: Path) -> None:
    own = street(3)
    list(tracker.track(own, detector=boxes))
    assert not own.closed
    assert len(list(own)) == 3

    class Plain:
        frame_rate = 10.0

        def __iter__(self) -> Any:
            return (Frame(np.zeros((60, 80, 3), np.uint8), k, k / 10) for k in range(1, 4))

    assert len(list(tracker.track(Plain(), detector=boxes))) == 3


class Numbered:
    """Frames whose numbers do not count from 1."""

    frame_rate = 10.0

    def __init__(self, first: int) -> None:
        self.first = first

    def __iter__(self) -> Any:
        return (Frame(np.zeros((60, 80, 3), np.uint8), self.first + k, k / 10) for k in range(10))


@pytest.mark.parametrize("given", [np.ones((40, 5)), [[1, 2, 3, 4]]])
def test_detections_are_no_detector(given: object) -> None:
    with pytest.raises(ValueError, match="give a name, a file or a callable") as error:
        tracker.track(Numbered(1), detector=given)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_recorded_detections_meet_frames_by_their_numbers(tmp_path: Path) -> None:
    det = tmp_path / "det.txt"
    det.write_text("".join(f"{n},-1,10,10,20,40,0.9\n" for n in range(372, 382)))
    run = tracker.track(Numbered(372), algo="sort", detector=det)
    assert sum(len(tracks) for _, tracks in run) > 0
    assert (run.counts["detections"], run.notes) == (10, [])
    run = tracker.track(Numbered(370), algo="sort", detector=det)
    list(run)
    assert run.notes == [f"{det}: has detections up to frame 381, beyond the last frame, 379"]
    run = tracker.track(Numbered(1), algo="sort", detector=det)
    list(run)
    assert run.notes == [
        f"{det}: none of its detections, which run to frame 381, belongs to a frame of the source, 1 to 10"
    ]
    det.write_text("".join(f"{n},-1,10,10,20,40,0.9\n" for n in (1, 2, 375, 378)))
    run = tracker.track(Numbered(370), algo="sort", detector=det)
    list(run)
    assert run.notes[0] == f"{det}: 2 of its 4 detections belong to no frame"


def test_a_head_goes_with_a_model_and_into_run_json(tmp_path: Path, constant_onnx: Any) -> None:
    model = constant_onnx(np.zeros((1, 84, 7)))
    for head, used in ((None, "yolox"), ("yolov8", "yolov8")):
        list(tracker.track(Numbered(1), detector=model, head=head, save=tmp_path / used))
        assert run_json(tmp_path / used)["detector"]["head"] == used
    assert run_json(tmp_path / "yolov8")["call"]["head"] == "yolov8"
    for detector, words in (
        (model, "no head 'yolov', did you mean"),
        ("hog", "head goes with MODEL.onnx"),
        (boxes, "head goes with"),
    ):
        with pytest.raises(ValueError, match=words):
            tracker.track(Numbered(1), detector=detector, head="yolov")


def test_names_size_and_device_of_a_model_go_into_run_json(tmp_path: Path, constant_onnx: Any) -> None:
    model = constant_onnx(np.zeros((1, 84, 7)), input_shape=(1, 3, "h", "w"))
    (tmp_path / "street.names").write_text("person\nbicycle\ncar\n")
    more: dict[str, Any] = {"names": tmp_path / "street.names", "imgsz": "64x64", "device": "cpu", "classes": ["car"]}
    list(tracker.track(Numbered(1), detector=model, save=tmp_path / "out", **more))
    facts = run_json(tmp_path / "out")
    assert (facts["detector"]["head"], facts["detector"]["runtime"]) == ("yolov8", "onnxruntime")
    assert facts["call"]["imgsz"] == "64x64"
    assert [Path(one["path"]).name for one in facts["inputs"]["names"]] == ["street.names"]
    for name in ("names", "imgsz", "device"):
        with pytest.raises(ValueError, match=f"{name} goes with the file of a model"):
            tracker.track(Numbered(1), detector=boxes, **{name: more[name]})
    with pytest.raises(ValueError, match="give pixels, as 640"):
        tracker.track(Numbered(1), detector=model, imgsz="64,64")


def test_notes_tell_what_was_left_out_and_nothing_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    det = tmp_path / "det.txt"
    det.write_text("".join(f"{n},-1,10,10,20,40,0.05\n" for n in range(1, 30)))
    run = tracker.track(street(), algo="sort", detector=det, reid="histogram", save=tmp_path / "out")
    assert run.notes == ["sort uses no appearance; --reid histogram is left out"]
    list(run)
    assert run.notes[1:] == [f"{det}: has detections up to frame 29, beyond the last frame, 20"]
    run = tracker.track(street(), algo="bytetrack", detector=det)
    list(run)
    assert run.notes[-1].startswith("no tracks: the best of 20 detections scores 0.05, bytetrack ")
    assert capsys.readouterr() == ("", "")
    assert run_json(tmp_path / "out")["notes"][0].startswith("sort uses no appearance")


def test_missing_frames_are_an_incomplete_run(tmp_path: Path) -> None:
    def cut() -> Source:
        frames = [Frame(np.full((60, 80, 3), k, np.uint8), k, k / 10) for k in range(1, 9)]
        return Source("cut", "video", lambda _: (frame for frame in frames), frame_rate=10, n_frames=12)

    run = tracker.track(cut(), detector=boxes, save=tmp_path / "a")
    with pytest.raises(ValueError, match="cut: 4 frames could not be read"):
        list(run)
    assert check_whole(tmp_path / "a", 8, "incomplete")["counts"]["missing_frames"] == 4
    assert list(run) == []
    run = tracker.track(cut(), detector=boxes, save=tmp_path / "b", invalid="drop")
    assert len(list(run)) == 8
    assert run.state == "incomplete"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_a_full_disk_stops_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tracker.io import sinks

    real = sinks.TextSink.__init__
    monkeypatch.setattr(sinks.TextSink, "__init__", lambda self, path, **_: real(self, Path("/dev/full")))
    threads = set(threading.enumerate())
    with pytest.raises(OSError, match="No space left"):
        list(tracker.track(street(), detector=boxes, save=tmp_path))
    assert set(threading.enumerate()) <= threads


def test_a_video_that_cannot_be_finished_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: VideoSink) -> None:
        raise OSError(28, "No space left on device", str(self.path))

    monkeypatch.setattr(VideoSink, "close", full)
    with pytest.raises(OSError, match="No space left"):
        list(tracker.track(street(), detector=boxes, save=tmp_path / "a"))
    assert run_json(tmp_path / "a")["state"] == "failed"
    run = tracker.track(street(), detector=boxes, save=tmp_path / "b")
    next(run)
    with pytest.raises(OSError, match="No space left"):
        run.close()
    assert run_json(tmp_path / "b")["counts"]["frames"] == 1


@pytest.mark.parametrize("broken", ["write", "close"])
def test_a_sink_of_ones_own_that_fails_cuts_no_other(broken: str, tmp_path: Path) -> None:
    class Own:
        def __init__(self, broken: str = "") -> None:
            self.broken = broken
            self.closed = 0

        def write(self, step: Step) -> None:
            if self.broken == "write" and step.frame.number == 20:
                raise TypeError("no such thing")

        def close(self) -> None:
            self.closed += 1
            if self.broken == "close":
                raise TypeError("no such thing")

    first, last = Own(broken), Own()
    with pytest.raises(TypeError, match="no such thing"):
        list(tracker.track(street(), detector=boxes, save=tmp_path, sinks=[first, last]))
    assert (first.closed, last.closed) == (1, 1)
    check_whole(tmp_path, 20, "failed")


def test_a_failed_run_keeps_no_image() -> None:
    alive: list[weakref.ref[Any]] = []

    def failing(image: NDArray[np.uint8]) -> NDArray[np.float64]:
        alive.append(weakref.ref(image))
        if len(alive) == 4:
            raise ValueError("the network gave up")
        return boxes(image)

    gc.collect()
    gc.disable()
    try:
        with pytest.raises(ValueError, match="gave up"):
            list(tracker.track(street(), detector=failing))
        assert [ref() is None for ref in alive] == [True] * 4
    finally:
        gc.enable()


def test_only_the_date_differs_between_two_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def files(epoch: str) -> dict[str, bytes]:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        monkeypatch.chdir(tmp_path)
        list(tracker.track(street(), detector=boxes, save="out"))
        found = {path.name: path.read_bytes() for path in Path("out").iterdir()}
        for path in Path("out").iterdir():
            path.unlink()
        return found

    first, again, later = files("1000000000"), files("1000000000"), files("1000000001")
    assert first == again
    assert json.loads(first["run.json"])["date"] == "2001-09-09T01:46:40Z"
    assert [name for name in first if first[name] != later[name]] == ["run.json"]


def test_the_source_and_the_files_of_the_options_are_hashed(tmp_path: Path) -> None:
    from made import write_video

    write_video(tmp_path / "street.mp4", 6)
    det, camera, params = tmp_path / "det.txt", tmp_path / "gmc.txt", tmp_path / "params.json"
    det.write_text("".join(f"{n},-1,10,10,20,40,0.9\n" for n in range(1, 7)))
    camera.write_text("".join(f"{n} 1 0 0 0 1 0\n" for n in range(6)))
    params.write_text('{"algorithm": "sort", "parameters": {"max_age": 7}, "conf": 0.3}')
    list(
        tracker.track(
            tmp_path / "street.mp4", detector=det, camera_motion=str(camera), params=params, save=tmp_path / "out"
        )
    )
    run = run_json(tmp_path / "out")
    assert sorted(run["inputs"]) == ["camera_motion", "detector", "params"]
    for role, file in (("detector", det), ("camera_motion", camera), ("params", params)):
        assert run["inputs"][role] == [{"path": str(file), "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}]
    assert run["source"]["sha256"] == hashlib.sha256((tmp_path / "street.mp4").read_bytes()).hexdigest()
    assert run["algorithm"]["parameters"]["max_age"] == 7
    assert run["detector"]["conf"] == 0.3


def test_a_forgotten_run_is_no_circle_of_references(tmp_path: Path) -> None:
    gc.collect()
    gc.disable()
    try:
        run: Run | None = tracker.track(street(), detector=boxes, save=tmp_path)
        assert run is not None
        next(run)
        run = None
        check_whole(tmp_path, 1, "interrupted")
    finally:
        gc.enable()


PREAMBLE = """
import signal, sys
import numpy as np
import tracker
from tracker.scene.street import Scene

def send(name):
    signal.raise_signal(getattr(signal, name))

def detect(image):
    detect.calls += 1
    if detect.calls == 5 and WHERE == "detector":
        send(NAME)
    return np.array([[10.0, 10, 50, 90], [80, 20, 120, 100]])

detect.calls = 0

def street():
    return Scene(n_frames=20, size=(160, 120)).source()
"""

LOOP = """
for image, tracks in tracker.track(street(), detector=detect, save=sys.argv[1]):
    if tracks.frame == 5 and WHERE == "body":
        send(NAME)
print("went on")
"""


def script(code: str, *words: str | Path, nohup: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a script with default signal handlers, or as under nohup."""

    def handlers() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN if nohup else signal.SIG_DFL)

    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=handlers,
    )


@pytest.mark.skipif(os.name == "nt", reason="sends signals")
@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("SIGINT", "body"),
        ("SIGTERM", "detector"),
        pytest.param("SIGINT", "detector", marks=pytest.mark.slow),
        pytest.param("SIGTERM", "body", marks=pytest.mark.slow),
        pytest.param("SIGHUP", "detector", marks=pytest.mark.slow),
        pytest.param("SIGHUP", "body", marks=pytest.mark.slow),
    ],
)
def test_signals_finish_the_files_and_then_have_their_effect(name: str, where: str, tmp_path: Path) -> None:
    done = script(f"NAME, WHERE = {name!r}, {where!r}\n{PREAMBLE}\n{LOOP}", tmp_path / "out")
    check_whole(tmp_path / "out", 5, "interrupted")
    assert "went on" not in done.stdout
    if name == "SIGINT":
        assert "KeyboardInterrupt" in done.stderr
    else:
        assert done.returncode == -getattr(signal, name)
        assert done.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="sends signals")
def test_under_nohup_a_run_goes_on(tmp_path: Path) -> None:
    done = script(f"NAME, WHERE = 'SIGHUP', 'detector'\n{PREAMBLE}\n{LOOP}", tmp_path / "out", nohup=True)
    assert done.stdout == "went on\n"
    check_whole(tmp_path / "out", 20, "complete")


@pytest.mark.skipif(os.name == "nt", reason="sends signals")
def test_a_program_that_handles_signals_itself_keeps_its_handlers(tmp_path: Path) -> None:
    code = f"""
NAME, WHERE = "SIGTERM", "detector"
{PREAMBLE}
signal.signal(signal.SIGTERM, lambda *_: print("mine"))
{LOOP}
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""
    assert script(code, tmp_path / "out").stdout == "mine\nwent on\nTrue\n"
    check_whole(tmp_path / "out", 20, "complete")


@pytest.mark.skipif(os.name == "nt", reason="sends signals")
@pytest.mark.parametrize("where", ["detector", pytest.param("body", marks=pytest.mark.slow)])
def test_two_runs_at_once_both_finish(where: str, tmp_path: Path) -> None:
    code = f"""
NAME, WHERE = "SIGTERM", {where!r}
{PREAMBLE}
plain = lambda image: np.array([[10.0, 10, 50, 90], [80, 20, 120, 100]])
runs = [tracker.track(street(), detector=d, save=f) for d, f in zip((plain, detect), sys.argv[1:])]
for (_, tracks), _ in zip(*runs):
    if tracks.frame == 5 and WHERE == "body":
        send(NAME)
"""
    done = script(code, tmp_path / "a", tmp_path / "b")
    assert done.returncode == -signal.SIGTERM, done.stderr
    check_whole(tmp_path / "a", 5, "interrupted")
    check_whole(tmp_path / "b", 5, "interrupted")


def test_a_run_still_open_when_the_program_ends_is_finished(tmp_path: Path) -> None:
    code = f"""
NAME = WHERE = ""
{PREAMBLE}
run = tracker.track(street(), detector=detect, save=sys.argv[1])
for _ in range(3):
    next(run)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    check_whole(tmp_path / "out", 3, "interrupted")


def test_in_another_thread_signals_are_left_alone(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[Any] = []

    def work() -> None:
        for _ in tracker.track(street(), detector=boxes, save=tmp_path):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(seen) == 20
    assert set(seen) == {before}
    check_whole(tmp_path, 20, "complete")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"conf": "a"}, "conf='a': give a number"),
        ({"conf": 10**400}, "conf=1000"),
        ({"sinks": [3]}, r"sinks\[0\] is a int; give an object with write"),
        ({"sinks": 3}, "sinks is a int"),
        ({"classes": [3.5]}, "classes is no list of names"),
        ({"settings": [1]}, "settings are no values by name"),
        ({"settings": {3: 1}}, "settings are no values by name"),
        ({"reid": 3}, "reid is a int"),
        ({"camera_motion": None}, "camera_motion is a NoneType"),
        ({"invalid": "x"}, "invalid='x'"),
        ({"save": 3}, "save is a int"),
        ({"params": 3}, "params is a int"),
    ],
)
def test_arguments_of_another_kind_are_refused_by_name(given: dict[str, Any], said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{said}"):
        tracker.track("no.mp4", algo="sort", **given)
