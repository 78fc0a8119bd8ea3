"""What the page is given, as JSON.

title     of the page
version   of trackwhy
runs      one or two; see ``run_json``
between   the differences of two runs, as ``tracker.report.compare`` has them
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from tracker.arrays import IntArray
from tracker.count.heat import CELL, heat_map
from tracker.evaluate.benchmark import GroundTruth
from tracker.evaluate.hota import THRESHOLDS
from tracker.explain.explanation import Explanation
from tracker.report.entries import Entry, Look, tables_of
from tracker.report.given import Given
from tracker.report.pack import Json, deflated, packed, packed_grid, packed_rows
from tracker.report.pictures import Pictures, uneven
from tracker.report.video import Video
from tracker.rows import Rows
from tracker.spelling import shown

FILLED, WRONG = 1, 2  # flags of a row: interpolated or predicted; false, or of the truth missed
TICK = 10_000  # steps in a second of the table of times
STRIP = 12  # crops of one track, at most
STRIPS = 600  # crops of all tracks, at most
SCORES = ("HOTA", "DetA", "AssA", "IDF1", "MOTA", "IDSW", "Frag", "FP", "FN")


def run_json(
    given: Given,
    entries: Sequence[Entry],
    left_out: Mapping[str, int],
    strips: Mapping[int, Sequence[Look]],
    pictures: Pictures,
    video: Video,
    truth: GroundTruth | None,
) -> Json:
    """One run, ready for JSON.

    name, size, rate, rated, frames  as in ``Given``
    notes     lines for people, the one about the video too
    video     what to play, or ""; copy: whether it is the small copy, "" or base64
    times     the table of frame times, where the rate does not give them: packed ``number`` and ``ticks`` of 0.1 ms
    scene     a JPEG, crops: JPEGs
    rows, truth  packed, with flags
    heat      packed: seconds in each cell of ``cell`` pixels
    more      deflated JSON: entries, left_out (how many of each kind are not listed), lives, strips, counts, cost,
              scores, curves, facts
    """
    found = given.explained
    notes = [shown(note) for note in given.notes] + ([video.said] if video.said else [])
    more: Json = {
        "entries": [entry.to_json(pictures.place) for entry in entries],
        "left_out": left_out,
        "lives": _lives(found),
        "strips": {
            str(track): [[look.frame, pictures.place[look]] for look in looks if look in pictures.place]
            for track, looks in strips.items()
        },
        "counts": {kind: count for kind, count in found.counts.items() if isinstance(count, int)},
        "cost": found.cost,
        "facts": given.facts,
        **_scores(given.rows, truth),
    }
    return {
        "name": shown(given.name),
        "size": list(given.size),
        "rate": given.rate,
        "rated": given.rated,
        "frames": given.frames,
        "explained": found.run is not None,
        "notes": notes,
        "video": video.src,
        "times": _times(given, pictures),
        "scene": pictures.scene,
        "crops": pictures.crops,
        "rows": packed_rows(given.rows, _flags(given.rows, found, "false")),
        "truth": None if given.truth is None else packed_rows(given.truth, _flags(given.truth, found, "miss")),
        "heat": {"size": CELL, "grid": packed_grid(heat_map(given.rows, given.size, frame_rate=given.rate))},
        "more": deflated(json.dumps(more, allow_nan=False, separators=(",", ":")).encode()),
    }


def with_tables(entries: Sequence[Entry], found: Explanation) -> list[Entry]:
    """The entries with the candidates of their decisions, where there is a log."""
    from dataclasses import replace

    if found.run is None:
        return list(entries)
    decided = ("switch", "suspect")
    return [
        replace(one, tables=tuple(tables_of(one.event, found.run))) if one.event.kind in decided else one
        for one in entries
    ]


def strips_of(rows: Rows) -> dict[int, list[Look]]:
    """Crops of each track over time, evenly; of the longest tracks where there are many. Rows by id and frame."""
    spans = sorted(rows.spans, key=lambda span: span[0] - span[1])[: STRIPS // 4]
    each = max(4, min(STRIP, STRIPS // max(len(spans), 1)))
    out = {}
    for start, stop in spans:
        seen = np.flatnonzero(~rows.interpolated[start:stop]) + start
        if not len(seen):
            continue
        picked = np.unique(np.linspace(0, len(seen) - 1, min(each, len(seen))).astype(np.int64))
        out[int(rows.ids[start])] = [Look(int(rows.frames[k]), "", rows.boxes[k]) for k in seen[picked].tolist()]
    return out


def _lives(found: Explanation) -> Json:
    """By id, from birth: [confirmed at, ended at, why], file numbers, null where unknown; and the sentences."""
    said: dict[int, list[str]] = {}
    for event in found.events:
        if event.kind in ("birth", "end") and event.id is not None:
            said.setdefault(event.id, []).append(event.sentence)
    numbers = None if found.run is None else found.run.recording.numbers.tolist()
    out: dict[str, Json] = {}
    for life in found.lives.values():
        known: list[Json] = [None, None, None, None]
        if numbers is not None:
            known = [
                numbers[life.born],
                None if life.confirmed is None else numbers[life.confirmed],
                None if life.ended is None else numbers[life.ended[0]],
                None if life.ended is None else life.ended[1],
            ]
        out[str(life.track)] = [*known, said.get(life.track, [])]
    return out


def _flags(rows: Rows, found: Explanation, kind: str) -> IntArray:
    """Flags of rows ordered by id and frame; ``kind``: of the events that name the wrong ones."""
    wrong = {
        (event.truth_id if kind == "miss" else event.id, event.frame) for event in found.events if event.kind == kind
    }
    marked = np.zeros(len(rows), dtype=np.int64)
    if wrong:
        pairs = zip(rows.ids.tolist(), rows.frames.tolist(), strict=True)
        marked = np.array([pair in wrong for pair in pairs], dtype=np.int64) * WRONG
    return marked + rows.interpolated * FILLED


def _times(given: Given, pictures: Pictures) -> Json:
    """The table of times, None where number and rate say it all."""
    times = pictures.times
    run = given.explained.run
    if not times and run is not None and run.recording.times is not None and given.source is not None:
        pairs = zip(run.recording.numbers.tolist(), run.recording.times, strict=True)
        times = {number: time for number, time in pairs if time is not None}
    if not times or not uneven(times, given.rate):
        return None
    ticks = np.rint(np.array(list(times.values())) * TICK).astype(np.int64)
    return packed({"number": np.array(list(times), dtype=np.int64), "ticks": ticks})


def _scores(rows: Rows, truth: GroundTruth | None) -> dict[str, Json]:
    """The scores, and HOTA, DetA and AssA over the thresholds of localisation."""
    if truth is None:
        return {"scores": None, "curves": None}
    score = truth.score({next(iter(truth.rows)): rows}, look=False).combined
    figures = score.summary()
    return {
        "scores": {name: _finite(figures[name]) for name in SCORES},
        "curves": {
            "thresholds": [round(value, 2) for value in THRESHOLDS.tolist()],
            "HOTA": _rounded(score.hota.hota.tolist()),
            "DetA": _rounded(score.hota.det_a.tolist()),
            "AssA": _rounded(score.hota.ass_a.tolist()),
        },
    }


def _rounded(values: Sequence[float]) -> list[Json]:
    return [_finite(value) for value in values]


def _finite(value: float) -> Json:
    return round(float(value), 4) if np.isfinite(value) else None
