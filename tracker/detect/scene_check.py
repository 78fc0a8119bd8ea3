"""Notices that a detector which was trained for one camera looks at another scene."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray, Image

KEY = "trackwhy_scene"  # of the thumbnail in a model's metadata, base64
SIZE = (32, 24)  # (width, height) of a thumbnail, grey
IMAGES = 25  # so many are looked at before it judges: what passes by covers some
ALIKE = 0.6  # least correlation of two thumbnails of one scene


def thumbnail_of(image: Image) -> NDArray[np.uint8]:
    """(24, 32) grey levels of a BGR image (H, W, 3)."""
    import cv2

    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), SIZE, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


class SceneCheck:
    """Give it the images in order; ``line`` is what the user should read once it knows, or None.

    Light may change, which correlation does not see; a camera that was turned or another one shows other edges.
    """

    def __init__(self, metadata: Mapping[str, str]) -> None:
        self._known: NDArray[np.uint8] | None = None
        try:
            pixels = base64.b64decode(metadata.get(KEY, ""), validate=True)
        except ValueError:
            pixels = b""
        if len(pixels) == SIZE[0] * SIZE[1]:
            self._known = np.frombuffer(pixels, dtype=np.uint8).reshape(SIZE[::-1])
        self.reset()

    def reset(self) -> None:
        """Another video begins."""
        self.line: str | None = None
        self._seen: list[NDArray[np.uint8]] = []

    def see(self, image: Image) -> None:
        """Look at a BGR image (H, W, 3)."""
        if self._known is None or len(self._seen) >= IMAGES:
            return
        self._seen.append(thumbnail_of(image))
        if len(self._seen) == IMAGES:
            alike = correlation(self._known, np.median(np.stack(self._seen), axis=0))
            if alike < ALIKE:
                self.line = (
                    f"this detector was trained for another scene (likeness {alike:.2f}, of the same one {ALIKE:g} or "
                    "more): it may find little here; train one for this camera with `track detector train`"
                )


def correlation(a: NDArray[np.uint8], b: FloatArray | NDArray[np.uint8]) -> float:
    """Of two images of one size, -1..1; 0 where one of them is of one colour."""
    one, other = (x.astype(np.float64) - x.mean() for x in (a, b))
    size = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum() / size) if size > 0 else 0.0
