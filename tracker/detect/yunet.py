"""Faces by YuNet (Wu 2023), run by OpenCV."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from tracker.arrays import Image
from tracker.detect.detector import Detector, check_fraction, check_image
from tracker.detections import Detections

# Below this OpenCV 4.14 reads uninitialised memory, and finds faces with a score of 1 and infinite boxes.
SMALLEST = 64


class YuNet(Detector):
    """Faces; class 0 is "face"; scores 0..1; the payload holds five landmarks per face, (5, 2) pixels.

    path  the ONNX file of OpenCV's model zoo (face_detection_yunet)
    conf  least score. Small faces turned to the camera reach 0.82 to 0.88 (PETS09-S2L1, enlarged), heads seen from
          behind up to 0.75
    iou   faces that overlap more than this become one

    Landmarks: the person's right eye, left eye, nose, right and left corner of the mouth. The network sees each image
    at its own size; ``ONNX`` runs the same file at one size for all.
    Raises ValueError where the file is missing or is no YuNet.
    """

    name = head = "yunet"
    class_names: Mapping[int, str] = MappingProxyType({0: "face"})

    def __init__(self, path: str | os.PathLike[str], *, conf: float = 0.8, iou: float = 0.3) -> None:
        import cv2

        self.conf, self.iou = check_fraction("conf", conf), check_fraction("iou", iou)
        if not Path(path).is_file():
            raise ValueError(f"{path}: no such file; give the path of a YuNet model (face_detection_yunet_*.onnx)")
        self.model_files = (Path(path),)
        # The bytes, because OpenCV goes by a file's ending, and on Windows fails on letters beyond ASCII.
        content = np.fromfile(path, dtype=np.uint8)
        nothing = np.empty(0, np.uint8)
        try:
            self._net = cv2.FaceDetectorYN.create("onnx", content, nothing, (320, 320), self.conf, self.iou, 5000)
            self._net.detect(np.zeros((320, 320, 3), np.uint8))  # another network loads, and fails here
        except cv2.error:
            raise ValueError(
                f"{path}: is no YuNet face model that OpenCV {cv2.__version__} can run; give face_detection_yunet*.onnx"
            ) from None

    def __call__(self, image: Image) -> Detections:
        """Faces in a BGR uint8 image (H, W, 3)."""
        import cv2

        image = check_image(image)
        below, beside = max(SMALLEST - image.shape[0], 0), max(SMALLEST - image.shape[1], 0)
        if below or beside:
            image = cv2.copyMakeBorder(image, 0, below, 0, beside, cv2.BORDER_CONSTANT)  # type: ignore[assignment]
        self._net.setInputSize((image.shape[1], image.shape[0]))
        _, faces = self._net.detect(image)
        if faces is None:
            return Detections.empty()
        boxes = faces[:, :4].astype(np.float64)
        boxes[:, 2:] += boxes[:, :2]
        return Detections(boxes, faces[:, 14], payload=faces[:, 4:14].reshape(-1, 5, 2), invalid="drop")
