"""What is counted goes into files: memory stays flat, and nothing of it is lost or changed."""

from __future__ import annotations

import gc
import json
import tracemalloc
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from walks import rows_of, walk

from tracker.count import Counter, Event, Line, Visit, Zone, as_dict, count, kept
from tracker.count.kept import Kept, events_layout, visits_layout
from tracker.count.live import KEPT, kept_at
from tracker.detections import Detections
from tracker.io.ids import BITS, Ids
from tracker.io.sinks import Step, Tally
from tracker.io.source import Frame
from tracker.tracks import Tracks

DOOR = Line("door", [[100, 200], [300, 200]])
HALL = Zone("hall", [[120, 120], [310, 100], [280, 260], [110, 250]])
NAN = float("nan")
EVENTS = [
    Event(5, 0.1 + 0.2, 3, -1, "line", "door", "in", "sure", 0, 200.1, 1 / 3),
    Event(5, 7.0, 2, 4, "zone", "hall", "leave", "bridged", 3, -1e9, 0.0),
    Event(2, 7.0, 2, 4, "zone", "hall", "", "undecided", 0, 1.0, 2.0),
]
VISITS = [Visit(3, -1, "hall", 5, 9, 0.3, 0.7, True, False), Visit(2, 4, "hall", 1, 2, 0.0, 0.1, False, True)]


def passing(counter: Counter, people: int, first: int = 1) -> None:
    """People who walk through both places one after the other, each in four frames: every one is a new id."""
    feet = np.array([[200, 80], [200, 130], [200, 220], [200, 300]])
    for k in range(people):
        for step, foot in enumerate(feet):
            frame = first + 4 * k + step
            box = [[foot[0] - 10, foot[1] - 40, foot[0] + 10, foot[1]]]
            tracks = Tracks.of_boxes([first + k], box, frame=frame, detections=[0])
            counter.write(Step(Frame(None, frame, frame / 25), Detections.empty(), tracks))


@pytest.mark.parametrize("named", [True, False])
def test_records_come_back_as_they_went(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool) -> None:
    monkeypatch.setattr(kept, "AT_ONCE", 2)
    events = Kept(events_layout([DOOR, HALL]), tmp_path / "events" if named else None)
    visits = Kept(visits_layout([DOOR, HALL]))
    for event in EVENTS:
        events.append(event)
    for visit in VISITS:
        visits.append(visit)
    assert (tmp_path / "events").exists() == named
    assert list(events.records()) == EVENTS
    assert (events.records(), len(events)) == (EVENTS, 3)
    assert (events.records()[1], events.records()[1:]) == (EVENTS[1], EVENTS[1:])
    assert list(events.records().sorted_by("frame", "id")) == [EVENTS[2], EVENTS[1], EVENTS[0]]
    assert list(visits.records()) == VISITS
    events.close()
    visits.close()
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_time_comes_back() -> None:
    events = Kept(events_layout([DOOR]))
    events.append(Event(5, NAN, 3, -1, "line", "door", "in", "sure", 0, 1.0, 2.0))
    assert np.isnan(events.records()[0].time)


@pytest.mark.parametrize("named", [True, False])
def test_counting_goes_on_from_a_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool) -> None:
    """The run is killed behind its mark: what came later is cut off, and counted again."""
    monkeypatch.setattr(kept, "AT_ONCE", 5)
    path = tmp_path / "count.json" if named else None
    whole, killed, resumed = (Counter([DOOR, HALL], frame_rate=25, path=path) for _ in range(3))
    passing(whole, 60)
    whole.close()
    expected = as_dict(whole.counts) if whole.counts is not None else {}
    passing(killed, 30)
    mark = deepcopy(killed.mark())
    passing(killed, 7, first=200)
    for one in killed._kept:
        one.close()
    resumed.resume(mark)
    for k in range(30, 60):
        passing_one(resumed, k)
    resumed.close()
    assert resumed.counts is not None
    assert as_dict(resumed.counts) == expected
    assert len(expected["lines"]["door"]["events"]) == 60


def passing_one(counter: Counter, k: int) -> None:
    for step, y in enumerate((80, 130, 220, 300)):
        frame = 1 + 4 * k + step
        tracks = Tracks.of_boxes([1 + k], [[190, y - 40, 210, y]], frame=frame, detections=[0])
        counter.write(Step(Frame(None, frame, frame / 25), Detections.empty(), tracks))


