"""What is wrong in a run, as the page lists it: an entry for each switch or suspect, and for each stretch of errors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from tracker.arrays import FloatArray
from tracker.boxes import iou_xyxy
from tracker.explain.explanation import Event, Explanation
from tracker.explain.recording import Recorded
from tracker.explain.truth import OVERLAP
from tracker.report.pack import Json
from tracker.rows import Rows

ORDER = ("switch", "suspect", "false", "miss", "fragment")
ROW_KINDS = ("false", "miss")  # of these there is an event a row
MOST_CANDIDATES = 8  # of one detection


@dataclass(frozen=True, eq=False)
class Look:
    """A crop that an entry shows: a track (or an object of the truth) in a frame, and its box there, xyxy."""

    frame: int
    label: str
    box: FloatArray


@dataclass(frozen=True, eq=False)
class Entry:
    """One thing that is wrong.

    event   its first event
    last    last frame of a stretch of rows
    weight  how many rows it touches, or how suspect it is; the larger, the worse
    looks   pairs of crops, before and after; (None, after) where there is nothing before
    """

    event: Event
    last: int
    weight: float
    looks: tuple[tuple[Look | None, Look | None], ...] = ()
    tables: tuple[Json, ...] = field(default=())

    def to_json(self, crop_of: Mapping[Look, int]) -> Json:
        """Ready for JSON; ``crop_of`` has the place of each crop that could be cut."""
        event = self.event
        return {
            "kind": event.kind,
            "frame": event.frame,
            "last": self.last,
            "weight": round(self.weight, 3),
            "id": event.id,
            "previous": event.previous_id,
            "truth": event.truth_id,
            "cause": event.cause,
            "confirmed": event.confirmed,
            "setting": event.setting,
            "sentence": event.sentence,
            "chain": [{k: _plain(v) for k, v in link.items()} for link in event.chain],
            "looks": [[_look(one, crop_of) for one in pair] for pair in self.looks],
            "tables": list(self.tables),
        }


def _look(one: Look | None, crop_of: Mapping[Look, int]) -> Json:
    if one is None:
        return None
    return {"frame": one.frame, "label": one.label, "crop": crop_of.get(one)}


def _plain(value: object) -> Json:
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


class Places:
    """Finds the rows of a track by frame; rows ordered by id and frame."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.spans = {int(rows.ids[start]): (start, stop) for start, stop in rows.spans}

    def at(self, track: int | None, frame: int) -> FloatArray | None:
        """The box of a track in a frame, None where it has none."""
        found = self.before(track, frame + 1)
        return found[1] if found is not None and found[0] == frame else None

    def before(self, track: int | None, frame: int) -> tuple[int, FloatArray] | None:
        """The last frame before ``frame`` in which a track has a row, and its box there."""
        start, stop = self.spans.get(-1 if track is None else track, (0, 0))
        k = start + int(np.searchsorted(self.rows.frames[start:stop], frame)) - 1
        return None if k < start or start == stop else (int(self.rows.frames[k]), self.rows.boxes[k])

    def last_on(
        self, track: int | None, objects: Places, truth: int | None, frame: int
    ) -> tuple[int, FloatArray] | None:
        """The last frame before ``frame`` in which a track's box was an object's, and the box there."""
        start, stop = self.spans.get(-1 if track is None else track, (0, 0))
        first, last = objects.spans.get(-1 if truth is None else truth, (0, 0))
        _, own, theirs = np.intersect1d(
            self.rows.frames[start:stop], objects.rows.frames[first:last], assume_unique=True, return_indices=True
        )
        own, theirs = own + start, theirs + first
        own, theirs = own[self.rows.frames[own] < frame], theirs[self.rows.frames[own] < frame]
        pairs = zip(self.rows.boxes[own], objects.rows.boxes[theirs], strict=True)
        fits = [k for k, (a, b) in enumerate(pairs) if iou_xyxy(a[None], b[None])[0, 0] >= OVERLAP]
        return None if not fits else (int(self.rows.frames[own[fits[-1]]]), self.rows.boxes[own[fits[-1]]])

    def counts(self, track: int | None, frame: int) -> tuple[int, int]:
        """How many rows a track has before a frame, and from it on."""
        start, stop = self.spans.get(-1 if track is None else track, (0, 0))
        k = int(np.searchsorted(self.rows.frames[start:stop], frame))
        return k, stop - start - k


