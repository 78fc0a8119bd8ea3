"""Tracks to repair: straight, broken, and at random."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tracker.arrays import FloatArray
from tracker.rows import Rows, as_rows, joined


def straight(
    frames: object, box: tuple[float, ...] = (10, 20, 50, 120), velocity: tuple[float, float] = (3, -1)
) -> FloatArray:
    """(R, 4) boxes of constant size that move by ``velocity`` a frame; ``box`` is that of frame 0."""
    t = np.asarray(frames, dtype=float)[:, None]
    return np.asarray(box, dtype=float) + t * np.tile(velocity, 2)


def track(frames: object, id: int = 1, **motion: object) -> Rows:
    frames = np.asarray(frames)
    return as_rows(frames, np.full(len(frames), id), straight(frames, **motion))  # type: ignore[arg-type]


def together(*tracks: Rows) -> Rows:
    """One result of several tracks."""
    return joined(tracks).by_track()


@st.composite
def results(draw: st.DrawFn) -> Rows:
    """A few tracks with gaps: noisy lines, some of which go on where another ended."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    tracks, begin = [], 1
    for k in range(draw(st.integers(0, 6))):
        length = int(rng.integers(1, 40))
        begin = (
            int(rng.integers(1, 60))
            if rng.random() < 0.5 or not tracks
            else tracks[-1].frames[-1] + int(rng.integers(1, 25))
        )
        frames = begin + np.flatnonzero(rng.random(length) < 0.8)
        if len(frames) == 0:
            continue
        boxes = straight(frames, (*rng.uniform(0, 50, 2), *rng.uniform(60, 150, 2)), tuple(rng.uniform(-2, 2, 2)))
        boxes += rng.normal(0, 1, boxes.shape)
        tracks.append(
            as_rows(
                frames, np.full(len(frames), 3 * k + 2), boxes, rng.random(len(frames)), rng.integers(0, 2, len(frames))
            )
        )
    return together(*tracks) if tracks else as_rows([], [], np.empty((0, 4)))


def same(a: Rows, b: Rows) -> bool:
    """Whether the rows are the same, wherever they came from."""
    theirs = b.columns()
    return all(np.array_equal(column, theirs[name]) for name, column in a.columns().items() if name != "lines")


def columns(rows: Rows) -> dict[str, object]:
    return {name: column.copy() for name, column in rows.columns().items()}