def test_a_file_that_is_not_as_it_was_left_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "AT_ONCE", 5)
    path = tmp_path / "count.json"
    killed, resumed = (Counter([DOOR, HALL], frame_rate=25, path=path) for _ in range(2))
    passing(killed, 30)
    mark = deepcopy(killed.mark())
    for one in killed._kept:
        one.close()
    kept_at(path, "events").write_bytes(b"")
    with pytest.raises(ValueError, match="events: is not as the run left it"):
        resumed.resume(mark)


def test_what_a_run_counts_does_not_stay_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """62 bytes a frame once stayed: events, visits, the set of ids."""
    monkeypatch.setattr(kept, "AT_ONCE", 20)
    counter, tally = Counter([DOOR, HALL], frame_rate=25, path=tmp_path / "count.json"), Tally()
    held = []
    tracemalloc.start()
    try:
        for k in range(300):
            passing_one(counter, k)
            tally.write(Step(Frame(None, k + 1, k / 25), Detections.empty(), Tracks.of_boxes([k + 1], [[0, 0, 9, 9]])))
            if k in (149, 299):
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert held[1] - held[0] < 60_000  # 150 people with 450 events and 150 stays are 200,000 bytes
    counter.close()
    assert counter.counts is not None
    assert counter.counts.totals(DOOR).into == 300
    assert [path.name for path in tmp_path.iterdir()] == ["count.json"]
    assert len(tally.ids) == 300


def test_the_file_is_what_json_makes_of_it(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    paths = [np.cumsum(np.repeat(random.normal(0, 8, (9, 2)), 15, axis=0), axis=0) + (200, 190) for _ in range(5)]
    rows = rows_of(*paths, first=[1, 8, 20, 40, 41]).by_frame()
    counter = Counter([DOOR, HALL, Line("empty", [[0, 0], [1, 0]])], path=tmp_path / "count.json", names={0: "a\nb"})
    for frame in range(1, rows.last_frame + 1):
        now = rows.select(rows.at(frame))
        tracks = Tracks.of_boxes(now.ids, now.boxes, frame=frame, detections=np.arange(len(now)))
        counter.write(Step(Frame(None, frame, frame / 25), Detections.empty(), tracks))
    counter.close()
    assert counter.counts is not None
    assert (tmp_path / "count.json").read_text() == json.dumps(as_dict(counter.counts), indent=2) + "\n"
    assert len(counter.counts.events) > 5


def test_a_person_who_goes_in_and_out_for_ever_holds_nothing() -> None:
    counter = Counter([HALL], frame_rate=25)
    rows = rows_of(walk(*[(200, 60), (200, 190)] * 6)).by_frame()
    for frame in range(1, rows.last_frame + 1):
        now = rows.select(rows.at(frame))
        tracks = Tracks.of_boxes(now.ids, now.boxes, frame=frame, detections=[0] * len(now))
        counter.write(Step(Frame(None, frame, frame / 25), Detections.empty(), tracks))
    assert [passage.visits for person in counter._people.values() for passage in person.passages] == [[]]
    counter.close()
    assert counter.counts is not None
    stays = [(visit.since, visit.until) for visit in count(rows, [HALL], frame_rate=25).visits]
    assert [(visit.since, visit.until) for visit in counter.counts.visits] == stays
    assert len(stays) == 6


def test_ids_are_a_set_that_takes_no_room() -> None:
    chance = np.random.default_rng(0)
    ids, all_of_them = Ids(), set()
    for start in range(1, 5 * BITS, 7):
        some = chance.integers(start, start + 9, 5).tolist()
        ids.update(some)
        all_of_them |= set(some)
    assert len(ids) == len(all_of_them)
    assert all((id in ids) == (id in all_of_them) for id in range(-5, 6 * BITS))
    ids.update([-3, 0, 10**12])
    assert len(ids) == len(all_of_them) + 3
    assert all(id in ids for id in (-3, 0, 10**12))


def test_ids_that_follow_each_other_leave_nothing_behind() -> None:
    ids = Ids()
    for id in range(1, 20 * BITS):
        ids.update([id, id + 1])
    assert (len(ids), len(ids._blocks)) == (20 * BITS, 0)


def test_all_that_is_kept_has_a_name_of_its_own() -> None:
    assert len({kept_at(Path("count.json"), what) for what in KEPT}) == len(KEPT)
