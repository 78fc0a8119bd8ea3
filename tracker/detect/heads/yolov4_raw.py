"""Darknet's YOLOv4 and YOLOv4-tiny (Bochkovskiy 2020): raw maps, the image stretched to the input."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray
from tracker.detect.anchors import YOLOV3_TINY, YOLOV4, Known, RawMaps, sigmoid
from tracker.detect.grid import STRIDES, STRIDES_TINY
from tracker.detect.head import Preprocessing

SCALE = {8: 1.2, 16: 1.1, 32: 1.05}  # scale_x_y by stride; 1.05 throughout in the tiny one
YOLOV4_TINY = (*YOLOV3_TINY[0][1:], YOLOV3_TINY[1][0])  # of stride 16


class YOLOv4Raw(RawMaps):
    """YOLOv3's boxes with ``scale_x_y``: the centre reaches a little beyond its cell."""

    name = "yolov4-raw"
    form = "a map [1, 3, h, w, 5 + classes] or [1, 3 (5 + classes), h, w] per grid, anchors of Darknet's YOLOv4"
    anchors: ClassVar[Known] = {STRIDES: YOLOV4, STRIDES_TINY: (YOLOV4_TINY, YOLOV3_TINY[1])}
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, fit="stretch")
    darknet = True

    def box(
        self, logits: FloatArray, cells: NDArray[np.int64], stride: int, sizes: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Centres and sizes as YOLOv4 defines them."""
        scale = SCALE[stride] if self.strides == STRIDES else SCALE[32]
        centres = sigmoid(logits[:, :2]) * scale - 0.5 * (scale - 1)
        return (centres + cells) * stride, np.exp(logits[:, 2:]) * sizes
