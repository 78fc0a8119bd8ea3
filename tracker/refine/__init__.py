"""Offline repair of results: merge the tracks of one object, fill gaps, smooth boxes. ``refine`` does all three."""

from tracker.refine.appearance import mean_embeddings
from tracker.refine.interpolate import interpolate
from tracker.refine.merge import Merge, merge
from tracker.refine.repair import refine
from tracker.refine.smooth import smooth_gaussian, smooth_rts
from tracker.rows import Rows, as_rows

__all__ = [
    "Merge",
    "Rows",
    "as_rows",
    "interpolate",
    "mean_embeddings",
    "merge",
    "refine",
    "smooth_gaussian",
    "smooth_rts",
]
