"""YOLOv7 and YOLOv7x exported without ``--grid``: raw maps, with YOLOv7's anchors."""

from __future__ import annotations

from typing import ClassVar

from tracker.detect.anchors import YOLOV4, Known, RawMaps
from tracker.detect.grid import STRIDES


class YOLOv7Raw(RawMaps):
    """Boxes as YOLOv5's, from the anchors that YOLOv4 found."""

    name = "yolov7-raw"
    form = "a map [1, 3, h, w, 5 + classes] or [1, 3 (5 + classes), h, w] per grid, anchors of YOLOv7"
    anchors: ClassVar[Known] = {STRIDES: YOLOV4}
