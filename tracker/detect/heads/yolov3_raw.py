"""Darknet's YOLOv3 and YOLOv3-tiny (Redmon 2018): raw maps, the image stretched to the input."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray
from tracker.detect.anchors import YOLOV3, YOLOV3_TINY, Known, RawMaps, sigmoid
from tracker.detect.grid import STRIDES, STRIDES_TINY
from tracker.detect.head import Preprocessing


class YOLOv3Raw(RawMaps):
    """Centre by a sigmoid, size by an exponential of the anchor's (section 2.1)."""

    name = "yolov3-raw"
    form = "a map [1, 3, h, w, 5 + classes] or [1, 3 (5 + classes), h, w] per grid, anchors of Darknet's YOLOv3"
    anchors: ClassVar[Known] = {STRIDES: YOLOV3, STRIDES_TINY: YOLOV3_TINY}
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, fit="stretch")
    darknet = True

    def box(
        self, logits: FloatArray, cells: NDArray[np.int64], stride: int, sizes: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Centres and sizes as YOLOv3 defines them."""
        return (sigmoid(logits[:, :2]) + cells) * stride, np.exp(logits[:, 2:]) * sizes
