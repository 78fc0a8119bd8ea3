"""One person and one place: what the path of the foot amounts to, as events and visits.

A person has crossed when the foot was more than a band away on one side, then more than a band away on the other, and
the path between went through the line (not around its end). Whoever begins or ends within the band is undecided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from tracker.count.places import Place

Certainty = Literal["sure", "bridged", "undecided"]


class Sight(NamedTuple):
    """A foot point: frame, id and class of the person, seconds (NaN where unknown), place in pixels."""

    frame: int
    id: int
    class_id: int
    time: float
    x: float
    y: float


@dataclass(frozen=True)
class Event:
    """One person at one place.

    frame      the first observed at or after the crossing; of an undecided event the first or the last of the id
    time       seconds, between the frames around the crossing; NaN where the times of frames are unknown
    id         of the person; where ids were merged, the earliest
    class_id   -1 where there is none
    kind       "line" or "zone"
    place      its name
    direction  "in" or "out" through a line, "enter" or "leave" of a zone; "" where it is open
    certainty  "sure"; "bridged" where nothing was observed at the crossing, and the path is a straight line there; or
               "undecided", which totals leave out: the id began or ended within the band
    gap        missed observations at the crossing
    x, y       where, in pixels
    """

    frame: int
    time: float
    id: int
    class_id: int
    kind: str
    place: str
    direction: str
    certainty: Certainty
    gap: int
    x: float
    y: float


@dataclass(frozen=True)
class Visit:
    """One stay of a person in a zone, from the entry, or the first sight, to the exit, or the last sight.

    since, until     frames
    start, end       seconds, NaN where unknown; their difference is the dwell
    entered, left    whether entry and exit were seen; where not, the dwell is the least it was
    """

    id: int
    class_id: int
    place: str
    since: int
    until: int
    start: float
    end: float
    entered: bool
    left: bool

    @property
    def dwell(self) -> float:
        """Seconds, NaN where times are unknown."""
        return self.end - self.start


class _Crossing(NamedTuple):
    sight: Sight
    gap: int
    bridged: bool


class Passage:
    """What is known of one person at one place; take sights in order with ``see``, then ``end`` once.

    side    the last side that was certain: 1, -1, or 0 where none has been
    first   the first side that was certain
    visits  the stays in a zone that are over
    last    the last sight
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.side = self.first = 0
        self.visits: list[Visit] = []
        self.last: Sight | None = None
        self._birth: Sight | None = None
        self._born_near = self._near = False
        self._net = 0  # crossings through the place since the side was last certain
        self._crossed: dict[int, _Crossing] = {}  # the last one in each direction since then
        self._since: tuple[Sight, bool] | None = None

    def see(
        self,
        sight: Sight,
        side: int,
        near: bool,
        change: int = 0,
        at: Sight | None = None,
        gap: int = 0,
        bridged: bool = False,
    ) -> Event | None:
        """Take the next sight; returns the event that it settles.

        side, near  of the foot, as in ``Sides``
        change      1 or -1 where the step to this sight crosses the place; ``at`` is where, and ``gap`` and ``bridged``
                    say what was missed in the step
        """
        if self._birth is None:
            self._birth, self._born_near = sight, near
        if change and at is not None:
            self._net += change
            self._crossed[change] = _Crossing(at, gap, bridged)
        self.last, self._near = sight, near
        event = None
        if side == 0:
            return None
        if side == self.side:
            pass
        elif self.side == 0:
            self.first = side
            if side > 0 and self.place.kind == "zone":
                self._since = (self._birth, False)
            if self._born_near:
                event = self._undecided(self._birth, side)
        elif self._net == side:
            crossing = self._crossed[side]
            event = self._event(crossing.sight, side, "bridged" if crossing.bridged else "sure", crossing.gap)
            if side < 0:
                self._visit(crossing.sight, left=True)
            elif self.place.kind == "zone":
                self._since = (crossing.sight, True)
        self._settle(side)
        return event

    def end(self) -> Event | None:
        """The id has ended; returns the undecided event where it did so within the band."""
        if self.last is None:
            return None
        event = self._undecided(self.last, -self.side) if self._near else None
        self._visit(self.last, left=False)
        return event

    @property
    def inside(self) -> bool:
        """Whether the person is in the zone, or on the positive side of the line."""
        return self.side > 0

    def _settle(self, side: int) -> None:
        self.side, self._net = side, 0
        self._crossed.clear()

    def _visit(self, sight: Sight, *, left: bool) -> None:
        if self._since is None:
            return
        start, entered = self._since
        self._since = None
        name = self.place.name
        self.visits.append(
            Visit(sight.id, sight.class_id, name, start.frame, sight.frame, start.time, sight.time, entered, left)
        )

    def _undecided(self, sight: Sight, side: int) -> Event:
        return self._event(sight, side, "undecided", 0)

    def _event(self, sight: Sight, side: int, certainty: Certainty, gap: int) -> Event:
        place = self.place
        direction = {1: place.directions[0], -1: place.directions[1], 0: ""}[side]
        return Event(
            frame=sight.frame,
            time=sight.time,
            id=sight.id,
            class_id=sight.class_id,
            kind=place.kind,
            place=place.name,
            direction=direction,
            certainty=certainty,
            gap=gap,
            x=sight.x,
            y=sight.y,
        )
