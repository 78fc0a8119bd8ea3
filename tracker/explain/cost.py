"""What an error costs: the scores after undoing the errors of one cause only, by relabelling, adding or dropping rows.

The idea is TIDE's (Bolya 2020, arXiv 2008.08115), for tracks. A switch is undone by giving the object's rows from there
on the id that it had; where another row has that id in a frame, the two exchange theirs. A miss is undone by the
truth's own box under the id that the object had last; a false row by dropping it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from tracker.evaluate.benchmark import GroundTruth
from tracker.explain.errors import RowError
from tracker.explain.whatif import rows_of, scores_of_rows
from tracker.explain.why import Cause, Why
from tracker.rows import Rows, as_rows

SCORES = ("HOTA", "IDF1", "MOTA")


def costs(
    why: Why, truth: GroundTruth, causes: list[Cause], missed: list[RowError], false: list[RowError]
) -> dict[str, dict[str, float]]:
    """By cause, "switch: ...", "miss: ..." or "false: ...": how many, and what HOTA, IDF1 and MOTA (0..1) gain.

    truth: of one sequence. Rows outside the run cost nothing here.
    """
    rows = rows_of(why.run)
    plain = scores_of_rows(rows, truth)
    undone: dict[str, tuple[int, Rows]] = {}
    for code in sorted({cause.code for cause in causes}):
        some = [cause for cause in causes if cause.code == code]
        undone[f"switch: {code}"] = len(some), without_switches(why, rows, some)
    for kind, errors in (("miss", missed), ("false", false)):
        for code in sorted({one.cause for one in errors}):
            mine = [one for one in errors if one.cause == code and one.frame >= 0]
            undone[f"{kind}: {code}"] = len(mine), (_found if kind == "miss" else _dropped)(why, rows, mine)
    out = {}
    for name, (count, changed) in undone.items():
        scores = scores_of_rows(changed, truth)
        out[name] = {"count": count, **{score: round(scores[score] - plain[score], 6) for score in SCORES}}
    return out


def without_switches(why: Why, rows: Rows, causes: list[Cause]) -> Rows:
    """The rows as if these switches had not happened."""
    gone = {(cause.switch.frame, cause.switch.truth) for cause in causes}
    matches, numbers = why.matches, why.run.recording.numbers
    place = {key: k for k, key in enumerate(zip(rows.frames.tolist(), rows.ids.tolist(), strict=True))}
    ids = rows.ids.copy()
    seen = matches.partner >= 0
    label: dict[int, int] = {}  # by truth, the id that its rows are to have
    given: dict[int, int] = {}  # by truth, the id that they have
    at_frame: dict[int, dict[int, int]] = defaultdict(dict)  # row by id, as changed
    for (number, track), k in place.items():
        at_frame[number][track] = k
    for frame, truth, track in zip(
        matches.frame[seen].tolist(), matches.truth[seen].tolist(), matches.partner[seen].tolist(), strict=True
    ):
        number = int(numbers[frame])
        if truth not in label or (given[truth] != track and (frame, truth) not in gone):
            label[truth] = track
        given[truth] = track
        row, wanted = place[number, track], label[truth]
        current, names = int(ids[row]), at_frame[number]
        if current != wanted:
            other = names.get(wanted)
            names[wanted], ids[row] = row, wanted
            if other is None:
                del names[current]
            else:
                names[current], ids[other] = other, current
    return replace(rows, ids=ids)


def _found(why: Why, rows: Rows, missed: list[RowError]) -> Rows:
    """The rows with those that were missed."""
    truth = why.truth
    keys = zip(truth.frame.tolist(), truth.identity.tolist(), strict=True)
    row_of = {key: row for row, key in enumerate(keys)}
    last: dict[int, list[tuple[int, int]]] = defaultdict(list)
    seen = why.matches.partner >= 0
    for frame, x, track in zip(
        why.matches.frame[seen].tolist(),
        why.matches.truth[seen].tolist(),
        why.matches.partner[seen].tolist(),
        strict=True,
    ):
        last[x].append((frame, track))
    used = set(zip(rows.frames.tolist(), rows.ids.tolist(), strict=True))
    fresh = int(rows.ids.max(initial=0)) + 1
    numbers, ids, boxes = [], [], []
    for one in missed:
        number = int(why.run.recording.numbers[one.frame])
        before = [track for frame, track in last[one.truth] if frame < one.frame] or [t for _, t in last[one.truth]][:1]
        track = before[-1] if before else fresh + one.truth
        if (number, track) in used:
            track = fresh + one.truth
        used.add((number, track))
        numbers.append(number)
        ids.append(track)
        boxes.append(truth.rows.boxes[row_of[one.frame, one.truth]])
    if not numbers:
        return rows
    return as_rows(
        np.concatenate((rows.frames, numbers)), np.concatenate((rows.ids, ids)), np.concatenate((rows.boxes, boxes))
    )


def _dropped(why: Why, rows: Rows, false: list[RowError]) -> Rows:
    """The rows without those that are false."""
    gone = {(int(why.run.recording.numbers[one.frame]), one.track) for one in false}
    keys = zip(rows.frames.tolist(), rows.ids.tolist(), strict=True)
    return rows.select(np.array([key not in gone for key in keys], dtype=bool))
