"""YOLO-NAS of super-gradients, exported without its post-processing: boxes (1, A, 4), then scores (1, A, C).

Boxes are corners in pixels, A the cells of all grids. ``num_dets`` and ``yolo_nas_flat`` read the exports with nms.
"""

from __future__ import annotations

from collections.abc import Mapping

from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.pairs import decode_corners, dense_pair, fit_as


class YOLONAS(Head):
    """YOLO-NAS of ``classes`` classes."""

    name = "yolo-nas"
    form = "boxes [1, {cells}, 4], then scores [1, {cells}, classes], YOLO-NAS"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, pad="around", rounding="nearest")

    def __init__(self, classes: int) -> None:
        self.classes = classes

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> YOLONAS | None:
        """By the order of the two outputs: boxes first."""
        pair = dense_pair(outputs)
        return cls(pair[1].shape[1]) if pair is not None and fit_as(*pair) else None

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is the best class score."""
        boxes, scores = outputs.arrays.values()
        return decode_corners(boxes[0], scores[0], conf)
