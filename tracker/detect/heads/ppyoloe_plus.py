"""PP-YOLOE+, and RT-DETR, exported by PaddleDetection; ``tracker.detect.paddle`` says how."""

from __future__ import annotations

from tracker.detect.head import Preprocessing
from tracker.detect.paddle import Paddle


class PPYOLOEPlus(Paddle):
    """RGB from 0 to 1, stretched to the input."""

    name = "ppyoloe-plus"
    form = "[N, 6] and a count, or boxes [1, {cells}, 4] and scores [1, classes, {cells}], PP-YOLOE+"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, fit="stretch")
