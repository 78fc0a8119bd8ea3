"""JPEG images as a camera sends them over HTTP, decoded one by one: OpenCV scales all to the size of the first.

PyAV (the extra ``video``) decodes them; without it they stay OpenCV's.
"""

from __future__ import annotations

import importlib.util
from typing import Protocol

import numpy as np

from tracker.arrays import Image
from tracker.io.capture import Capture

DAMAGED = 100  # images in a row that do not decode and stand for the end


class Images(Protocol):
    """What is used of the capture of a live source."""

    def read(self) -> tuple[bool, Image]: ...

    def get(self, prop: int, /) -> float: ...

    def release(self) -> None: ...


class JpegCapture:
    """A capture of the images that another one gives coded, each of its own size."""

    def __init__(self, coded: Images) -> None:
        import av

        self._coded, self._av = coded, av
        self._decoder = av.CodecContext.create("mjpeg", "r")
        self._decoder.thread_count = 1  # more would each hold an image back

    def read(self) -> tuple[bool, Image]:
        """The next image that decodes."""
        for _ in range(DAMAGED):
            good, data = self._coded.read()
            if not good:
                break
            try:
                for frame in self._decoder.decode(self._av.Packet(data.tobytes())):
                    return True, np.ascontiguousarray(frame.to_ndarray(format="bgr24"))
            except self._av.FFmpegError:
                continue
        return False, np.empty((0, 0, 3), np.uint8)

    def get(self, prop: int, /) -> float:
        return self._coded.get(prop)

    def release(self) -> None:
        self._coded.release()


def is_jpeg(capture: Images) -> bool:
    """Whether the images are JPEG."""
    import cv2

    return capture.get(cv2.CAP_PROP_FOURCC) == cv2.VideoWriter.fourcc(*"MJPG")


def jpeg_images(capture: Capture) -> Images:
    """The same capture, its JPEG images decoded one by one where that can be done."""
    import cv2

    can = importlib.util.find_spec("av") is not None and is_jpeg(capture) and capture.set(cv2.CAP_PROP_FORMAT, -1)
    return JpegCapture(capture) if can else capture
