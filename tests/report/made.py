"""A run small enough to know what went wrong in it, and its video, in whose pixels the number of each frame stands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

import tracker
from tests.explain.scenes import Scene, gone
from tracker.arrays import Image
from tracker.detections import Detections
from tracker.io.mot import write_results
from tracker.io.video_writer import VideoWriter

SIZE = (720, 240)
RATE = 10.0
LENGTH = 60
BLOCKS, BLOCK = 10, 24  # the number stands in so many squares at the bottom, the lowest bit first
DOWN = 60.0  # pixels: the scene's boxes stand lower in the image
SCENE = Scene(
    {1: [20.0] * 60, 2: [300.0 + k for k in range(60)], 3: [*[600.0] * 20, *[618.0] * 40], 4: [628.0] * 20},
    gone(1, range(20, 40)) | {(2, 30): None},
)


def found() -> list[Detections]:
    return [Detections(one.boxes + [0, DOWN, 0, DOWN], one.scores) for one in SCENE.found()]


def image(number: int, detections: Detections) -> Image:
    """A frame: a grey rectangle for each detection, and its number as squares."""
    out = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    for k, (left, top, right, bottom) in enumerate(detections.boxes.astype(int).tolist()):
        out[max(top, 0) : bottom, max(left, 0) : right] = 130 + 30 * (k % 3)
    for bit in range(BLOCKS):
        out[SIZE[1] - BLOCK :, bit * BLOCK : (bit + 1) * BLOCK] = 255 if number >> bit & 1 else 0
    return out


def number_in(picture: Image) -> int:
    """The number in a picture of the whole frame, of any size."""
    height, width = picture.shape[:2]
    row = picture[round(height * (1 - BLOCK / 2 / SIZE[1]))]
    middles = [round((bit + 0.5) * BLOCK * width / SIZE[0]) for bit in range(BLOCKS)]
    return sum((int(row[x].mean()) > 127) << bit for bit, x in enumerate(middles))


def write_video(path: Path, times: Sequence[float] | None = None) -> Path:
    with VideoWriter(path, SIZE, RATE) as writer:
        for number, detections in enumerate(found(), start=1):
            writer.write(image(number, detections), None if times is None else times[number - 1])
    return path


def write_run(folder: Path, algo: str = "sort", times: Sequence[float] | None = None, **settings: float) -> Path:
    """The video, street.mp4, its ground truth, gt.txt, and a run with a log, in ``run``."""
    folder.mkdir(parents=True, exist_ok=True)
    video = write_video(folder / "street.mp4", times)
    lines = [
        f"{frame},-1,{box[0]},{box[1]},{box[2] - box[0]},{box[3] - box[1]},{score}"
        for frame, one in enumerate(found(), start=1)
        for box, score in zip(one.boxes.tolist(), one.scores.tolist(), strict=True)
    ]
    (folder / "det.txt").write_text("\n".join(lines) + "\n")
    truth = SCENE.truth()
    write_results(folder / "gt.txt", tracker.as_rows(truth.frames, truth.ids, truth.boxes + [0, DOWN, 0, DOWN]))
    run = folder / f"run-{algo}"
    chosen = {"max_age": 5, "min_hits": 1} if algo == "sort" else {}
    for _ in tracker.track(
        video, detector=str(folder / "det.txt"), algo=algo, settings={**chosen, **settings}, save=run, log=True
    ):
        pass
    return run
