"""What mmdeploy makes of every detector of mmdet: dets (1, N, 5) and labels (1, N), masks (1, N, h, w) beside.

A row of dets is left, top, right, bottom in pixels and score. Only the names of the layers, where the exporter kept
them, tell which preprocessing the network expects.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tracker.detect.coco import COCO
from tracker.detect.head import Decoded, Head, Outputs
from tracker.detect.metadata import class_count_in

# Words in the names of layers, by the head that reads such a network.
LAYERS = {
    "rtmdet": ("rtm_cls", "rtm_reg"),
    "mmdet-yolox": ("multi_level_conv_cls", "multi_level_cls_convs"),
    "mmdet": ("rpn_head", "roi_head", "retina_cls", "atss_cls"),
}


class Dets(Head):
    """A head over dets and labels. The outputs do not tell the number of classes: COCO's, unless names are known."""

    suppress = False

    def __init__(self, classes: int = len(COCO), *, likely: bool = True) -> None:
        self.classes, self.likely = classes, likely

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> Dets | None:
        """By the names and shapes of the outputs; by the names of the layers, where they are there."""
        if "dets" not in outputs or "labels" not in outputs or outputs["dets"].ndim != 3:
            return None
        if outputs["dets"].shape[2] != 5 or outputs["labels"].shape != outputs["dets"].shape[:2]:
            return None
        networks = [name for name, layers in LAYERS.items() if outputs.mentions(*layers)]
        likely = not networks or cls.name in networks
        return cls(class_count_in(metadata) or len(COCO), likely=likely)

    def with_names(self, count: int) -> Dets:
        """There are ``count`` classes."""
        return type(self)(count, likely=self.likely)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """Rows as they are; padding has the label -1 or no size."""
        rows, labels = outputs["dets"][0], outputs["labels"][0]
        kept = (rows[:, 4] >= conf) & (labels >= 0)
        picked = rows[kept].astype(np.float64)
        return Decoded(picked[:, :4], picked[:, 4], labels[kept].astype(np.int64))
