"""Notices that a detector finds nothing for a long time, or misses most of what moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracker.arrays import FloatArray, Image

if TYPE_CHECKING:
    from cv2.typing import MatLike as Mat

IMAGES = 50  # after so many there is something to say
ROWS = 90  # images are compared at this height: noise averages out, a car of 25 rows in 480 still has 5
DIFFERENCE = 15  # grey levels by which a pixel changes where something moves
LEAST, MOST = 0.001, 0.25  # part of the pixels that change: less is noise, more a moving camera or a cut
OFTEN = 25  # of the images, before it counts
OUTSIDE = 0.75  # part of the changed pixels

MOTION = "--detector motion finds whatever moves before a static camera"


class Unseen:
    """Give it every image in order with the boxes that were found; ``line`` is then what the user should read."""

    def __init__(self, detector: str) -> None:
        self._detector = detector
        self.line: str | None = None
        self._moving = False  # whether the line says that something moves
        self.reset()

    def reset(self) -> None:
        """A new video begins. What was said stays."""
        self._last: Mat | None = None
        self._empty = 0
        self._begin()

    def _begin(self) -> None:
        self._images = self._changing = self._changed = self._outside = 0

    def see(self, image: Image, boxes: FloatArray) -> None:
        """Count a BGR image (H, W, 3) with the boxes (N, 4) in it, in pixels."""
        if self._moving:
            return
        self._compare(image, boxes)
        self._images += 1
        self._empty = 0 if len(boxes) else self._empty + 1
        if self._images == IMAGES:
            if self._changing >= OFTEN and self._outside > OUTSIDE * self._changed:
                self._moving = True
                self.line = f"most of what moves in {IMAGES} images is outside the boxes of {self._detector}; {MOTION}"
            self._begin()
        if self._empty >= IMAGES and self.line is None:
            self.line = f"{self._detector} found nothing in {IMAGES} images in a row"

    def _compare(self, image: Image, boxes: FloatArray) -> None:
        """Count the pixels that changed since the last image, and those of them outside the boxes."""
        import cv2

        scale = ROWS / image.shape[0]
        size = (max(round(image.shape[1] * scale), 1), ROWS)
        small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), size, interpolation=cv2.INTER_AREA)
        last, self._last = self._last, small
        if last is None or last.shape != small.shape:
            return
        changed = cv2.absdiff(last, small) > DIFFERENCE
        part = float(changed.mean())
        if not LEAST <= part <= MOST:
            return
        self._changing += 1
        self._changed += int(changed.sum())
        for x1, y1, x2, y2 in np.rint(boxes * scale).astype(int).clip(0):
            changed[y1 : y2 + 1, x1 : x2 + 1] = False
        self._outside += int(changed.sum())
