"""SSD (Liu 2016) with its boxes thinned out inside, as in the ONNX model zoo and MLPerf: bboxes, labels and scores.

bboxes (1, K, 4) left, top, right, bottom as parts of the input, labels (1, K) from 1, without gaps, and scores (1, K).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tracker.detect.coco import COCO
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.metadata import class_count_in


@dataclass(frozen=True, eq=False)
class SSDFinished(Head):
    """Finished boxes. The outputs do not tell the number of classes: COCO's, unless names are known."""

    name = "ssd-finished"
    form = "bboxes [1, N, 4], labels [1, N], scores [1, N], SSD of the ONNX model zoo and MLPerf"
    preprocessing = Preprocessing(
        order="RGB", scale=1 / 255, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), fit="stretch"
    )
    suppress = False

    classes: int = len(COCO)

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> SSDFinished | None:
        """By the names and shapes of the outputs."""
        if set(outputs.arrays) != {"bboxes", "labels", "scores"}:
            return None
        shape = outputs["bboxes"].shape
        flat = outputs["labels"].shape == outputs["scores"].shape == shape[:2]
        return cls(class_count_in(metadata) or len(COCO)) if len(shape) == 3 and shape[0] == 1 and flat else None

    def with_names(self, count: int) -> SSDFinished:
        """There are ``count`` classes."""
        return replace(self, classes=count)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """Rows of a class; 0 is the background."""
        scores, labels = outputs["scores"][0].astype(np.float64), outputs["labels"][0].astype(np.int64)
        kept = (scores >= conf) & (labels >= 1)
        height, width = outputs.size
        boxes = outputs["bboxes"][0][kept].astype(np.float64) * (width, height, width, height)
        return Decoded(boxes, scores[kept], labels[kept] - 1)
