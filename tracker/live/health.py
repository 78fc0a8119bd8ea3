"""How a run is doing: one line every few seconds, a JSON file, and the numbers for ``tracker.live.metrics``."""

from __future__ import annotations

import json
import math
import os
import threading
import time as clock
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tracker.io.sinks import Step
from tracker.io.source import Source
from tracker.io.whole import whole
from tracker.spelling import number_of

EVERY = 10.0  # seconds from one line to the next
MOST_BYTES = 1 << 16  # of a file that is looked at
WINDOW = 60.0  # seconds whose lags the percentiles are of
MOST = 4096  # lags remembered


class Health:
    """A sink that knows how a run is doing. ``start`` begins to tell it, ``close`` ends that.

    source  of the run
    every   seconds from one line, and one writing of the file, to the next
    told    called with each line, in a thread of its own: no frame need come
    path    a JSON file that is replaced whole each time

    The lag of a frame is the time from its decoding to the moment when its tracks are written.
    """

    living = True  # see tracker.io.sinks.WantsLiving

    def __init__(
        self,
        source: Source,
        *,
        every: float = EVERY,
        told: Callable[[str], None] | None = None,
        path: Path | None = None,
    ) -> None:
        self._source = source
        self._every, self._told, self._path = every, told, path
        self._lags: deque[tuple[float, float]] = deque(maxlen=MOST)
        self._out = self._tracks = 0
        self._started = clock.monotonic()
        self._last: tuple[float, int, int] = (self._started, 0, 0)  # time, frames in and out of the last line
        self._unwritten = ""
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to tell, at once and then every so many seconds. Raises ValueError where the file cannot be written."""
        if self._path is not None:
            self._write(self._path)
        if self._path is not None or self._told is not None:
            self._thread = threading.Thread(target=self._run, name="health", daemon=True)
            self._thread.start()

    def write(self, step: Step) -> None:
        """Take one step."""
        now = clock.monotonic()
        with self._lock:
            self._out += 1
            self._tracks = len(step.tracks if step.living is None else step.living)
            if step.frame.arrived is not None:
                self._lags.append((now, now - step.frame.arrived))

    def close(self) -> None:
        """Write the file for the last time; may be called again."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
            if self._path is not None:
                self._write(self._path)

    def facts(self) -> dict[str, Any]:
        """The numbers, ready for JSON.

        state     "connected", "stalled" (no frame for half of ``Live.stall``), "reconnecting"; of a file "reading";
                  at the end "ended"
        frames_in, frames_out, frames_dropped, reconnects  so far
        lag_p50, lag_p95  seconds, of the last minute; null before the first frame
        last_frame_age    seconds; null before the first frame
        tracks    that live now, reported or not
        rss       bytes of memory in use; null where the system does not tell
        frozen, black     whether the image is now
        uptime    seconds
        """
        watch, now = self._source.watch, clock.monotonic()
        with self._lock:
            out, tracks = self._out, self._tracks
            lags = [lag for when, lag in self._lags if now - when <= WINDOW]
        p50, p95 = np.percentile(lags, [50, 95]).tolist() if lags else (None, None)
        counts = {"frames_in": self._source.read, "frames_dropped": 0, "reconnects": 0}
        age = math.nan
        if watch is not None:
            counts, age = watch.counts, watch.age
        return {
            "state": "ended" if self._stop.is_set() else "reading" if watch is None else watch.connection,
            **counts,
            "frames_out": out,
            "lag_p50": p50,
            "lag_p95": p95,
            "last_frame_age": None if math.isnan(age) else age,
            "tracks": tracks,
            "rss": resident(),
            "frozen": watch is not None and watch.signs.frozen,
            "black": watch is not None and watch.signs.black,
            "uptime": now - self._started,
        }

    def line(self) -> str:
        """The numbers for people; rates are those since the last line."""
        facts, now = self.facts(), clock.monotonic()
        since, came, went = self._last
        self._last = (now, facts["frames_in"], facts["frames_out"])
        elapsed = max(now - since, 1e-9)
        said = [
            facts["state"] + "".join(f", {sign}" for sign in ("frozen", "black") if facts[sign]),
            f"{max(facts['frames_in'] - came, 0) / elapsed:.1f} frames/s in, "
            f"{(facts['frames_out'] - went) / elapsed:.1f} tracked, {facts['frames_dropped']} dropped so far",
        ]
        if facts["lag_p50"] is not None:
            said.append(f"lag {1000 * facts['lag_p50']:.0f} ms (p95 {1000 * facts['lag_p95']:.0f})")
        if facts["last_frame_age"] is not None:
            said.append(f"last frame {facts['last_frame_age']:.1f} s ago")
        said += [number_of(facts["tracks"], "track"), number_of(facts["reconnects"], "reconnect")]
        if facts["rss"] is not None:
            said.append(f"{facts['rss'] / 1e6:.0f} MB")
        return ", ".join(said)

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            if self._told is not None:
                self._told(self.line())
            if self._path is not None:
                try:
                    self._write(self._path)
                    self._unwritten = ""
                except ValueError as error:  # a run does not end because a disk is full for a while
                    if self._told is not None and str(error) != self._unwritten:
                        self._told(str(error))
                    self._unwritten = str(error)

    def _write(self, path: Path) -> None:
        with whole(path) as part:
            part.write_text(json.dumps(self.facts(), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def resident() -> int | None:
    """Bytes of memory that this process has in use now; None where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def replaceable(path: Path) -> bool:
    """Whether a file may be replaced by one of health: there is none, it is empty, or it is one of health."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES)
        return not text or "frames_out" in json.loads(text)
    except FileNotFoundError:
        return True
    except (OSError, ValueError, TypeError):
        return False
