"""Synthetic scenes for the tests of trackers: boxes of known objects, with embeddings of each object."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker import Detections
from tracker.arrays import FloatArray, IntArray

WIDTH = 16  # of the embeddings


@dataclass(frozen=True)
class Seen:
    """One frame: boxes (N, 4), scores (N,), classes (N,), embeddings (N, WIDTH) and the objects (N,) behind them."""

    boxes: FloatArray
    scores: FloatArray
    classes: IntArray
    embeddings: NDArray[np.float32]
    objects: IntArray

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, which: Any) -> Seen:
        return Seen(
            self.boxes[which], self.scores[which], self.classes[which], self.embeddings[which], self.objects[which]
        )

    def with_boxes(self, boxes: FloatArray) -> Seen:
        return Seen(boxes, self.scores, self.classes, self.embeddings, self.objects)

    def detections(self, **changes: Any) -> Detections:
        columns = {"boxes": self.boxes, "scores": self.scores, "classes": self.classes, "embeddings": self.embeddings}
        return Detections(**{**columns, **changes})


def looks(objects: int, seed: int = 0) -> NDArray[np.float32]:
    """(objects, WIDTH) unit vectors, far from one another."""
    vectors = np.random.default_rng(seed).normal(size=(objects, WIDTH))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@cache
def crowd(
    frames: int = 60, objects: int = 12, seed: int = 0, missing: float = 0.08, false: float = 0.5
) -> tuple[Seen, ...]:
    """Objects that cross one another, enter and leave, go undetected now and then, among false detections."""
    rng = np.random.default_rng(seed)
    start = rng.uniform((0, 0), (640, 360), (objects, 2))
    speed = rng.normal(0, 3, (objects, 2))
    size = np.column_stack((rng.uniform(25, 50, objects), rng.uniform(60, 120, objects)))
    enters = rng.integers(0, frames // 3, objects)
    leaves = enters + rng.integers(frames // 3, frames, objects)
    known = looks(objects, seed)
    out = []
    for frame in range(frames):
        here = np.flatnonzero((enters <= frame) & (frame < leaves) & (rng.random(objects) >= missing))
        clutter = int(rng.poisson(false))
        centre = np.concatenate((start[here] + frame * speed[here], rng.uniform((0, 0), (640, 360), (clutter, 2))))
        half = np.concatenate((size[here], rng.uniform(20, 60, (clutter, 2)))) / 2
        boxes = np.concatenate((centre - half, centre + half), axis=1) + rng.normal(0, 0.7, (len(centre), 4))
        seen_as = np.concatenate((known[here], looks(clutter, 1000 + frame)))
        seen_as = (seen_as + rng.normal(0, 0.03, seen_as.shape)).astype(np.float32)
        out.append(
            Seen(
                boxes,
                rng.uniform(0.7, 0.95, len(boxes)),
                np.concatenate((here % 2, np.zeros(clutter, dtype=np.int64))),
                seen_as,
                np.concatenate((here, np.full(clutter, -1))),
            )
        )
    for seen in out:
        for column in vars(seen).values():
            column.flags.writeable = False  # the next test gets the same
    return tuple(out)


def lanes(frames: int = 40, objects: int = 6, speed: float = 2.0) -> list[Seen]:
    """Objects of one size that walk side by side, each detected in every frame and never near another."""
    known = looks(objects)
    top = 150.0 * np.arange(objects)
    out = []
    for frame in range(frames):
        left = 40.0 + frame * speed * (1 + 0.1 * np.arange(objects))
        boxes = np.column_stack((left, top, left + 40, top + 100))
        out.append(Seen(boxes, np.full(objects, 0.9), np.zeros(objects, dtype=np.int64), known, np.arange(objects)))
    return out
