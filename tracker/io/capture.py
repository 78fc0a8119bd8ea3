"""Frames and their times from an OpenCV capture: what video files, webcams and streams share."""

from __future__ import annotations

import math
import os
import time as clock
from collections.abc import Iterator
from types import ModuleType
from typing import Protocol

from tracker.arrays import Image
from tracker.io.source import Frame, Source

VIDEO_RATE = 25.0  # frames per second, assumed where a container or a camera gives none


class Capture(Protocol):
    """What is used of ``cv2.VideoCapture``."""

    def isOpened(self) -> bool: ...

    def read(self) -> tuple[bool, Image]: ...

    def get(self, prop: int, /) -> float: ...

    def release(self) -> None: ...


def quiet_cv2() -> ModuleType:
    """OpenCV with its own log lines and FFmpeg's off, unless the user's environment asks for them."""
    # FFmpeg's level is read once, when the first capture opens; -8 is AV_LOG_QUIET.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2


def usable_rate(announced: float, notes: list[str]) -> float:
    """The announced frame rate, or VIDEO_RATE with a line in ``notes`` where it cannot be one."""
    # 1000 and above are time bases of containers that know no rate.
    if math.isfinite(announced) and 0.1 <= announced < 1000:
        return announced
    notes.append(f"no usable frame rate announced; assuming {VIDEO_RATE:g} frames per second")
    return VIDEO_RATE


def captured_frames(capture: Capture, source: Source, *, wall: bool = False) -> Iterator[Frame]:
    """The frames of an opened capture, which is released at the end.

    Times are the container's, or with ``wall`` the clock's from the first frame on. Where they do not increase, the
    source's frame rate fills in, and its notes say so.
    """
    import cv2

    number, time, start = 0, 0.0, None
    try:
        while not source.closed:
            good, image = capture.read()
            if not good:
                return
            number += 1
            now = clock.monotonic() if wall else capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            start = now if start is None else start
            now -= start
            if number == 1 or (now > time and math.isfinite(now)):
                time = now
            else:
                time += 1 / source.frame_rate
                source.note("timestamps do not increase everywhere; the frame rate fills in")
            yield Frame(image, number, time)
    finally:
        capture.release()
