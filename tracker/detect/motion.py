"""Whatever moves in front of a static camera: background subtraction (Zivkovic 2004), then blobs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from tracker.arrays import Image
from tracker.detect.detector import Detector, check_fraction, check_image
from tracker.detections import Detections

ROWS = 360  # larger images are reduced to this height; the kernels below are in its pixels
SPECK = 3  # side of the largest noise to remove
GAP = 15  # rows to bridge, and no columns: legs join their body, neighbours stay apart
FOREGROUND = 255  # OpenCV marks shadows with 127


class Motion(Detector):
    """Moving blobs of a static camera; class 0 is "moving"; the score is the part of the box that moved, 0..1.

    conf       least score
    min_area   smallest blob, as a part of the image's area
    threshold  squared distance from the background, in variances, above which a pixel moves; more is less sensitive
    history    images over which the background is learned
    warmup     images at the start, while the background is learned, in which nothing is reported

    A person who stands still becomes background, and people who touch are one blob: on PETS09-S2L1 (480x360) recall is
    .69 and precision .83 at 5 ms per image. It remembers earlier images: pass them in order, and call ``reset`` before
    another video (an image of another size does the same). Raises ValueError for a parameter out of range.
    """

    name = "motion"
    class_names: Mapping[int, str] = MappingProxyType({0: "moving"})

    remembers = True

    def __init__(
        self,
        *,
        conf: float = 0.0,
        min_area: float = 0.001,
        threshold: float = 25.0,
        history: int = 500,
        warmup: int = 10,
    ) -> None:
        self.conf = check_fraction("conf", conf)
        self.min_area = check_fraction("min_area", min_area)
        if not threshold > 0 or history < 1 or warmup < 0:
            found = f"threshold={threshold:g}, history={history}, warmup={warmup}"
            raise ValueError(f"{found}: give threshold > 0, history >= 1, warmup >= 0")
        self.threshold, self.history, self.warmup = float(threshold), int(history), int(warmup)
        self.reset()

    def reset(self) -> None:
        """Forget the background: a new video begins."""
        import cv2

        self._background: Any = cv2.createBackgroundSubtractorMOG2(self.history, self.threshold, detectShadows=True)
        self._seen = 0
        self._shape: tuple[int, ...] | None = None

    def __call__(self, image: Image) -> Detections:
        """What moved in the next BGR uint8 image (H, W, 3) of the video."""
        import cv2

        image = check_image(image)
        if image.shape != self._shape:
            self.reset()
            self._shape = image.shape
        rows, columns = image.shape[:2]
        if rows > ROWS:
            size = (max(round(columns * ROWS / rows), 1), ROWS)
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        mask = self._background.apply(image)
        self._seen += 1
        if self._seen <= self.warmup:
            return Detections.empty()
        mask = np.where(mask == FOREGROUND, FOREGROUND, 0).astype(np.uint8)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (SPECK, SPECK)))
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((GAP, 1), np.uint8))
        _, _, blobs, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        blobs = blobs[1:]  # the first one is the background
        areas = blobs[:, cv2.CC_STAT_AREA]
        boxes = blobs[:, :4].astype(np.float64)
        scores = areas / (boxes[:, 2] * boxes[:, 3])
        keep = (areas >= self.min_area * mask.size) & (scores >= self.conf)
        boxes, scores = boxes[keep], scores[keep]
        boxes[:, 2:] += boxes[:, :2]
        boxes *= np.array([columns / mask.shape[1], rows / mask.shape[0]] * 2)
        return Detections(boxes, scores)
