"""What every score is computed from: the rows of consecutive frames and the pairs of rows that overlap.

Scores need the similarity of each ground truth row to each result row of the same frame, and in real scenes almost
all of these are zero. So `Frames` keeps only the others, for many frames in one set of arrays, and the scores work on
all frames at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.assign import linear_sum_assignment

EPS = float(np.finfo(np.float64).eps)  # a similarity meets a threshold from `threshold - EPS` on
_CELLS = 1 << 15  # similarities computed at once: a few such arrays fit into the processor's cache
_DENSE = 1 << 22  # largest number of pairs of identities that a flat table holds


@dataclass(frozen=True, eq=False)
class Frames:
    """Rows of F consecutive frames. Frame f holds rows start[f] to start[f + 1] of each side, in the order given.

    gt: (R,) identity number of each ground truth row, from 0. gt_start: (F + 1,). ids: (S,) the same of the results.
    id_start: (F + 1,). Pairs with similarity above 0, sorted by row, then column: row (P,) positions in gt, col (P,)
    positions in ids, similarity (P,) in 0..1.
    """

    gt: IntArray
    gt_start: IntArray
    ids: IntArray
    id_start: IntArray
    row: IntArray
    col: IntArray
    similarity: FloatArray

    def __len__(self) -> int:
        return len(self.gt_start) - 1

    def only(self, gt_keep: BoolArray, ids_keep: BoolArray) -> Frames:
        """The same frames with only the rows of the masks (R,) and (S,)."""
        gt_place, id_place = _places(gt_keep), _places(ids_keep)
        pairs = gt_keep[self.row] & ids_keep[self.col]
        return Frames(
            gt=self.gt[gt_keep],
            gt_start=gt_place[self.gt_start],
            ids=self.ids[ids_keep],
            id_start=id_place[self.id_start],
            row=gt_place[self.row[pairs]],
            col=id_place[self.col[pairs]],
            similarity=self.similarity[pairs],
        )

    def frame_of_gt(self) -> IntArray:
        """(R,) frame position of each ground truth row."""
        return np.repeat(np.arange(len(self)), np.diff(self.gt_start))


class Names:
    """Numbers 0, 1, 2, ... for identities of any integer value, in order of first appearance over all calls."""

    def __init__(self) -> None:
        self._number: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._number)

    def numbers(self, ids: IntArray) -> IntArray:
        """The numbers (N,) of identities (N,)."""
        unique, inverse = np.unique(ids, return_inverse=True)
        numbers = [self._number.setdefault(name, len(self._number)) for name in unique.tolist()]
        return np.array(numbers, dtype=np.int64)[inverse]


def frames_from_matrices(
    gt_ids: Iterable[ArrayLike],
    ids: Iterable[ArrayLike],
    similarity: Iterable[ArrayLike],
    gt_names: Names,
    id_names: Names,
    first: int = 0,
) -> Frames:
    """Frames from per-frame arrays: gt_ids (G,), ids (T,), similarity (G, T) in 0..1.

    first: number of the first frame, for errors. Raises ValueError, naming the frame, for shapes that do not fit, an id
    that occurs twice, or a similarity that is NaN or outside 0..1.
    """
    gt_rows, id_rows, flat, gt_counts, id_counts = [], [], [], [], []
    for k, (g, t, s) in enumerate(zip(gt_ids, ids, similarity, strict=True), start=first):
        g_, t_ = _identities(g, k, "ground truth"), _identities(t, k, "result")
        s_ = np.asarray(s, dtype=np.float64)
        if s_.size == 0 and 0 in (len(g_), len(t_)):
            s_ = s_.reshape(len(g_), len(t_))
        if s_.shape != (len(g_), len(t_)):
            raise ValueError(f"frame {k}: similarity is {s_.shape} for {len(g_)} ground truth ids and {len(t_)} ids")
        if s_.size and not (s_.min() >= 0 and s_.max() <= 1 + 1e-9):
            raise ValueError(f"frame {k}: similarity is NaN or outside 0..1; give IoU, for example")
        gt_rows.append(g_)
        id_rows.append(t_)
        flat.append(s_)
        gt_counts.append(len(g_))
        id_counts.append(len(t_))
    gt_start, id_start = _starts(gt_counts), _starts(id_counts)
    rows, cols, values = [], [], []
    for k, s_ in enumerate(flat):
        r, c = np.nonzero(s_)
        rows.append(r + gt_start[k])
        cols.append(c + id_start[k])
        values.append(s_[r, c])
    return Frames(
        gt=gt_names.numbers(_joined(gt_rows, np.int64)),
        gt_start=gt_start,
        ids=id_names.numbers(_joined(id_rows, np.int64)),
        id_start=id_start,
        row=_joined(rows, np.int64),
        col=_joined(cols, np.int64),
        similarity=_joined(values, np.float64),
    )


def frames_from_boxes(
    gt: IntArray, gt_boxes: FloatArray, gt_start: IntArray, ids: IntArray, id_boxes: FloatArray, id_start: IntArray
) -> Frames:
    """Frames from boxes, with IoU as similarity.

    gt (R,), ids (S,): identity numbers. Boxes (R, 4) and (S, 4) xyxy; those without area overlap nothing. Starts
    (F + 1,): first row of each frame, and the number of rows.
    """
    row, col = _overlapping(gt_boxes, gt_start, id_boxes, id_start)
    a, b = gt_boxes[row], id_boxes[col]
    side = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    intersection = side[:, 0] * side[:, 1]
    gt_area = ((gt_boxes[:, 2] - gt_boxes[:, 0]) * (gt_boxes[:, 3] - gt_boxes[:, 1]))[row]
    id_area = ((id_boxes[:, 2] - id_boxes[:, 0]) * (id_boxes[:, 3] - id_boxes[:, 1]))[col]
    union = gt_area + id_area - intersection
    solid = (gt_area > EPS) & (id_area > EPS) & (union > EPS) & (intersection > 0)
    if not solid.all():
        row, col, intersection, union = row[solid], col[solid], intersection[solid], union[solid]
    return Frames(gt, gt_start, ids, id_start, row, col, intersection / union)


def _overlapping(a: FloatArray, a_start: IntArray, b: FloatArray, b_start: IntArray) -> tuple[IntArray, IntArray]:
    """Pairs (row of a, row of b) of the same frame whose boxes overlap, sorted."""
    rows, cols = [], []
    a_count, b_count = np.diff(a_start), np.diff(b_start)
    a, b = np.ascontiguousarray(a.T), np.ascontiguousarray(b.T)
    for low, high in _chunks(a_count, b_count):
        width_a, width_b = int(a_count[low:high].max()), int(b_count[low:high].max())
        if width_a == 0 or width_b == 0:
            continue
        at = _padded(a, a_start[low:high], a_count[low:high], width_a)[:, :, :, None]
        bt = _padded(b, b_start[low:high], b_count[low:high], width_b)[:, :, None, :]
        overlap = at[2] > bt[0]
        overlap &= bt[2] > at[0]
        overlap &= at[3] > bt[1]
        overlap &= bt[3] > at[1]
        flat = np.flatnonzero(overlap)
        frame_row, col = np.divmod(flat, width_b)
        frame, row = np.divmod(frame_row, width_a)
        rows.append(row + a_start[low:high][frame])
        cols.append(col + b_start[low:high][frame])
    return _joined(rows, np.int64), _joined(cols, np.int64)


def _chunks(a_count: IntArray, b_count: IntArray) -> Iterator[tuple[int, int]]:
    """Ranges of frames with about _CELLS similarities each."""
    done = np.cumsum(a_count * b_count + 1) // _CELLS
    edges = np.flatnonzero(np.diff(done)) + 1
    bounds = [0, *edges.tolist(), len(done)]
    for low, high in itertools.pairwise(bounds):
        if high > low:
            yield low, high


def _padded(boxes: FloatArray, start: IntArray, count: IntArray, width: int) -> FloatArray:
    """Boxes (4, N) by frame, (4, F, width), padded after each frame's last box with NaN, which overlaps nothing."""
    place = np.arange(width)
    out: FloatArray = boxes.take(start[:, None] + place, axis=1, mode="clip")
    out[:, place >= count[:, None]] = np.nan
    return out


