"""A tracker of the user's own: only ``update`` is required; an option that needs more is refused in one line."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import tracker
from tracker.commands.main import main
from tracker.io.mot import read_results
from tracker.io.video import Frame, Source
from tracker.tracks import Tracks

MINE = '''
import numpy as np
from tracker import Tracks


class Mine:
    """Numbers the detections from left to right."""

    def __init__(self, first: int = 1) -> None:
        self.start = first

    def update(self, detections, frame=None, time=None):
        boxes = detections.boxes[np.argsort(detections.boxes[:, 0])]
        return Tracks.of_boxes(self.start + np.arange(len(boxes)), boxes)


class Moves(Mine):
    """Also predicts and warps: the boxes stay, and move with the camera."""

    boxes = np.empty((0, 4))

    def update(self, detections, frame=None, time=None):
        tracks = super().update(detections, frame, time)
        self.boxes = tracks.boxes
        return tracks

    def predict(self, reported, time=None):
        return Tracks.of_boxes(reported.ids, self.boxes, detections=-np.ones(len(reported), int))

    def warp(self, matrix):
        self.boxes = self.boxes + np.tile(matrix[:, 2], 2)


class Needs(Mine):
    def __init__(self, least):
        self.least = least


class Wrong(Mine):
    def update(self, detections, frame=None, time=None):
        return detections.boxes


class Appearance(Mine):
    """Takes an embedder: it is given detections with embeddings."""

    widths = []

    def __init__(self, embedder=None):
        super().__init__()

    def update(self, detections, frame=None, time=None):
        self.widths.append(detections.embeddings.shape[1])
        return super().update(detections, frame, time)
'''


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    """Ten frames without images, with recorded detections of two objects."""
    folder = tmp_path / "walk"
    (folder / "det").mkdir(parents=True)
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=walk\nframeRate=10\nseqLength=10\n")
    lines = [f"{n},-1,{x + n},10,20,40,0.9\n" for n in range(1, 11) for x in (200, 100)]
    (folder / "det" / "det.txt").write_text("".join(lines))
    return folder


def own(path: Path, name: str) -> type[Any]:
    found: dict[str, Any] = {}
    exec(path.read_text(), found)
    cls: type[Any] = found[name]
    return cls


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    assert main([*map(str, words), "--quiet"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_by_instance(mine: Path, sequence: Path, tmp_path: Path) -> None:
    reports = [tracks for _, tracks in tracker.track(sequence, algo=own(mine, "Mine")(), save=tmp_path / "out")]
    assert [t.frame for t in reports] == list(range(1, 11))
    assert [t.time for t in reports] == pytest.approx([k / 10 for k in range(10)])
    assert all(t.ids.tolist() == [1, 2] for t in reports)
    assert len(read_results(tmp_path / "out" / "tracks.txt")) == 20
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["algorithm"]["name"] == "mine"
    assert run["state"] == "complete"


def test_by_the_name_of_a_file(
    mine: Path, sequence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(sequence), "--algo", "./mine.py:Mine", "--set", "first=5"]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("-> mine")
    run = json.loads(Path("runs/walk-mine/run.json").read_text())
    assert run["algorithm"]["name"] == "mine"
    assert run["algorithm"]["parameters"] == {"first": 5}
    assert run["inputs"]["algorithm"][0]["sha256"] == hashlib.sha256(mine.read_bytes()).hexdigest()
    assert set(read_results("runs/walk-mine/tracks.txt").ids.tolist()) == {5, 6}


def test_by_the_name_of_a_module(mine: Path, sequence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine.rename(tmp_path / "mine_as_module.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    *_, (_, tracks) = tracker.track(sequence, algo="mine_as_module:Mine", settings={"first": 3})
    assert tracks.ids.tolist() == [3, 4]


def test_what_it_can_do_is_used(mine: Path, sequence: Path, tmp_path: Path) -> None:
    camera = tmp_path / "gmc.txt"
    camera.write_text("".join(f"{k} 1 0 3 0 1 0\n" for k in range(10)))
    run = tracker.track(sequence, algo=f"{mine}:Moves", every=3, camera_motion=str(camera))
    reports = [tracks for _, tracks in run]
    assert [t.frame for t in reports] == list(range(1, 11))
    for k, tracks in enumerate(reports):
        look = reports[k - k % 3]
        assert tracks.boxes[:, 0].tolist() == (look.boxes[:, 0] + 3 * (k % 3)).tolist()
        assert (tracks.detections < 0).all()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--every", "3"], r"track: every=3: Mine has no method predict"),
        (["--camera-motion", "flow"], r"track: camera_motion=flow: Mine has no method warp"),
        (["--reid", "histogram"], r"track: reid=histogram: Mine takes no embedder"),
    ],
)
def test_what_it_cannot_do_is_refused_by_the_options_name(
    option: list[str], words: str, mine: Path, sequence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, sequence, "--algo", f"{mine}:Mine", "-o", tmp_path / "out", *option)
    assert line.startswith(words)
    assert option[0] in line
    assert not (tmp_path / "out").exists()
    named = {option[0].lstrip("-").replace("-", "_"): int(option[1]) if option[1].isdigit() else option[1]}
    with pytest.raises(ValueError, match=words.removeprefix("track: ")):
        tracker.track(sequence, algo=own(mine, "Mine")(), **named)


def test_a_class_that_cannot_be_built_or_answers_wrongly_is_one_line(
    mine: Path, sequence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, sequence, "--algo", f"{mine}:Needs", "-o", tmp_path / "out")
    assert "missing 1 required positional argument: 'least'" in line
    line = refused(capsys, sequence, "--algo", f"{mine}:Wrong", "-o", tmp_path / "out")
    assert line == "track: Wrong.update returned a ndarray; return Tracks, such as Tracks.of_boxes(ids, boxes)"
    assert "no class 'Min'" in refused(capsys, sequence, "--algo", f"{mine}:Min")
    with pytest.raises(ValueError, match="give an algorithm's name, or an object with update"):
        tracker.track(sequence, algo=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"algo=Mine: give its name, or an instance: Mine\(\)"):
        tracker.track(sequence, algo=own(mine, "Mine"))


def test_one_that_takes_an_embedder_is_given_embeddings(mine: Path) -> None:
    frames = [Frame(np.zeros((60, 80, 3), np.uint8), k, k / 10) for k in range(1, 5)]
    source = Source("list", "video", lambda _: (frame for frame in frames), frame_rate=10)

    def three(image: NDArray[np.uint8], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.ones((len(boxes), 3))

    algo = own(mine, "Appearance")()
    reports = list(tracker.track(source, algo=algo, detector=lambda image: [[1, 2, 30, 50]], reid=three))
    assert len(reports) == 4
    assert algo.widths == [3, 3, 3, 3]


def test_trails_grow_although_it_numbers_no_frames(mine: Path, tmp_path: Path) -> None:
    """Boxes that move leave a trail in the video, which needs the numbers of the frames."""
    from tracker.io.draw import Trails

    trails = Trails()
    frames = [Frame(np.zeros((60, 80, 3), np.uint8), k, k / 10) for k in range(1, 5)]
    source = Source("list", "video", lambda _: (frame for frame in frames), frame_rate=10)
    for _, tracks in tracker.track(source, algo=own(mine, "Mine")(), detector=lambda image: [[1, 2, 30, 50]]):
        assert isinstance(tracks, Tracks)
        trails.update(tracks)
    assert len(trails.points(1)) == 4


def test_it_appears_in_track_algos(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["algos", f"{mine}:Mine", "--json"]) == 0
    (settings,) = json.loads(capsys.readouterr().out).values()
    assert settings["first"]["default"] == 1


ANSWERS = {
    "one box in three": "Tracks.of_boxes([1], [[0, 0, float('nan'), 9]])",
    "unequal": "Tracks.of(**{**vars(Tracks.of_boxes([1], [[0, 0, 9, 9]])), 'scores': np.ones(2)})",
    "twice": "Tracks.of(**{**vars(Tracks.of_boxes([1, 2], [[0, 0, 9, 9]] * 2)), 'ids': np.ones(2, int)})",
    "none": "None",
}


@pytest.mark.parametrize("answer", sorted(ANSWERS))
@pytest.mark.parametrize("method", ["update", "predict"])
def test_rubbish_of_either_method_is_one_clear_error(
    sequence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: str, method: str
) -> None:
    good = "Tracks.of_boxes([1], [[0, 0, 9, 9]])"
    update, predict = (ANSWERS[answer] if name == method else good for name in ("update", "predict"))
    code = f"""
import numpy as np
from tracker import Tracks
class Bad:
    def update(self, detections, frame=None, time=None):
        return {update}
    def predict(self, tracks, time=None):
        return {predict}
"""
    (tmp_path / "bad.py").write_text(code)
    words = [sequence, "--algo", f"{tmp_path}/bad.py:Bad", "--every", "2", "--quiet", "-o", tmp_path / "out"]
    assert main([*map(str, words)]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"track: Bad.{method} returned ")


def test_what_a_module_prints_stays_out_of_the_json(sequence: Path, tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(
        "import os\nfrom tracker import SORT\nprint('loud')\nos.system('echo louder')\n"
        "class Loud(SORT):\n    def step(self, state, seen):\n        print('loudest')\n"
        "        return super().step(state, seen)\n"
    )
    words = [sequence, "--algo", f"{tmp_path}/loud.py:Loud", "--no-video", "--json", "-o", tmp_path / "out"]
    done = subprocess.run(
        [sys.executable, "-m", "tracker", *map(str, words)], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["state"] == "complete"
    assert all(word in done.stderr for word in ("loud\n", "louder", "loudest"))
