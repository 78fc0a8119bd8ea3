"""Counting on results: who crossed which line and who was in which zone, as events; totals are derived from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from tracker.arrays import FloatArray, IntArray
from tracker.count.passages import Event, Passage, Sight, Visit
from tracker.count.paths import SAME_PERSON, Paths, paths_of
from tracker.count.places import Line, Zone, check_names
from tracker.refine.merge import Merge
from tracker.rows import Rows


@dataclass(frozen=True)
class Totals:
    """What the events of one line or zone add up to.

    into, out  sure and bridged crossings: "in" and "out" of a line, "enter" and "leave" of a zone
    bridged    how many of these were bridged
    undecided  events that are not counted
    """

    into: int
    out: int
    bridged: int
    undecided: int

    def plus(self, event: Event, place: Line | Zone) -> Totals:
        """The totals with one more event of the place."""
        if event.certainty == "undecided":
            return replace(self, undecided=self.undecided + 1)
        into = event.direction == place.directions[0]
        bridged = self.bridged + (event.certainty == "bridged")
        return Totals(self.into + into, self.out + (not into), bridged, self.undecided)


@dataclass(frozen=True, eq=False)
class Counts:
    """What was counted.

    events  ordered by frame; of lines and zones
    visits  stays in zones, ordered by their first frame
    people  ids that were counted, after merging
    merges  ids that were taken for one person, and why
    span    first and last frame, (0, 0) without any
    names   of classes by number, where they are known

    Events, visits and merges of a live run stand in tables: each is made when it is asked for.
    """

    places: tuple[Line | Zone, ...]
    events: Sequence[Event]
    visits: Sequence[Visit]
    people: int
    merges: Sequence[Merge] = ()
    span: tuple[int, int] = (0, 0)
    names: Mapping[int, str] = field(default_factory=dict)

    def events_of(self, place: Line | Zone) -> list[Event]:
        """The events of one place."""
        return list(self.each_event(place))

    def each_event(self, place: Line | Zone) -> Iterator[Event]:
        """The events of one place, one after the other."""
        return (event for event in self.events if (event.kind, event.place) == (place.kind, place.name))

    def visits_of(self, zone: Zone) -> list[Visit]:
        """The stays in one zone."""
        return list(self.each_visit(zone))

    def each_visit(self, zone: Zone) -> Iterator[Visit]:
        """The stays in one zone, one after the other."""
        return (visit for visit in self.visits if visit.place == zone.name)

    def totals(self, place: Line | Zone) -> Totals:
        """The totals of one place."""
        return totals_of(place, self.each_event(place))

    def occupancy(self, zone: Zone, frames: ArrayLike) -> IntArray:
        """(F,) people in the zone in each of ``frames`` (F,)."""
        return occupancy(spans_of(self.each_visit(zone)), frames)


def count(
    rows: Rows,
    places: Sequence[Line | Zone],
    *,
    frame_rate: float | None = None,
    times: ArrayLike | None = None,
    merge_gap: float | str | None = SAME_PERSON,
    step: int | None = None,
    n_frames: int | None = None,
    names: Mapping[int, str] | None = None,
) -> Counts:
    """Count the people in results at lines and zones; arguments and errors as in ``paths_of``.

    n_frames: of the video, for averages over all frames; by default they run from the first frame with rows to the
    last. names: of classes by number, for reports.

    Every id of the rows counts: give results, which have confirmed tracks only. Raises ValueError for two lines or two
    zones of one name too.
    """
    check_names(list(places))
    span = (int(rows.frames.min()), rows.last_frame) if len(rows) else (0, 0)
    if n_frames is not None:
        span = (1, max(n_frames, span[1]))
    paths = paths_of(rows, frame_rate=frame_rate, times=times, merge_gap=merge_gap, step=step)
    events: list[Event] = []
    visits: list[Visit] = []
    for place in places:
        for passage, found in _passages(place, paths):
            events += found
            if place.kind == "zone":
                visits += passage.visits
    return Counts(
        tuple(places),
        tuple(sorted(events, key=lambda event: (event.frame, event.id))),
        tuple(sorted(visits, key=lambda visit: (visit.since, visit.id))),
        int(np.count_nonzero(paths.first)),
        paths.merges,
        span,
        dict(names or {}),
    )


def totals_of(place: Line | Zone, events: Iterable[Event]) -> Totals:
    """What the events of one place add up to."""
    totals = Totals(0, 0, 0, 0)
    for event in events:
        totals = totals.plus(event, place)
    return totals


def spans_of(visits: Iterable[Visit]) -> IntArray:
    """(N, 2) the first and the last frame of each visit; whoever left is out in the frame of the exit."""
    frames = ((visit.since, visit.until - visit.left) for visit in visits)
    spans: IntArray = np.fromiter(frames, dtype=np.dtype((np.int64, 2)))
    return spans


def occupancy(spans: IntArray, frames: ArrayLike) -> IntArray:
    """(F,) how many visits of ``spans`` (N, 2) are going on in each of ``frames`` (F,)."""
    at = np.asarray(frames)
    since, until = np.sort(spans, axis=0).T
    present: IntArray = np.searchsorted(since, at, side="right") - np.searchsorted(until, at, side="left")
    return present


def within(before: FloatArray, after: FloatArray, shares: FloatArray) -> FloatArray:
    """(N, C) the points of steps (N, C) to (N, C) at shares (N,) of them."""
    between: FloatArray = before + shares[:, None] * (after - before)
    return between


def _passages(place: Line | Zone, paths: Paths) -> list[tuple[Passage, list[Event]]]:
    """Every person's passage at a place, ended, with its events.

    Only points that can change something are looked at one by one: first and last ones, crossings, changes of side.
    """
    if not len(paths):
        return []
    seen = place.sides(paths.feet, paths.heights)
    before = np.append(0, np.arange(len(paths) - 1))
    changes, shares = place.crossings(paths.feet[before], paths.feet, seen.distances[before], seen.distances)
    changes = np.where(paths.first, 0, changes)
    table = np.column_stack((paths.times, paths.feet))
    at = within(table[before], table, shares)
    last = np.append(paths.first[1:], True)
    look = paths.first | last | (changes != 0) | (seen.sides != seen.sides[before])
    done: list[tuple[Passage, list[Event]]] = []
    for k in np.flatnonzero(look).tolist():
        if paths.first[k]:
            done.append((Passage(place), []))
        passage, events = done[-1]
        who = int(paths.frames[k]), int(paths.ids[k]), int(paths.classes[k])
        event = passage.see(
            Sight(*who, *table[k].tolist()),
            int(seen.sides[k]),
            bool(seen.near[k]),
            int(changes[k]),
            Sight(*who, *at[k].tolist()) if changes[k] else None,
            int(paths.gaps[k]),
            bool(paths.gaps[k] > 0 or paths.linked[k]),
        )
        events += [] if event is None else [event]
        if last[k]:
            event = passage.end()
            events += [] if event is None else [event]
    return done
