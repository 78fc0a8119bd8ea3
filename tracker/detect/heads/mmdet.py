"""Faster R-CNN, RetinaNet, ATSS and others of mmdet, exported by mmdeploy: dets (1, N, 5) and labels (1, N)."""

from __future__ import annotations

from tracker.detect.head import Preprocessing
from tracker.detect.mmdeploy import Dets


class MMDet(Dets):
    """Detectors of mmdet that were trained on RGB less ImageNet's mean, padded with 0 at the end."""

    name = "mmdet"
    form = "dets [1, N, 5], labels [1, N], other detectors of mmdet by mmdeploy"
    preprocessing = Preprocessing(
        order="RGB", mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), pad_value=0, rounding="nearest"
    )
