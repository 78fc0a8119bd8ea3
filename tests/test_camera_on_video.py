"""Camera motion on real pictures: vtest seen by a camera of known path, against the still video it is made from.

Detections are the recorded ones of the still video, warped exactly, so that nothing but the tracking is compared.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker import Detections
from tracker.algorithms import algorithm, algorithms, needs_embeddings
from tracker.arrays import FloatArray
from tracker.boxes import iou_xyxy, warp_boxes
from tracker.camera import METHODS, STILL, CameraEstimate, CameraFile, Compensated
from tracker.evaluate import Accumulator
from tracker.evaluate.benchmark import load_ground_truth
from tracker.io.mot import format_rows, read_detections
from tracker.rows import results_of
from tracker.study.split import halved

cv2 = pytest.importorskip("cv2")
SCALE = 0.625  # the video is 480x360, its ground truth and its detections 768x576
CENTRE = (240, 180)
FRAMES = 150
# What the camera never loses: its window, CROP, always shows pictures and no border, and people outside INSIDE, whom
# the still video shows longer than the moving one, count in neither.
CROP = (slice(50, 310), slice(60, 420))
INSIDE = np.array([60.0, 50, 420, 310])


def similarities(x: FloatArray, y: FloatArray, degrees: FloatArray, scale: FloatArray) -> FloatArray:
    """(F, 2, 3) from the still picture to that of each frame."""
    turns = [cv2.getRotationMatrix2D(CENTRE, d, s) for d, s in zip(degrees.tolist(), scale.tolist(), strict=True)]
    out: FloatArray = np.stack(turns)
    out[:, 0, 2] += x
    out[:, 1, 2] += y
    return out


def paths() -> dict[str, FloatArray]:
    """A hand that shakes, and a slow swing that turns and zooms."""
    t, rng = np.arange(FRAMES), np.random.default_rng(0)
    x, y, degrees = (rng.normal(size=(3, FRAMES)) * [[12], [8], [0.5]]).clip([[-35], [-25], [-1]], [[35], [25], [1]])
    return {
        "shake": similarities(x, y, degrees, np.ones(FRAMES)),
        "swing": similarities(
            20 * np.sin(t / 3), 10 * np.sin(t / 4), 3 * np.sin(t / 2.5), 1.1 + 0.05 * np.sin(t / 4.5)
        ),
    }


def steps(path: FloatArray) -> FloatArray:
    """(F, 2, 3) from the picture of the frame before."""
    square = np.concatenate((path, np.tile([[[0.0, 0, 1]]], (len(path), 1, 1))), axis=1)
    return np.concatenate((STILL[None], (square[1:] @ np.linalg.inv(square[:-1]))[:, :2]))


def columns(file: Path) -> list[tuple[Any, FloatArray, FloatArray]]:
    """(ids, boxes xyxy, seventh column) of the rows inside, frame by frame."""
    rows = np.loadtxt(file, delimiter=",")
    boxes = rows[:, 2:6] * SCALE
    boxes[:, 2:] += boxes[:, :2]
    inside = (boxes[:, :2] >= INSIDE[:2]).all(axis=1) & (boxes[:, 2:] <= INSIDE[2:]).all(axis=1)
    each = [inside & (rows[:, 0] == number) for number in range(1, FRAMES + 1)]
    return [(rows[here, 1].astype(int), boxes[here], rows[here, 6]) for here in each]


@pytest.fixture(scope="module")
def scene(shared: Path) -> tuple[list[Any], list[Any]]:
    folder = shared / "data/MOT15/train/PETS09-S2L1"
    return columns(folder / "gt/gt.txt"), columns(folder / "det/det.txt")


def hota(scene: tuple[list[Any], list[Any]], tracker: Any, path: FloatArray | None = None) -> float:
    """HOTA x 100 against the ground truth warped by the same path."""
    score = Accumulator()
    for i, ((ids, truth, _), (_, boxes, scores)) in enumerate(zip(*scene, strict=True)):
        matrix = STILL if path is None else path[i]
        tracks = tracker.update(Detections(warp_boxes(boxes, matrix), scores))
        score.update(ids, tracks.ids, iou_xyxy(warp_boxes(truth, matrix), tracks.boxes))
    return 100 * score.result().summary()["HOTA"]


@pytest.mark.slow
@pytest.mark.parametrize("algo", [name for name in algorithms() if not needs_embeddings(algorithm(name))])
@pytest.mark.parametrize("name", ["shake", "swing"])
def test_a_file_of_the_exact_path_gives_the_still_videos_score(
    scene: Any, name: str, algo: str, tmp_path: Path
) -> None:
    path, cls = paths()[name], algorithm(algo)
    file = tmp_path / "gmc.txt"
    file.write_text("\n".join(" ".join(map(repr, [i, *m.ravel().tolist()])) for i, m in enumerate(steps(path))))
    still = hota(scene, cls(camera_from_pairs=False))
    told = Compensated(cls(camera_from_pairs=False), CameraFile(file, frames=FRAMES))
    assert hota(scene, told, path) == pytest.approx(still, abs=1)
    assert hota(scene, cls(camera_from_pairs=False), path) < still - 5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shake", "swing"])
def test_estimates_from_the_pictures_give_the_still_videos_score(scene: Any, name: str, shared: Path) -> None:
    from detect.pets import frames

    path = paths()[name]
    exact, corners = steps(path), np.array([[60.0, 50, 1], [420, 50, 1], [60, 310, 1], [420, 310, 1]]).T
    origin = np.array([CROP[1].start, CROP[0].start])
    cameras = {method: CameraEstimate(method) for method in METHODS}
    found: dict[str, list[FloatArray]] = {method: [] for method in METHODS}
    for i, (_, image) in enumerate(frames(shared, 1, FRAMES, 1)):
        seen = cv2.warpAffine(image, path[i], image.shape[1::-1])[CROP]
        boxes = warp_boxes(scene[1][i][1], path[i]) - np.tile(origin, 2)
        for method, camera in cameras.items():
            step = camera(seen, boxes).copy()
            step[:, 2] += origin - step[:, :2] @ origin  # from the window's coordinates to the picture's
            found[method].append(step)
    for method in METHODS:
        assert cameras[method].failures == 0
        errors = np.abs(np.stack(found[method]) @ corners - exact @ corners).max(axis=(1, 2))
        assert np.median(errors) < 0.5, method
        for algo in ("sort", "steady", "bytetrack", "botsort"):
            estimate = iter(found[method])
            tracker = Compensated(algorithm(algo)(), lambda image, boxes, estimate=estimate: next(estimate))
            still = hota(scene, algorithm(algo)())
            assert hota(scene, tracker, path) > still - 1, (method, algo)


@pytest.mark.slow
@pytest.mark.parametrize("algo", ["sort", "bytetrack", "steady"])
def test_the_published_camera_motion_saves_ids_on_mot17_05(shared: Path, algo: str, tmp_path: Path) -> None:
    folder = shared / "data/MOT17/train"
    truth = halved(load_ground_truth(folder, "mot17", ["MOT17-05"]))
    length = truth.sequences["MOT17-05"].length
    assert length is not None
    found = read_detections(folder / "MOT17-05/det/det.txt")
    first = found.last_frame - length  # as an index from 0
    switches = {}
    for compensated in (True, False):
        tracker = algorithm(algo)(camera_from_pairs=False)
        if compensated:
            gmc = folder / "MOT17-05/gmc/GMC-MOT17-05.txt"
            tracker = Compensated(tracker, CameraFile(gmc, frames=found.last_frame, offset=first))
        lines = []
        for number in range(1, length + 1):
            now = found.at(first + number)
            tracks = tracker.update(Detections(found.boxes[now], found.scores[now]))
            lines.append(format_rows(results_of([tracks], number), classes=False, marks=False))
        result = tmp_path / f"{compensated}.txt"
        result.write_text("".join(lines))
        switches[compensated] = truth.score({"MOT17-05": result}).combined.clear.idsw
    assert switches[True] < switches[False]
