"""Offline repair of results: merge the tracks of one object, fill gaps, smooth boxes. ``refine`` does all three.

``read_edits`` and ``apply_edits`` replay corrections made by hand in a report.
"""

from tracker.refine.appearance import mean_embeddings
from tracker.refine.edits import Edit, apply_edits, read_edits
from tracker.refine.interpolate import interpolate
from tracker.refine.merge import Merge, merge
from tracker.refine.repair import refine
from tracker.refine.smooth import smooth_gaussian, smooth_rts
from tracker.rows import Rows, as_rows

__all__ = [
    "Edit",
    "Merge",
    "Rows",
    "apply_edits",
    "as_rows",
    "interpolate",
    "mean_embeddings",
    "merge",
    "read_edits",
    "refine",
    "smooth_gaussian",
    "smooth_rts",
]
