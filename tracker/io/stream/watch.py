"""Watches a webcam or a stream: a thread decodes and reconnects, and the one that tracks takes what it has time for."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Literal

from tracker.io.source import Frame, Source
from tracker.io.stream.clock import StreamClock
from tracker.io.stream.feed import Feed
from tracker.io.stream.jpeg import Images
from tracker.io.stream.options import LONGEST_PAUSE, Live
from tracker.io.stream.signs import Signs
from tracker.io.stream.silence import Silence
from tracker.io.stream.slot import Slot

Connection = Literal["connected", "stalled", "reconnecting", "ended"]

QUEUE = 32  # frames that wait where all are kept: 200 MB of Full HD


class Watch(Feed):
    """The frames of an opened capture, and of those that follow it when the connection is lost.

    frames_in   decoded since the iteration began, of which ``dropped`` were not taken
    reconnects  connections after the first
    lost_for    seconds without a connection, all together
    last_at     ``time.monotonic()`` of the last frame, None before the first
    tell        called with a line for people at once, in the decoding thread
    told        the notes of the source that were told so

    name     in messages
    capture  the first connection
    connect  makes another; raises ValueError where it cannot
    position gives a frame's time by the stream's clock, NaN where it has none; called after each read
    wall     whether to take the times at which frames arrive instead
    reconnects  whether to reconnect unless ``live`` says otherwise
    """

    def __init__(
        self,
        name: str,
        capture: Images,
        connect: Callable[[], Images],
        live: Live,
        *,
        position: Callable[[Images], float],
        wall: bool,
        reconnects: bool,
    ) -> None:
        super().__init__(Slot(QUEUE if live.keep_all else 0), "decode live")
        self.name = name
        self.live = live
        self.longest_pause = (LONGEST_PAUSE if reconnects else 0.0) if live.reconnect is None else live.reconnect
        self.reconnects = 0
        self.lost_for = 0.0
        self.last_at: float | None = None
        self.tell: Callable[[str], None] | None = None
        self.told: set[str] = set()
        self.signs = Signs(live.stall)
        self._capture = capture
        self._connect = connect
        self._position = position
        self._wall = wall
        self._clock = StreamClock()
        self._connected_at = clock.monotonic()
        self._lost_at: float | None = None
        self._source: Source | None = None
        self._number = 0
        self._pauses = live.pauses(name, self.longest_pause)

    @property
    def frames_in(self) -> int:
        """Frames decoded since the iteration began."""
        return self.slot.came

    @property
    def dropped(self) -> int:
        """Frames that were decoded and replaced by newer ones before anybody took them."""
        return self.slot.dropped

    @property
    def counts(self) -> dict[str, int]:
        """Frames decoded and dropped, and reconnections, as ``run.json`` and the health line have them."""
        return {"frames_in": self.frames_in, "frames_dropped": self.dropped, "reconnects": self.reconnects}

    @property
    def connection(self) -> Connection:
        """What the connection is like now."""
        if self.stop.is_set():
            return "ended"
        if self._lost_at is not None:
            return "reconnecting"
        return "stalled" if self.age > self.live.stall / 2 else "connected"

    @property
    def age(self) -> float:
        """Seconds since the last frame, NaN before the first."""
        return math.nan if self.last_at is None else clock.monotonic() - self.last_at

    def watch(self, source: Source) -> None:
        """Start to decode for the source: what a camera sends must be read, or it waits in the network and is old."""
        self._source = source
        self.start()

    def frames(self, source: Source) -> Iterator[Frame]:
        """The frames for the thread that tracks; ends when the source is stopped, closed, or has no more."""
        if not self.live.keep_all:
            # Nobody tracked until now: a model was loaded, perhaps.
            self.slot.restart()
        first: Frame | None = None
        for frame in self.taken(source):
            first = first or frame
            yield replace(frame, number=frame.number - first.number + 1, time=frame.time - first.time)

    # In the decoding thread.

    def produce(self) -> None:
        capture: Images | None = self._capture
        while capture is not None:
            why = self._read(capture)
            capture = None if self.stop.is_set() else self._again(why)

    def _read(self, capture: Images) -> str:
        """Decode until the connection is lost; returns why it was."""
        import cv2

        self._clock.connected(has_clock=not self._wall)
        silence = Silence(self.live.stall)
        try:
            while not self.stop.is_set():
                asked = clock.monotonic()
                try:
                    good, image = capture.read()
                except cv2.error:  # a driver that gives images of no known layout
                    good = False
                now = clock.monotonic()
                silence.read(now - asked)
                if not good:
                    silent = f"no frame for {self.live.stall:g} s"
                    return silent if silence.ended else "the stream ended, or was cut off"
                jumps, has_clock = self._clock.jumps, self._clock.has_clock
                time = self._clock.time(self._position(capture), now)
                self._say_of_the_clock(jumps, has_clock)
                self._count(now)
                for line in self.signs.look(image, now):
                    self._say(line)
                self.slot.put(Frame(image, self._number, time, now))
            return "stopped"
        finally:
            with suppress(Exception):  # of a driver, whatever it is
                capture.release()

    def _count(self, now: float) -> None:
        """Number the frame that came at ``now``; an outage takes the numbers of the frames that it had room for."""
        self._number += 1
        if self._lost_at is not None:
            if self.last_at is not None and self._source is not None:
                self._number += max(round((now - self.last_at) * self._source.frame_rate) - 1, 0)
            self.lost_for += now - self._lost_at
            self._say(f"connected again after {now - self._lost_at:.1f} s")
            self._lost_at = None
        self.last_at = now

    def _say_of_the_clock(self, jumps: int, has_clock: bool) -> None:
        if self._clock.jumps > jumps:
            self._say("the stream's clock jumped; times go on by the wall clock from there")
        if has_clock and not self._clock.has_clock:
            self._say("the stream's clock does not run at the wall clock's rate; frames get the times they arrive at")

    def _again(self, why: str) -> Images | None:
        """Another connection, as soon as there is one; None where nobody wants one any more."""
        now = clock.monotonic()
        if now - self._connected_at > self.longest_pause:  # this connection was a good one
            self._pauses = self.live.pauses(self.name, self.longest_pause)
        self._lost_at = now if self._lost_at is None else self._lost_at
        if not self.longest_pause:
            self._end(f"{why}; give --reconnect 30 to go on when the stream comes back")
            return None
        self._say(f"{why}; reconnecting")
        while True:
            left = self._lost_at + self.live.give_up - clock.monotonic()
            if left <= 0:
                self._end(f"{why}, and no connection for {self.live.give_up:g} s (--give-up)")
                return None
            if self.stop.wait(min(next(self._pauses), left)):
                return None
            try:
                capture = self._connect()
            except ValueError:
                continue
            self.reconnects += 1
            self._connected_at = clock.monotonic()
            return capture

    def _end(self, why: str) -> None:
        if self._source is not None:
            self._source.cut = f"{self.name}: {why}"

    def _say(self, line: str) -> None:
        if self._source is not None:
            # Once in the notes, however often it happens in a month.
            note = line.partition(" after ")[0]
            self._source.note(note)
            if self.tell is not None:
                self.told.add(note)
        if self.tell is not None:
            self.tell(f"{self.name}: {line}")
