"""Detectors: any callable from a BGR picture to detections. These come with the library."""

from tracker.detect.detector import Detector
from tracker.detect.hog import HOG
from tracker.detect.motion import Motion
from tracker.detect.onnx import ONNX
from tracker.detect.recorded import Recorded
from tracker.detect.select import open_detector
from tracker.detect.yunet import YuNet

__all__ = ["HOG", "ONNX", "Detector", "Motion", "Recorded", "YuNet", "open_detector"]
