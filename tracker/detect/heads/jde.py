"""JDE (Wang 2020), people with embeddings: one output (1, A, 6 + 512), four anchors per cell of strides 32, 16 and 8.

A row is centre x, y, width, height in pixels, a score, a zero, and the embedding, which the anchors of a cell share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tracker.boxes import xywh_to_xyxy
from tracker.detect.grid import cell_count
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing

ANCHORS = 4  # per cell
BOX = 6  # columns before the embedding
LEAST_EMBEDDING = 64


@dataclass(frozen=True, eq=False)
class JDE(Head):
    """People and their embeddings, so that no embedder runs."""

    name = "jde"
    form = "[1, 4 x {cells}, 6 + 512], JDE"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, pad="around", pad_value=128)
    embeds = True
    labels = ("person",)
    classes = 1

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> JDE | None:
        """By the number of anchors and the zero in every row."""
        rows = outputs.first
        if len(outputs.arrays) != 1 or rows.ndim != 3 or rows.shape[0] != 1 or rows.shape[2] < BOX + LEAST_EMBEDDING:
            return None
        return cls() if rows.shape[1] == ANCHORS * cell_count(outputs.size) and not rows[0, :, 5].any() else None

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """Rows as they are."""
        rows = outputs.first[0]
        picked = rows[rows[:, 4] >= conf]
        boxes, scores = xywh_to_xyxy(picked[:, :4].astype(np.float64)), picked[:, 4].astype(np.float64)
        return Decoded(boxes, scores, np.zeros(len(picked), np.int64), embeddings=picked[:, BOX:])
