"""Two runs of one video: which ids of the one are which of the other."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from tracker.evaluate.frames import assign, frames_from_boxes
from tracker.explain.whatif import SHARE
from tracker.report.pack import Json
from tracker.rows import Rows

SAME = 0.5  # IoU from which two boxes are one


def differences(one: Rows, other: Rows) -> list[Json]:
    """Ids that are one in one run and several in the other, or in one run only; the most rows first.

    Each has ``ids`` of the first run and of the second, ``frame``, where the two part, ``rows``, how many rows of the
    smaller parts differ, and ``sentences``, for a reader of the first run and of the second.
    """
    one, other = one.by_frame(), other.by_frame()
    last = max(one.last_frame, other.last_frame)
    starts = [np.searchsorted(rows.frames, np.arange(1, last + 2)) for rows in (one, other)]
    frames = frames_from_boxes(one.ids, one.boxes, starts[0], other.ids, other.boxes, starts[1])
    chosen = assign(frames, np.where(frames.similarity >= SAME, frames.similarity, 0.0))
    pairs: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, column in zip(frames.row[chosen].tolist(), frames.col[chosen].tolist(), strict=True):
        pairs[int(one.ids[row]), int(other.ids[column])].append(int(one.frames[row]))
    counts = [_counts(one), _counts(other)]
    found: list[tuple[int, int, Json]] = []
    for side in (0, 1):
        for track, parts in sorted(_parts(pairs, side, counts).items()):
            if len(parts) > 1:
                found.append(_split(track, parts, side))
        found += [
            _alone(track, counts[side][track], rows, side)
            for track, rows in _firsts((one, other)[side]).items()
            if not any(pair[side] == track for pair in pairs)
        ]
    found.sort(key=lambda item: (-item[0], item[1]))
    return [entry for _, _, entry in found]


def _counts(rows: Rows) -> dict[int, int]:
    ids, counts = np.unique(rows.ids, return_counts=True)
    return dict(zip(ids.tolist(), counts.tolist(), strict=True))


def _firsts(rows: Rows) -> dict[int, int]:
    """The first frame of each id; rows ordered by frame."""
    ids, places = np.unique(rows.ids, return_index=True)
    return dict(zip(ids.tolist(), rows.frames[places].tolist(), strict=True))


def _parts(
    pairs: dict[tuple[int, int], list[int]], side: int, counts: list[dict[int, int]]
) -> dict[int, list[tuple[int, list[int]]]]:
    """By id of one side: the ids of the other that share a tenth of its rows, with their frames, in order of time."""
    parts: dict[int, list[tuple[int, list[int]]]] = defaultdict(list)
    for pair, frames in pairs.items():
        if len(frames) >= SHARE * counts[side][pair[side]]:
            parts[pair[side]].append((pair[1 - side], frames))
    return {track: sorted(some, key=lambda part: part[1][0]) for track, some in parts.items()}


def _split(track: int, parts: list[tuple[int, list[int]]], side: int) -> tuple[int, int, Json]:
    ids = [part for part, _ in parts]
    frame = parts[1][1][0]
    rows = min(len(frames) for _, frames in parts)
    listed = ", ".join(map(str, ids[:-1])) + f" and {ids[-1]}"
    said = [
        f"id {track} here is ids {listed} in the other run, from frame {frame} on.",
        f"ids {listed} here are one id, {track}, in the other run; the second begins at frame {frame}.",
    ]
    return rows, frame, _difference(side, [track], ids, frame, rows, said)


def _alone(track: int, rows: int, frame: int, side: int) -> tuple[int, int, Json]:
    has = f"has {rows} row{'' if rows == 1 else 's'} from frame {frame} on"
    said = [
        f"id {track} {has}; the other run has nothing there.",
        f"id {track} of the other run {has}; this run has nothing there.",
    ]
    return rows, frame, _difference(side, [track], [], frame, rows, said)


def _difference(side: int, mine: list[int], theirs: list[int], frame: int, rows: int, said: list[str]) -> Json:
    """side: the run that ``mine`` are ids of, and that the first sentence is for."""
    order = slice(None) if side == 0 else slice(None, None, -1)
    return {"ids": [mine, theirs][order], "frame": frame, "rows": rows, "sentences": said[order]}
