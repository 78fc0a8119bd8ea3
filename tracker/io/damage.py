"""Where a file is damaged between its frames, so that a gap in their times means lost frames and no pause.

Demuxers skip what they cannot read and say nothing. The walk of each container finds these places by its own rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tracker.arrays import FloatArray

ABOUT = 4  # frames on either side of a damaged place that decoders may reorder


@dataclass(frozen=True)
class Damage:
    """The damaged places of a video file.

    breaks   (N, 2) seconds: each place lies between these times; -inf before the first frame, inf after the last
    lead     seconds that the file lost before its first frame
    last     seconds of the last frame in the file, readable or not
    until    seconds at which its last frame should end, where the end is missing; else None
    sure     whether that is said of the video alone, so that its frames can be counted
    start    seconds of the first frame by the container, where its duration may count from 0
    listed   (N,) seconds of all frames in the file, readable or not, increasing; None where a frame has no time there
    """

    breaks: FloatArray = field(default_factory=lambda: np.empty((0, 2)))
    lead: float = 0.0
    last: float = -np.inf
    until: float | None = None
    sure: bool = False
    start: float = 0.0
    listed: FloatArray | None = None

    def between(self, before: float, after: float) -> bool:
        """Whether a damaged place lies between two frames, by their times."""
        return bool(np.any((self.breaks[:, 0] < after) & (before < self.breaks[:, 1])))

    def steps(self, before: float, after: float) -> int | None:
        """How many frames of the list further a frame is than another, by their times; None where it lacks one."""
        if self.listed is None:
            return None
        first, last = np.searchsorted(self.listed, (before - 1e-3, after - 1e-3))
        within = max(first, last) < len(self.listed) and np.all(
            np.abs(self.listed[[first, last]] - (before, after)) <= 1e-3
        )
        return int(last - first) if within else None

    @property
    def longest(self) -> float:
        """Seconds of all but the longest 2 % of the steps from one listed frame to the next; 0 where none are.

        Steps at a damaged place do not count: frames are missing from the list there.
        """
        listed = np.empty(0) if self.listed is None else self.listed
        pairs = zip(listed[:-1].tolist(), listed[1:].tolist(), strict=True)
        steps = np.array([after - before for before, after in pairs if not self.between(before, after)])
        return float(np.quantile(steps, 0.98, method="lower")) if len(steps) else 0.0

    @property
    def at_start(self) -> bool:
        """Whether there is a damaged place before the first frame that can be read."""
        return bool(np.any(np.isinf(self.breaks[:, 0])))

    @property
    def at_end(self) -> bool:
        """Whether nothing can be read behind the last damaged place."""
        return bool(np.any(np.isinf(self.breaks[:, 1])))


class Walk:
    """Collects the times of a file's frames in the order of its bytes, and the damaged places between them."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._broken: list[int] = []  # how many frames lie before each damaged place

    def frame(self, seconds: float) -> None:
        self.times.append(seconds)

    def broken(self) -> None:
        if self._broken[-1:] != [len(self.times)]:
            self._broken.append(len(self.times))

    def damage(self, first: float = 0.0, *, listed: bool = False) -> Damage:
        """The places found.

        first   seconds of the first frame found, where a whole file starts at 0
        listed  whether every frame has a time
        """
        times = np.array(self.times)
        start = float(times[:ABOUT].min(initial=np.inf))
        all_times = np.sort(times - start) if listed and len(times) else None
        if not self._broken:
            return Damage(listed=all_times)
        pairs = [
            (
                times[max(k - ABOUT, 0) : k].min() - start if k else -np.inf,
                times[k : k + ABOUT].max() - start if k < len(times) else np.inf,
            )
            for k in self._broken
        ]
        last = float(times.max()) - start if len(times) else -np.inf
        return Damage(np.array(pairs), 0.0 if self._broken[0] else first, last, listed=all_times)
