"""What the heads after DETR (Carion 2020) share: one box and one vector of class scores per query, and no grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray
from tracker.boxes import xywh_to_xyxy
from tracker.detect.head import Decoded, Outputs

MOST_QUERIES = 2000  # detectors of this family have 100 to 900


def pair(outputs: Outputs, boxes: tuple[str, ...], logits: tuple[str, ...]) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """The outputs boxes (Q, 4) and logits (Q, C), by one of their names or else by their shapes, or None.

    By shapes alone the values must speak for it too: boxes within 0..1, all of a size, and logits that are no scores.
    """
    named = [next((outputs[name] for name in names if name in outputs), None) for names in (boxes, logits)]
    if named[0] is not None and named[1] is not None:
        found = (named[0], named[1])
    elif len(outputs.arrays) == 2 and any(array.shape[-1] == 4 for array in outputs.arrays.values()):
        one, other = outputs.arrays.values()
        found = (one, other) if one.shape[-1] == 4 else (other, one)
        if not are_parts(found[0].reshape(-1, 4)) or not (found[1] < -0.01).any():
            return None
    else:
        return None
    rows, scores = found
    if rows.ndim != 3 or scores.ndim != 3 or rows.shape[0] != 1 or rows.shape[2] != 4:
        return None
    if scores.shape[:2] != rows.shape[:2] or rows.shape[1] > MOST_QUERIES or scores.shape[2] < 1:
        return None
    return rows[0], scores[0]


def are_parts(boxes: NDArray[Any]) -> bool:
    """Whether boxes (N, 4) are centre x, y, width, height as parts of the input, each larger than nothing."""
    finite = np.isfinite(boxes).all()
    return bool(finite and len(boxes) and boxes.min() >= 0 and boxes.max() <= 1.001 and (boxes[:, 2:] > 0).all())


def sigmoid(logits: NDArray[Any]) -> FloatArray:
    """Logits as probabilities of one class each."""
    with np.errstate(over="ignore"):
        probabilities: FloatArray = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return probabilities


def softmax(logits: NDArray[Any]) -> FloatArray:
    """Logits (N, C) as the shares of C classes that exclude each other."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True, initial=-np.inf))
    shares: FloatArray = powers / powers.sum(axis=1, keepdims=True)
    return shares


def best_of(
    boxes: NDArray[Any], scores: FloatArray, size: tuple[int, int], conf: float, masks: NDArray[Any] | None = None
) -> Decoded:
    """Each query's best class, where its score reaches ``conf``.

    boxes   (Q, 4) centre x, y, width, height as parts of the input
    scores  (Q, C)
    size    (height, width) of the input
    masks   (Q, h, w), the payload, or None
    """
    height, width = size
    kept = np.flatnonzero(scores.max(axis=1, initial=-np.inf) >= conf)
    classes = scores[kept].argmax(axis=1)
    pixels = boxes[kept].astype(np.float64) * (width, height, width, height)
    payload = None if masks is None else masks[kept]
    return Decoded(xywh_to_xyxy(pixels), scores[kept, classes], classes.astype(np.int64), payload=payload)
