"""What the heads after DETR (Carion 2020) share: one box and one vector of class scores per query, and no grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray, IntArray
from tracker.boxes import xywh_to_xyxy
from tracker.detect.coco import COCO, COCO_COLUMNS, COCO_NUMBERS
from tracker.detect.head import Decoded, Outputs

MOST_QUERIES = 2000  # detectors of this family have 100 to 900


def pair_in(outputs: Outputs, boxes: str, logits: tuple[str, ...]) -> tuple[str, str] | None:
    """The names of the outputs boxes (1, Q, 4) and logits (1, Q, C), or None.

    boxes, logits  the names that they may have. Under other names the values must speak for them: boxes within 0..1,
                   none without size, and logits that are no scores
    """
    named = [name for name in logits if name in outputs and boxes in outputs]
    if named:
        found = (boxes, named[0])
    elif len(outputs.arrays) == 2 and "dets" not in outputs:  # RF-DETR's
        one, other = sorted(outputs.arrays, key=lambda name: outputs[name].shape[-1:] != (4,))
        if not are_parts(outputs[one].reshape(-1, outputs[one].shape[-1])) or not (outputs[other] < -0.01).any():
            return None
        found = (one, other)
    else:
        return None
    shape, other_shape = (outputs[name].shape for name in found)
    if len(shape) != 3 or len(other_shape) != 3 or shape[0] != 1 or shape[1] > MOST_QUERIES or shape[2] != 4:
        return None
    return found if other_shape[:2] == shape[:2] and other_shape[2] else None


def are_parts(boxes: NDArray[Any]) -> bool:
    """Whether boxes (N, 4) are centre x, y, width, height as parts of the input, each larger than nothing."""
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not len(boxes) or not np.isfinite(boxes).all():
        return False
    return bool(boxes.min() >= 0 and boxes.max() <= 1.001 and (boxes[:, 2:] > 0).all())


def class_columns(width: int, names: int | None, *, no_object: bool = False) -> IntArray:
    """Which of ``width`` columns of scores are classes, in the order of their numbers.

    names      how many class names are known, or None. Without them, or with 80, 91 columns are those of COCO's numbers
               and become 80 classes
    no_object  the last column says that there is none
    """
    own = width - no_object
    if own == COCO_COLUMNS and names in (None, len(COCO)):
        return np.array(COCO_NUMBERS)
    return np.arange(own if names is None else min(names, own))


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
    boxes: NDArray[Any],
    scores: NDArray[Any],
    size: tuple[int, int],
    conf: float,
    masks: NDArray[Any] | None = None,
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
    return Decoded(
        xywh_to_xyxy(pixels), scores[kept, classes].astype(np.float64), classes.astype(np.int64), payload=payload
    )
