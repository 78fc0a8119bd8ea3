"""RTMDet (Lyu 2022), exported by mmdeploy: dets (1, N, 5) and labels (1, N)."""

from __future__ import annotations

from tracker.detect.head import Preprocessing
from tracker.detect.mmdeploy import Dets


class RTMDet(Dets):
    """RTMDet: BGR less a mean, padded at the end."""

    name = "rtmdet"
    form = "dets [1, N, 5], labels [1, N], RTMDet by mmdeploy"
    preprocessing = Preprocessing(
        order="BGR", mean=(103.53, 116.28, 123.675), std=(57.375, 57.12, 58.395), rounding="nearest"
    )
