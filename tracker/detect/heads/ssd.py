"""SSD (Liu 2016) before the boxes are thinned out: boxes (1, A, 4) and scores (1, A, C), class 0 the background.

This is what pytorch-ssd and jetson-inference export: boxes are left, top, right, bottom as parts of the input, and the
scores of a row sum to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.heads.ultralight import UltraLight
from tracker.detect.layout import are_scores


@dataclass(frozen=True, eq=False)
class SSD(Head):
    """SSD of ``classes`` classes beside the background.

    first  the number of the first of them: 1 where the names begin with the background, as in pytorch-ssd
    """

    name = "ssd"
    form = "boxes [1, priors, 4], scores [1, priors, 1 + classes], SSD before suppression"
    preprocessing = Preprocessing(order="RGB", mean=(127, 127, 127), std=(128, 128, 128), fit="stretch")

    classes: int
    first: int = 0
    likely: bool = True

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> SSD | None:
        """By shares that sum to 1 in every row, and boxes near 0..1."""
        parts = _parts(outputs)
        if parts is None:
            return None
        boxes, scores = parts
        if not are_scores(scores) or not np.allclose(scores.sum(axis=1), 1, atol=0.01):
            return None
        corners = bool((boxes[:, 2:] >= boxes[:, :2]).all()) and float(np.abs(boxes).max(initial=0)) < 4
        # UltraLight is an SSD of one class whose priors are known.
        return cls(scores.shape[1] - 1, likely=UltraLight.recognise(outputs, metadata) is None) if corners else None

    def with_names(self, count: int) -> SSD:
        """With one name more than classes, the first is that of the background."""
        return replace(self, classes=count, first=1) if count == self.classes + 1 and self.first == 0 else self

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is the best share of a class."""
        parts = _parts(outputs)
        if parts is None:
            raise ValueError("outputs are not those of the first run")
        boxes, shares = parts[0], parts[1][:, 1:]
        picked = np.flatnonzero(shares.max(axis=1) >= conf)
        classes = shares[picked].argmax(axis=1)
        height, width = outputs.size
        corners = boxes[picked].astype(np.float64) * (width, height, width, height)
        return Decoded(corners, shares[picked, classes].astype(np.float64), classes + self.first)


def _parts(outputs: Outputs) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Boxes (A, 4) and scores (A, C), by their names, or by their shapes where only one can be the boxes."""
    arrays = [array for array in outputs.arrays.values() if array.ndim == 3 and array.shape[0] == 1]
    if len(arrays) != 2 or len(outputs.arrays) != 2 or arrays[0].shape[1] != arrays[1].shape[1]:
        return None
    one, other = arrays
    if "boxes" in outputs and "scores" in outputs:
        one, other = outputs["boxes"], outputs["scores"]
    elif other.shape[2] == 4 and one.shape[2] != 4:
        one, other = other, one
    return (one[0], other[0]) if one.shape[2] == 4 and other.shape[2] >= 2 else None