def assign(frames: Frames, score: FloatArray) -> BoolArray:
    """Mask (P,) of the pairs in the best one-to-one assignment of each frame; score: (P,) of each pair, 0 or more.

    For each frame this is what `linear_sum_assignment` finds on the matrix of scores, without pairs of score 0. Most
    pairs need no solver: a pair whose score exceeds the sum of all others in its row and column is in every best
    assignment, and taking it leaves a smaller problem. A frame that this does not settle goes to the solver as a whole,
    so that ties are broken as the solver breaks them.
    """
    chosen = np.zeros(len(score), dtype=bool)
    row_done = np.zeros(len(frames.gt), dtype=bool)
    col_done = np.zeros(len(frames.ids), dtype=bool)
    left = np.flatnonzero(score > 0)
    while len(left):
        row, col, value = frames.row[left], frames.col[left], score[left]
        of_row = np.bincount(row, value, len(row_done))[row]
        of_col = np.bincount(col, value, len(col_done))[col]
        sure = 3 * value > (of_row + of_col) * (1 + 1e-9)
        if not sure.any():
            break
        chosen[left[sure]] = True
        row_done[row[sure]] = True
        col_done[col[sure]] = True
        left = left[~(row_done[row] | col_done[col])]
    if len(left):
        frame = np.searchsorted(frames.gt_start, frames.row[left], side="right") - 1
        greedy, certain = _certified(frames.row[left], frames.col[left], score[left], row_done, col_done)
        open_ = np.unique(frame[~certain])
        closed = ~np.isin(frame, open_)
        chosen[left[greedy & closed]] = True
        bounds = np.searchsorted(frames.row, frames.gt_start)
        for f, low, high in zip(open_.tolist(), bounds[open_].tolist(), bounds[open_ + 1].tolist(), strict=True):
            chosen[low:high] = solve(frames, f, frames.row[low:high], frames.col[low:high], score[low:high])
    return chosen


