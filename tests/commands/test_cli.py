"""The ``track`` command, end to end: what it writes, what it says, and its one line for every bad input."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from made import write_video

from tracker import Steady
from tracker.algorithms import algorithms
from tracker.boxes import iou_xyxy
from tracker.commands.main import main
from tracker.io.mot import read_ground_truth, read_results
from tracker.io.video import open_source
from tracker.io.video_writer import VideoWriter
from tracker.scene.street import Scene
from tracker.settings import settings_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short video of the drawn scene, at a path with a space and beyond ASCII."""
    path = tmp_path_factory.mktemp("vidéo of a street") / "straße 1.mp4"
    write_video(path, 24)
    return path


@pytest.fixture(scope="session")
def detections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scene's truth as a det.txt."""
    path = tmp_path_factory.mktemp("dets") / "det.txt"
    scene, lines = Scene(n_frames=24), []
    for number in range(1, 25):
        _, boxes, visible = scene.truth(number)
        for x1, y1, x2, y2 in boxes[visible > 0.5]:
            lines.append(f"{number},-1,{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},0.9,-1,-1,-1\n")
    path.write_text("".join(lines))
    return path


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """The single line of a command that must fail."""
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    assert code != 0
    assert "Traceback" not in captured.err
    lines = [line for line in captured.err.splitlines() if not line.startswith("track: note:")]
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("track: ")
    return lines[0]


