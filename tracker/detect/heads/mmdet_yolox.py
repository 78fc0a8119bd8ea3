"""YOLOX of mmdet, exported by mmdeploy: dets (1, N, 5) and labels (1, N)."""

from __future__ import annotations

from tracker.detect.head import Preprocessing
from tracker.detect.mmdeploy import Dets


class MMDetYOLOX(Dets):
    """YOLOX: BGR as it is, padded at the end."""

    name = "mmdet-yolox"
    form = "dets [1, N, 5], labels [1, N], YOLOX by mmdeploy"
    preprocessing = Preprocessing(order="BGR", rounding="nearest")
