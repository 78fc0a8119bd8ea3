"""Networks with boxes in one output and class scores in another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.detect.grid import strides_of
from tracker.detect.head import Decoded, Outputs
from tracker.detect.layout import are_scores
from tracker.detect.scores import best_class


def dense_pair(outputs: Outputs) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """The two outputs of a network as (A, K) each, in their order, where both have a row per grid cell."""
    arrays = list(outputs.arrays.values())
    if len(arrays) != 2 or any(array.ndim != 3 or array.shape[0] != 1 for array in arrays):
        return None
    first, second = (array[0] for array in arrays)
    return (first, second) if len(first) == len(second) and strides_of(outputs.size, len(first)) is not None else None


def is_pair(outputs: Outputs) -> bool:
    """Whether the network has boxes (1, A, 4) in one of two outputs with a row per cell, so that no output has both."""
    pair = dense_pair(outputs)
    return pair is not None and 4 in (pair[0].shape[1], pair[1].shape[1])


def fit_as(boxes: NDArray[Any], scores: NDArray[Any]) -> bool:
    """Whether arrays (A, 4) and (A, C) can be boxes in pixels and class scores."""
    return boxes.shape[1] == 4 and are_scores(scores) and not are_scores(boxes)


def decode_corners(boxes: NDArray[Any], scores: NDArray[Any], conf: float) -> Decoded:
    """The objects of corner boxes (A, 4) in pixels and class scores (A, C)."""
    picked, best, classes = best_class(scores, conf)
    return Decoded(boxes[picked].astype(np.float64), best, classes)
