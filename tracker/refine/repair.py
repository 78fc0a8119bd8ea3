"""The steps of offline repair, in order: merge, interpolate, smooth."""

from __future__ import annotations

from typing import Literal

from tracker.arrays import FloatArray
from tracker.refine.interpolate import MAX_GAP, SUPPORT, interpolate
from tracker.refine.merge import MAX_DISTANCE, MERGE_GAP, Merge, merge
from tracker.refine.smooth import smooth_gaussian, smooth_rts
from tracker.rows import Rows

Smooth = Literal["rts", "gaussian", "off"]


def refine(
    rows: Rows,
    *,
    merging: bool = True,
    merge_gap: float = MERGE_GAP,
    merge_overlap: float | None = None,
    embeddings: FloatArray | None = None,
    max_distance: float = MAX_DISTANCE,
    max_gap: float = MAX_GAP,
    support: float = SUPPORT,
    smooth: Smooth = "rts",
) -> tuple[Rows, list[Merge]]:
    """The repaired rows, ordered by id, then frame, and the merges with their reasons; ``rows`` is not changed.

    Runs ``merge`` (unless merging is False), then ``interpolate`` (unless max_gap is 0), then ``smooth_rts`` or
    ``smooth_gaussian``. These describe the parameters, in frames, and the errors. embeddings: (T, D) from
    ``mean_embeddings``. max_gap with smooth="gaussian" and support 0 is StrongSORT's Gaussian-smoothed interpolation.
    """
    if smooth not in ("rts", "gaussian", "off"):
        raise ValueError(f"smooth={smooth!r} is unknown; use 'rts', 'gaussian' or 'off'")
    merges: list[Merge] = []
    if merging:
        rows, merges = merge(rows, merge_gap, merge_overlap, embeddings=embeddings, max_distance=max_distance)
    rows = interpolate(rows, max_gap, support)
    if smooth == "rts":
        rows = smooth_rts(rows)
    elif smooth == "gaussian":
        rows = smooth_gaussian(rows)
    return rows, merges
