"""Frames and their times from an OpenCV capture: what video files, webcams and streams share."""

from __future__ import annotations

import math
import os
import time as clock
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol

import numpy as np

from tracker.arrays import FloatArray, Image, IntArray
from tracker.io.damage import Damage
from tracker.io.source import Frame, Source

VIDEO_RATE = 25.0  # frames per second, assumed where a container or a camera gives none
REORDERED = 32  # frames that a decoder may hold back, so that those before a bad packet come after it
RECENT = 16  # steps of time that tell the spacing of a file's frames
UNSURE = 1.0  # seconds on either side of a damaged place in which frames may come out of order
HELD = 4  # frames held back near a bad packet to put them into their order


class Capture(Protocol):
    """What is used of ``cv2.VideoCapture``."""

    def isOpened(self) -> bool: ...

    def read(self) -> tuple[bool, Image]: ...

    def grab(self) -> bool: ...

    def retrieve(self) -> tuple[bool, Image]: ...

    def get(self, prop: int, /) -> float: ...

    def set(self, prop: int, value: float, /) -> bool: ...

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
    image     None for a frame that is passed over: to convert it takes half of the time
    doubtful  whether a packet shortly before it did not decode, so that a gap before it means lost frames
    """

    at: float
    image: Image | None
    doubtful: bool


def _decoded(
    capture: Capture, patience: int, now: Callable[[], float], passed: Callable[[], bool] = lambda: False
) -> Iterator[_Decoded]:
    """Every frame that decodes, up to the end or more than ``patience`` failed reads in a row.

    passed  asked before each frame: whether nobody will look at its image
    """
    failed = doubtful = 0
    while failed <= patience:
        # Frames near a bad packet are held back, so that their images are needed at once.
        passes = not failed and doubtful <= 1 and passed()
        good, image = (capture.grab(), None) if passes else capture.read()
        if not good:
            failed += 1
            continue
        doubtful = REORDERED if failed else max(doubtful - 1, 0)
        failed = 0
        yield _Decoded(now(), image, doubtful > 0)


def _in_order(frames: Iterator[_Decoded], damage: Damage) -> Iterator[_Decoded]:
    """The same frames; those around a damaged place, which decoders give late, in the order of their times."""
    held: list[_Decoded] = []
    for frame in frames:
        held.append(frame)
        unsure = frame.doubtful or damage.between(frame.at - UNSURE, frame.at + UNSURE)
        if unsure:
            held.sort(key=lambda one: one.at)
        while len(held) > (HELD if unsure else 0):
            yield held.pop(0)
    yield from held


def first_frame(capture: Capture, patience: int = 0) -> Image | None:
    """The first frame that decodes; None where none does."""
    frame = next(_decoded(capture, patience, lambda: 0.0), None)
    return None if frame is None else frame.image


@dataclass(frozen=True, eq=False)
class Table:
    """What a container says of each frame that a demuxer finds.

    at       (N,) seconds that the demuxer gives it, increasing
    numbers  (N,) its number, from 1
    times    (N,) seconds at which it shows
    """

    at: FloatArray
    numbers: IntArray
    times: FloatArray

    @classmethod
    def of(cls, times: FloatArray) -> Table:
        """Of a file that lists all its frames, at these seconds (N,)."""
        return cls(times, np.arange(1, len(times) + 1), times)

    def first(self, number: int, time: float) -> int:
        """The place of the first frame from that number and those seconds, behind the first frame, on."""
        by_time = np.searchsorted(self.times - self.times[0], time - 1e-3) if len(self.times) else 0
        return int(max(np.searchsorted(self.numbers, number), by_time))

    def place(self, at: float) -> int | None:
        """The place of the frame at that time; None where the table has none there."""
        if not math.isfinite(at):
            return None
        k = int(np.searchsorted(self.at, at - 5e-4))
        return k if k < len(self.at) and self.at[k] <= at + 5e-4 else None


@dataclass(frozen=True)
class Sought:
    """Where a capture stands that was moved. number: of the frame before the next one; start: seconds of the first."""

    number: int
    start: float


def sought(capture: Capture, table: Table, target: int) -> Sought | None:
    """Move a fresh capture to a frame before ``target``, a place in the table; None: it must be read from its start.

    OpenCV counts frames by their rate and so may land elsewhere: the time of the frame that comes next decides, by the
    container's own table. A capture for which this returns None is not at its start any more.
    """
    import cv2

    def at_next() -> int | None:
        return table.place(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000) if capture.grab() else None

    first = at_next()
    start = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
    if first != 0 or table.numbers[0] != 1 or target >= len(table.at):
        return None
    for back in (0.0, 2.0, 10.0):
        seconds = float(table.at[target]) - back
        if seconds <= start:
            return None
        capture.set(cv2.CAP_PROP_POS_MSEC, 1000 * seconds)
        place = at_next()
        if place is not None and place <= target:
            capture.set(cv2.CAP_PROP_POS_MSEC, 1000 * seconds)
            return Sought(int(table.numbers[place]) - 1, start)
    return None


class _Numbers:
    """Numbers frames by their place in the container's table, or by the time that lost frames took.

    exact  whether all numbers are known; they are estimates behind a loss in a file of variable rate
    """

    def __init__(self, table: Table | None, damage: Damage, frame_rate: float) -> None:
        self.table = table
        self.damage = damage
        self.frame_rate = frame_rate
        self.number, self.at, self.time = 0, 0.0, 0.0
        self.exact = True
        self._steps: deque[float] = deque(maxlen=RECENT)
        self._longest = damage.longest

    def next(self, at: float, *, doubtful: bool) -> tuple[int, float]:
        """The number and the time of the frame at ``at`` seconds of the file; doubtful: a gap before it means lost
        frames."""
        number = time = None
        if self.table is not None and (place := self.table.place(at)) is not None:
            number, time = int(self.table.numbers[place]), float(self.table.times[place])
        elif self.number == 0:
            time = at + self.damage.lead
            lost = round(time * self.frame_rate) if doubtful or self.damage.lead else 0
            if self.damage.at_start and not lost:
                lost, self.exact = 1, False
            number = 1 + lost
        else:
            number, time = self.number + self._step(at, doubtful=doubtful), at + self.damage.lead
        self.number = max(number, self.number + 1)
        self.at, self.time = (at, time) if not at <= self.at or self.number == 1 else (self.at, self.time)
        return self.number, time

    def _step(self, at: float, *, doubtful: bool) -> int:
        """How many frames further the frame at ``at`` seconds is than the one before."""
        elapsed = at - self.at
        if not math.isfinite(elapsed):
            return 1
        if not (doubtful or self.damage.between(self.at, at)):
            if elapsed > 0:
                self._steps.append(elapsed)
            return 1
        if not self.damage.between(self.at, at) and (listed := self.damage.steps(self.at, at)) is not None:
            return max(listed, 1)
        usual, even = self._spacing()
        # Where steps differ, the longest gives the least number of frames that fit.
        step = round(elapsed / usual) if even else math.floor(elapsed / usual + 0.1)
        self.exact = self.exact and even
        return max(step, 1)

    def _spacing(self) -> tuple[float, bool]:
        """Seconds from one frame to the next by the last ones: of all, or where these differ the longest step."""
        announced = 1 / self.frame_rate
        steps = np.array(self._steps or [announced])
        usual = float(np.median(steps))
        longest = max(float(steps.max()), self._longest)
        if longest - usual > max(0.1 * usual, 1.5e-3) or usual - float(steps.min()) > max(0.1 * usual, 1.5e-3):
            return longest, False
        return announced if abs(usual - announced) <= 0.05 * announced else usual, True

    def lost_at_end(self) -> int:
        """How many frames are missing behind the last one."""
        until, listed = self.damage.until, self.damage.listed
        if until is None and listed is not None and not self.damage.between(self.at, float(listed[-1]) + UNSURE):
            return self.damage.steps(self.at, float(listed[-1])) or 0
        usual, even = self._spacing()
        if until is None:
            unread = max(self.damage.last - self.at, 0.0) / usual
            if even:
                return round(unread)
            self.exact = self.exact and unread <= 0.9
            return int(unread > 0.9) if listed is None else int(np.count_nonzero(listed > self.at + 1e-3))
        rest = round((until - self.time) / usual) - 1
        if not (even and self.damage.sure):
            self.exact = False
            # The duration may be that of a longer sound; a second is more than they usually differ.
            rest = max(rest - round(1 / usual), 1) if even else 1
        return max(rest, 0)


def captured_frames(
    capture: Capture,
    source: Source,
    *,
    wall: bool = False,
    table: Table | None = None,
    damage: Damage | None = None,
    patience: int = 0,
    begun: Sought | None = None,
) -> Iterator[Frame]:
    """The frames of an opened capture, which is released at the end.

    Times are the container's, or with ``wall`` the clock's from the first frame on. Where they do not increase, the
    source's frame rate fills in, and its notes say so. Frames that do not decode leave out their numbers and times.

    table     what the container says of its frames, where it does
    damage    the damaged places of the file, where a gap means lost frames
    patience  failed reads in a row that stand for the end
    begun     where the capture stands, if it is not at the start
    """
    import cv2

    def now() -> float:
        return clock.monotonic() if wall else capture.get(cv2.CAP_PROP_POS_MSEC) / 1000

    damage = damage or Damage()
    whole = not len(damage.breaks)

    def passed() -> bool:
        return whole and not wall and not source.wants(number + 1, time + 1 / source.frame_rate)

    numbers = _Numbers(table, damage, source.frame_rate)
    number, time, start = 0, 0.0, None
    if begun is not None:
        number = numbers.number = begun.number
        start = begun.start
    try:
        for frame in _in_order(_decoded(capture, patience, now, passed), damage):
            image, before = frame.image, number
            number, at = numbers.next(frame.at, doubtful=frame.doubtful)
            source.lost += number - before - 1
            source.at_least = not numbers.exact
            if start is None:
                # Where the first frames are lost, the others keep their times.
                start = 0.0 if number > 1 and at > 0 else at
                time = at - start if math.isfinite(at) else 0.0
            elif at - start > time and math.isfinite(at):
                time = at - start
            else:
                time += 1 / source.frame_rate
                source.note("timestamps do not increase everywhere; the frame rate fills in")
            if image is None and source.wants(number, time):  # numbers or times jumped over some
                image = capture.retrieve()[1]
            yield Frame(image, number, time)
            if source.closed:
                return
        source.lost += numbers.lost_at_end()
        source.at_least = not numbers.exact
    finally:
        capture.release()
