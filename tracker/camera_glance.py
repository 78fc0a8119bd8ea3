"""A glance at the images: whether the camera moves at all, and its motion by optical flow only while it does.

Every few frames a small grey image is compared with that of the last glance. Where the camera stands still, most pixels
on an edge are as bright as before, however many people walk; where it moves, hardly one is. The flow, which costs far
more than a tracker's update, runs only from then on until the camera has rested for a while.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray, Image
from tracker.camera import STILL, CameraEstimate, cv2_module

EVERY = 5  # frames from one glance to the next
SMALL = 128  # longest side of the image it looks at, pixels
COARSE = 2 * SMALL  # longest side after pixels are left out, about
EDGE = 8.0  # grey levels to the next pixel, of an edge
NOISE, SHIFT = 2.0, 0.25  # grey levels and pixels by which an edge at rest may change
UNCHANGED = 0.7  # share of such edges at a still camera, at least: vtest has .83 and more, a slow pan mostly .6
LEAST_EDGES = 100  # pixels; fewer tell nothing
RESTING = 6  # glances at a still camera in a row until the flow ends
MEMORY = EVERY * (RESTING + 1)  # images before one that decide what it gives there
LEAST_MOTION = 0.001  # of the longest side: a smaller motion of the whole image is the flow's noise


class CameraGlance:
    """A camera (``tracker.camera``): still until a glance shows motion, then optical flow until it rests again.

    ``followed`` counts the frames in which the flow ran, ``failures`` those of them in which it found nothing.

    What it gives depends on the last MEMORY images alone, where the first of them is one that it glances at.
    """

    def __init__(self) -> None:
        self._flow = CameraEstimate("flow", quiet=True)
        self.reset()

    def reset(self) -> None:
        """Forget the last image."""
        self._flow.reset()
        self._last: NDArray[np.float32] | None = None
        self._left = 0  # glances until the flow ends; 0: it does not run
        self.frame = self.followed = 0

    @property
    def state(self) -> tuple[Any, NDArray[np.float32] | None, int, int, int]:
        """All that it remembers: it can be pickled and put back."""
        return self._flow.state, self._last, self._left, self.frame, self.followed

    @state.setter
    def state(self, state: tuple[Any, NDArray[np.float32] | None, int, int, int]) -> None:
        self._flow.state, self._last, self._left, self.frame, self.followed = state

    @property
    def failures(self) -> int:
        """Frames in which the flow found nothing."""
        return self._flow.failures

    def __call__(self, image: Image | None, boxes: FloatArray | None = None) -> FloatArray:
        """The matrix (2, 3) from the image of the last call to this one; the identity while the camera rests."""
        if image is None:
            return STILL
        if self.frame % EVERY == 0:
            moved = self._moved(image)
            self._left = RESTING if moved else max(self._left - 1, 0)
            if not self._left:
                self._flow.last = None
        self.frame += 1
        if not self._left:
            return STILL
        self.followed += 1
        matrix = self._flow(image, boxes)
        height, width = image.shape[:2]
        corners = np.array([[0, width, 0, width], [0, 0, height, height], [1.0, 1, 1, 1]])
        away = np.abs(matrix @ corners - corners[:2]).max()
        return matrix if away >= LEAST_MOTION * max(width, height) else STILL

    def _moved(self, image: Image) -> bool:
        """Whether the image has moved since the last glance."""
        step = max(1, round(max(image.shape[:2]) / COARSE))
        grey = image[::step, ::step] if image.ndim == 2 else image[::step, ::step, 1]
        scale = min(1.0, SMALL / max(grey.shape))
        size = (max(3, round(grey.shape[1] * scale)), max(3, round(grey.shape[0] * scale)))
        cv2 = cv2_module()
        small = cv2.resize(np.ascontiguousarray(grey), size, interpolation=cv2.INTER_AREA).astype(np.float32)
        last, self._last = self._last, small
        if last is None or last.shape != small.shape:
            return False
        across, down = last[1:-1, 2:] - last[1:-1, :-2], last[2:, 1:-1] - last[:-2, 1:-1]
        slope = np.hypot(across, down) / 2
        edges = slope > EDGE
        count = np.count_nonzero(edges)
        if count < LEAST_EDGES:
            return False
        change = np.abs(small - last)[1:-1, 1:-1][edges]
        same = change < np.maximum(NOISE, SHIFT * slope[edges])
        return bool(np.count_nonzero(same) < UNCHANGED * count)
