"""The best class of each row of class scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray, IntArray


def best_class(scores: NDArray[Any], conf: float) -> tuple[IntArray, FloatArray, IntArray]:
    """Of scores (A, C): the rows whose best score reaches ``conf``, (N,), that score, and its class."""
    picked = np.flatnonzero(scores.max(axis=1) >= conf)
    chosen = scores[picked]
    classes = chosen.argmax(axis=1)
    return picked, chosen[np.arange(len(picked)), classes].astype(np.float64), classes


def best_product(objectness: NDArray[Any], scores: NDArray[Any], conf: float) -> tuple[IntArray, FloatArray, IntArray]:
    """The same for objectness (A,) times class scores (A, C)."""
    # Score = objectness * class score, so a row whose objectness is below conf cannot reach it.
    picked = np.flatnonzero(objectness >= conf)
    chosen = scores[picked]
    best = chosen.argmax(axis=1)
    product = objectness[picked].astype(np.float64) * chosen[np.arange(len(picked)), best]
    keep = product >= conf
    return picked[keep], product[keep], best[keep]
