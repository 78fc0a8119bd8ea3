"""Detectors: any callable from a BGR image to detections will do; these come with the library."""

from tracker.detect.detector import Detector, RecordedDetector, as_detector
from tracker.detect.head import Head
from tracker.detect.hog import HOG
from tracker.detect.motion import Motion
from tracker.detect.onnx import ONNX
from tracker.detect.recorded import Recorded
from tracker.detect.select import detector_help, open_detector
from tracker.detect.yunet import YuNet

__all__ = [
    "HOG",
    "ONNX",
    "Detector",
    "Head",
    "Motion",
    "Recorded",
    "RecordedDetector",
    "YuNet",
    "as_detector",
    "detector_help",
    "open_detector",
]
