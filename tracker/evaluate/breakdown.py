"""Where a tracker finds objects and keeps their ids: by size, crowding, visibility, and length of occlusion.

Each row of the ground truth that counts belongs to one group of each kind; CLEAR's matching says whether it is found
and whether the id changes there. An occlusion is a stretch of a trajectory in which the object is less than
VISIBLE to be seen, or in which the ground truth itself has no box; it is kept where the id after it is the one before.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.boxes import iou_xyxy
from tracker.evaluate.benchmark import GroundTruth, Source
from tracker.evaluate.clear import ClearCounter
from tracker.rows import Rows

VISIBLE = 0.3  # share of an object

SIZES = (32, 64, 128, 256)  # pixels of height
COVERED = (0.01, 0.2, 0.5)  # largest IoU with another object
SEEN = (0.25, 0.5, 0.75)  # visibility, as MOTChallenge gives it
LENGTHS = (1, 10, 30, 90)  # frames, the ends of the groups


@dataclass(frozen=True)
class Group:
    """Rows of the ground truth that have something in common, or occlusions of one length.

    kind    "height", "crowding", "visibility" or "occlusion"
    name    of the group, such as "64-128 px"
    rows    of the ground truth, or occlusions that have a match on both sides
    found   of the rows; None for occlusions
    kept    occlusions after which the id is the one before; None for rows
    idsw    switches that CLEAR counts at these rows; for occlusions, those that are not kept
    """

    kind: str
    name: str
    rows: int
    found: int | None
    kept: int | None
    idsw: int

    @property
    def recall(self) -> float | None:
        """Share of the rows that are found."""
        return None if self.found is None else self.found / max(1, self.rows)


def breakdown(truth: GroundTruth, results: Source, *, threshold: float = 0.5) -> list[Group]:
    """The groups of all sequences together; those that hold nothing are left out.

    results    of one tracker, as ``GroundTruth.score`` takes them
    threshold  overlap of a match
    """
    rows = truth.read(results)
    parts = [_matched(truth, name, rows[name], threshold) for name in truth.sequences]
    groups = _of_rows("height", _between(SIZES, " px"), parts, lambda part: part.height, SIZES)
    groups += _of_rows("crowding", ["alone", "IoU below .2", "IoU .2-.5", "IoU .5 up"], parts, _crowding, COVERED)
    groups += _of_rows("visibility", _between(SEEN, ""), parts, lambda part: part.visibility, SEEN)
    return groups + _of_occlusions(parts)


@dataclass(frozen=True, eq=False)
class _Part:
    """The rows of one sequence that count, by frame.

    identity, frame, partner, switched  (R,); partner is -1 for one that is missed
    boxes                               (R, 4)
    visibility                          (R,), NaN where it is unknown
    """

    identity: IntArray
    frame: IntArray
    partner: IntArray
    switched: BoolArray
    boxes: FloatArray
    visibility: FloatArray

    @property
    def height(self) -> FloatArray:
        return self.boxes[:, 3] - self.boxes[:, 1]


def _matched(truth: GroundTruth, name: str, results: Rows, threshold: float) -> _Part:
    gt = truth.rows[name]  # ordered by frame
    counter = ClearCounter(threshold)
    partners, rows = [], []
    for block, numbers in truth.numbered_frames(name, results):
        partners.append(counter.add(block))
        rows.append(np.stack([numbers[block.frame_of_gt()], block.gt]))
    none = np.empty(0, dtype=np.int64)
    partner = np.concatenate([none, *partners])
    frame, identity = np.concatenate([np.empty((2, 0), dtype=np.int64), *rows], axis=1)
    number = truth.identities(name, results)
    width = int(number.max(initial=0)) + 2
    place = np.searchsorted(gt.frames * width + number, frame * width + identity, sorter=_order(gt.frames, number))
    at = _order(gt.frames, number)[place] if len(place) else place
    seen = np.where(gt.visibility[at] < 0, np.nan, gt.visibility[at])
    return _Part(identity, frame, partner, _switched(identity, partner), gt.boxes[at], seen)


def _order(frames: IntArray, number: IntArray) -> IntArray:
    return np.lexsort((number, frames))


def _switched(identity: IntArray, partner: IntArray) -> BoolArray:
    """(R,) rows at which CLEAR counts a switch; the rows are ordered by frame."""
    out = np.zeros(len(identity), dtype=bool)
    rows = np.flatnonzero(partner >= 0)
    rows = rows[np.argsort(identity[rows], kind="stable")]
    same = identity[rows[1:]] == identity[rows[:-1]]
    out[rows[1:]] = same & (partner[rows[1:]] != partner[rows[:-1]])
    return out


def _crowding(part: _Part) -> FloatArray:
    """(R,) the largest IoU of each row with another of its frame."""
    out = np.zeros(len(part.frame))
    starts = np.flatnonzero(np.diff(part.frame, prepend=-1))
    for low, high in itertools.pairwise([*starts.tolist(), len(part.frame)]):
        if high - low > 1:
            overlap = iou_xyxy(part.boxes[low:high], part.boxes[low:high])
            np.fill_diagonal(overlap, 0.0)
            out[low:high] = overlap.max(axis=1)
    return out


def _of_rows(
    kind: str,
    names: Sequence[str],
    parts: Sequence[_Part],
    value_of: Callable[[_Part], FloatArray],
    edges: Sequence[float],
) -> list[Group]:
    count, found, idsw = (np.zeros(len(edges) + 1, dtype=np.int64) for _ in range(3))
    for part in parts:
        value = value_of(part)
        known = ~np.isnan(value)
        group = np.searchsorted(edges, value[known], side="right")
        count += np.bincount(group, minlength=len(count))
        found += np.bincount(group[part.partner[known] >= 0], minlength=len(count))
        idsw += np.bincount(group[part.switched[known]], minlength=len(count))
    return [
        Group(kind, name, int(n), int(f), None, int(s))
        for name, n, f, s in zip(names, count, found, idsw, strict=True)
        if n
    ]


def _of_occlusions(parts: Sequence[_Part]) -> list[Group]:
    spans = itertools.pairwise([0, *LENGTHS])
    names = [f"{low + 1}-{high} frames" if low + 1 < high else f"{high} frame" for low, high in spans]
    names.append(f"over {LENGTHS[-1]} frames")
    count, kept = np.zeros(len(names), dtype=np.int64), np.zeros(len(names), dtype=np.int64)
    for part in parts:
        for length, same in _occlusions(part):
            group = int(np.searchsorted(LENGTHS, length))
            count[group] += 1
            kept[group] += same
    return [
        Group("occlusion", name, int(n), None, int(k), int(n - k))
        for name, n, k in zip(names, count, kept, strict=True)
        if n
    ]


def _occlusions(part: _Part) -> list[tuple[int, bool]]:
    """The length in frames of each occlusion that has a match on both sides, and whether the id is kept."""
    out = []
    order = np.argsort(part.identity, kind="stable")
    bounds = np.flatnonzero(np.diff(part.identity[order], prepend=-1, append=-1))
    for low, high in itertools.pairwise(bounds.tolist()):
        rows = order[low:high]
        visible = ~(part.visibility[rows] < VISIBLE)
        clear = rows[visible]
        before: int | None = None
        for row, after in zip(clear[:-1].tolist(), clear[1:].tolist(), strict=True):
            before = int(part.partner[row]) if part.partner[row] >= 0 else before
            gap = int(part.frame[after] - part.frame[row]) - 1
            if gap <= 0 or before is None:
                continue
            following = part.partner[clear[np.searchsorted(clear, after) :]]
            matched = following[following >= 0]
            if len(matched):
                out.append((gap, int(matched[0]) == before))
    return out


def _between(edges: Sequence[float], unit: str) -> list[str]:
    inner = [f"{low:g}-{high:g}{unit}" for low, high in itertools.pairwise(edges)]
    return [f"below {edges[0]:g}{unit}", *inner, f"{edges[-1]:g}{unit} up"]


def as_text(found: Mapping[str, Sequence[Group]]) -> str:
    """The groups of each tracker as one aligned table."""
    names = list(found)
    lines = [["", "group", "rows", *(f"{name}: found, idsw" for name in names)]]
    keys = dict.fromkeys((one.kind, one.name) for groups in found.values() for one in groups)
    for kind, group in keys:
        cells, rows = [], 0
        for name in names:
            one = next((g for g in found[name] if (g.kind, g.name) == (kind, group)), None)
            if one is None:
                cells.append("-")
                continue
            rows = max(rows, one.rows)
            share = one.recall if one.kept is None else one.kept / one.rows
            cells.append(f"{100 * (share or 0.0):.1f} {one.idsw:5d}")
        lines.append([kind, group, str(rows), *cells])
    sizes = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    text = []
    for line in lines:
        left = "  ".join(cell.ljust(size) for cell, size in zip(line[:2], sizes, strict=False))
        right = "  ".join(cell.rjust(size) for cell, size in zip(line[2:], sizes[2:], strict=True))
        text.append(f"{left}  {right}".rstrip())
    return "\n".join(text)