def _certified(
    row: IntArray, col: IntArray, value: FloatArray, row_done: BoolArray, col_done: BoolArray
) -> tuple[BoolArray, BoolArray]:
    """Mask (N,) of a greedy matching, and mask (N,) of the pairs that agree with its being the only best one.

    Greedy: take the pairs that are best in their row and their column until none is left. The proof is by duality: give
    each row and column a price, half the value of its pair or 0 where it has none. The matching is best if no pair is
    worth more than its two prices, and the only best one if every pair outside it is worth less. row_done and col_done
    are overwritten.
    """
    greedy = np.zeros(len(row), dtype=bool)
    left = np.arange(len(row))
    while len(left):
        r, c, v = row[left], col[left], value[left]
        best_row, best_col = np.zeros(len(row_done)), np.zeros(len(col_done))
        np.maximum.at(best_row, r, v)
        np.maximum.at(best_col, c, v)
        top = (v == best_row[r]) & (v == best_col[c])
        # Of equal values only the first is taken; the other pair then fails the proof.
        top[top] = _first_of(r[top]) & _first_of(c[top])
        greedy[left[top]] = True
        row_done[r[top]] = True
        col_done[c[top]] = True
        left = left[~(row_done[r] | col_done[c])]
    price_row, price_col = np.zeros(len(row_done)), np.zeros(len(col_done))
    price_row[row[greedy]] = price_col[col[greedy]] = value[greedy] / 2
    certain = greedy | (value < (price_row[row] + price_col[col]) * (1 - 1e-9))
    return greedy, certain


def _first_of(group: IntArray) -> BoolArray:
    """Mask (N,) of the first element of each group."""
    first = np.zeros(len(group), dtype=bool)
    first[np.unique(group, return_index=True)[1]] = True
    return first


def solve(frames: Frames, f: int, row: IntArray, col: IntArray, score: FloatArray) -> BoolArray:
    """Mask of the pairs (row, col) of frame f that the solver picks on the whole matrix of the frame.

    score: of each pair, 0 or more; pairs of score 0 are not picked.
    """
    first_row, first_col = frames.gt_start[f], frames.id_start[f]
    row, col = row - first_row, col - first_col
    matrix = np.zeros((frames.gt_start[f + 1] - first_row, frames.id_start[f + 1] - first_col))
    matrix[row, col] = score
    best_row, best_col = linear_sum_assignment()(matrix, maximize=True)
    partner = np.full(len(matrix), -1)
    partner[best_row] = best_col
    taken: BoolArray = (partner[row] == col) & (score > 0)
    return taken


