"""A people detector that needs no file: OpenCV's histograms of oriented gradients (Dalal and Triggs 2005)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from tracker.arrays import Image
from tracker.detect.detector import Detector, check_fraction, check_image
from tracker.detect.overlaps import merge_xyxy
from tracker.detect.unseen import Unseen
from tracker.detections import Detections

# The window is 64x128 pixels, and the people it was trained on leave a border in it. What to cut from each side, as
# parts of the window's width and height: the median over 105 people of PETS09-S2L1. This and the curve below could be
# fitted to that clip alone: of MOT15's other sequences the project has the boxes, not the images.
CUT_X, CUT_TOP, CUT_BOTTOM = 0.22, 0.11, 0.11

# The SVM gives an unbounded margin. A logistic curve (Platt 1999), fitted to 408 boxes of PETS09-S2L1 that are right or
# wrong at IoU 0.5, turns it into the probability of being right, so that `conf` means what it means for a network.
SLOPE, OFFSET = 3.67, -2.42

STEP = 1.2  # ratio of two sizes of the pyramid
SAME_PERSON = 0.35  # least overlap of two windows that show one person
WIDEST = 4.0  # largest width / height at which an image is resized to the full height


class HOG(Detector):
    """People by HOG and a linear SVM; class 0 is "person"; scores 0..1, the estimated probability of being right.

    conf    least score, 0..1 (below 0.08 nothing more is found)
    height  rows that each image is resized to, up or down. The smallest person found is about 96 rows tall, which at
            800 is 1/8 of the image's height; the time grows with the square of ``height``, not with the video's size

    The box trim and the score curve were fitted to PETS09-S2L1, so what it reaches on that clip (480x360, people 34 to
    91 pixels tall: recall .80, precision .92; height 720: .75 and .92) is no fair figure: expect less elsewhere.
    In every 25th image of an indoor clip (intel_one_by_one_person, 768x432) it found 7 of the 40 people that YOLOX-nano
    finds at conf .5 (IoU .5), and 46 of its 53 boxes were none of them.
    It takes 0.11 s per image and thread, 0.09 s at height 720; a network (``ONNX``) is better and ten times faster.
    Its ``note`` says when it found nothing in 50 images in a row, and when most of what moves is outside its boxes.
    Raises ValueError for a parameter out of range, and where OpenCV has no HOG (version 5).
    """

    name = "hog"
    class_names: Mapping[int, str] = MappingProxyType({0: "person"})

    def __init__(self, *, conf: float = 0.3, height: int = 800) -> None:
        import cv2

        if not hasattr(cv2, "HOGDescriptor"):
            raise ValueError(f"OpenCV {cv2.__version__} has no HOG detector; install 'opencv-python<5' or give a model")
        if not 128 <= height <= 4320:
            raise ValueError(f"height={height} is outside 128..4320; HOG's window is 128 rows tall")
        self.conf = check_fraction("conf", conf)
        self.height = int(height)
        self._unseen = Unseen(self.name)
        self._hog = cv2.HOGDescriptor()
        people: Any = cv2.HOGDescriptor.getDefaultPeopleDetector()
        self._hog.setSVMDetector(people)
        # The same threshold as a margin; windows with a negative margin are noise at any conf.
        probability = min(max(self.conf, 1e-6), 1 - 1e-6)
        self._margin = max((math.log(probability / (1 - probability)) - OFFSET) / SLOPE, 0.0)

    @property
    def note(self) -> str | None:
        return self._unseen.line

    def reset(self) -> None:
        self._unseen.reset()

    def __call__(self, image: Image) -> Detections:
        """People in a BGR uint8 image (H, W, 3)."""
        image = check_image(image)
        found = self._look(image)
        self._unseen.see(image, found.boxes)
        return found

    def _look(self, image: Image) -> Detections:
        import cv2

        rows, columns = image.shape[:2]
        scale = self.height / max(rows, columns / WIDEST)
        size = (max(round(columns * scale), 1), max(round(rows * scale), 1))
        if size[0] < 64 or size[1] < 128:  # no window fits
            return Detections.empty()
        large = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        windows, weights = self._hog.detectMultiScale(
            large, hitThreshold=self._margin, winStride=(8, 8), padding=(8, 8), scale=STEP, groupThreshold=0
        )
        boxes = np.asarray(windows, dtype=np.float64).reshape(-1, 4)
        margins = np.asarray(weights, dtype=np.float64).reshape(-1)
        order = np.lexsort((*boxes.T, margins))  # OpenCV's threads return them in any order
        boxes, margins = boxes[order], margins[order]
        width, tall = boxes[:, 2].copy(), boxes[:, 3].copy()
        boxes[:, 2:] += boxes[:, :2]
        boxes += np.stack((CUT_X * width, CUT_TOP * tall, -CUT_X * width, -CUT_BOTTOM * tall), axis=1)
        boxes *= np.array([columns / size[0], rows / size[1]] * 2)
        scores = 1.0 / (1.0 + np.exp(-(SLOPE * margins + OFFSET)))
        boxes, scores = merge_xyxy(boxes, scores, SAME_PERSON)
        keep = scores >= self.conf
        return Detections(boxes[keep], scores[keep])
