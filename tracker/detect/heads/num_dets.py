"""A count, boxes (1, K, 4), scores (1, K) and classes (1, K), thinned out inside: YOLO-NAS in the format "batch",
mmyolo (YOLO-World, YOLOv5 to v8) and TensorRT's way, where it is exported for other runtimes.

Boxes are corners in pixels; only the first rows, as many as the count, hold objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tracker.detect.coco import COCO
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.metadata import class_count_in

# How publishers call count, boxes, scores and classes; a longer name may end so ("graph2_pred_boxes").
NAMES = (
    ("num_predictions", "pred_boxes", "pred_scores", "pred_classes"),
    ("num_dets", "det_boxes", "det_scores", "det_classes"),
    ("num_dets", "boxes", "scores", "labels"),
    ("num_dets", "bboxes", "scores", "labels"),
)


@dataclass(frozen=True, eq=False)
class NumDets(Head):
    """Finished boxes with a count. The outputs do not tell the number of classes: COCO's, unless names are known.

    parts  the names of the outputs: count, boxes, scores, classes
    """

    name = "num-dets"
    form = "a count [1, 1], boxes [1, K, 4], scores [1, K], classes [1, K], YOLO-NAS with nms, mmyolo"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, pad="around", rounding="nearest")
    suppress = False

    parts: tuple[str, ...]
    classes: int = len(COCO)

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> NumDets | None:
        """By the names of the four outputs."""
        for wanted in NAMES:
            parts = [next((name for name in outputs.arrays if _ends(name, part)), "") for part in wanted]
            if "" not in parts and len(outputs.arrays) == len(parts):
                found = cls(tuple(parts))
                names = class_count_in(metadata)
                return found if names is None else found.with_names(names)
        return None

    def with_names(self, count: int) -> NumDets:
        """There are ``count`` classes."""
        return replace(self, classes=count)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The first rows as they are."""
        number, boxes, scores, classes = (outputs[name] for name in self.parts)
        count = int(number.reshape(-1)[0])
        best = scores.reshape(-1)[:count].astype(np.float64)
        picked = np.flatnonzero(best >= conf)
        kinds = classes.reshape(-1)[:count][picked].astype(np.int64)
        return Decoded(boxes.reshape(-1, 4)[picked].astype(np.float64), best[picked], kinds)


def _ends(name: str, part: str) -> bool:
    return name == part or name.endswith(f"_{part}")
