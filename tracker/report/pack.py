"""Whole numbers for the page: differences, split into bytes, deflated, as text. ``page/pack.js`` reads them."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import Union

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray, IntArray
from tracker.rows import Rows

Json = Union[None, bool, int, float, str, Sequence["Json"], Mapping[str, "Json"]]  # noqa: UP007 - it names itself

QUARTER = 4  # steps in a pixel
HUNDREDTH = 100  # steps in a score
MOST = 2**30  # a difference is at most twice as large, and must fit into 32 bits with its sign


def packed(columns: Mapping[str, IntArray]) -> Json:
    """Columns of whole numbers below 2^30 as ``{"columns": [[name, count, bytes], ...], "data": text}``.

    A column holds the difference of each number to the one before it, the sign in the lowest bit; then all the lowest
    bytes come first, then the next ones, up to the highest that is not 0 everywhere. All columns are deflated together.
    """
    listed: list[Json] = []
    planes: list[NDArray[np.uint8]] = []
    for name, column in columns.items():
        if len(column) and np.abs(column).max() >= MOST:
            raise ValueError(f"{name}: holds {np.abs(column).max()}; a report takes numbers below {MOST}")
        steps = np.diff(column, prepend=0)
        folded = np.where(steps < 0, -2 * steps - 1, 2 * steps).astype("<u4")
        width = (int(folded.max(initial=0)).bit_length() + 7) // 8
        listed.append([name, len(column), width])
        planes += [(folded >> (8 * k)).astype(np.uint8) for k in range(width)]
    return {"columns": listed, "data": deflated(b"".join(plane.tobytes() for plane in planes))}


def deflated(data: bytes) -> str:
    """The bytes in zlib's format, as base64."""
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def packed_rows(rows: Rows, flags: IntArray) -> Json:
    """Rows, ordered by id and frame, in quarters of a pixel; ``flags`` (R,) go with them.

    Per track ``id`` and ``rows`` (how many); per row ``frame``, ``left``, ``top``, ``width``, ``height``, ``score`` in
    hundredths, ``class`` and ``flags``.
    """
    ids, counts = np.unique(rows.ids, return_counts=True)
    boxes = np.rint(rows.boxes * QUARTER).astype(np.int64)
    return packed(
        {
            "id": ids,
            "rows": counts,
            "frame": rows.frames,
            "left": boxes[:, 0],
            "top": boxes[:, 1],
            "width": boxes[:, 2] - boxes[:, 0],
            "height": boxes[:, 3] - boxes[:, 1],
            "score": np.rint(np.clip(rows.scores, -1e6, 1e6) * HUNDREDTH).astype(np.int64),
            "class": rows.classes,
            "flags": flags,
        }
    )


def packed_grid(grid: FloatArray) -> Json:
    """A grid of numbers, 0 or more, as shares of the largest in 255 steps: width, height, the largest, and ``cell``."""
    most = float(grid.max(initial=0.0))
    steps = np.rint(grid / (most or 1.0) * 255).astype(np.int64)
    return {"width": grid.shape[1], "height": grid.shape[0], "most": most, **_cells(steps)}


def _cells(steps: IntArray) -> Mapping[str, Json]:
    found = packed({"cell": steps.ravel()})
    assert isinstance(found, Mapping)
    return found
