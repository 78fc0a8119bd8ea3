"""The same run with other settings: which ids merge, split, appear and go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tracker.evaluate.benchmark import GroundTruth
from tracker.explain.load import Loaded, tracker_of
from tracker.explain.recording import Recorded
from tracker.rows import Rows, results_of
from tracker.tracker import Tracker

SHARE = 0.1  # of an id's rows: less is no part of it


@dataclass(frozen=True)
class Difference:
    """Two runs over the same detections.

    merged    ids of the first run that are one in the second: (ids, new id)
    split     the reverse: (id, new ids)
    gone      ids that are not reported any more; appeared  new ids that were nowhere before
    same      how many ids have the same detections
    scores    HOTA, IDF1, MOTA (0..1) and IDSW of the two, where there is ground truth
    """

    merged: list[tuple[list[int], int]]
    split: list[tuple[int, list[int]]]
    gone: list[int]
    appeared: list[int]
    same: int
    before: dict[str, float]
    after: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            **vars(self),
            "merged": [{"ids": ids, "id": new} for ids, new in self.merged],
            "split": [{"id": old, "ids": ids} for old, ids in self.split],
        }


def what_if(loaded: Loaded, changed: Mapping[str, Any], truth: GroundTruth | None = None) -> Difference:
    """The run with ``changed`` settings against the run as it was. Raises ValueError for an unknown setting."""
    assert loaded.run is not None
    tracker = tracker_of(loaded.meta, dict(changed))
    assert isinstance(tracker, Tracker)
    return difference(loaded.run, Recorded(tracker, loaded.run.recording), truth)


def difference(old: Recorded, new: Recorded, truth: GroundTruth | None = None) -> Difference:
    """Two runs over one recording. Ids are compared by the detections that they were given while reported."""
    together: dict[tuple[int, int], int] = {}
    own: dict[int, int] = {}
    others: dict[int, int] = {}
    for one, other in zip(old.reports, new.reports, strict=True):
        mine = {row: track for track, row in zip(one.ids.tolist(), one.detections.tolist(), strict=True) if row >= 0}
        theirs = {r: track for track, r in zip(other.ids.tolist(), other.detections.tolist(), strict=True) if r >= 0}
        for row, track in mine.items():
            own[track] = own.get(track, 0) + 1
            if row in theirs:
                together[track, theirs[row]] = together.get((track, theirs[row]), 0) + 1
        for track in theirs.values():
            others[track] = others.get(track, 0) + 1
    shares = {pair: n for pair, n in together.items() if n >= SHARE * own[pair[0]] or n >= SHARE * others[pair[1]]}
    forward: dict[int, list[int]] = {}
    back: dict[int, list[int]] = {}
    for a, b in sorted(shares):
        if shares[a, b] >= SHARE * own[a]:
            forward.setdefault(a, []).append(b)
        if shares[a, b] >= SHARE * others[b]:
            back.setdefault(b, []).append(a)
    same = sum(
        len(f) == 1 and back.get(f[0]) == [a] and own[a] == others[f[0]] == together[a, f[0]]
        for a, f in forward.items()
    )
    return Difference(
        merged=[(ids, b) for b, ids in sorted(back.items()) if len(ids) > 1],
        split=[(a, ids) for a, ids in sorted(forward.items()) if len(ids) > 1],
        gone=sorted(set(own) - {a for a, _ in together}),
        appeared=sorted(set(others) - {b for _, b in together}),
        same=same,
        before={} if truth is None else scores_of(old, truth),
        after={} if truth is None else scores_of(new, truth),
    )


def scores_of(run: Recorded, truth: GroundTruth) -> dict[str, float]:
    """HOTA, IDF1 and MOTA, 0..1, and switches of a run against the truth of one sequence."""
    return scores_of_rows({next(iter(truth.rows)): rows_of(run)}, truth)


def scores_of_rows(rows: Mapping[str, Rows], truth: GroundTruth) -> dict[str, float]:
    """The same of the rows of some sequences, all together."""
    figures = truth.score(dict(rows), look=False).combined.summary()
    return {name: figures[name] for name in ("HOTA", "IDF1", "MOTA", "IDSW")}


def rows_of(run: Recorded) -> Rows:
    """What a run reported, numbered as in tracks.txt."""
    rows = results_of(run.reports)
    return replace(rows, frames=run.recording.numbers[rows.frames - 1])
