"""Offline repair of results: merge tracklets, fill gaps, smooth tracks. ``refine`` does all three."""

from tracker.refine.appearance import mean_embeddings
from tracker.refine.interpolate import interpolate
from tracker.refine.merge import Merge, merge
from tracker.refine.repair import refine
from tracker.refine.rows import Rows, as_rows
from tracker.refine.smooth import smooth_gaussian, smooth_rts

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
