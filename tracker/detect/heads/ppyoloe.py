"""PP-YOLOE (Xu 2022), and PicoDet and PP-YOLOv2, exported by PaddleDetection; ``tracker.detect.paddle`` says how."""

from __future__ import annotations

from tracker.detect.head import Preprocessing
from tracker.detect.paddle import Paddle


class PPYOLOE(Paddle):
    """RGB less ImageNet's mean, stretched to the input."""

    name = "ppyoloe"
    form = "[N, 6] and a count, or boxes [1, {cells}, 4] and scores [1, classes, {cells}], PP-YOLOE, PicoDet"
    preprocessing = Preprocessing(
        order="RGB", scale=1 / 255, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), fit="stretch"
    )
