"""What ``scripts/bench.py`` gives to trackers: drawn walkers, a real sequence, and a crowd made of copies of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracker import Detections
from tracker.arrays import EmbeddingArray, FloatArray
from tracker.boxes import iou_xyxy
from tracker.io.mot import read_detections, read_ground_truth
from tracker.rows import Rows

WIDTH = 128  # of the embeddings
MIN_SCORE = 0.5  # of the real detections, as in the peers' published timings
APART = 60  # frames from one copy of the sequence to the next, so that no two are alike
PIXELS_PER_OBJECT = 100_000  # of the drawn image: about one box in five touches another


@dataclass(frozen=True)
class Scene:
    """frames: detections with embeddings. objects: about how many there are in a frame."""

    name: str
    objects: int
    frames: list[Detections]

    def without_embeddings(self) -> list[Detections]:
        return [Detections(frame.boxes, frame.scores) for frame in self.frames]


def walkers(objects: int, frames: int, missing: float = 0.0) -> Scene:
    """Boxes of constant velocity with jitter, a share of them undetected, each with an embedding of its own.

    The image grows with their number, so that it is no denser with 2,000 than with 10.
    """
    rng = np.random.default_rng(objects)
    area = np.sqrt(objects * PIXELS_PER_OBJECT / (16 * 9)) * np.array([16, 9])
    corner = rng.uniform((0, 0), area, (objects, 2))
    size = np.column_stack((rng.uniform(30, 60, objects), rng.uniform(80, 160, objects)))
    speed = rng.normal(0, 2, (objects, 2))
    vectors = rng.normal(size=(objects, WIDTH))
    out = []
    for frame in range(frames):
        seen = np.flatnonzero(rng.random(objects) >= missing)
        boxes = np.concatenate((corner[seen], corner[seen] + size[seen]), axis=1) + np.tile(frame * speed[seen], 2)
        boxes += rng.normal(0, 1, boxes.shape)
        out.append(Detections(boxes, rng.uniform(0.8, 1, len(seen)), embeddings=_noisy(vectors[seen], rng)))
    share = f", {missing:.0%} missing" if missing else ""
    return Scene(f"synthetic {objects}{share}", objects, out)


def sequence(folder: Path, frames: int) -> Scene:
    """The first frames of a MOT17 sequence: its detections, each with the embedding of the person it covers."""
    found = read_detections(folder / "det/det.txt")
    found = found.select(found.scores > MIN_SCORE)
    truth = read_ground_truth(folder / "gt/gt.txt")
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(int(truth.ids.max()) + 1, WIDTH))
    out = [_real(found, truth, vectors, rng, frame) for frame in range(1, min(frames, found.last_frame) + 1)]
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
        # Another copy of a person is another person: its embedding is rolled by the number of the copy.
        embeddings = [part.embeddings for part in parts if part.embeddings is not None]
        rolled = np.concatenate([np.roll(part, copy, axis=1) for copy, part in enumerate(embeddings)])
        out.append(Detections(boxes, np.concatenate([part.scores for part in parts]), embeddings=rolled))
    return Scene(f"{folder.name} x {copies}", round(float(np.mean([len(frame) for frame in out]))), out)


def _real(found: Rows, truth: Rows, vectors: FloatArray, rng: np.random.Generator, frame: int) -> Detections:
    part, people = found.at(frame), truth.at(frame)
    boxes = found.boxes[part]
    overlap = iou_xyxy(boxes, truth.boxes[people])
    seen = rng.normal(size=(len(boxes), WIDTH))  # nobody's
    if overlap.size:
        nearest = overlap.argmax(axis=1)
        known = overlap.max(axis=1) > 0.5
        seen[known] = vectors[truth.ids[people][nearest[known]]]
    return Detections(boxes, found.scores[part], embeddings=_noisy(seen, rng))


def _noisy(embeddings: FloatArray, rng: np.random.Generator) -> EmbeddingArray:
    found = embeddings + rng.normal(0, 0.1, embeddings.shape)
    unit: EmbeddingArray = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return unit
