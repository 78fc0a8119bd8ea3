"""DETR (Carion 2020) and its kin of one box and C class logits per query: boxes (1, Q, 4), logits (1, Q, C).

Boxes are centre x, y, width, height as parts of the input. DETR, YOLOS and others end with a class that says "no
object", by softmax; Deformable and Conditional DETR have none, and each class is a sigmoid of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray
from tracker.detect.coco import COCO, COCO_COLUMNS, COCO_NUMBERS
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.metadata import names_in
from tracker.detect.queries import best_of, pair, sigmoid, softmax

BOXES, LOGITS = ("pred_boxes",), ("logits", "pred_logits")
NO_OBJECT = 0.7  # the share of the last class, of most queries, that marks it as "no object" on an empty image


@dataclass(frozen=True, eq=False)
class DETR(Head):
    """DETR of ``classes`` classes.

    columns  of the logits that are classes
    no_object  whether the last column is "no object"
    """

    name = "detr"
    form = "detr pred_boxes [1, queries, 4], logits [1, queries, classes + 1]"
    preprocessing = Preprocessing(
        order="RGB", scale=1 / 255, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), pad_value=114
    )
    suppress = False

    width: int
    no_object: bool
    coco: bool
    likely: bool = True

    @property
    def classes(self) -> int:  # type: ignore[override]
        """How many classes the model has."""
        return len(COCO) if self.coco else self.width - self.no_object
