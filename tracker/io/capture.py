"""Frames and their times from an OpenCV capture: what video files, webcams and streams share."""

from __future__ import annotations

import math
import os
import time as clock
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol

import numpy as np

from tracker.arrays import FloatArray, Image
from tracker.io.source import Frame, Source

VIDEO_RATE = 25.0  # frames per second, assumed where a container or a camera gives none
REORDERED = 32  # frames that a decoder may hold back, so that those before a bad packet come after it
HELD = 4  # frames held back near a bad packet to put them into their order


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


def usable_rate(announced: float, notes: list[str], steps: Callable[[], FloatArray] | None = None) -> float:
    """The frame rate that is announced, or else that of the first frames' times, or else VIDEO_RATE with a note.

    steps  gives the seconds between the first frames, (N,); called only for a rate that may be a mere time base
    """
    if math.isfinite(announced) and 0.1 <= announced < 1000:
        return announced
    # A time lapse has a rate below 0.1 and a fast camera one above 1000, but so have containers that know no rate:
    # the frames' own times decide.
    between = np.empty(0) if steps is None else steps()
    step = float(np.median(between)) if len(between) else 0.0
    if math.isfinite(step) and step > 0:
        if math.isfinite(announced) and 0.5 <= announced * step <= 2:
            return announced
        notes.append(f"no usable frame rate announced; the frames' times give {1 / step:g} frames per second")
        return 1 / step
    notes.append(f"no usable frame rate announced; assuming {VIDEO_RATE:g} frames per second")
    return VIDEO_RATE


@dataclass(frozen=True, eq=False)
class _Decoded:
    """A frame as it was decoded.

    at        seconds, by the container or the clock
    doubtful  whether a packet shortly before it did not decode, so that a gap before it means lost frames
    """

    at: float
    image: Image
    doubtful: bool


def _decoded(capture: Capture, patience: int, now: Callable[[], float]) -> Iterator[_Decoded]:
    """Every frame that decodes, up to the end or more than ``patience`` failed reads in a row."""
    failed = doubtful = 0
    while failed <= patience:
        good, image = capture.read()
        if not good:
            failed += 1
            continue
        doubtful = REORDERED if failed else max(doubtful - 1, 0)
        failed = 0
        yield _Decoded(now(), image, doubtful > 0)


def _in_order(frames: Iterator[_Decoded]) -> Iterator[_Decoded]:
    """The same frames; those around a bad packet, which decoders give late, in the order of their times."""
    held: list[_Decoded] = []
    for frame in frames:
        held.append(frame)
        if frame.doubtful:
            held.sort(key=lambda one: one.at)
        while len(held) > (HELD if frame.doubtful else 0):
            yield held.pop(0)
    yield from held


def first_frame(capture: Capture, patience: int = 0) -> Image | None:
    """The first frame that decodes; None where none does."""
    frame = next(_decoded(capture, patience, lambda: 0.0), None)
    return None if frame is None else frame.image


class _Numbers:
    """Numbers frames by their place in the container's table, or by the time that lost frames took.

    table  (N,) seconds of every frame in the file, in order; None where the container has no table
    """

    def __init__(self, table: FloatArray | None, frame_rate: float) -> None:
        self.table = table
        self.frame_rate = frame_rate
        self.number, self.at = 0, 0.0

    def next(self, at: float, *, doubtful: bool) -> int:
        """The number of the frame at ``at`` seconds of the file; doubtful: a gap before it means lost frames."""
        step = 1
        place = self._place(at)
        if place is not None:
            step = place - self.number
        elif doubtful and math.isfinite(at):
            step = round((at - self.at) * self.frame_rate) + (0 if self.number else 1)
        self.number += max(step, 1)
        self.at = at
        return self.number

    def _place(self, at: float) -> int | None:
        """The place in the table of the frame at that time, from 1; None where it has no frame at that time."""
        table = self.table
        if table is None or not math.isfinite(at):
            return None
        k = int(np.searchsorted(table, at - 5e-4))
        return k + 1 if k < len(table) and table[k] <= at + 5e-4 else None


def captured_frames(
    capture: Capture, source: Source, *, wall: bool = False, table: FloatArray | None = None, patience: int = 0
) -> Iterator[Frame]:
    """The frames of an opened capture, which is released at the end.

    Times are the container's, or with ``wall`` the clock's from the first frame on. Where they do not increase, the
    source's frame rate fills in, and its notes say so. Frames that do not decode leave out their numbers and times.

    table     (N,) seconds of every frame of the file, in order, where the container says them
    patience  failed reads in a row that stand for the end
    """
    import cv2

    def now() -> float:
        return clock.monotonic() if wall else capture.get(cv2.CAP_PROP_POS_MSEC) / 1000

    numbers = _Numbers(table, source.frame_rate)
    number, time, start = 0, 0.0, None
    try:
        for frame in _in_order(_decoded(capture, patience, now)):
            at, image = frame.at, frame.image
            before, number = number, numbers.next(at, doubtful=frame.doubtful)
            if number > before + 1:
                source.lost += number - before - 1
            if start is None:
                # Where the first frames are lost, the others keep their times.
                start = 0.0 if number > 1 and at > 0 else at
                time = at - start if math.isfinite(at) else 0.0
            elif at - start > time and math.isfinite(at):
                time = at - start
            else:
                time += 1 / source.frame_rate
                source.note("timestamps do not increase everywhere; the frame rate fills in")
            yield Frame(image, number, time)
            if source.closed:
                return
    finally:
        capture.release()
