"""Counting live: a sink that takes the steps of a run and tells each event as soon as it is certain."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tracker.arrays import FloatArray
from tracker.count.counting import Counts, Totals, within
from tracker.count.kept import Kept, Records, events_layout, merges_layout, visits_layout
from tracker.count.passages import Event, Passage, Sight, Visit
from tracker.count.paths import SAME_PERSON, feet_of, gap_in_frames
from tracker.count.places import Line, Zone, check_names
from tracker.refine.merge import STEADY, WINDOW, Merge, merge
from tracker.rows import as_rows

if TYPE_CHECKING:
    from tracker.arrays import Image
    from tracker.draw.places import Occupied
    from tracker.io.sinks import Step

REMEMBERED = ("_people", "_totals", "_counted", "_first", "_frame")
KEPT = ("events", "visits", "merges")  # in files beside that of the counts, while a run goes on
FORGOTTEN = 300  # steps without an observation until an id has ended: longer than trackers keep a lost track


def kept_at(path: Path, what: str) -> Path:
    """Where that is kept while the file ``path`` is not yet written."""
    return path.with_name(f".{path.name}.{what}")


class _Point:
    """One observed box."""

    __slots__ = ("box", "class_id", "frame", "time")

    def __init__(self, frame: int, time: float, box: FloatArray, class_id: int) -> None:
        self.frame, self.time, self.box, self.class_id = frame, time, box, class_id


class _Person:
    """The passages of one person, and the last boxes; young until it is settled whether it continues an earlier id.

    id      of the person in events: that of the first track
    track   the id of the tracker that it has now
    """

    def __init__(self, id: int, passages: list[Passage]) -> None:
        self.id = self.track = id
        self.passages = passages
        self.points: deque[_Point] = deque(maxlen=WINDOW)
        self.young: list[_Point] = []

    @property
    def last(self) -> int:
        """The frame of the last observation."""
        return (self.young or self.points)[-1].frame


class Counter:
    """Counts at lines and zones while a run goes on: a sink for ``tracker.track(sinks=[...])``.

    places      lines and zones
    frame_rate  frames per second, for ``merge_gap`` in seconds
    merge_gap   as in ``paths_of``. Whether a new id continues an earlier one is settled once it has a few boxes, until
                when its events wait
    step        frames from one observation to the next where none is missed: ``every`` of the run
    told        called with each event, in the thread that writes
    names       of classes by number, for that file
    path        a JSON file that ``close`` writes (``tracker.count.report``)

    counts  everything, once closed

    Events and stays go into files as they become certain, hidden ones beside ``path`` until it is written, so that the
    memory does not grow with them. Confirmed tracks count, in the frames in which they have a detection. Raises
    ValueError as ``count`` does, OSError, naming the file, where one cannot be written.
    """

    def __init__(
        self,
        places: Sequence[Line | Zone],
        *,
        frame_rate: float | None = None,
        merge_gap: float | str | None = SAME_PERSON,
        step: int = 1,
        told: Callable[[Event], None] | None = None,
        path: Path | None = None,
        names: Mapping[int, str] | None = None,
    ) -> None:
        if not places:
            raise ValueError("no line and no zone to count at; give one or more")
        check_names(list(places))
        self.places = tuple(places)
        self.counts: Counts | None = None
        self._gap = None if merge_gap is None else gap_in_frames(merge_gap, frame_rate)
        self._step, self._told, self._path = step, told, path
        self._names = dict(names or {})
        self._people: dict[int, _Person] = {}  # by the id of the track
        self._totals = [Totals(0, 0, 0, 0) for _ in places]
        beside = dict.fromkeys(KEPT) if path is None else {name: kept_at(path, name) for name in KEPT}
        self._events = Kept(events_layout(places), beside["events"])
        self._visits = Kept(visits_layout(places), beside["visits"])
        self._merges = Kept(merges_layout(), beside["merges"])
        self._counted = 0
        self._order: Records[Event] | None = None  # the events, once closed
        self._first = self._frame = 0
        self._spots: list[int] = []  # where the text of each place was drawn last

    @property
    def events(self) -> Sequence[Event]:
        """Those so far, in the order in which they became certain."""
        return self._events.records() if self._order is None else self._order

    def write(self, step: Step) -> None:
        """Take one step."""
        tracks, frame = step.tracks, step.frame.number
        tracks = tracks[tracks.confirmed & (tracks.detections != -1) & np.isfinite(tracks.boxes).all(axis=1)]
        self._first, self._frame = self._first or frame, frame
        going: list[tuple[_Person, _Point]] = []
        for id, box, class_id in zip(tracks.ids.tolist(), tracks.boxes, tracks.classes.tolist(), strict=True):
            person = self._people.get(id)
            if person is None:
                person = self._people[id] = _Person(id, [])
            point = _Point(frame, step.frame.time, box, class_id)
            if person.passages:
                going.append((person, point))
            else:
                person.young.append(point)
        self._look(going)
        for person in [p for p in self._people.values() if len(p.young) >= STEADY or (p.young and self._late(p))]:
            self._grow(person)
        for id in [id for id, p in self._people.items() if frame - p.last > FORGOTTEN * self._step]:
            self._end(self._people.pop(id))

    def close(self) -> None:
        """End every path and write the file; may be called again."""
        if self.counts is not None:
            return
        for person in [p for p in self._people.values() if p.young]:
            self._grow(person)
        for person in self._people.values():
            self._end(person)
        self._order = self._events.records()
        self.counts = Counts(
            self.places,
            self._order.sorted_by("frame", "id"),
            self._visits.records().sorted_by("since", "id", "place"),
            self._counted,
            self._merges.records(),
            (self._first, self._frame),
            self._names,
        )
        if self._path is not None and self._frame:  # a run without a frame leaves no file
            from tracker.count.report import write_json

            write_json(self._path, self.counts)
        for kept in self._kept:
            kept.close()

    @property
    def _kept(self) -> tuple[Kept[Event], Kept[Visit], Kept[Merge]]:
        return self._events, self._visits, self._merges

    def mark(self) -> object:
        """All that it remembers, and where its files stand."""
        return {**{name: getattr(self, name) for name in REMEMBERED}, "kept": [kept.mark() for kept in self._kept]}

    def resume(self, mark: Any) -> None:
        for name in REMEMBERED:
            setattr(self, name, mark[name])
        events, visits, merges = mark["kept"]
        self._events.resume(events)
        self._visits.resume(visits)
        self._merges.resume(merges)

    def inside(self, zone: Zone) -> int:
        """How many people are in the zone now: the last certain side of everyone seen within the last second or so."""
        place = self.places.index(zone)
        recent = self._frame - (self._gap or 0) - self._step
        return sum(bool(p.passages) and p.passages[place].inside and p.last >= recent for p in self._people.values())

    def draw(self, image: Image, occupied: Occupied | None = None) -> None:
        """Draw the places and the totals so far on a (H, W, 3) BGR image, in place; see ``draw_places``."""
        from tracker.count.draw import draw_places

        inside = {place.name: self.inside(place) for place in self.places if isinstance(place, Zone)}
        draw_places(image, self.places, self._totals, inside, occupied, self._spots)

    def _late(self, person: _Person) -> bool:
        return self._frame - person.young[0].frame > (self._gap or 0)

    def _grow(self, person: _Person) -> None:
        """Settle whether a young person continues an earlier one, and look at its first boxes."""
        points, person.young = person.young, []
        earlier = self._earlier(person, points)
        if earlier is None:
            self._counted += 1
            person.passages = [Passage(place) for place in self.places]
        else:
            del self._people[earlier.track]
            person.id, person.passages, person.points = earlier.id, earlier.passages, earlier.points
        for k, point in enumerate(points):
            self._look([(person, point)], linked=earlier is not None and k == 0)

    def _earlier(self, person: _Person, points: list[_Point]) -> _Person | None:
        """The person that this one continues, as ``tracker.refine.merge`` finds it."""
        if self._gap is None:
            return None
        birth = points[0].frame
        ended = [p for p in self._people.values() if p.passages and birth - self._gap - 1 <= p.last < birth]
        if not ended:
            return None
        boxes = [(p.track, point) for p in ended for point in p.points] + [(person.track, point) for point in points]
        classes = {p.track: p.points[-1].class_id for p in ended} | {person.track: points[-1].class_id}
        rows = as_rows(
            [point.frame for _, point in boxes],
            [id for id, _ in boxes],
            [point.box for _, point in boxes],
            classes=[classes[id] for id, _ in boxes],
        )
        links = [link for link in merge(rows, self._gap)[1] if link.merged == person.track]
        if not links:
            return None
        self._merges.append(replace(links[0], kept=self._people[links[0].kept].id))
        return self._people[links[0].kept]

    def _look(self, going: list[tuple[_Person, _Point]], linked: bool = False) -> None:
        """Take the next point of people; linked: it is the first under another id."""
        if not going:
            return
        boxes = np.array([point.box for _, point in going])
        heights = boxes[:, 3] - boxes[:, 1]
        now = np.column_stack(([point.time for _, point in going], feet_of(boxes)))
        last = [person.passages[0].last if person.passages else None for person, _ in going]
        before = np.array(
            [row if s is None else (s.time, s.x, s.y) for s, row in zip(last, now.tolist(), strict=True)]
        ).reshape(-1, 3)
        for p, place in enumerate(self.places):
            seen = place.sides(now[:, 1:], heights)
            was = place.sides(before[:, 1:], heights).distances
            changes, shares = place.crossings(before[:, 1:], now[:, 1:], was, seen.distances)
            at = within(before, now, shares)
            for k, (person, point) in enumerate(going):
                missed = 0 if last[k] is None else max(round((point.frame - person.last) / self._step) - 1, 0)
                who = point.frame, person.id, point.class_id
                event = person.passages[p].see(
                    Sight(*who, *now[k].tolist()),
                    int(seen.sides[k]),
                    bool(seen.near[k]),
                    int(changes[k]),
                    Sight(*who, *at[k].tolist()) if changes[k] else None,
                    missed,
                    missed > 0 or linked,
                )
                self._tell(event, p)
                self._keep_visits(person.passages[p])
        for person, point in going:
            person.points.append(point)

    def _end(self, person: _Person) -> None:
        for p, passage in enumerate(person.passages):
            self._tell(passage.end(), p)
            self._keep_visits(passage)

    def _keep_visits(self, passage: Passage) -> None:
        for visit in passage.visits:
            self._visits.append(visit)
        passage.visits.clear()

    def _tell(self, event: Event | None, place: int) -> None:
        if event is not None:
            self._events.append(event)
            self._totals[place] = self._totals[place].plus(event, self.places[place])
            if self._told is not None:
                self._told(event)
