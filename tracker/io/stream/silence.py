"""Whether a connection ended because nothing came any more."""

from __future__ import annotations

NEARLY = 0.9  # of the time after which FFmpeg gives up a read
HELD = 32  # frames that a decoder may hold back, and gives when the connection has ended


class Silence:
    """``read`` after each read, with the seconds that it took; ``ended`` tells after the last one.

    stall  seconds without a frame that count as a lost connection
    """

    def __init__(self, stall: float) -> None:
        self._stall = stall
        self._left = 0

    def read(self, seconds: float) -> None:
        """A read took so long."""
        self._left = HELD if seconds >= NEARLY * self._stall else max(self._left - 1, 0)

    @property
    def ended(self) -> bool:
        """Whether the last read, or one that only frames held back by the decoder followed, met silence."""
        return self._left > 0
