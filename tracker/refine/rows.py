"""The rows of a whole result, by track: what offline repair reads and gives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of one result, sorted by id, then frame; made by ``as_rows``.

    frames (R,), ids (R,) and classes (R,) int64; boxes (R, 4) float64 xyxy in pixels; scores (R,) float64;
    interpolated (R,) bool: True for rows that nobody detected. No two rows have the same frame and id.
    """

    frames: IntArray
    ids: IntArray
    boxes: FloatArray
    scores: FloatArray
    classes: IntArray
    interpolated: BoolArray

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def starts(self) -> IntArray:
        """(T + 1,) where each track's rows begin, and the number of rows: track k has rows starts[k]:starts[k + 1]."""
        first = np.flatnonzero(np.diff(self.ids, prepend=-1))
        return np.append(first, len(self.ids))

    @property
    def spans(self) -> list[tuple[int, int]]:
        """First row of each track, and the row after its last."""
        return list(pairwise(self.starts.tolist()))

    def _take(self, order: IntArray) -> Rows:
        return replace(self, **{name: value[order] for name, value in vars(self).items()})


def as_rows(
    frames: ArrayLike,
    ids: ArrayLike,
    boxes: ArrayLike,
    scores: ArrayLike | None = None,
    classes: ArrayLike | None = None,
    interpolated: ArrayLike | None = None,
) -> Rows:
    """Rows in any order, checked, copied and sorted.

    frames (R,) from 1, ids (R,) from 1: whole numbers. boxes (R, 4) xyxy. scores (R,), 1 when absent; classes (R,), -1
    when absent; interpolated (R,), False when absent. Raises ValueError, in one line, for shapes that disagree, NaN or
    inf, a negative size, a frame or id below 1, or two rows of one frame and id.
    """
    count = np.shape(frames)[0] if np.ndim(frames) == 1 else -1
    columns: dict[str, NDArray[Any]] = {
        "frames": _whole("frames", frames),
        "ids": _whole("ids", ids),
        "boxes": np.asarray(boxes, dtype=np.float64).reshape(-1, 4) if count == 0 else np.asarray(boxes, np.float64),
        "scores": np.ones(max(count, 0)) if scores is None else np.asarray(scores, dtype=np.float64),
        "classes": np.full(max(count, 0), -1) if classes is None else _whole("classes", classes),
        "interpolated": np.zeros(max(count, 0), bool) if interpolated is None else np.asarray(interpolated, bool),
    }
    shapes = {name: column.shape for name, column in columns.items()}
    if any(shape != ((count, 4) if name == "boxes" else (count,)) for name, shape in shapes.items()):
        said = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"{said} do not belong together; give (R,) of each and boxes (R, 4)")
    rows = Rows(**columns)._take(np.lexsort((columns["frames"], columns["ids"])))
    same = np.zeros(count, dtype=bool)
    same[1:] = (rows.frames[1:] == rows.frames[:-1]) & (rows.ids[1:] == rows.ids[:-1])
    for bad, what in (
        (rows.frames < 1, "frames count from 1"),
        (rows.ids < 1, "ids count from 1"),
        (~np.isfinite(rows.boxes).all(axis=1) | ~np.isfinite(rows.scores), "NaN or inf in its box or score"),
        ((rows.boxes[:, 2:] < rows.boxes[:, :2]).any(axis=1), "its box has a negative size; give xyxy"),
        (same, "two rows; an id names one box a frame"),
    ):
        if bad.any():
            row = int(np.argmax(bad))
            raise ValueError(f"frame {rows.frames[row]}, id {rows.ids[row]}: {what}")
    return rows


def _whole(name: str, column: ArrayLike) -> IntArray:
    values = np.asarray(column)
    if values.size and not np.issubdtype(values.dtype, np.integer) and not (np.trunc(values) == values).all():
        raise ValueError(f"{name} are not whole numbers")
    return values.astype(np.int64)
