"""RT-DETR (Zhao 2024), RT-DETRv2, D-FINE and DEIM without post-processing: pred_boxes (1, Q, 4) and logits (1, Q, C).

Boxes are centre x, y, width, height as parts of the input; each class is a sigmoid of its own. This is what Hugging
Face's models give, and ``rtdetr`` reads what the projects' own ``export_onnx.py`` writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tracker.arrays import IntArray
from tracker.detect.coco import COCO_COLUMNS
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.heads.detr import BOXES, DETR, LOGITS
from tracker.detect.metadata import class_count_in
from tracker.detect.queries import best_of, class_columns, pair_in, sigmoid


@dataclass(frozen=True, eq=False)
class RTDETRRaw(Head):
    """RT-DETR of ``classes`` classes.

    names    of the boxes and the logits among the outputs
    width    columns of the logits
    columns  those that are classes, by class number
    """

    name = "rtdetr-raw"
    form = "pred_boxes [1, Q, 4], logits [1, Q, classes], RT-DETR, D-FINE, DEIM without post-processing"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, fit="stretch")
    suppress = False

    names: tuple[str, str]
    width: int
    columns: IntArray
    classes: int
    likely: bool = True

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> RTDETRRaw | None:
        """By the names of the outputs, or their shapes and values, where no column says "no object"."""
        found = pair_in(outputs, BOXES, LOGITS)
        if found is None:
            return None
        width = outputs[found[1]].shape[2]
        other = DETR.recognise(outputs, metadata)
        columns = class_columns(width, class_count_in(metadata))
        likely = width != COCO_COLUMNS and not (other is not None and other.no_object)
        return cls(found, width, columns, len(columns), likely)

    def with_names(self, count: int) -> RTDETRRaw:
        """There are ``count`` classes."""
        columns = class_columns(self.width, count)
        return replace(self, columns=columns, classes=len(columns))

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is the best class's sigmoid."""
        boxes, logits = (outputs[name][0] for name in self.names)
        return best_of(boxes, sigmoid(logits[:, self.columns]), outputs.size, conf)
