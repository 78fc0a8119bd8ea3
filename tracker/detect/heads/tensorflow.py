"""TensorFlow's Object Detection API (Huang 2017) by tf2onnx: detection_boxes, detection_classes, detection_scores.

detection_boxes (1, K, 4) top, left, bottom, right as parts of the image, classes (1, K) from 1 by COCO's numbers or
those of a label map, scores (1, K), and num_detections (1,), how many of the K rows count. Names may end with ":0".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.detect.coco import COCO
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.metadata import class_count_in
from tracker.detect.numbering import Numbering


@dataclass(frozen=True, eq=False)
class TensorFlow(Head):
    """Finished boxes. The outputs do not tell the number of classes: COCO's, unless names are known."""

    name = "tensorflow"
    form = "detection_boxes, detection_classes, detection_scores, num_detections, TensorFlow"
    preprocessing = Preprocessing(order="RGB")  # the network resizes and normalises inside
    suppress = False

    classes: int = len(COCO)
    numbering: Numbering = field(default_factory=Numbering)

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> TensorFlow | None:
        """By the names of the outputs."""
        found = [_named(outputs, f"detection_{part}") for part in ("boxes", "classes", "scores")]
        shapes = [array.shape for array in found if array is not None]
        if len(shapes) < 3 or shapes[0][:1] != (1,) or shapes[0] != (*shapes[1], 4) or shapes[1] != shapes[2]:
            return None
        names = class_count_in(metadata)
        return cls() if names is None else cls().with_names(names)

    def with_names(self, count: int) -> TensorFlow:
        """There are ``count`` classes, the first with the number 1."""
        numbering = self.numbering.named(count)
        return replace(self, classes=numbering.classes, numbering=numbering)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """Rows that count and have a class."""
        boxes, labels, scores = (_named(outputs, f"detection_{part}") for part in ("boxes", "classes", "scores"))
        assert boxes is not None
        assert labels is not None
        assert scores is not None
        counted = _named(outputs, "num_detections")
        classes = self.numbering(labels[0])
        kept = (scores[0] >= conf) & (classes >= 0)
        if counted is not None:
            kept[int(counted.reshape(-1)[0]) :] = False
        height, width = outputs.size
        corners = boxes[0][kept][:, [1, 0, 3, 2]].astype(np.float64) * (width, height, width, height)
        return Decoded(corners, scores[0][kept].astype(np.float64), classes[kept])


def _named(outputs: Outputs, name: str) -> NDArray[Any] | None:
    return next((outputs[each] for each in (name, f"{name}:0") if each in outputs), None)
