"""DETR (Carion 2020) and its kin: outputs pred_boxes (1, Q, 4) and logits (1, Q, C), one object per query.

Boxes are centre x, y, width, height as parts of the input. DETR, YOLOS and Table Transformer end with a class that says
"no object", by softmax; Deformable and Conditional DETR have none, and each class is a sigmoid of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tracker.arrays import IntArray
from tracker.detect.coco import COCO_COLUMNS
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.metadata import class_count_in
from tracker.detect.queries import best_of, class_columns, pair_in, sigmoid, softmax

BOXES, LOGITS = "pred_boxes", ("logits", "pred_logits")
NO_OBJECT = 0.7  # the share of a last class that means "no object", in most queries of an empty image


@dataclass(frozen=True, eq=False)
class DETR(Head):
    """DETR of ``classes`` classes.

    names      of the boxes and the logits among the outputs
    width      columns of the logits
    columns    those that are classes, by class number
    no_object  whether the last column says that there is no object
    """

    name = "detr"
    form = "pred_boxes [1, Q, 4], logits [1, Q, classes + 1], DETR, YOLOS, Deformable DETR"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    suppress = False

    names: tuple[str, str]
    width: int
    columns: IntArray
    no_object: bool
    classes: int
    likely: bool = True

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> DETR | None:
        """By the names of the outputs, or their shapes and values; RT-DETR's are the same but for "no object"."""
        found = pair_in(outputs, BOXES, LOGITS)
        if found is None:
            return None
        logits, names = outputs[found[1]][0], class_count_in(metadata)
        width = logits.shape[1]
        no_object = width > 1 and names != width
        if no_object and names != width - 1:
            no_object = bool(np.median(softmax(logits)[:, -1]) > NO_OBJECT)
        columns = class_columns(width, names, no_object=no_object)
        return cls(found, width, columns, no_object, len(columns), likely=no_object or width == COCO_COLUMNS)

    def with_names(self, count: int) -> DETR:
        """As many names as columns leave none for "no object", one name less leaves one."""
        no_object = count == self.width - 1 or (self.no_object and count != self.width)
        columns = class_columns(self.width, count, no_object=no_object)
        return replace(self, columns=columns, no_object=no_object, classes=len(columns))

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is the best class's share, or its sigmoid where there is no "no object"."""
        boxes, logits = (outputs[name][0] for name in self.names)
        scores = softmax(logits) if self.no_object else sigmoid(logits)
        return best_of(boxes, scores[:, self.columns], outputs.size, conf)
