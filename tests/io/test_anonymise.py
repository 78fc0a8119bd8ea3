"""What --anonymise hides: tracks, coasting ones, detections without a track, tracks just lost; and nothing else."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import write_video

from tracker.commands.main import main
from tracker.detections import Detections
from tracker.io.anonymise import CELLS, LINGER, AnonymisedSink, Anonymiser, hide
from tracker.io.sinks import Step
from tracker.io.source import Frame
from tracker.tracks import Tracks

NOISE = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
BOX = [40, 20, 70, 100]


def step(boxes: Any = (), found: Any = (), *, number: int = 1, ids: Any = None, **columns: Any) -> Step:
    boxes = np.array(boxes, dtype=float).reshape(-1, 4)
    ids = range(1, len(boxes) + 1) if ids is None else ids
    tracks = Tracks.of_boxes(ids, boxes, frame=number, **columns)
    detections = Detections(np.array(found, dtype=float).reshape(-1, 4))
    return Step(Frame(NOISE.copy(), number, (number - 1) / 10), detections, tracks)


def detail(image: Any, box: Any = BOX) -> float:
    """The mean difference of neighbouring pixels in a box; that of noise is about 85."""
    left, top, right, bottom = box
    return float(np.abs(np.diff(image[top:bottom, left:right].astype(float), axis=1)).mean())


@pytest.mark.parametrize(
    "given",
    [
        step([BOX]),
        step([BOX], missed=[3], detections=[-1]),  # coasting
        step([], [BOX]),  # a detection that has no track yet
        step([[0, 0, 5, 5]], detection_boxes=[BOX]),
        step([[np.nan] * 4, BOX]),
    ],
    ids=["track", "coasting", "detection", "its detection", "beside one without a place"],
)
def test_what_is_hidden(given: Step) -> None:
    image = Anonymiser().image(given)
    assert detail(NOISE) > 60
    assert detail(image) < 8
    assert (image[:, 80:] == NOISE[:, 80:]).all()  # the rest of the image stays
    assert (given.frame.image == NOISE).all()


def test_a_face_is_a_few_numbers() -> None:
    """A mosaic of a box has about CELLS cells across: two boxes with the same averages look the same."""
    image = NOISE.copy()
    hide(image, np.array(BOX, dtype=float))
    cells = 2 * CELLS * CELLS * (BOX[3] - BOX[1]) // (BOX[2] - BOX[0])
    assert len({tuple(pixel) for pixel in image[20:100, 40:70].reshape(-1, 3).tolist()}) < NOISE[20:100, 40:70].size / 3
    spectrum = np.abs(np.fft.fft2(image[20:100, 40:70, 0].astype(float) - image[20:100, 40:70, 0].mean()))
    strongest = np.sort(spectrum.reshape(-1) ** 2)[::-1]
    assert strongest[:cells].sum() > 0.97 * strongest.sum()


def test_the_head_alone() -> None:
    image = Anonymiser("head").image(step([BOX]))
    assert detail(image, [40, 20, 70, 42]) < 8
    assert (image[60:] == NOISE[60:]).all()
    bust = Anonymiser("head").image(step([[40, 20, 100, 70]]))  # as wide as high: the face may be anywhere
    assert detail(bust, [40, 20, 100, 65]) < 8
    with pytest.raises(ValueError, match="--anonymise face: is unknown; give box or head"):
        Anonymiser("face")  # type: ignore[arg-type]


def test_a_track_that_was_lost_stays_hidden_where_it_goes_for_a_second() -> None:
    hider = Anonymiser()
    hider.image(step([BOX], velocities=[[3.0, 0.0]]))
    image = hider.image(step(number=6))
    assert detail(image) < 8
    assert detail(image, [55, 20, 85, 100]) < 8
    back = hider.image(step([[90, 20, 120, 100]], number=7))
    assert (back[:, 40:80] == NOISE[:, 40:80]).all()  # it is seen again, elsewhere
    late = int(LINGER * 10) + 9
    assert (hider.image(step(number=late)) == NOISE).all()


@pytest.mark.parametrize("box", [[-50, -50, -20, -20], [150, 110, 400, 300], [-1e9, -1e9, 1e9, 1e9], [60, 60, 60, 60]])
def test_boxes_anywhere(box: list[float]) -> None:
    image = Anonymiser().image(step([box]))
    assert image.shape == NOISE.shape
    assert (image != NOISE).any() == (box != [-50, -50, -20, -20])


def test_sinks_get_the_hidden_image_and_the_rest_of_the_step() -> None:
    class Kept:
        def __init__(self) -> None:
            self.steps: list[Step] = []
            self.closed = 0

        def write(self, step: Step) -> None:
            self.steps.append(step)

        def close(self) -> None:
            self.closed += 1

    kept = Kept(), Kept()
    sink = AnonymisedSink("box", kept)
    sink.write(given := step([BOX]))
    sink.write(Step(Frame(None, 2, 0.1), Detections.empty(), given.tracks))
    sink.close()
    for one in kept:
        assert detail(one.steps[0].frame.image) < 8
        assert one.steps[0].tracks is given.tracks
        assert one.steps[1].frame.image is None
        assert one.closed == 1


def test_the_command_writes_a_video_and_crops_without_faces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2 = pytest.importorskip("cv2")
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "street.mp4", 10)
    lines = [f"{frame},-1,20,20,60,60,0.9,-1,-1,-1\n" for frame in range(1, 11)]
    (tmp_path / "det.txt").write_text("".join(lines))
    options = ["--algo", "sort", "--detector", "det.txt", "--quiet", "--save", "crops"]
    details = {}
    for how in ("plain", "hidden"):
        more = ["--anonymise", "street.mp4"] if how == "hidden" else ["street.mp4"]
        assert main([*options, "-o", how, *more]) == 0
        crops = [cv2.imread(str(path)) for path in sorted((tmp_path / how / "crops").glob("*/*.jpg"))]
        assert len(crops) == 1
        details[how] = max(np.abs(np.diff(crop.astype(float), axis=1)).mean() for crop in crops)
        assert (tmp_path / how / "tracks.mp4").stat().st_size > 0
    assert details["hidden"] <= details["plain"]
    assert main(["street.mp4", *options, "-o", "x", "--anonymise", "face"]) == 2
    assert capsys.readouterr().err == "track: --anonymise face: is unknown; give box or head\n"
    assert not (tmp_path / "x").exists()
    assert all(a != b for a, b in itertools.pairwise(sorted(path.name for path in tmp_path.iterdir())))
