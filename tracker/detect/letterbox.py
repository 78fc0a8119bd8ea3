"""A picture fitted into a network's input, and boxes brought back from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray, Image

GREY = 114  # what both families pad with


class Letterbox:
    """Resizes with the aspect ratio kept and pads with grey, into one block (1, 3, H, W) or (1, H, W, 3) that it keeps.

    centred   the picture in the middle (ultralytics) or at the top left (YOLOX)
    rgb       red first, else blue first
    scale     what pixels 0..255 are multiplied with
    The block belongs to this object: use it before the next call, and from one thread at a time.
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        centred: bool,
        rgb: bool,
        scale: float,
        dtype: type[np.generic] = np.float32,
        channels_last: bool = False,
    ) -> None:
        self.height, self.width = height, width
        self.centred, self.rgb, self.scale = centred, rgb, scale
        self.block: NDArray[Any] = np.empty((1, height, width, 3) if channels_last else (1, 3, height, width), dtype)
        self._planes = self.block[0].transpose(2, 0, 1) if channels_last else self.block[0]
        self._canvas = np.full((height, width, 3), GREY, np.uint8)
        self._place = (0, 0, 0, 0)

    def __call__(self, image: Image) -> tuple[NDArray[Any], FloatArray, FloatArray]:
        """The filled block, and (4,) ``shift`` and ``zoom``: box in the input = box in the picture * zoom + shift."""
        import cv2

        rows, columns = image.shape[:2]
        zoom = min(self.height / rows, self.width / columns)
        # Each family's own rounding: a network sees the pixels it was trained on.
        if self.centred:
            tall, wide = round(rows * zoom), round(columns * zoom)
            top, left = round((self.height - tall) / 2 - 0.1), round((self.width - wide) / 2 - 0.1)
        else:
            tall, wide, top, left = int(rows * zoom), int(columns * zoom), 0, 0
        tall, wide = max(tall, 1), max(wide, 1)
        place = (top, left, tall, wide)
        if place != self._place:  # pictures of another shape leave other borders
            self._canvas[:] = GREY
            self._place = place
        inside = self._canvas[top : top + tall, left : left + wide]
        if (rows, columns) == (tall, wide):
            inside[:] = image
        else:
            cv2.resize(image, (wide, tall), dst=inside, interpolation=cv2.INTER_LINEAR)
        pixels = self._canvas[:, :, ::-1] if self.rgb else self._canvas
        np.copyto(self._planes, pixels.transpose(2, 0, 1), casting="unsafe")
        if self.scale != 1.0:
            np.multiply(self.block, self.block.dtype.type(self.scale), out=self.block)
        return self.block, np.array([left, top, left, top], dtype=np.float64), np.full(4, zoom)
