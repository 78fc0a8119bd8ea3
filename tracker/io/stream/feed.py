"""A thread that decodes, and the one that tracks, which stays free for Ctrl-C while the first hangs in a read."""

from __future__ import annotations

import threading
import time as clock
from collections.abc import Callable, Iterator

from tracker.io.source import Frame, Source
from tracker.io.stream.aside import LOOK
from tracker.io.stream.silence import Silence
from tracker.io.stream.slot import Slot

JOIN = 0.2  # seconds to wait for the thread when a source is closed; it may hang in a read, and ends by itself
AHEAD = 4  # frames of a file that are decoded ahead


class Feed:
    """Frames that a thread leaves in a slot. A subclass says what the thread does: ``produce``.

    idle  called now and then in the thread that tracks while it waits for a frame; True ends the source
    """

    def __init__(self, slot: Slot[Frame], name: str) -> None:
        self.slot = slot
        self.stop = threading.Event()
        self.idle: Callable[[], bool] | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def produce(self) -> None:
        """Put frames into the slot until there are none, or ``stop`` is set."""
        raise NotImplementedError

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def taken(self, source: Source) -> Iterator[Frame]:
        """The frames, for the thread that tracks; ends when the source is stopped, closed, or has no more."""
        while not (source.stopped or source.closed):
            frame = self.slot.take(LOOK)
            if frame is not None:
                yield frame
            elif self.slot.closed and self.slot.empty:
                if self._error is not None:
                    raise self._error
                return
            elif self.idle is not None and self.idle():
                source.stop()

    def close(self) -> None:
        """End the thread, which releases what it reads; may be called again."""
        waited = self.stop.is_set()
        self.stop.set()
        self.slot.close()
        if self._thread.is_alive() and not waited:
            self._thread.join(JOIN)

    def _run(self) -> None:
        try:
            self.produce()
        except BaseException as error:  # raised again in the thread that takes
            self._error = error
        finally:
            self.stop.set()
            self.slot.close()


class FileFeed(Feed):
    """The frames of a video file at a URL, all of them.

    frames  gives them, as a ``Source`` wants it
    stall   seconds without a frame that count as a lost connection
    """

    def __init__(self, frames: Callable[[Source], Iterator[Frame]], stall: float) -> None:
        super().__init__(Slot(AHEAD), "decode")
        self._frames = frames
        self._stall = stall
        self._source: Source | None = None

    def frames(self, source: Source) -> Iterator[Frame]:
        """The frames, for the thread that tracks."""
        self._source = source
        self.start()
        try:
            yield from self.taken(source)
        finally:
            self.close()

    def produce(self) -> None:
        assert self._source is not None
        frames = self._frames(self._source)
        silence = Silence(self._stall)
        while not self.stop.is_set():
            asked = clock.monotonic()
            frame = next(frames, None)
            silence.read(clock.monotonic() - asked)
            if frame is None:
                break
            self.slot.put(frame)
        if silence.ended and not self.stop.is_set():
            self._source.cut = f"{self._source.name}: no frame for {self._stall:g} s, and this file has not ended"
