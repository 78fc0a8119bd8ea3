"""What was counted, for programs and for people: JSON, CSV, and lines of text."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tracker.count.counting import Counts, occupancy, spans_of
from tracker.count.passages import Event, Visit
from tracker.count.places import Line, Zone
from tracker.spelling import cell, shown

EVENT_COLUMNS = ("kind", "place", "frame", "time", "id", "class", "direction", "certainty", "gap", "x", "y")
CLASS_NAME = "class_name"  # a further column where names of classes are known


def as_dict(counts: Counts) -> dict[str, Any]:
    """Everything, ready for JSON: {"lines": {NAME: {...}}, "zones": {NAME: {...}}, "people", "merges"}.

    Times are seconds, null where they are unknown; points are pixels.
    """
    return _tree(counts, list)


def _tree(counts: Counts, gather: Callable[[Iterator[dict[str, Any]]], object]) -> dict[str, Any]:
    """Everything; ``gather`` makes what is listed of the events, of the visits and of the merges."""
    lines = {place.name: _line(counts, place, gather) for place in counts.places if isinstance(place, Line)}
    zones = {place.name: _zone(counts, place, gather) for place in counts.places if isinstance(place, Zone)}
    merges = ({"kept": merge.kept, "merged": merge.merged, "gap": merge.gap} for merge in counts.merges)
    return {"lines": lines, "zones": zones, "people": counts.people, "merges": gather(merges)}


def as_csv(counts: Counts) -> str:
    """The events, one a line below a header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = (*EVENT_COLUMNS, CLASS_NAME) if counts.names else EVENT_COLUMNS
    writer.writerow(columns)
    for event in counts.events:
        row = {"kind": event.kind, "place": cell(event.place), **event_dict(event, counts.names)}
        if row.get(CLASS_NAME) is not None:
            row[CLASS_NAME] = cell(row[CLASS_NAME])
        writer.writerow(["" if row[name] is None else row[name] for name in columns])
    return out.getvalue()


def as_text(counts: Counts) -> str:
    """A line for each place."""
    said = []
    for place in counts.places:
        totals = counts.totals(place)
        into, out = place.directions
        notes = [f"{totals.bridged} bridged"] if totals.bridged else []
        notes += [f"{totals.undecided} undecided, not counted"] if totals.undecided else []
        line = f"{place.kind} {shown(place.name)}: {into} {totals.into}, {out} {totals.out}"
        line += f" ({', '.join(notes)})" if notes else ""
        if isinstance(place, Zone):
            dwell, present = _dwell(counts.each_visit(place)), _occupancy(counts, place)
            line += f"; at most {present['max']} at once, {present['mean']:.1f} on average"
            line += "" if dwell["median"] is None else f"; median stay {dwell['median']:.1f} s"
        said.append(line)
    return "\n".join(said)


def event_dict(event: Event, names: Mapping[int, str] | None = None) -> dict[str, Any]:
    """One event without its place, ready for JSON. names: of classes by number; without any it has no class_name."""
    return {
        "frame": event.frame,
        "time": _rounded(event.time),
        "id": event.id,
        "class": None if event.class_id < 0 else event.class_id,
        "direction": event.direction or None,
        "certainty": event.certainty,
        "gap": event.gap,
        "x": round(event.x, 2),
        "y": round(event.y, 2),
        **_named(event.class_id, names),
    }


def write_json(path: Path, counts: Counts) -> None:
    """Write ``as_dict``, entry by entry. Raises OSError, naming the file, where it cannot be written."""
    with path.open("w", encoding="utf-8") as file:
        for piece in _pieces(_tree(counts, iter), "\n"):
            file.write(piece)
        file.write("\n")


def _pieces(value: object, line: str) -> Iterator[str]:
    """``json.dumps(value, indent=2)`` in pieces, lists given as iterators; ``line`` ends one and indents the next."""
    if not isinstance(value, (Mapping, Iterator)):
        yield json.dumps(value, indent=2).replace("\n", line)
        return
    deeper, before = line + "  ", "{" if isinstance(value, Mapping) else "["
    for one in value.items() if isinstance(value, Mapping) else value:
        yield before + deeper
        if isinstance(value, Mapping):
            yield json.dumps(one[0]) + ": "
            yield from _pieces(one[1], deeper)
        else:
            yield json.dumps(one, indent=2).replace("\n", deeper)
        before = ","
    if before != ",":
        yield before
        line = ""
    yield line + ("}" if isinstance(value, Mapping) else "]")


def _line(counts: Counts, line: Line, gather: Callable[[Iterator[dict[str, Any]]], object]) -> dict[str, Any]:
    totals = counts.totals(line)
    return {
        "in": totals.into,
        "out": totals.out,
        "bridged": totals.bridged,
        "undecided": totals.undecided,
        "points": line.points.tolist(),
        "events": gather(event_dict(event, counts.names) for event in counts.each_event(line)),
    }


def _zone(counts: Counts, zone: Zone, gather: Callable[[Iterator[dict[str, Any]]], object]) -> dict[str, Any]:
    totals = counts.totals(zone)
    return {
        "enter": totals.into,
        "leave": totals.out,
        "bridged": totals.bridged,
        "undecided": totals.undecided,
        "occupancy": _occupancy(counts, zone),
        "dwell": _dwell(counts.each_visit(zone)),
        "points": zone.points.tolist(),
        "events": gather(event_dict(event, counts.names) for event in counts.each_event(zone)),
        "visits": gather(_visit(visit, counts.names) for visit in counts.each_visit(zone)),
    }


def _visit(visit: Visit, names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "id": visit.id,
        "class": None if visit.class_id < 0 else visit.class_id,
        "since": visit.since,
        "until": visit.until,
        "start": _rounded(visit.start),
        "end": _rounded(visit.end),
        "dwell": _rounded(visit.dwell),
        "entered": visit.entered,
        "left": visit.left,
        **_named(visit.class_id, names),
    }


def _named(class_id: int, names: Mapping[int, str] | None) -> dict[str, str | None]:
    return {CLASS_NAME: names.get(class_id)} if names else {}


def _occupancy(counts: Counts, zone: Zone) -> dict[str, Any]:
    """People in the zone in the first and the last frame, at most, and on average over all frames."""
    spans = spans_of(counts.each_visit(zone))
    first, last = counts.span
    at_first, at_last = occupancy(spans, [first, last]).tolist()
    turns = np.unique(spans[:, 0])  # only an entry makes more of them
    stays = int((spans[:, 1] - spans[:, 0] + 1).sum())
    return {
        "first": at_first,
        "last": at_last,
        "max": int(occupancy(spans, turns).max(initial=0)),
        "mean": round(stays / (last - first + 1), 3),
    }


def _dwell(visits: Iterable[Visit]) -> dict[str, Any]:
    """Seconds of the stays whose entry and exit were seen; null without any, or without times."""
    whole = np.fromiter((visit.dwell for visit in visits if visit.entered and visit.left), dtype=np.float64)
    whole = whole[np.isfinite(whole)]
    if not len(whole):
        return {"visits": 0, "mean": None, "median": None, "max": None}
    figures = {"mean": whole.mean(), "median": np.median(whole), "max": whole.max()}
    return {"visits": len(whole), **{name: round(float(value), 3) for name, value in figures.items()}}


def _rounded(seconds: float) -> float | None:
    return None if math.isnan(seconds) else round(seconds, 3)
