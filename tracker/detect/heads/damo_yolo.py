"""DAMO-YOLO (Xu 2022): scores (1, A, C), then boxes (1, A, 4), corners in pixels, A the cells of all grids."""

from __future__ import annotations

from collections.abc import Mapping

from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.pairs import decode_corners, dense_pair, fit_as


class DAMOYOLO(Head):
    """DAMO-YOLO of ``classes`` classes."""

    name = "damo-yolo"
    form = "scores [1, {cells}, classes], then boxes [1, {cells}, 4], DAMO-YOLO"
    preprocessing = Preprocessing(order="RGB", fit="stretch")

    def __init__(self, classes: int) -> None:
        self.classes = classes

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> DAMOYOLO | None:
        """By the order of the two outputs: scores first."""
        pair = dense_pair(outputs)
        return cls(pair[0].shape[1]) if pair is not None and fit_as(pair[1], pair[0]) else None

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is the best class score."""
        scores, boxes = outputs.arrays.values()
        return decode_corners(boxes[0], scores[0], conf)
