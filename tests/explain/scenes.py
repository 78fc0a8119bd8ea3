"""Scenes small enough to know why an id changes: boxes of objects and of nobody, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tracker.detections import Detections
from tracker.evaluate.benchmark import GroundTruth, load_ground_truth
from tracker.explain.recording import Recorded, Recording
from tracker.explain.truth import Truth
from tracker.explain.why import Why
from tracker.rows import Rows, as_rows
from tracker.tracker import Tracker

WIDTH, HEIGHT = 40.0, 100.0
At = tuple[float, float]  # left and score


@dataclass
class Scene:
    """objects: by identity, left of its box in each frame, None where it is not there. scores: by identity and frame,
    .9 by default, None for not detected. false: by frame, (left, score) of further detections.
    """

    objects: Mapping[int, Sequence[float | None]]
    scores: Mapping[tuple[int, int], float | None] = field(default_factory=dict)
    false: Mapping[int, Sequence[At]] = field(default_factory=dict)

    @property
    def length(self) -> int:
        return max(len(path) for path in self.objects.values())

    def found(self) -> list[Detections]:
        out = []
        for frame in range(self.length):
            boxes, scores = [], []
            for name, path in self.objects.items():
                score = self.scores.get((name, frame), 0.9)
                left = path[frame] if frame < len(path) else None
                if left is not None and score is not None:
                    boxes.append(box(left))
                    scores.append(score)
            for left, score in self.false.get(frame, ()):
                boxes.append(box(left))
                scores.append(score)
            out.append(Detections(np.array(boxes).reshape(-1, 4), scores))
        return out

    def truth(self) -> Rows:
        rows = [
            (frame + 1, name, box(left))
            for name, path in self.objects.items()
            for frame, left in enumerate(path)
            if left is not None
        ]
        return as_rows([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])

    def ground_truth(self) -> GroundTruth:
        return load_ground_truth({"scene": self.truth()}, "plain")

    def why(self, tracker: Tracker, conf: float | None = None) -> Why:
        recording = Recording.of(self.found(), conf)
        run = Recorded(tracker, recording)
        return Why(run, Truth(self.truth(), self.ground_truth().rules, recording.numbers))


def box(left: float) -> list[float]:
    return [left, 0.0, left + WIDTH, HEIGHT]


def gone(name: int, frames: range, score: float | None = None) -> dict[tuple[int, int], Any]:
    """Scores of an object that is not seen in these frames, or weakly."""
    return {(name, frame): score for frame in frames}
