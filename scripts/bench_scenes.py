"""What ``scripts/bench.py`` gives to trackers: drawn walkers, a real sequence, and a crowd made of copies of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker import Detections
from tracker.boxes import iou_xyxy
from tracker.io.mot import read_detections, read_ground_truth
from tracker.rows import Rows

WIDTH = 128  # of the embeddings
MIN_SCORE = 0.5  # of the real detections, as in the peers' published timings
APART = 60  # frames between one copy of the sequence and the next, so that no two are alike
PIXELS_PER_OBJECT = 100_000  # of the drawn picture: about one box in five touches another


@dataclass(frozen=True)
class Scene:
    """frames: detections with embeddings. objects: how many a frame has, about."""

    name: str
    objects: int
    frames: list[Detections]

    def without_embeddings(self) -> list[Detections]:
        return [Detections(frame.boxes, frame.scores) for frame in self.frames]


def walkers(objects: int, frames: int, missing: float = 0.0) -> Scene:
    """Boxes of constant velocity with jitter, a share of them undetected, each with a look of its own.

    The picture grows with their number, so that it is no denser with 2,000 than with 10.
    """
    rng = np.random.default_rng(objects)
    area = np.sqrt(objects * PIXELS_PER_OBJECT / (16 * 9)) * np.array([16, 9])
    corner = rng.uniform((0, 0), area, (objects, 2))
    size = np.column_stack((rng.uniform(30, 60, objects), rng.uniform(80, 160, objects)))
    speed = rng.normal(0, 2, (objects, 2))
    looks = rng.normal(size=(objects, WIDTH))
    out = []
    for frame in range(frames):
        seen = np.flatnonzero(rng.random(objects) >= missing)
        boxes = np.concatenate((corner[seen], corner[seen] + size[seen]), axis=1) + np.tile(frame * speed[seen], 2)
        boxes += rng.normal(0, 1, boxes.shape)
        out.append(Detections(boxes, rng.uniform(0.8, 1, len(seen)), embeddings=_seen_as(looks[seen], rng)))
    share = f", {missing:.0%} missing" if missing else ""
    return Scene(f"synthetic {objects}{share}", objects, out)


def sequence(folder: Path, frames: int) -> Scene:
    """The first frames of a MOT17 sequence: its detections, each with the look of the person it covers."""
    found = read_detections(folder / "det/det.txt")
    found = found.select(found.scores > MIN_SCORE)
    truth = read_ground_truth(folder / "gt/gt.txt")
    rng = np.random.default_rng(0)
    looks = rng.normal(size=(int(truth.ids.max()) + 1, WIDTH))
    out = [_real(found, truth, looks, rng, frame) for frame in range(1, min(frames, found.last_frame) + 1)]
    return Scene(folder.name, round(float(np.mean([len(frame) for frame in out]))), out)


def tiled(folder: Path, frames: int, rows: int = 3, columns: int = 3) -> Scene:
    """A crowd: copies of a sequence side by side, each some frames later than the one before."""
    copies = rows * columns
    whole = sequence(folder, frames + APART * (copies - 1)).frames
    width, height = np.max([frame.boxes[:, 2:].max(axis=0) for frame in whole], axis=0)
    shifts = [np.tile((column * width, row * height), 2) for row in range(rows) for column in range(columns)]
    out = []
    for frame in range(min(frames, len(whole) - APART * (copies - 1))):
        parts = [whole[frame + APART * copy] for copy in range(copies)]
        boxes = np.concatenate([part.boxes + shift for part, shift in zip(parts, shifts, strict=True)])
        # Another copy of a person is another person: their looks are told apart by a turn of the vector.
        looks = np.concatenate([np.roll(part.embeddings, copy, axis=1) for copy, part in enumerate(parts)])
        out.append(Detections(boxes, np.concatenate([part.scores for part in parts]), embeddings=looks))
    return Scene(f"{folder.name} x {copies}", round(float(np.mean([len(frame) for frame in out]))), out)


def _real(found: Rows, truth: Rows, looks: NDArray[np.float64], rng: np.random.Generator, frame: int) -> Detections:
    part, people = found.at(frame), truth.at(frame)
    boxes = found.boxes[part]
    overlap = iou_xyxy(boxes, truth.boxes[people])
    seen = rng.normal(size=(len(boxes), WIDTH))  # nobody's
    if overlap.size:
        nearest = overlap.argmax(axis=1)
        known = overlap.max(axis=1) > 0.5
        seen[known] = looks[truth.ids[people][nearest[known]]]
    return Detections(boxes, found.scores[part], embeddings=_seen_as(seen, rng))


def _seen_as(looks: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float32]:
    noisy = looks + rng.normal(0, 0.1, looks.shape)
    return (noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32)
