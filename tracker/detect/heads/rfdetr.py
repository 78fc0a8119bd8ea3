"""RF-DETR (Robinson 2025): outputs dets (1, Q, 4), labels (1, Q, C) and, for segmentation, masks (1, Q, H, W).

Boxes are centre x, y, width, height as parts of the input, labels and masks are logits. COCO's models have a column for
each of COCO's numbers up to 90; models trained on a Roboflow data set have an unused first column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from tracker.arrays import IntArray
from tracker.detect.head import Decoded, Fit, Head, Outputs, Preprocessing
from tracker.detect.masks import masks_of
from tracker.detect.metadata import class_count_in
from tracker.detect.queries import best_of, class_columns, sigmoid


@dataclass(frozen=True, eq=False)
class RFDETR(Head):
    """RF-DETR of ``classes`` classes; with a segmentation model the payload holds masks, (H, W) bool of the image.

    width    columns of the labels
    columns  those that are classes, by class number
    """

    name = "rfdetr"
    form = "dets [1, Q, 4], labels [1, Q, classes], also masks [1, Q, h, w], RF-DETR"
    preprocessing = Preprocessing(
        order="RGB", scale=1 / 255, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), fit="stretch"
    )
    suppress = False

    width: int
    columns: IntArray
    classes: int

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> RFDETR | None:
        """By the names and shapes of the outputs; the dets of mmdetection have a fifth column."""
        if "dets" not in outputs or "labels" not in outputs:
            return None
        boxes, labels = outputs["dets"].shape, outputs["labels"].shape
        if len(boxes) != 3 or len(labels) != 3 or boxes[0] != 1 or boxes[2] != 4 or boxes[:2] != labels[:2]:
            return None
        found = cls(labels[2], class_columns(labels[2], None), 0)
        names = class_count_in(metadata)
        return replace(found, classes=len(found.columns)) if names is None else found.with_names(names)

    def with_names(self, count: int) -> RFDETR:
        """There are ``count`` classes; those of a Roboflow data set begin with the second column."""
        columns = class_columns(self.width, count)
        if len(columns) == count < self.width and columns[0] == 0:
            columns = columns + 1
        return replace(self, columns=columns, classes=len(columns))

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is the best class's sigmoid."""
        scores = sigmoid(outputs["labels"][0][:, self.columns])
        masks = outputs["masks"][0] if "masks" in outputs else None
        return best_of(outputs["dets"][0], scores, outputs.size, conf, masks)

    def to_image(self, payload: NDArray[Any], fit: Fit) -> NDArray[Any]:
        """A pixel belongs to an object where its logit is positive."""
        return masks_of(payload, fit, above=0.0)
