"""Frames, and where they come from: what every source of frames tells about itself."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from inspect import GEN_RUNNING, getgeneratorstate
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from tracker.arrays import Image
from tracker.io.digest import sha256_of
from tracker.spelling import shown

if TYPE_CHECKING:
    from tracker.io.stream.watch import Watch


class SourceError(ValueError):
    """A source that cannot be read; the message is one line: what, where, what to do."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a source.

    image   (H, W, 3) uint8 BGR, or None where a sequence comes without its images
    number  from 1, increasing: position in the source, or the number in an image's name; a frame that cannot be read
            leaves its number out
    time    seconds, increasing with every frame; 0 for the first frame of a file, folder or live source
    arrived ``time.monotonic()`` when a frame of a live source was decoded; None elsewhere
    """

    image: Image | None
    number: int
    time: float
    arrived: float | None = None


@runtime_checkable
class Frames(Protocol):
    """The least that a source of your own must have: frames in order, and their rate.

    frame_rate  frames per second, positive

    It may also have ``name``, ``n_frames`` and ``live``, as ``Source`` has.
    """

    @property
    def frame_rate(self) -> float: ...

    def __iter__(self) -> Iterator[Frame]: ...


@dataclass(frozen=True)
class Span:
    """A part of a source: frames by number, both ends included, and by time, the end excluded.

    asked  the part in the user's words
    """

    first: int = 1
    last: float = math.inf
    start: float = 0.0
    end: float = math.inf
    asked: str = ""

    def has(self, frame: Frame) -> bool:
        """Whether the frame belongs to it."""
        return self.first <= frame.number <= self.last and self.start <= frame.time < self.end

    def ended(self, frame: Frame) -> bool:
        """Whether the frame, and so all later ones, lie behind it."""
        return frame.number > self.last or frame.time >= self.end

    def length(self, n_frames: int, rate: float, numbers: Sequence[int] = ()) -> int:
        """How many of so many frames belong to it: a hint. numbers: theirs, where these are not 1, 2, 3, ..."""
        if numbers:
            return sum(self.first <= number <= self.last for number in numbers)
        first, last = max(self.first, math.ceil(self.start * rate) + 1), min(self.last, self.end * rate, n_frames)
        return max(int(last) - first + 1, 0)


WHOLE = Span()


def span_of(frames: str | None, seconds: str | None) -> Span | None:
    """The part that "100:200" frames, both ends included, or "10:20.5" seconds, the end excluded, name; None for none.

    Either end may be left out. Raises ValueError, naming the option, for anything else.
    """
    if frames is None and seconds is None:
        return None
    if frames is not None and seconds is not None:
        raise ValueError("frames and seconds both choose a part; give one of them (--frames, --seconds)")
    name, text = ("frames", frames) if frames is not None else ("seconds", seconds)
    assert text is not None
    asked, parts = f"--{name} {shown(text)}", text.split(":")
    try:
        start, end = (float(part) if part.strip() else None for part in parts)
    except ValueError:
        start = end = math.nan
    first = 1.0 if name == "frames" else 0.0
    low, high = first if start is None else start, math.inf if end is None else end
    if name == "frames" and 1 <= low <= high and low % 1 == 0 and (high % 1 == 0 or end is None):
        return Span(first=int(low), last=high, asked=asked)
    if name == "seconds" and 0 <= low < high:
        return Span(start=low, end=high, asked=asked)
    example = "100:200, from frame 1 on" if name == "frames" else "10:20.5"
    raise ValueError(f"{asked}: give a part such as {example}; either end may be left out")


@dataclass(frozen=True)
class Place:
    """A frame that a run has come to.

    number, time  of the frame; read: how many frames were given up to it. clock: when, seconds since 1970
    """

    number: int
    time: float
    read: int
    clock: float

    def behind(self, frames: Iterable[Frame], frame_rate: float) -> Iterator[Frame]:
        """Frames of a live source that begins again: numbers follow this one's, times go on by the clock."""
        numbers = times = None
        for frame in frames:
            if numbers is None or times is None:
                numbers = self.number + 1 - frame.number
                times = self.time + max(clock.time() - self.clock, 1 / frame_rate) - frame.time
            yield replace(frame, number=frame.number + numbers, time=frame.time + times)


