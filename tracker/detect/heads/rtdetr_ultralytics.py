"""RT-DETR (Zhao 2024) of ultralytics: one output (1, Q, 4 + C).

A row is centre x, y, width, height as parts of the input and C class scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tracker.detect.coco import COCO
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.layout import are_scores
from tracker.detect.metadata import class_count_in
from tracker.detect.queries import MOST_QUERIES, are_parts, best_of


@dataclass(frozen=True, eq=False)
class RTDETRUltralytics(Head):
    """RT-DETR of ``classes`` classes."""

    name = "rtdetr-ultralytics"
    form = "[1, Q, 4 + classes], RT-DETR of ultralytics"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, fit="stretch")
    suppress = False

    classes: int
    likely: bool = True

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> RTDETRUltralytics | None:
        """By the values: boxes as parts of the input, of a size each, and scores; likely with 80 or as many names."""
        shape, names = outputs.first.shape, class_count_in(metadata)
        if len(outputs.arrays) != 1 or len(shape) != 3 or shape[0] != 1 or shape[2] < 5 or shape[1] > MOST_QUERIES:
            return None
        rows = outputs.first[0]
        if not are_parts(rows[:, :4]) or not are_scores(rows[:, 4:]):
            return None
        columns = shape[2] - 4
        return cls(columns, likely=columns == (len(COCO) if names is None else names))

    def with_names(self, count: int) -> RTDETRUltralytics:
        """The class scores end after ``count``."""
        return replace(self, classes=min(count, self.classes))

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is the best class score."""
        rows = outputs.first[0]
        return best_of(rows[:, :4], rows[:, 4 : 4 + self.classes], outputs.size, conf)
