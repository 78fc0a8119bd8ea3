"""YOLOv5, and YOLOv7-tiny and -w6, exported without their decoding: raw maps, with YOLOv5's anchors."""

from __future__ import annotations

from typing import ClassVar

from tracker.detect.anchors import YOLOV3, YOLOV5_P6, Known, RawMaps
from tracker.detect.grid import STRIDES, STRIDES_P6


class YOLOv5Raw(RawMaps):
    """The anchors of the first three grids are YOLOv3's."""

    name = "yolov5-raw"
    form = "a map [1, 3, h, w, 5 + classes] or [1, 3 (5 + classes), h, w] per grid, anchors of YOLOv5 and YOLOv7-tiny"
    anchors: ClassVar[Known] = {STRIDES: YOLOV3, STRIDES_P6: YOLOV5_P6}