class Source:
    """Where frames come from; made by ``open_source``. Iterate it to get each ``Frame`` in order.

    name        short name for people and file names
    kind        "video", "images", "sequence" (MOTChallenge folder), "webcam", "stream" or "scene" (drawn)
    frame_rate  frames per second, positive; ``notes`` has a line where it is assumed
    n_frames    number of frames announced, or None where unknown. Many containers announce duration times rate, which
                is a hint for the display of progress; a complete iteration replaces it by what the file holds
    counted     whether ``n_frames`` is a count and no hint
    size        (width, height) of the first frame in pixels, or None where unknown
    has_images  False for a sequence that comes without its images: every frame's image is None
    live        True where frames are lost if nobody reads them (webcam, stream)
    notes       lines for people: what was assumed, skipped or unreadable
    read        frames given so far by the last iteration
    at_least    whether ``missing`` is the least that it can be, and no count
    missing     after a complete iteration: frames that are there and could not be decoded (damaged or truncated file,
                unreadable images)
    closed      True after ``close()``
    stopped     True after ``stop()``
    cut         why a stream ended before anybody stopped it, in one line; "" where it did not
    watch       the connection of a live source, its counts and its state; None elsewhere

    Files and folders may be iterated again. ``close()`` (or ``with``) releases the file or camera and ends a running
    iteration. Iterating a closed source raises SourceError.

    frames, files, numbers, tolerance, cut, release  for the readers of each kind: a function that gives the frames, the
    files that hold them, the number of each frame where these are not 1, 2, 3, ..., how many announced frames may be
    absent without being missing, whether the file is known to be truncated, and what to call in ``close()``
    lost  frames that the reader of a file without a count knows to be lost; it sets them while it reads
    wanted, wanted_from  for the readers: number and seconds from which on frames are wanted; see ``wants``
    """

    name: str
    kind: str
    frame_rate: float
    n_frames: int | None
    counted: bool
    size: tuple[int, int] | None
    has_images: bool
    live: bool
    notes: list[str]
    read: int
    missing: int
    at_least: bool
    lost: int
    closed: bool
    stopped: bool
    cut: str
    watch: Watch | None
    wanted: int
    wanted_from: float

    def __init__(
        self,
        name: str,
        kind: str,
        frames: Callable[[Source], Iterator[Frame]],
        *,
        frame_rate: float,
        n_frames: int | None = None,
        counted: bool = True,
        size: tuple[int, int] | None = None,
        live: bool = False,
        has_images: bool = True,
        files: Sequence[Path] = (),
        notes: Sequence[str] = (),
        numbers: Sequence[int] = (),
        tolerance: int = 0,
        cut: bool = False,
        release: Callable[[], None] | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.frame_rate = frame_rate
        self.n_frames = self._total = n_frames
        self.counted = counted
        self.size = size
        self.live = live
        self.has_images = has_images
        self.notes = list(notes)
        self.read = 0
        self.missing = 0
        self.lost = 0
        self.at_least = False
        self.closed = self.stopped = False
        self.cut = ""
        self.watch = watch
        self.wanted, self.wanted_from = 1, 0.0
        self._span = WHOLE
        self._resumed: Place | None = None
        self._frames = frames
        self._files = list(files)
        self._places = {number: place for place, number in enumerate(numbers)}
        self._tolerance = tolerance
        self._truncated = cut
        self._release = release
        self._running: Generator[Frame, None, None] | None = None

    def select(self, span: Span) -> None:
        """Give only the frames of a part, with their own numbers and times. Raises ValueError for a live source."""
        if self.live:
            raise SourceError(f"{self.name}: a part can be chosen of a file only (--frames, --seconds)")
        self._span = span
        self.wanted, self.wanted_from = max(self.wanted, span.first), span.start
        if self.n_frames is not None:
            self.n_frames = span.length(self.n_frames, self.frame_rate, sorted(self._places))

    def resume(self, place: Place) -> None:
        """Go on behind a frame that an earlier run has given.

        A file gives what comes behind it. A live source numbers on from it, and its times go on by the clock.
        """
        self._resumed = place
        if not self.live:
            self.wanted = max(self.wanted, place.number + 1)

    def __iter__(self) -> Iterator[Frame]:
        if self.closed:
            raise SourceError(f"{self.name}: this source is closed; open it again with open_source()")
        resumed, span = self._resumed, self._span
        self.read = 0 if resumed is None else resumed.read
        self.missing = self.lost = 0
        self.at_least = False
        first: tuple[int, int] | None = None  # of the span: its place, and the frames lost before it
        last: Frame | None = None
        running = self._generator()
        self._running = running
        beyond: Frame | None = None  # the first frame behind the span
        try:
            for frame in running if resumed is None or not self.live else resumed.behind(running, self.frame_rate):
                if span.ended(frame):
                    beyond = frame
                    break
                last = frame
                if not span.has(frame):
                    continue
                first = first or (self.place(frame.number), self.lost)
                if resumed is not None and frame.number <= resumed.number:
                    continue
                self.read += 1
                yield frame
                if self.closed:
                    return
        finally:
            running.close()
        if span is WHOLE:
            self._settle(0.0 if last is None else last.time)
        else:
            self._settle_span(first, last, beyond)

    def _settle_span(self, first: tuple[int, int] | None, last: Frame | None, beyond: Frame | None) -> None:
        """The same after a part of the source: its first frame's place and the frames lost before it, the last frame
        read, and the first one behind the part, None where the source ended."""
        if first is None or last is None:
            until = "" if last is None or beyond is not None else f"; it ends at frame {last.number}, {last.time:g} s"
            raise SourceError(f"{self.name}: has no frame in {self._span.asked}{until}")
        place, lost = first
        if beyond is not None:
            self.n_frames = max(self.place(beyond.number) - place, self.read)
            self.missing = self.n_frames - self.read
            return
        self.lost -= lost
        self.n_frames = None if self._total is None else self._total - place
        self._settle(last.time)

    def _settle(self, last: float) -> None:
        """Say what is missing after a complete iteration, whose last frame came at ``last`` seconds."""
        if self.n_frames is not None and self.n_frames < self.read:
            self.n_frames = None  # announced too few, so it is not known
        short = 0 if self.n_frames is None else self.n_frames - self.read
        if not self.counted:
            # Frames of variable rate are fewer than duration times rate. Only a stream that ends long before its
            # duration has been cut; of a file the reader knows better.
            rest = 0.0 if self.n_frames is None else self.n_frames / self.frame_rate - last
            short = short if self.kind == "stream" and rest * self.frame_rate > self._tolerance else self.lost
        missing = short > (self._tolerance if self.counted or self.kind == "stream" else 0)
        self.missing = short if missing else int(self._truncated and self.counted)
        if not self.counted and self.kind not in ("stream", "webcam"):
            self.n_frames = self.read + self.missing

    def _generator(self) -> Generator[Frame, None, None]:
        yield from self._frames(self)

    def place(self, number: int) -> int:
        """The place, from 0, of the frame of that number among all of the source, those that cannot be read too."""
        return self._places.get(number, number - 1)

    def without_images(self, numbers: Sequence[int], times: Sequence[float]) -> None:
        """Give these frames, which an earlier reading gave, without their images and so without decoding any."""
        self.n_frames = self._total = len(numbers)
        self._span = WHOLE
        self.counted, self._truncated = True, False
        self._places = {number: place for place, number in enumerate(numbers)}
        self._frames = lambda _: (Frame(None, *one) for one in zip(numbers, times, strict=True))

    def wants(self, number: int, time: float) -> bool:
        """Whether anybody looks at the image of that frame: readers may give the others without theirs."""
        return number >= self.wanted and time >= self.wanted_from

    def note(self, line: str) -> None:
        """Add a line to ``notes`` once."""
        if line not in self.notes:
            self.notes.append(line)

    def sha256(self) -> str | None:
        """Hex digest of the source's content (of names and contents for a folder); None without files."""
        if self.live or not self._files:
            return None
        return sha256_of(self._files, names=len(self._files) > 1)

    def stop(self) -> None:
        """Let a live source, or a file at a URL, end its running iteration soon; for a signal handler, so no more."""
        self.stopped = True

    def close(self) -> None:
        """Release the file or camera; may be called again."""
        self.closed = True
        # A generator that is executing cannot be closed from inside; it ends itself at its next frame.
        if self._running is not None and getgeneratorstate(self._running) != GEN_RUNNING:
            self._running.close()
        if self._release is not None:
            self._release()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
