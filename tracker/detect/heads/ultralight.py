"""Ultra-Light-Fast-Generic-Face-Detector (Linzaer 2019), faces: shares (1, A, 2) of background and face, and boxes.

Boxes (1, A, 4) are left, top, right, bottom as parts of the input, or, exported without post-processing, deltas from A
priors: 10, 16 and 24 pixels at stride 8, 32 and 48 at 16, 64 and 96 at 32, 128, 192 and 256 at 64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.priors import boxes_of, grid_priors

SIDES = {8: (10, 16, 24), 16: (32, 48), 32: (64, 96), 64: (128, 192, 256)}  # by stride


@dataclass(frozen=True, eq=False)
class UltraLight(Head):
    """Faces.

    priors  (A, 4), or None where the boxes are decoded
    """

    name = "ultralight"
    form = "scores [1, priors, 2], boxes [1, priors, 4], Ultra-Light-Fast-Generic-Face-Detector"
    preprocessing = Preprocessing(order="RGB", mean=(127, 127, 127), std=(128, 128, 128), fit="stretch")
    labels = ("face",)

    priors: FloatArray | None
    classes: int = 1

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> UltraLight | None:
        """By the number of priors. Decoded boxes lie around their priors: their centres tell."""
        priors = np.concatenate(
            [grid_priors(outputs.size, stride, sides, whole=True) for stride, sides in SIDES.items()]
        )
        found = sorted((array.shape for array in outputs.arrays.values()), key=lambda shape: shape[-1:])
        if found != [(1, len(priors), 2), (1, len(priors), 4)]:
            return None
        _, boxes = _parts(outputs)
        side = np.array([outputs.size[1], outputs.size[0]])
        decoded = (boxes[:, :2].astype(np.float64) + boxes[:, 2:]) / 2 * side
        raw = boxes_of(boxes, priors)
        far = [np.median(np.abs(centres - priors[:, :2])) for centres in (decoded, (raw[:, :2] + raw[:, 2:]) / 2)]
        return cls(priors if far[1] < far[0] else None)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is the share of a face."""
        scores, boxes = _parts(outputs)
        picked = np.flatnonzero(scores >= conf)
        if self.priors is None:
            height, width = outputs.size
            corners = boxes[picked].astype(np.float64) * (width, height, width, height)
        else:
            corners = boxes_of(boxes[picked], self.priors[picked])
        return Decoded(corners, scores[picked].astype(np.float64), np.zeros(len(picked), np.int64))


def _parts(outputs: Outputs) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The share of a face (A,) and the boxes (A, 4)."""
    by_width = {array.shape[2]: array[0] for array in outputs.arrays.values()}
    return by_width[2][:, 1], by_width[4]
