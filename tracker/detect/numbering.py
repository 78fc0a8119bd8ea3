"""Class numbers of networks that count from 1, or by COCO's files, as numbers from 0 without gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tracker.arrays import IntArray
from tracker.detect.coco import COCO, COCO_COLUMNS, COCO_NUMBERS


@dataclass(frozen=True)
class Numbering:
    """How a network numbers its classes.

    classes  how many there are
    first    the number of the first: 1 where 0 is the background
    coco     numbers are those of COCO's files, 1 to 90 with gaps, and become 0 to 79
    """

    classes: int = len(COCO)
    first: int = 1
    coco: bool = True

    def named(self, count: int) -> Numbering:
        """The numbering now that ``count`` class names are known.

        80 are COCO's. As many names as COCO's files have numbers, 91 with the background, are by number. Any other
        count says that the network was trained on other classes.
        """
        if self.coco and count == self.classes:
            return self
        return Numbering(count, 0 if count == COCO_COLUMNS else self.first, coco=False)

    def __call__(self, labels: ArrayLike) -> IntArray:
        """Labels (N,) as class numbers from 0; -1 for the background and for the gaps between COCO's numbers."""
        given = np.asarray(labels, dtype=np.float64)
        whole: IntArray = np.where(np.isfinite(given), given, -1).astype(np.int64)
        if not self.coco:
            return whole - self.first
        table = np.full(COCO_COLUMNS, -1)
        table[list(COCO_NUMBERS)] = np.arange(len(COCO))
        inside = (whole >= 0) & (whole < COCO_COLUMNS)
        return np.where(inside, table[np.where(inside, whole, 0)], -1)
