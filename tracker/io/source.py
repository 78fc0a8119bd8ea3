"""Frames, and where they come from: what every source of frames tells about itself."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from inspect import GEN_RUNNING, getgeneratorstate
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from tracker.arrays import Image
from tracker.io.digest import sha256_of

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
        self.n_frames = n_frames
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
        self._frames = frames
        self._files = list(files)
        self._places = {number: place for place, number in enumerate(numbers)}
        self._tolerance = tolerance
        self._truncated = cut
        self._release = release
        self._running: Generator[Frame, None, None] | None = None

    def __iter__(self) -> Iterator[Frame]:
        if self.closed:
            raise SourceError(f"{self.name}: this source is closed; open it again with open_source()")
        self.read = self.missing = self.lost = 0
        self.at_least = False
        last = 0.0
        running = self._generator()
        self._running = running
        try:
            for frame in running:
                self.read += 1
                last = frame.time
                yield frame
                if self.closed:
                    return
        finally:
            running.close()
        self._settle(last)

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