def entries_of(found: Explanation, rows: Rows, truth: Rows | None) -> list[Entry]:
    """Everything that is wrong: the switches, or without ground truth the suspects, then the rest by weight.

    A switch weighs as many rows as a repair of it changes: those of the old id until then, or of the new one from then
    on, whichever are fewer; and no more than the frames to the object's switch before or after it.
    """
    places = Places(rows)
    objects = None if truth is None else Places(truth)
    out = []
    lasting = _lasting([event for event in found.events if event.kind == "switch"])
    for event in found.events:
        if event.kind == "switch":
            weight = min(_rows_mended(event, places), lasting[event.truth_id, event.frame])
            out.append(Entry(event, event.frame, float(weight)))
        elif event.kind == "suspect" and truth is None:
            out.append(Entry(event, event.frame, float(event.chain[0]["score"])))
        elif event.kind == "fragment":
            out.append(Entry(event, event.frame, 0.0))
    for kind in ROW_KINDS:
        out += _stretches([event for event in found.events if event.kind == kind])
    out.sort(key=lambda one: (not _first(one), -one.weight, one.event.frame, ORDER.index(one.event.kind)))
    return [replace(one, looks=tuple(_looks(one.event, places, objects))) for one in out]


def _rows_mended(event: Event, places: Places) -> int:
    return min(places.counts(event.previous_id, event.frame)[0], places.counts(event.id, event.frame)[1])


def _lasting(switches: list[Event]) -> dict[tuple[int | None, int], int]:
    """By object and frame of each switch: frames from it to the nearest other one of the same object, at least 1."""
    frames: dict[int | None, list[int]] = {}
    for event in switches:
        frames.setdefault(event.truth_id, []).append(event.frame)
    out = {}
    for event in switches:
        others = [abs(event.frame - frame) for frame in frames[event.truth_id] if frame != event.frame]
        out[event.truth_id, event.frame] = max(1, min(others, default=2**31))
    return out


def _first(entry: Entry) -> bool:
    return entry.event.kind in ("switch", "suspect")


def _stretches(events: Iterable[Event]) -> list[Entry]:
    """One entry for the rows of one object, id and cause in frames that follow each other."""
    open_at: dict[tuple[int | None, int | None, str], Entry] = {}
    out: list[Entry] = []
    for event in events:
        key = (event.id, event.truth_id if event.kind == "miss" else None, event.cause)
        old = open_at.get(key)
        if old is not None and event.frame == old.last + 1:
            open_at[key] = replace(old, last=event.frame, weight=old.weight + 1)
            continue
        if old is not None:
            out.append(old)
        open_at[key] = Entry(event, event.frame, 1.0)
    return [*out, *open_at.values()]


def _looks(event: Event, places: Places, objects: Places | None) -> Iterable[tuple[Look | None, Look | None]]:
    """The crops of an event: who had the id before, and who has it now."""
    frame = event.frame
    if event.kind in ROW_KINDS or event.kind == "fragment":
        box = places.at(event.id, frame) if event.kind == "false" else None
        label = f"id {event.id}"
        if box is None and objects is not None:
            box, label = objects.at(event.truth_id, frame), f"object {event.truth_id}"
        if box is not None:
            yield None, Look(frame, f"{label}, frame {frame}", box)
        return
    first = event.id if event.previous_id is None else event.previous_id
    pairs = [(first, event.id, frame, event.truth_id)]
    pairs += [
        (link["previous_id"], link["id"], link["frame"], link["truth_id"])
        for link in event.chain
        if link["cause"] == "swap"
    ]
    if event.cause == "exchanged" and event.kind == "suspect":
        pairs = [(event.id, event.id, frame, None), (event.previous_id, event.previous_id, frame, None)]
    for old, new, at, truth in pairs:
        then = None if objects is None else places.last_on(old, objects, truth, at)
        then = then or places.before(old, at)
        now = places.at(new, at)
        yield (
            None if then is None else Look(then[0], f"id {old}, frame {then[0]}", then[1]),
            None if now is None else Look(at, f"id {new}, frame {at}", now),
        )


def tables_of(event: Event, run: Recorded) -> list[Json]:
    """The candidates of the decisions that an event tells of: for each, the detection and the tracks that wanted it."""
    place = {int(number): k for k, number in enumerate(run.recording.numbers.tolist())}
    wanted: list[tuple[int, int]] = []
    for link in event.chain:
        row = link.get("detection")
        if row is not None and link["frame"] in place:
            wanted.append((place[link["frame"]], int(row)))
    if event.frame in place and event.id is not None:
        row = run.rows_of[place[event.frame]].get(event.id)
        if row is not None:
            wanted.append((place[event.frame], row))
    return [_table(run, frame, row) for frame, row in list(dict.fromkeys(wanted))[:3]]


def _table(run: Recorded, frame: int, row: int) -> Json:
    decisions, found = run.decisions[frame], run.recording.found[frame]
    rows: list[Json] = [
        {
            "id": one.track,
            "verdict": one.reason,
            "stage": one.stage,
            "detail": one.detail,
            "gain": _plain(float(one.gain)),
            "by": sorted({track for track, _ in one.by} - {one.track}),
        }
        for one in decisions.of_detection(row)[:MOST_CANDIDATES]
    ]
    born = next((track for track, at in decisions.born if at == row), None)
    return {
        "frame": int(run.recording.numbers[frame]),
        "score": round(float(found.scores[row]), 3),
        "box": [round(value, 1) for value in found.boxes[row].tolist()],
        "born": born,
        "candidates": rows,
    }
