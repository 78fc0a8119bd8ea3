"""An image fitted into the input of a network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tracker.arrays import FloatArray, Image
from tracker.detect.head import Fit, Preprocessing


class Letterbox:
    """Makes the input of a network from an image, in one block (1, 3, H, W) or (1, H, W, 3) that it keeps.

    size           (height, width) of the input
    how            colours, numbers and padding, as the head declares them
    dtype          of the input; uint8 takes the pixels as they are
    channels_last  whether the block is (1, H, W, 3)

    The block belongs to this object: use it before the next call, and from one thread at a time.
    """

    def __init__(
        self, size: tuple[int, int], how: Preprocessing, *, dtype: DTypeLike = np.float32, channels_last: bool = False
    ) -> None:
        height, width = size
        self.size, self.how = size, how
        self.block: NDArray[Any] = np.empty((1, height, width, 3) if channels_last else (1, 3, height, width), dtype)
        self._last = channels_last
        # Input = pixel * gain + bias, per channel; None where that changes nothing.
        mean, std = np.array(how.mean), np.array(how.std)
        raw = self.block.dtype == np.uint8
        self._gain = None if raw else self._factor(how.scale / std, neutral=1, channels_last=channels_last)
        self._bias = None if raw else self._factor(-mean / std, neutral=0, channels_last=channels_last)
        self._lay((0, 0, height, width))

    def __call__(self, image: Image) -> tuple[NDArray[Any], Fit]:
        """The filled block, and where the BGR uint8 image (H, W, 3) lies in it."""
        import cv2

        rows, columns = image.shape[:2]
        fit, place = self._placed(rows, columns)
        if place != self._place:
            self._lay(place)
        if image.shape == self._pixels.shape:
            np.copyto(self._pixels, image)
        else:
            cv2.resize(image, self._pixels.shape[1::-1], dst=self._pixels, interpolation=cv2.INTER_LINEAR)
        if self._last and self.how.order == "RGB" and self._inside.dtype == np.uint8:  # numpy takes ten times as long
            cv2.cvtColor(self._pixels, cv2.COLOR_BGR2RGB, dst=self._inside)
        elif self._last:
            np.copyto(self._inside, self._pixels[:, :, ::-1] if self.how.order == "RGB" else self._pixels)
        else:  # a channel at a time: numpy takes four times as long to turn pixels into planes
            cv2.split(self._pixels, list(self._channels[::-1] if self.how.order == "RGB" else self._channels))
            np.copyto(self._inside, self._channels)
        self._scale(self._inside)
        return self.block, fit

    def _lay(self, place: tuple[int, int, int, int]) -> None:
        """Pad for an image at ``place``; images that follow there leave the padding as it is."""
        top, left, tall, wide = self._place = place
        self.block[:] = self.how.pad_value
        self._scale(self.block[0])
        rows, columns = slice(top, top + tall), slice(left, left + wide)
        self._inside = self.block[0, rows, columns] if self._last else self.block[0, :, rows, columns]
        self._pixels = np.empty((tall, wide, 3), np.uint8)
        self._channels = np.empty((3, tall, wide), np.uint8)

    def _scale(self, part: NDArray[Any]) -> None:
        if self._gain is not None:
            np.multiply(part, self._gain, out=part)
        if self._bias is not None:
            np.add(part, self._bias, out=part)

    def _factor(self, values: FloatArray, *, neutral: float, channels_last: bool) -> NDArray[Any] | None:
        """Values of the three channels, to be broadcast over the block; None where all are neutral."""
        typed = values.astype(self.block.dtype)
        if (typed == neutral).all():
            return None
        if (typed == typed[0]).all():  # one number for all channels is faster
            return typed[:1]
        return typed if channels_last else typed[:, None, None]

    def _placed(self, rows: int, columns: int) -> tuple[Fit, tuple[int, int, int, int]]:
        """Where an image of this size goes: the fit, and top, left, height, width in whole pixels."""
        height, width = self.size
        if self.how.fit == "stretch":
            zooms = np.array([width / columns, height / rows])
            return Fit(np.zeros(2), zooms, (rows, columns), self.size), (0, 0, height, width)
        zoom = min(height / rows, width / columns)
        whole = round if self.how.rounding == "nearest" else int
        tall, wide = whole(rows * zoom), whole(columns * zoom)
        top = left = 0
        if self.how.pad == "around":  # of an odd number of rows or columns, the one more goes to the end
            top, left = round((height - tall) / 2 - 0.1), round((width - wide) / 2 - 0.1)
        place = (top, left, max(tall, 1), max(wide, 1))
        return Fit(np.array([left, top], dtype=np.float64), np.full(2, zoom), (rows, columns), self.size), place
