"""The detectors that can be fetched by name. An entry is a fact sheet: what is fetched must have this size and hash."""

from __future__ import annotations

from tracker.detect.coco import COCO
from tracker.models import Model

_YOLOX = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0"
_MEGVII = "YOLOX, Copyright (c) 2021-2022 Megvii Inc. All rights reserved. Apache License 2.0"

CATALOGUE = {
    model.name: model
    for model in (
        Model(
            name="yolox-nano",
            url=f"{_YOLOX}/yolox_nano.onnx",
            size=3_659_407,
            sha256="c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d",
            licence="Apache-2.0",
            about="YOLOX-nano at 416x416, trained on COCO: small and fast",
            head="yolox",
            classes=COCO,
            notice=_MEGVII,
        ),
        Model(
            name="yolox-tiny",
            url=f"{_YOLOX}/yolox_tiny.onnx",
            size=20_219_662,
            sha256="427cc366d34e27ff7a03e2899b5e3671425c262ea2291f88bb942bc1cc70b0f7",
            licence="Apache-2.0",
            about="YOLOX-tiny at 416x416, trained on COCO: better and slower than nano",
            head="yolox",
            classes=COCO,
            notice=_MEGVII,
        ),
    )
}
