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
    until    seconds at which its last frame should end, where the end is missing; else None
    sure     whether that is said of the video alone, so that its frames can be counted
    """

    breaks: FloatArray = field(default_factory=lambda: np.empty((0, 2)))
    lead: float = 0.0
    until: float | None = None
    sure: bool = False

    def between(self, before: float, after: float) -> bool:
        """Whether a damaged place lies between two frames, by their times."""
        return bool(np.any((self.breaks[:, 0] < after) & (before < self.breaks[:, 1])))

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

    def damage(self, *, from_zero: bool = False) -> Damage:
        """The places found. from_zero: the container's times start at 0, so that a later start may be a loss."""
        if not self._broken:
            return Damage()
        times = np.array(self.times)
        start = float(times[:ABOUT].min(initial=np.inf))
        pairs = [
            (
                times[max(k - ABOUT, 0) : k].min() - start if k else -np.inf,
                times[k : k + ABOUT].max() - start if k < len(times) else np.inf,
            )
            for k in self._broken
        ]
        lost = start if from_zero and self._broken[0] == 0 and np.isfinite(start) else 0.0
        return Damage(np.array(pairs), lost)