class PairSums:
    """A sum for each pair (ground truth identity, result identity) that was ever added."""

    def __init__(self) -> None:
        self.gt: IntArray = np.empty(0, dtype=np.int64)
        self.ids: IntArray = np.empty(0, dtype=np.int64)
        self.sums: FloatArray = np.empty(0)
        self._lookup: tuple[int, IntArray] | None = None

    def __len__(self) -> int:
        return len(self.sums)

    def add(self, gt: IntArray, ids: IntArray, value: FloatArray) -> None:
        """Add value (N,) to the pairs gt (N,), ids (N,), in the order given."""
        if not len(gt):
            return
        gt, ids = np.concatenate((self.gt, gt)), np.concatenate((self.ids, ids))
        value = np.concatenate((self.sums, value))
        width = int(ids.max()) + 1
        key = gt * width + ids
        size = (int(gt.max()) + 1) * width
        if size <= _DENSE:
            keys = np.flatnonzero(np.bincount(key, minlength=size))
            self.sums = sums_by(key, value, size)[keys]
        else:
            keys, inverse = np.unique(key, return_inverse=True)
            self.sums = sums_by(inverse, value, len(keys))
        self.gt, self.ids = np.divmod(keys, width)
        self._lookup = None

    def find(self, gt: IntArray, ids: IntArray) -> IntArray:
        """Position (N,) in `sums` of the pairs gt (N,), ids (N,), all of which must have been added."""
        if self._lookup is None:
            width = int(self.ids.max(initial=0)) + 1
            keys = self.gt * width + self.ids
            if len(keys) and int(keys[-1]) < _DENSE:
                place = np.zeros(int(keys[-1]) + 1, dtype=np.int64)
                place[keys] = np.arange(len(keys))
                keys = place
                self._lookup = (width, keys)
            else:
                self._lookup = (-width, keys)
        width, table = self._lookup
        if width > 0:
            places: IntArray = table[gt * width + ids]
            return places
        return np.searchsorted(table, gt * -width + ids)


def sums_by(group: IntArray, value: FloatArray, size: int) -> FloatArray:
    """(size,) sum of the values (N,) of each group (N,) from 0, added in the order given."""
    out: Any = np.bincount(group, value, size)
    return out.astype(np.float64, copy=False)  # type: ignore[no-any-return]


def grown(array: IntArray, size: int, fill: int = 0) -> IntArray:
    """The array with at least `size` elements, new ones being `fill`."""
    if len(array) >= size:
        return array
    out = np.full(max(size, 2 * len(array)), fill, dtype=np.int64)
    out[: len(array)] = array
    return out


def counted(counts: IntArray, identities: IntArray) -> IntArray:
    """`counts` with each of `identities` counted once more, grown as needed."""
    if not len(identities):
        return counts
    seen = np.bincount(identities)
    counts = grown(counts, len(seen))
    counts[: len(seen)] += seen
    return counts


def _identities(ids: ArrayLike, frame: int, side: str) -> IntArray:
    array = np.asarray(ids)
    if array.ndim != 1:
        raise ValueError(f"frame {frame}: {side} ids have shape {array.shape}; give (N,)")
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"frame {frame}: {side} ids are {array.dtype}; give integers")
    array = array.astype(np.int64)
    if len(array) > 1:
        ordered = np.sort(array)
        same = ordered[1:] == ordered[:-1]
        if same.any():
            raise ValueError(
                f"frame {frame}: {side} id {ordered[1:][same][0]} occurs twice; an id names one box a frame"
            )
    return array


def _places(keep: BoolArray) -> IntArray:
    """(N + 1,) number of kept rows before each row, and in total."""
    out = np.zeros(len(keep) + 1, dtype=np.int64)
    np.cumsum(keep, out=out[1:])
    return out


def _starts(counts: Sequence[int]) -> IntArray:
    out = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=out[1:])
    return out


def _joined(parts: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)
