"""RT-DETR (Zhao 2024), RT-DETRv2, D-FINE and DEIM by their own ``export_onnx.py``: labels, boxes and scores.

labels (1, K) from 0, boxes (1, K, 4) left, top, right, bottom in pixels and scores (1, K). The second input,
``orig_target_sizes``, is given the size of the first, whose pixels the boxes then are in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tracker.detect.coco import COCO
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.metadata import class_count_in


@dataclass(frozen=True, eq=False)
class RTDETR(Head):
    """Finished boxes. The outputs do not tell the number of classes: COCO's, unless names are known."""

    name = "rtdetr"
    form = "labels [1, Q], boxes [1, Q, 4], scores [1, Q], RT-DETR, D-FINE, DEIM"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, fit="stretch")
    suppress = False

    classes: int = len(COCO)

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> RTDETR | None:
        """By the names and shapes of the outputs."""
        if set(outputs.arrays) != {"labels", "boxes", "scores"}:
            return None
        shape = outputs["boxes"].shape
        flat = outputs["labels"].shape == outputs["scores"].shape == shape[:2]
        return cls(class_count_in(metadata) or len(COCO)) if len(shape) == 3 and shape[0] == 1 and flat else None

    def with_names(self, count: int) -> RTDETR:
        """There are ``count`` classes."""
        return replace(self, classes=count)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """Rows as they are."""
        scores = outputs["scores"][0].astype(np.float64)
        kept = scores >= conf
        return Decoded(
            outputs["boxes"][0][kept].astype(np.float64), scores[kept], outputs["labels"][0][kept].astype(np.int64)
        )