@pytest.mark.parametrize("algo", algorithms())
def test_video_text_and_run_are_written(
    algo: str, street: Path, detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main([str(street), "--algo", algo, "--detector", str(detections), "-o", str(out)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("straße 1.mp4 (video, 640x480, 24 frames, 25 fps) -> detector det.txt")
    assert said[0].endswith(f"-> {algo}")
    assert "24 frames" in said[1]
    rows = read_results(out / "tracks.txt")
    assert rows.frames.max() == 24
    with open_source(out / "tracks.mp4") as video:
        assert sum(1 for _ in video) == 24
    run = json.loads((out / "run.json").read_text())
    assert run["complete"] is True
    assert run["counts"]["rows"] == len(rows)
    assert run["counts"]["tracks"] == len(set(rows.ids.tolist()))
    assert run["algorithm"]["name"] == algo
    assert len(run["source"]["sha256"]) == 64
    assert run["versions"]["numpy"] == np.__version__


def test_every_second_frame(street: Path, detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [str(street), "--detector", str(detections), "--camera-motion", "flow"]
    assert main([*command, "--every", "2", "-o", str(tmp_path / "out")]) == 0
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["detector"]["every"] == 2
    assert run["algorithm"]["parameters"]["max_age"] == 30
    given = sum(int(line.split(",")[0]) % 2 for line in detections.read_text().splitlines())
    assert run["counts"]["detections"] == given
    rows = read_results(tmp_path / "out" / "tracks.txt")
    per_frame = [rows.ids[rows.at(number)].tolist() for number in range(1, 25)]
    assert per_frame[::2] == per_frame[1::2]  # the same tracks, where they must be by now
    assert max(map(len, per_frame)) >= 2
    assert rows.interpolated[rows.frames % 2 == 0].all()  # what nobody detected says so, and `track refine` reads it
    assert not rows.interpolated[rows.frames % 2 == 1].all()
    assert main([*command, "--algo", "sort", "--every", "3", "-o", str(tmp_path / "sort"), "--no-video"]) == 0
    run = json.loads((tmp_path / "sort" / "run.json").read_text())
    assert run["algorithm"]["parameters"]["max_age"] == 5  # as it was used, not SORT's 1
    with open_source(tmp_path / "out" / "tracks.mp4") as video:
        assert sum(1 for _ in video) == 24
    capsys.readouterr()
    assert "every=0: give a whole number, 1 or more" in refused(capsys, street, "--every", "0")


def test_camera_motion(street: Path, detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    still = tmp_path / "gmc.txt"
    still.write_text("".join(f"{number} 1 0 0 0 1 0\n" for number in range(24)))
    command = [str(street), "--detector", str(detections), "--no-video", "--json", "--set", "coast=0"]
    written = {}
    for how in ("off", "auto", "pairs", "flow", str(still)):
        out = tmp_path / f"out-{Path(how).stem}"
        assert main([*command, "--camera-motion", how, "-o", str(out)]) == 0
        algorithm = json.loads(capsys.readouterr().out)["algorithm"]
        assert algorithm["camera_motion"] == how
        assert algorithm["parameters"]["camera_from_pairs"] is (how in ("auto", "pairs"))
        written[Path(how).stem] = (out / "tracks.txt").read_text()
    assert written["gmc"] == written["off"]
    assert written["flow"].count("\n") == pytest.approx(written["off"].count("\n"), abs=5)
    assert written["pairs"] == written["auto"] == written["off"]  # the street's camera stands still
    assert "flow" in refused(capsys, street, "--detector", detections, "--camera-motion", "flows")
    twice = ("--camera-motion", "flow", "--set", "camera_from_pairs=true")
    assert "both say what the camera does" in refused(capsys, street, "--detector", detections, *twice)
    still.write_text("".join(f"{number} 1 0 0 0 1 0\n" for number in range(20)))
    short = refused(capsys, street, "--detector", detections, "--camera-motion", still, "-o", tmp_path / "none")
    assert "camera motion of 20 frames for a video of 24" in short
    sequence = tmp_path / "seq"
    sequence.mkdir()
    (sequence / "seqinfo.ini").write_text("[Sequence]\nname=seq\nframeRate=10\nseqLength=5\n")
    assert "image" in refused(capsys, sequence, "--detector", detections, "--camera-motion", "flow", "--quiet")


def test_a_scene_cut_is_said_once_with_the_number_of_frames(
    detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = tmp_path / "cuts.mp4"
    scene, other = Scene(n_frames=24), np.random.default_rng(0)
    with VideoWriter(video, scene.size, scene.frame_rate) as writer:
        for frame in scene:
            assert frame.image is not None
            noise = other.integers(0, 256, frame.image.shape, dtype=np.uint8)
            writer.write(noise if frame.number in (8, 16) else frame.image)
    command = [str(video), "--detector", str(detections), "--no-video", "--camera-motion", "flow", "-o"]
    assert main([*command, str(tmp_path / "a")]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["track: note: camera motion not found in 4 of 24 frames (scene cuts?): taken as still there"]
    assert json.loads((tmp_path / "a" / "run.json").read_text())["counts"]["camera_failures"] == 4
    assert main([*command, str(tmp_path / "b"), "--json"]) == 0
    assert capsys.readouterr().err == ""


def test_same_input_same_bytes(street: Path, detections: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, written = tmp_path / "out", []
    command = [str(street), "--algo", "deepsort", "--detector", str(detections), "-o", str(out)]
    for epoch in ("1000000000", "1000000000", "1000000001"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        assert main([*command, "--overwrite", "--quiet"]) == 0
        written.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert sorted(written[0]) == ["run.json", "tracks.mp4", "tracks.txt"]
    assert written[0] == written[1]
    assert [name for name in written[0] if written[0][name] != written[2][name]] == ["run.json"]
    assert json.loads(written[0]["run.json"])["date"] == "2001-09-09T01:46:40Z"


def test_json_is_all_it_prints(
    street: Path, detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [str(street), "--detector", str(detections), "-o", str(tmp_path / "out"), "--json", "--no-video"]
    assert main([*command, "--set", "max_age=5", "coast=0"]) == 0
    captured = capsys.readouterr()
    said = json.loads(captured.out)
    assert captured.err == ""
    assert said["algorithm"]["parameters"]["max_age"] == 5
    assert set(said["speed"]["stages_fps"]) <= {"decode", "detect", "embed", "associate", "write"}
    assert not (tmp_path / "out" / "tracks.mp4").exists()


def test_quiet_prints_nothing(
    street: Path, detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(street), "--detector", str(detections), "-o", str(tmp_path / "o"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_never_overwrites_unless_asked(
    street: Path, detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [str(street), "--detector", str(detections), "-o", str(tmp_path), "--no-video", "--quiet"]
    (tmp_path / "tracks.txt").write_text("precious")
    assert "exists and is not empty" in refused(capsys, *command)
    assert (tmp_path / "tracks.txt").read_text() == "precious"
    assert main([*command, "--overwrite"]) == 0
    assert len(read_results(tmp_path / "tracks.txt")) > 0


def test_overwriting_loses_nothing_before_there_is_something_new(
    street: Path, detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main([str(street), "--detector", str(detections), "-o", str(out), "--quiet"]) == 0
    kept = {path.name: path.read_bytes() for path in out.iterdir()}
    again = ["-o", out, "--overwrite", "--quiet"]
    assert "would be replaced" in refused(capsys, out / "tracks.mp4", "--detector", "motion", *again)
    assert "would be replaced" in refused(capsys, street, "--detector", out / "tracks.txt", *again)
    sequence = tmp_path / "seq"
    sequence.mkdir()
    (sequence / "seqinfo.ini").write_text("[Sequence]\nname=seq\nframeRate=10\nseqLength=5\n")
    assert "no images" in refused(capsys, sequence, "--detector", "motion", *again)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == kept


def test_no_file_of_an_earlier_run_stays_beside_the_new_ones(street: Path, detections: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [str(street), "--detector", str(detections), "-o", str(out), "--quiet"]
    assert main(command) == 0
    (out / "notes.txt").write_text("mine")
    assert main([*command, "--overwrite", "--no-video"]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["notes.txt", "run.json", "tracks.txt"]


@pytest.mark.skipif(os.name == "nt", reason="closes a pipe")
def test_a_closed_pipe_ends_the_command_without_a_traceback(street: Path, detections: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tracker", str(street), "--detector", str(detections), "-o", str(tmp_path / "out")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 141
    assert err == ""


def test_a_terminal_that_lacks_a_character_gets_its_escape(street: Path, detections: Path, tmp_path: Path) -> None:
    video = Path(shutil.copy(street, tmp_path / "Straße 街.mp4"))
    words = [sys.executable, "-m", "tracker", str(video), "--detector", str(detections), "--no-video", "-o", "out"]
    done = subprocess.run(
        words, cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": "cp1252"}, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"Stra\xdfe \u8857.mp4" in done.stdout.replace("ß".encode("cp1252"), rb"\xdf")


@pytest.mark.parametrize("algo", ["botsort", "bytetrack", "ocsort", "steady"])
def test_detections_too_weak_for_any_track_are_said(
    algo: str, detections: Path, street: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weak = tmp_path / "weak.txt"
    weak.write_text(detections.read_text().replace(",0.9,", ",0.05,"))
    command = [str(street), "--detector", str(weak), "--algo", algo, "--no-video", "-o", str(tmp_path / "out")]
    assert main(command) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("track: note: no tracks: the best of ")
    setting = "det_threshold=0.6" if algo == "ocsort" else r"(birth|low)_\w+=0\.\d"
    assert re.search(rf"detections scores 0.05, {algo} (starts tracks|uses no detection) at .*{setting}(; | \()", line)
    assert main([*command, "--overwrite", "--json"]) == 0
    assert capsys.readouterr().err == ""


def test_detections_seen_too_seldom_for_any_track_are_said(
    detections: Path, street: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--detector", str(detections), "--algo", "deepsort", "--reid", "histogram", "--every", "20", "--no-video"]
    assert main([str(street), *words, "-o", str(tmp_path / "out")]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("track: note: no tracks: deepsort met no object often enough in ")


def test_an_embedder_that_is_not_used_is_said(
    street: Path, detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [str(street), "--detector", str(detections), "-o", str(tmp_path / "out"), "--no-video"]
    assert main([*command, "--algo", "sort", "--reid", "histogram"]) == 0
    assert "sort uses no appearance; --reid histogram is left out" in capsys.readouterr().err
    assert main([*command, "--reid-runtime", "openvino", "--overwrite"]) == 0
    assert "no ReID model is used; --reid-runtime openvino is left out" in capsys.readouterr().err


@pytest.mark.parametrize("algo", ["deepsort", "steady"])
def test_recorded_embeddings_are_used_and_no_model_is_named(
    algo: str, street: Path, detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = np.loadtxt(detections, delimiter=",")
    boxes = np.column_stack((rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]))
    looks = np.random.default_rng(0).normal(size=(len(rows), 8))
    np.savez(tmp_path / "looks.npz", frame=rows[:, 0], xyxy=boxes, score=rows[:, 6], embedding=looks)
    command = [str(street), "--detector", str(tmp_path / "looks.npz"), "--algo", algo, "--no-video", "-o"]
    assert main([*command, str(tmp_path / "a")]) == 0
    captured = capsys.readouterr()
    assert "embedder" not in captured.out
    assert captured.err == ""
    assert json.loads((tmp_path / "a/run.json").read_text())["embedder"] is None
    assert main([*command, str(tmp_path / "b"), "--reid", "histogram"]) == 0
    assert "looks.npz brings embeddings; --reid histogram is left out" in capsys.readouterr().err
    assert (tmp_path / "a/tracks.txt").read_bytes() == (tmp_path / "b/tracks.txt").read_bytes() != b""


def test_the_runtime_of_the_reid_model_is_said(
    street: Path, detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("openvino", reason="needs the extra openvino")
    command = [str(street), "--detector", str(detections), "--algo", "deepsort", "--no-video", "-o"]
    assert main([*command, str(tmp_path / "a"), "--reid-runtime", "openvino"]) == 0
    assert "on cpu by openvino -> deepsort" in capsys.readouterr().out
    run = json.loads((tmp_path / "a" / "run.json").read_text())
    assert run["embedder"]["runtime"] == "openvino"
    assert "openvino" in run["versions"]
    assert main([*command, str(tmp_path / "b"), "--reid-runtime", "openvino", "--quiet"]) == 0
    assert (tmp_path / "a" / "tracks.txt").read_bytes() == (tmp_path / "b" / "tracks.txt").read_bytes()


def test_default_folders_are_new_ones(
    street: Path, detections: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert main([str(street), "--detector", str(detections), "--no-video", "--quiet"]) == 0
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["straße_1-steady", "straße_1-steady-2"]


def test_sequence_folder_without_images_takes_its_own_detections(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sequence = shared / "data/MOT15/train/TUD-Campus"
    command = [str(sequence), "--algo", "sort", "-o", str(tmp_path / "out"), "--set", "published_order=true"]
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["rows"] == 261  # as the published SORT
    assert not (tmp_path / "out" / "tracks.mp4").exists()


def test_public_detections_with_unbounded_scores_are_tracked_and_said(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sequence = shared / "data/MOT15/train/TUD-Campus"
    assert main([str(sequence), "--detector", str(sequence / "det/det-acf.txt"), "-o", str(tmp_path / "out")]) == 0
    assert "not 0..1" in capsys.readouterr().err
    assert len(read_results(tmp_path / "out" / "tracks.txt")) > 0


def test_bad_rows_of_a_detector_are_dropped_and_counted(
    street: Path, detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "det.txt"
    bad = ["3,-1,10,10,nan,20,0.9", "4,-1,10,10,-5,20,0.9", "5,-1,10,10,0,20,0.9"]
    damaged.write_text(detections.read_text() + "".join(f"{row},-1,-1,-1\n" for row in bad))
    assert main([str(street), "--detector", str(damaged), "-o", str(tmp_path / "out"), "--no-video"]) == 0
    assert "3 invalid detections dropped" in capsys.readouterr().out


def test_the_voted_class_is_written_where_asked(street: Path, detections: Path, tmp_path: Path) -> None:
    rows = np.loadtxt(detections, delimiter=",")
    boxes = np.column_stack((rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]))
    own = (rows[:, 4] * rows[:, 5] > np.median(rows[:, 4] * rows[:, 5])).astype(int) + 2
    given = np.where(rows[:, 0] % 5 == 0, 7, own)  # now and then the detector takes everyone for a truck
    file = tmp_path / "classes.npz"
    np.savez(file, **{"frame": rows[:, 0], "xyxy": boxes, "score": rows[:, 6], "class": given})
    command = [str(street), "--detector", str(file), "--no-video", "--quiet", "-o"]
    assert main([*command, str(tmp_path / "plain")]) == 0
    assert main([*command, str(tmp_path / "out"), "--class-column"]) == 0
    plain, tracks = (read_results(tmp_path / name / "tracks.txt") for name in ("plain", "out"))
    np.testing.assert_array_equal(plain.boxes, tracks.boxes)
    assert (plain.classes == -1).all()
    assert set(tracks.classes.tolist()) == {2, 3}  # never 7
    assert main(["refine", str(tmp_path / "out/tracks.txt"), "--quiet"]) == 0
    assert set(read_results(tmp_path / "out/refined/tracks.txt").classes.tolist()) == {2, 3}


def test_recorded_detections_of_no_frame_are_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import cv2

    folder = tmp_path / "images"
    folder.mkdir()
    for k in (100, 101):
        cv2.imwrite(str(folder / f"{k}.png"), np.zeros((40, 60, 3), np.uint8))
    det = tmp_path / "det.txt"
    det.write_text("1,-1,10,10,20,20,0.9\n2,-1,10,10,20,20,0.9\n")
    for k, quiet in enumerate(([], ["--quiet"])):
        assert main([str(folder), "--detector", str(det), "--no-video", *quiet, "-o", str(tmp_path / f"o{k}")]) == 1
        assert "frame of the source" in capsys.readouterr().err


def test_folder_of_images(detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import cv2

    folder = tmp_path / "images"
    folder.mkdir()
    for frame in Scene(n_frames=12):
        cv2.imwrite(str(folder / f"{frame.number}.png"), frame.image)
    (folder / "notes.md").write_text("not an image")
    assert main([str(folder), "--detector", str(detections), "-o", str(tmp_path / "out")]) == 0
    captured = capsys.readouterr()
    assert "12 frames" in captured.out
    assert "notes.md" in captured.err or "1 " in captured.err


@pytest.mark.slow
def test_demo_scores_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["demo", "--detector", "motion", "--frames", "60", "-o", str(tmp_path / "out"), "--json"]
    assert main([*command, "--algo", "deepsort"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert scores["GT_IDs"] > 0
    assert 0 < scores["MOTA"] <= 1
    assert (tmp_path / "out" / "tracks.mp4").stat().st_size > 0


def test_algos_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["algos", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert sorted(found) == algorithms()
    assert main(["algos", "--defaults"]) == 0
    defaults = json.loads(capsys.readouterr().out)
    assert defaults["deepsort"]["max_cosine_distance"] == 0.2
    assert main(["algos"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    printed = " ".join(" ".join(lines).split())
    for name in algorithms():
        assert f"{name} " in printed
        assert found[name].keys() == defaults[name].keys()
        for key, setting in found[name].items():
            assert sorted(setting) == ["about", "default", "kind", "range", "unit"]
            assert setting["default"] == defaults[name][key]
            shown = "-" if setting["default"] is None else setting["default"]
            assert f"{key} {shown} {setting['about']} ({setting['range']})" in printed
    assert main(["algos", "sort"]) == 0
    assert "deepsort" not in capsys.readouterr().out
    assert "did you mean 'sort'" in refused(capsys, "algos", "srot")


def test_bad_words_are_one_line(street: Path, detections: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = street.with_name("strasse 1.mp4")
    assert "did you mean" in refused(capsys, missing) or "no such file" in refused(capsys, missing)
    assert "did you mean 'deepsort'" in refused(capsys, street, "--algo", "depsort")
    assert "did you mean 'max_age'" in refused(capsys, street, "--detector", detections, "--set", "maxage=3")
    assert "key=value" in refused(capsys, street, "--detector", detections, "--set", "max_age")
    assert "birth_score=7" in refused(capsys, street, "--detector", detections, "--set", "birth_score=7")
    assert "give a number" in refused(capsys, street, "--detector", detections, "--set", "low_noise=much")
    assert "give frames (30) or seconds" in refused(capsys, street, "--detector", detections, "--set", "coast=many")
    assert "did you mean 'hog'" in refused(capsys, street, "--detector", "hogs")
    assert "no such file" in refused(capsys, street, "--detector", "missing.onnx")
    assert "coast=inf" in refused(capsys, street, "--detector", detections, "--set", "coast=inf")
    assert "give names" in refused(capsys, street, "--detector", "hog", "--classes", ",")
    assert "no SOURCE" in refused(capsys, "--algo", "sort")
    assert "conf=nan: give a number" in refused(capsys, street, "--conf", "nan", "--detector", detections)
    with pytest.raises(SystemExit) as stopped:
        main([str(street), "--colour"])
    assert stopped.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,-1,10,10\n", r"det.txt:1: "),
        ("1,-1,10,10,20,20,0.9\n0,-1,10,10,20,20,0.9\n", "det.txt:2: .*frame"),
        ("not a detection\n", "det.txt:1: "),
    ],
)
def test_a_det_file_that_is_none_is_named_with_its_line(
    text: str, words: str, street: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    det = tmp_path / "det.txt"
    det.write_text(text)
    # Rows with bad numbers are dropped by the command; a row that is no row at all is an error.
    code = main([str(street), "--detector", str(det), "-o", str(tmp_path / "out"), "--no-video"])
    captured = capsys.readouterr()
    if code == 0:
        assert "1 invalid detection dropped" in captured.out
    else:
        assert re.search(words, captured.err)
        assert len(captured.err.splitlines()) == 1


def test_no_video_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in (("text.mp4", b"hello world, this is not a video"), ("empty.mp4", b"")):
        path = tmp_path / name
        path.write_bytes(content)
        assert name in refused(capsys, path, "-o", tmp_path / "out")
    folder = tmp_path / "empty folder"
    folder.mkdir()
    assert "empty folder" in refused(capsys, folder, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_truncated_video_is_tracked_as_far_as_it_goes(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (shared / "data/video/vtest_480x360.mp4").read_bytes()
    moov = whole.find(b"moov")
    if moov > len(whole) // 2:
        pytest.skip("this file's index is at its end: cut, it does not open at all")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 3])
    det = tmp_path / "det.txt"
    det.write_text("1,-1,10,10,20,40,0.9\n")
    out = tmp_path / "out"
    assert main([str(cut), "--detector", str(det), "-o", str(out)]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    run = json.loads((out / "run.json").read_text())
    assert run["complete"] is False
    assert run["counts"]["frames"] + run["counts"]["missing_frames"] == 795
    assert f"{run['counts']['missing_frames']} of 795 frames could not be read" in line


def test_truncated_recording_of_our_own(
    street: Path, detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(street.read_bytes()[: street.stat().st_size * 2 // 3])
    code = main([str(cut), "--detector", str(detections), "-o", str(tmp_path / "out")])
    captured = capsys.readouterr()
    assert code in (1, 2)
    assert "cut.mp4" in captured.err
    if code == 1:
        assert "of 24 frames could not be read" in captured.err


def test_an_output_folder_that_cannot_be(
    street: Path, detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    command = [street, "--detector", detections, "-o"]
    assert "is a file" in refused(capsys, *command, tmp_path / "file")
    assert "cannot be made" in refused(capsys, *command, tmp_path / "file" / "below")
    if Path("/proc").is_dir():
        assert "cannot be made" in refused(capsys, *command, "/proc/track")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_a_full_disk_stops_with_one_line(
    street: Path, detections: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tracker.io import sinks

    real = sinks.TextSink.__init__

    def onto_full_disk(self: sinks.TextSink, path: Path, **_: object) -> None:
        real(self, Path("/dev/full"))

    monkeypatch.setattr(sinks.TextSink, "__init__", onto_full_disk)
    code = main([str(street), "--detector", str(detections), "-o", str(tmp_path / "out"), "--quiet"])
    err = capsys.readouterr().err
    assert code == 2
    assert "No space left" in err
    assert "Traceback" not in err


def test_a_run_json_that_cannot_be_written_is_not_said_to_be_there(
    street: Path, detections: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def cut(self: Path, text: str, **_: object) -> int:
        self.write_bytes(text[:10].encode())
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", cut)
    assert main([str(street), "--detector", str(detections), "-o", str(tmp_path / "out"), "--no-video"]) == 2
    out, err = capsys.readouterr()
    assert f"{tmp_path / 'out' / 'run.json'}: No space left" in err
    assert "run:" not in out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tracks.txt"]


@pytest.mark.skipif(os.name == "nt", reason="limits the size of files")
def test_a_disk_that_fills_up_leaves_whole_frames(street: Path, detections: Path, tmp_path: Path) -> None:
    command = [str(street), "--detector", str(detections), "--no-video", "--quiet", "-o"]
    assert main([*command, str(tmp_path / "whole")]) == 0
    code = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
from tracker.commands.main import main
sys.exit(main({[*command, str(tmp_path / "cut")]!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"track: {tmp_path / 'cut' / 'tracks.txt'}: File too large" in done.stderr
    whole, cut = ((tmp_path / name / "tracks.txt").read_text().splitlines() for name in ("whole", "cut"))
    assert len(whole) > len(cut) > 0
    assert cut == whole[: len(cut)]
    assert cut[-1].split(",")[0] != whole[len(cut)].split(",")[0]
    last = int(cut[-1].split(",")[0])
    assert f"track: stopped after {last} frames, what was tracked until then is in {tmp_path / 'cut'}" in done.stderr


def test_a_detector_that_fails_midway_loses_nothing(
    street: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tracker.detect.motion import Motion

    real, calls = Motion.__call__, []

    def failing(self: Motion, image: object) -> object:
        calls.append(1)
        if len(calls) > 10:
            raise ValueError("the network gave up")
        return real(self, image)  # type: ignore[arg-type]

    monkeypatch.setattr(Motion, "__call__", failing)
    out = tmp_path / "out"
    assert main([str(street), "--detector", "motion", "-o", str(out), "--quiet"]) == 2
    assert "the network gave up" in capsys.readouterr().err
    assert json.loads((out / "run.json").read_text())["counts"]["frames"] == 10
    with open_source(out / "tracks.mp4") as video:
        assert sum(1 for _ in video) == 10


def test_show_without_a_display(
    street: Path, detections: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    if sys.platform.startswith("linux"):
        assert "no display" in refused(capsys, street, "--detector", detections, "--show")


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_finishes_the_files(tmp_path: Path) -> None:
    write_video(tmp_path / "street.mp4", 200)
    interrupt(tmp_path / "street.mp4", "hog", tmp_path / "out", 200)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_held_down_is_one_press(tmp_path: Path) -> None:
    write_video(tmp_path / "street.mp4", 200)
    interrupt(tmp_path / "street.mp4", "hog", tmp_path / "out", 200, signals=8)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_while_frames_are_detected_side_by_side(shared: Path, tmp_path: Path) -> None:
    data = shared / "data"
    interrupt(data / "video/vtest_480x360.mp4", data / "models/yolox_nano.onnx", tmp_path / "out", 795)


@pytest.mark.skipif(os.name == "nt", reason="sends signals")
@pytest.mark.parametrize(
    ("name", "ignored"), [("SIGTERM", False), pytest.param("SIGHUP", False, marks=pytest.mark.slow), ("SIGHUP", True)]
)
def test_term_and_hup_finish_the_files_and_nohup_goes_on(
    name: str, ignored: bool, street: Path, tmp_path: Path
) -> None:
    code = f"""
import signal, sys
from tracker.detect.motion import Motion
from tracker.commands.main import main
signal.signal(signal.SIGHUP, signal.{"SIG_IGN" if ignored else "SIG_DFL"})
real, calls = Motion.__call__, []
def call(self, image):
    calls.append(1)
    if len(calls) == 10:
        signal.raise_signal(signal.{name})
    return real(self, image)
Motion.__call__ = call
sys.exit(main([{str(street)!r}, "--detector", "motion", "-o", {str(tmp_path / "out")!r}]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    if ignored:
        assert (done.returncode, run["state"]) == (0, "complete")
        return
    assert done.returncode == 128 + getattr(signal, name)
    assert done.stderr == "track: interrupted after 10 frames; the files are complete up to there\n"
    assert (run["state"], run["complete"], run["counts"]["frames"]) == ("interrupted", False, 10)
    with open_source(tmp_path / "out" / "tracks.mp4") as video:
        assert sum(1 for _ in video) == 10


def interrupt(source: Path, detector: Path | str, out: Path, frames: int, signals: int = 1) -> None:
    """Start the command, press Ctrl-C a moment after its first frame; what it tracked until then must be complete."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tracker", str(source), "--detector", str(detector), "-o", str(out)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (out.is_dir() and (out / "tracks.mp4").exists()):
        time.sleep(0.05)
    time.sleep(0.3)
    for _ in range(signals):
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    run = json.loads((out / "run.json").read_text())
    assert 0 < run["counts"]["frames"] < frames
    with open_source(out / "tracks.mp4") as video:
        assert sum(1 for _ in video) == run["counts"]["frames"]
    assert (out / "tracks.txt").read_text().endswith("\n")


def test_python_m_tracker_is_the_command() -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        call = [sys.executable, "-m", "tracker", *words]
        return subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)

    alone, helped, version = run(), run("--help"), run("--version")
    assert (alone.returncode, helped.returncode, version.returncode) == (2, 0, 0)
    assert alone.stdout == helped.stdout
    assert version.stdout.startswith("track (trackwhy)")
    assert run("nowhere.mp4").returncode == 2


def test_run_json_has_every_value_as_it_was_used(street: Path, tmp_path: Path) -> None:
    command = [str(street), "--detector", "hog", "--classes", "person", "--set", "max_age=2s", "--no-video"]
    assert main([*command, "-o", str(tmp_path / "out"), "--quiet"]) == 0
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["command"] == ["track", *command, "-o", str(tmp_path / "out"), "--quiet"]
    assert abs(datetime.now(timezone.utc) - datetime.fromisoformat(run["date"].replace("Z", "+00:00"))) < timedelta(1)
    assert run["state"] == "complete"
    assert run["detector"] == {
        "name": "hog",
        "device": "cpu",
        "runtime": None,
        "conf": 0.3,
        "classes": ["person"],
        "every": 1,
        "invalid": "drop",
    }
    parameters = run["algorithm"]["parameters"]
    assert (parameters["max_age"], parameters["frame_rate"]) == (50, 25)
    assert parameters.keys() == settings_of(Steady).keys()
    assert run["notes"] == []


def test_help_is_light() -> None:
    code = "import sys; from tracker.commands.main import main; main(['--help']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = done.stdout.rsplit("\n[", 1)[1]
    for heavy in ("numpy", "scipy", "cv2", "torch", "pandas", "matplotlib"):
        assert f"'{heavy}'" not in loaded
    assert done.stdout.startswith("usage: track SOURCE")


def clear_and_id(tracks: Path, truth: Path, scale: float) -> dict[str, float]:
    """MOTA and IDF1 of a result by motmetrics, ground truth boxes scaled to the video."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas' own, raised while motmetrics loads and computes
        import motmetrics

        found, wanted = read_results(tracks), read_ground_truth(truth)
        accumulator = motmetrics.MOTAccumulator()
        for number in range(1, wanted.last_frame + 1):
            gt, ours = wanted.select(wanted.at(number)), found.select(found.at(number))
            gt = gt.select(gt.scores > 0)
            distance = 1 - iou_xyxy(gt.boxes * scale, ours.boxes)
            distance[distance > 0.5] = np.nan
            accumulator.update(gt.ids, ours.ids, distance, frameid=number)
        table = motmetrics.metrics.create().compute(accumulator, metrics=["mota", "idf1"])
    return {name: float(table.iloc[0][name]) for name in ("mota", "idf1")}


@pytest.mark.slow
def test_real_video_reaches_the_published_scores(shared: Path, tmp_path: Path) -> None:
    video = shared / "data/video/vtest_480x360.mp4"
    truth = shared / "data/MOT15/train/PETS09-S2L1/gt/gt.txt"
    models = shared / "data/models"
    scores = {}
    for algo in ("sort", "deepsort"):
        out = tmp_path / algo
        command = [str(video), "--algo", algo, "--detector", str(models / "yolox_nano.onnx"), "--classes", "person"]
        command += ["--conf", "0.5", "--reid", str(models / "osnet_x0_25_msmt17.onnx"), "-o", str(out), "--quiet"]
        assert main(command) == 0
        scores[algo] = clear_and_id(out / "tracks.txt", truth, 0.625)
        assert scores[algo]["mota"] >= 0.62
        with open_source(out / "tracks.mp4") as written:
            assert written.n_frames == 795
    assert scores["deepsort"]["idf1"] >= scores["sort"]["idf1"] + 0.10
    shutil.rmtree(tmp_path / "sort")


@pytest.mark.skipif(os.name == "nt", reason="the shell of POSIX closes the streams")
@pytest.mark.parametrize(
    "closed", ["<&- >&- 2>&-", *(pytest.param(one, marks=pytest.mark.slow) for one in (">&-", "2>&-"))]
)
def test_closed_streams_stop_no_run(tmp_path: Path, closed: str) -> None:
    write_video(tmp_path / "v.mp4", 12)
    out = tmp_path / "out"
    words = [sys.executable, "-m", "tracker", str(tmp_path / "v.mp4"), "--detector", "motion", "--algo", "sort"]
    call = f"{shlex.join([*words, '-o', str(out)])} {closed}"
    done = subprocess.run(["/bin/sh", "-c", call], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0
    assert json.loads((out / "run.json").read_text())["complete"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="makes a named pipe")
def test_parameters_from_a_pipe(
    street: Path,
    detections: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tracker.algorithms.PIPE_WAIT", 0.3)
    pipe = tmp_path / "params"
    os.mkfifo(pipe)
    assert "nothing is written to" in refused(
        capsys, street, "--detector", detections, "--params", pipe, "-o", tmp_path / "no"
    )
    text = '{"algorithm": "sort", "parameters": {"max_age": 7}}'
    writer = threading.Thread(target=pipe.write_text, args=(text,))
    writer.start()
    command = [street, "--detector", detections, "--params", pipe, "-o", tmp_path / "out", "--quiet"]
    assert main([str(word) for word in command]) == 0
    writer.join()
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["algorithm"]["parameters"]["max_age"] == 7


def test_a_full_disk_is_one_line_and_what_is_announced_exists(street: Path, detections: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    code = (
        "import resource, signal, sys; from tracker.commands.main import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "limit = int(sys.argv[1]); resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))\n"
        "sys.exit(main(sys.argv[2:]))"
    )
    assert resource
    whole = tmp_path / "whole"
    assert main([str(word) for word in (street, "--detector", detections, "-o", whole, "--quiet")]) == 0
    rows = (whole / "tracks.txt").read_text().splitlines(keepends=True)
    for limit in (700, 3000, (whole / "tracks.mp4").stat().st_size // 2):
        out = tmp_path / str(limit)
        command = [sys.executable, "-c", code, str(limit), street, "--detector", detections, "-o", out]
        run = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=60)
        assert run.returncode not in (0, -25)
        assert "Traceback" not in run.stderr
        assert sum("File too large" in line for line in run.stderr.splitlines()) == 1
        written = (out / "tracks.txt").read_text().splitlines(keepends=True) if (out / "tracks.txt").exists() else []
        assert written == rows[: len(written)]
        for name in ("tracks.txt", "tracks.mp4", "run.json"):
            assert (out / name).exists() or f"{name}" not in run.stdout
        if (out / "run.json").exists():
            assert json.loads((out / "run.json").read_text())["state"] != "complete"
