"""The times of a live source: the stream's own clock, mapped to the wall clock once per connection."""

from __future__ import annotations

import math

LEAST_STEP = 1e-3  # seconds from one frame to the next
SLEW = 1e-3  # seconds per second by which a camera's clock is corrected: above the drift of any crystal
JUMP = 5.0  # seconds that a stream's clock gains on the wall clock from one frame to the next when it was set
ASTRAY = 2.0  # seconds between the two clocks that only a stream without a clock of its own reaches and keeps
PATIENCE = 5.0  # seconds for which it must keep them; a network that stalls catches up
JUMPS = 10  # of one connection, after which its clock is no clock


class StreamClock:
    """Gives each frame its time in seconds since the first frame, increasing across connections.

    has_clock  whether the stream's times are used; where not, those at which frames arrive
    jumps      how often the stream's clock was set within the last connection

    Within a connection the steps from frame to frame are the stream's, which know nothing of the network's jitter; the
    camera's drift is corrected by at most SLEW. Between connections the wall clock tells the gap.
    """

    def __init__(self) -> None:
        self.has_clock = True
        self.jumps = 0
        self._start: float | None = None  # arrival of the very first frame
        self._time = -math.inf
        self._offset = 0.0
        self._at = math.nan  # the stream's time of the last frame
        self._arrived = math.nan
        self._astray_since: float | None = None

    def connected(self, *, has_clock: bool = True) -> None:
        """A connection begins; the next frame maps its clock to the wall clock."""
        self.has_clock, self.jumps = has_clock, 0
        self._at = math.nan
        self._astray_since = None

    def time(self, at: float, arrived: float) -> float:
        """The time of the next frame.

        at       seconds by the stream's clock, NaN where it has none
        arrived  seconds by a clock that is never set, when the frame came
        """
        if self._start is None:
            self._start = arrived
        wall = arrived - self._start
        time = self._by_the_stream(at, arrived, wall) if self.has_clock else wall
        self._at, self._arrived = at, arrived
        self._time = max(time, self._time + LEAST_STEP)
        return self._time

    def _by_the_stream(self, at: float, arrived: float, wall: float) -> float:
        if math.isnan(self._at):
            self._offset = wall - at
            return wall if math.isnan(at) else at + self._offset
        step = at - self._at
        if math.isnan(step) or step < 0 or step - (arrived - self._arrived) > JUMP:
            self.jumps += 1
            self.has_clock = self.jumps <= JUMPS
            self._offset = wall - at
            return wall
        error = wall - (at + self._offset)
        self._offset += min(max(error, -SLEW * step), SLEW * step)
        if abs(error) <= ASTRAY:
            self._astray_since = None
        elif self._astray_since is None:
            self._astray_since = arrived
        elif arrived - self._astray_since > PATIENCE:
            self.has_clock = False
            return wall
        return at + self._offset
