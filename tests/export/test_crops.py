"""--save crops and export --to crops: of each second of a track the sharpest image, in a folder of its id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import write_video

from tracker.commands.main import main
from tracker.detections import Detections
from tracker.export.crops import CropSink
from tracker.io.sinks import Step
from tracker.io.source import Frame
from tracker.tracks import Tracks

cv2 = pytest.importorskip("cv2")
SHARP = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
SOFT = cv2.GaussianBlur(SHARP, (0, 0), 4)
BOX = (20.0, 20.0, 60.0, 100.0)


def step(number: int, image: Any, box: tuple[float, ...] = BOX, **columns: Any) -> Step:
    tracks = Tracks.of_boxes([17], [box], frame=number, **columns)
    return Step(Frame(image, number, (number - 1) / 10), Detections.empty(), tracks)


def written(folder: Path, *steps: Step) -> list[str]:
    sink = CropSink(folder)
    for one in steps:
        sink.write(one)
    sink.close()
    sink.close()
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))
    assert sink.count == len(names)
    return names


def test_the_sharpest_of_each_second(tmp_path: Path) -> None:
    steps = [step(number, SHARP if number in (4, 17) else SOFT) for number in range(1, 21)]
    assert written(tmp_path, *steps) == ["00017/000004.jpg", "00017/000017.jpg"]
    crop = cv2.imread(str(tmp_path / "00017/000004.jpg"))
    assert crop.shape == (80, 40, 3)
    grey, truth = (cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).reshape(-1) for image in (crop, SHARP[20:100, 20:60]))
    assert np.corrcoef(grey, truth)[0, 1] > 0.95


def test_the_larger_of_two_alike(tmp_path: Path) -> None:
    assert written(tmp_path, step(1, SHARP), step(2, SHARP, (0, 0, 80, 120))) == ["00017/000002.jpg"]


@pytest.mark.parametrize(
    "left_out",
    [
        step(1, SHARP, detections=[-1]),  # a prediction: nothing was seen there
        step(1, SHARP, confirmed=[False]),
        step(1, None),
        step(1, SHARP, (10, 10, 17, 90)),  # seven pixels wide
        step(1, SHARP, (-50, 0, 40, 100)),  # more than half outside
        step(1, SHARP, (np.nan,) * 4),
    ],
)
def test_what_gives_no_crop(tmp_path: Path, left_out: Step) -> None:
    assert written(tmp_path, left_out) == []


def test_the_box_of_the_detection_is_cut(tmp_path: Path) -> None:
    written(tmp_path, step(1, SHARP, detection_boxes=[(0, 0, 33, 44)]))
    assert cv2.imread(str(tmp_path / "00017/000001.jpg")).shape == (44, 33, 3)


def test_crops_from_results_and_their_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "street.mp4", 10)
    rows = [
        f"{frame},{id},{20 * id},30,20,40,0.9,-1,-1,{mark}\n"
        for frame in range(1, 11)
        for id, mark in ((3, -1), (4, 1))
    ]
    (tmp_path / "a.txt").write_text("".join(rows))
    command = ["export", "a.txt", "--to", "crops"]
    assert main([*command, "--video", "street.mp4", "-o", "people"]) == 0
    assert capsys.readouterr().out == "crops: people (1 image)\n"
    assert [path.parent.name for path in Path("people").rglob("*.jpg")] == ["00003"]  # 4 is interpolated
    assert main([*command, "--video", "street.mp4", "-o", "people"]) == 2
    assert "exists and is not empty" in capsys.readouterr().err
    (tmp_path / "people/00099").mkdir()
    (tmp_path / "people/00099/000001.jpg").touch()
    (tmp_path / "people/notes.txt").touch()
    assert main([*command, "--video", "street.mp4", "-o", "people", "--overwrite"]) == 0
    assert sorted(path.name for path in Path("people").rglob("*.*")) == [
        next(Path("people/00003").iterdir()).name,
        "notes.txt",
    ]
    assert main(command) == 2
    assert "--to crops cuts images, and needs the video of these tracks" in capsys.readouterr().err
