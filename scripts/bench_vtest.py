"""The real video that scripts measure on: PETS09-S2L1 from a static camera, with its ground truth and a detector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tracker.arrays import Image
from tracker.detect import ONNX
from tracker.evaluate.benchmark import GroundTruth, load_ground_truth
from tracker.io.mot import read_ground_truth
from tracker.io.video import open_source

VIDEO, MODEL = "data/video/vtest_480x360.mp4", "data/models/yolox_nano.onnx"
TRUTH = "data/MOT15/train/PETS09-S2L1/gt/gt.txt"
NAME = "vtest"  # of the sequence
SCALE = 0.625  # the video is 480x360, its ground truth 768x576
CONF = 0.5


def detector(shared: Path) -> ONNX:
    """YOLOX-nano, people alone."""
    return ONNX(shared / MODEL, conf=CONF, classes=["person"])


def truth(shared: Path) -> GroundTruth:
    """The ground truth of the one sequence ``NAME``."""
    rows = read_ground_truth(shared / TRUTH)
    return load_ground_truth({NAME: replace(rows, boxes=rows.boxes * SCALE)}, "mot15")


def images(shared: Path) -> Iterator[Image]:
    """The video's images (H, W, 3), one after the other."""
    with open_source(shared / VIDEO) as frames:
        for frame in frames:
            assert frame.image is not None
            yield frame.image
