"""FaceBoxes (Zhang 2017), faces: deltas (1, A, 4) and shares (1, A, 2) of background and face, A prior boxes.

The priors of a cell are 32, 64 and 128 pixels at stride 32, the smaller two densified, 256 at 64 and 512 at 128.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tracker.arrays import FloatArray
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.priors import boxes_of, grid_priors


@dataclass(frozen=True, eq=False)
class FaceBoxes(Head):
    """Faces, by their prior boxes (A, 4)."""

    name = "faceboxes"
    form = "[1, priors, 4], [1, priors, 2], FaceBoxes"
    preprocessing = Preprocessing(order="BGR", mean=(104, 117, 123), pad_value=110)
    labels = ("face",)

    priors: FloatArray
    classes: int = 1

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> FaceBoxes | None:
        """By the number of priors."""
        arrays = list(outputs.arrays.values())
        if len(arrays) != 2 or any(array.ndim != 3 or array.shape[0] != 1 for array in arrays):
            return None
        priors = _priors(outputs.size)
        if arrays[0].shape[1:] != (len(priors), 4) or arrays[1].shape[1:] != (len(priors), 2):
            return None
        return cls(priors)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is the share of a face."""
        deltas, shares = outputs.arrays.values()
        picked = np.flatnonzero(shares[0, :, 1] >= conf)
        boxes = boxes_of(deltas[0, picked], self.priors[picked])
        return Decoded(boxes, shares[0, picked, 1].astype(np.float64), np.zeros(len(picked), np.int64))


def _priors(size: tuple[int, int]) -> FloatArray:
    """The priors (A, 4) of an input of ``size`` (height, width)."""
    near = grid_priors(size, 32, (32, 64, 128), densities=(4, 2, 1))
    return np.concatenate((near, grid_priors(size, 64, (256,)), grid_priors(size, 128, (512,))))
