"""Signs that boxes or scores mean something else than left, top, right, bottom in pixels and scores 0..1."""

from __future__ import annotations

import threading

import numpy as np

from tracker.arrays import BoolArray, FloatArray
from tracker.detections import NORMALISED_BOXES as NORMALISED_BOXES
from tracker.detections import WIDE, normalised, percentages

INVALID_BOXES = (
    "more than half of the boxes are not finite, have no size or lie far outside the image; "
    "give left, top, right, bottom in pixels"
)


class Doubts:
    """Counts rows over all images; several threads may call ``see`` at once, and the sums do not depend on the order.

    rows        boxes seen
    invalid     not finite, without a positive size, or far beyond the image
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.rows = self.invalid = 0
        self._normalised, self._lowest, self._highest = True, np.inf, -np.inf

    def see(self, boxes: FloatArray, scores: FloatArray, size: tuple[int, int] | None, *, dropped: int = 0) -> None:
        """Count the boxes (N, 4) and scores (N,) of an image of ``size`` (height, width), where it is known.

        dropped  invalid rows that are no longer among them
        """
        if len(boxes) + dropped == 0:
            return
        invalid = int(np.count_nonzero(_invalid(boxes, size)))
        within = (size is None or min(size) >= WIDE) and normalised(boxes)
        low, high = float(scores.min(initial=np.inf)), float(scores.max(initial=-np.inf))
        with self._lock:
            self.rows += len(boxes) + dropped
            self.invalid += invalid + dropped
            self._normalised = self._normalised and within
            self._lowest, self._highest = min(self._lowest, low), max(self._highest, high)

    @property
    def mostly_invalid(self) -> bool:
        """Whether more than half of the rows are invalid."""
        return 2 * self.invalid > self.rows

    @property
    def normalised(self) -> bool:
        """Whether all boxes lie within 0..1, as parts of the image and not in its pixels."""
        return self.rows > 0 and self._normalised

    @property
    def lines(self) -> list[str]:
        """What to tell the author of the boxes."""
        boxes = NORMALISED_BOXES if self.normalised else INVALID_BOXES if self.mostly_invalid else None
        return [line for line in (boxes, self.scores) if line is not None]

    @property
    def scores(self) -> str | None:
        """What is odd about the scores, or None: all lie above 1, or they may be percentages."""
        if self._highest <= 1.001 or not np.isfinite(self._highest):
            return None
        if said := percentages(self._lowest, self._highest):
            return said
        return f"every score is above 1 (from {self._lowest:g} on); give 0..1" if self._lowest > 1 else None


def _invalid(boxes: FloatArray, size: tuple[int, int] | None) -> BoolArray:
    """Which boxes (N, 4) are not finite, have no positive size, or reach more than two images beyond their own."""
    with np.errstate(invalid="ignore"):
        good = np.isfinite(boxes) & np.tile(boxes[:, 2:] > boxes[:, :2], 2)
        if size is not None:
            side = np.array([size[1], size[0], size[1], size[0]], dtype=np.float64)
            good &= (boxes >= -2 * side) & (boxes <= 3 * side)
    invalid: BoolArray = ~np.all(good, axis=1)
    return invalid
