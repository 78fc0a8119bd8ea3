"""What an error costs: the scores after undoing the errors of one cause only, by relabelling, adding or dropping rows.

The idea is TIDE's (Bolya 2020, arXiv 2008.08115), for tracks. A switch is undone by giving the object's track from
there on the id that the object had; a track that has that id takes the other in exchange. A miss is undone by the
truth's own box under the id that the object had last; a false row by dropping it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tracker.evaluate.benchmark import GroundTruth
from tracker.explain.errors import RowError
from tracker.explain.whatif import rows_of, scores_of_rows
from tracker.explain.why import Cause, Why
from tracker.rows import Rows, as_rows

SCORES = ("HOTA", "IDF1", "MOTA")


@dataclass(frozen=True, eq=False)
class Undone:
    """The rows of a run as they are, and with the errors of each cause undone.

    by_cause  by "switch: ...", "miss: ..." or "false: ...": how many errors there were, and the rows without them
    """

    plain: Rows
    by_cause: dict[str, tuple[int, Rows]]


def undone(why: Why, causes: list[Cause], missed: list[RowError], false: list[RowError]) -> Undone:
    """The rows of a run without the errors of each cause. Rows outside the run cost nothing here."""
    rows = rows_of(why.run)
    out: dict[str, tuple[int, Rows]] = {}
    for code in sorted({cause.code for cause in causes}):
        some = [cause for cause in causes if cause.code == code]
        out[f"switch: {code}"] = len(some), without_switches(why, rows, some)
    for kind, errors in (("miss", missed), ("false", false)):
        for code in sorted({one.cause for one in errors}):
            mine = [one for one in errors if one.cause == code and one.frame >= 0]
            out[f"{kind}: {code}"] = len(mine), (_found if kind == "miss" else _dropped)(why, rows, mine)
    return Undone(rows, out)


def gains(truth: GroundTruth, runs: Mapping[str, Undone]) -> dict[str, dict[str, float]]:
    """By cause: how many errors, and what HOTA, IDF1 and MOTA (0..1) of all sequences together gain without them.

    runs  by sequence, of all in ``truth``
    """
    plain = scores_of_rows({name: one.plain for name, one in runs.items()}, truth)
    order = {kind: place for place, kind in enumerate(("switch", "miss", "false"))}
    codes = {code for one in runs.values() for code in one.by_cause}
    out: dict[str, dict[str, float]] = {}
    for code in sorted(codes, key=lambda code: (order[code.split(":")[0]], code)):
        changed = {name: one.by_cause.get(code, (0, one.plain)) for name, one in runs.items()}
        scores = scores_of_rows({name: rows for name, (_, rows) in changed.items()}, truth)
        count = sum(number for number, _ in changed.values())
        out[code] = {"count": count, **{score: round(scores[score] - plain[score], 6) for score in SCORES}}
    return out


def without_switches(why: Why, rows: Rows, causes: list[Cause]) -> Rows:
    """The rows as if these switches had not happened."""
    gone = {(cause.switch.frame, cause.switch.truth) for cause in causes}
    matches, seen = why.matches, why.matches.partner >= 0
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for frame, x, track in zip(
        matches.frame[seen].tolist(), matches.truth[seen].tolist(), matches.partner[seen].tolist(), strict=True
    ):
        found[frame].append((x, track))
    labels = _Labels()
    ids = rows.ids.copy()
    starts = np.searchsorted(rows.frames, why.run.recording.numbers, side="left").tolist()
    stops = np.searchsorted(rows.frames, why.run.recording.numbers, side="right").tolist()
    for frame, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        for x, track in found[frame]:
            labels.match(x, track, undone=(frame, x) in gone)
        ids[start:stop] = [labels.of(track) for track in rows.ids[start:stop].tolist()]
    return replace(rows, ids=ids)


class _Labels:
    """The labels of tracks, which two exchange from the frame on in which a switch is undone."""

    def __init__(self) -> None:
        self._label: dict[int, int] = {}  # by track, and the reverse; others have their own number
        self._track: dict[int, int] = {}
        self._wanted: dict[int, int] = {}  # by object, the label that it has
        self._given: dict[int, int] = {}  # by object, its last track

    def of(self, track: int) -> int:
        """The label of a track."""
        return self._label.get(track, track)

    def match(self, x: int, track: int, undone: bool) -> None:
        """The object ``x`` is matched to ``track``; undone: it is a switch that has not happened."""
        now, wanted = self.of(track), self._wanted.get(x)
        if wanted is not None and wanted != now and (undone or self._given[x] == track):
            other = self._track.get(wanted, wanted)
            self._label[track], self._label[other] = wanted, now
            self._track[wanted], self._track[now] = track, other
            for y, label in self._wanted.items():  # whoever follows the other track has another label from now on
                if y != x and label == wanted and self._given[y] == other:
                    self._wanted[y] = now
        else:
            self._wanted[x] = now
        self._given[x] = track


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
