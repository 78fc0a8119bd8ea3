"""RetinaFace (Deng 2020), faces: deltas (1, A, 4), shares (1, A, 2) of background and face, landmark deltas (1, A, 10).

The priors of a cell are 16 and 32 pixels at stride 8, 64 and 128 at 16, 256 and 512 at 32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray
from tracker.detect.head import Decoded, Fit, Head, Outputs, Preprocessing
from tracker.detect.priors import boxes_of, grid_priors, points_of

SIDES = {8: (16, 32), 16: (64, 128), 32: (256, 512)}  # by stride


@dataclass(frozen=True, eq=False)
class RetinaFace(Head):
    """Faces; the payload holds the landmarks, (5, 2) pixels each: left eye, right eye, nose, corners of the mouth."""

    name = "retinaface"
    form = "[1, priors, 4], [1, priors, 2], [1, priors, 10], RetinaFace"
    preprocessing = Preprocessing(order="BGR", mean=(104, 117, 123), pad_value=110)
    labels = ("face",)

    priors: FloatArray
    classes: int = 1

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> RetinaFace | None:
        """By the number of priors; the three outputs come in any order."""
        priors = np.concatenate([grid_priors(outputs.size, stride, sides) for stride, sides in SIDES.items()])
        shapes = {(1, len(priors), width) for width in (4, 2, 10)}
        found = [array.shape for array in outputs.arrays.values()]
        return cls(priors) if len(found) == len(shapes) and set(found) == shapes else None

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is the share of a face."""
        by_width = {array.shape[2]: array[0] for array in outputs.arrays.values()}
        scores = by_width[2][:, 1]
        picked = np.flatnonzero(scores >= conf)
        priors = self.priors[picked]
        return Decoded(
            boxes_of(by_width[4][picked], priors),
            scores[picked].astype(np.float64),
            np.zeros(len(picked), np.int64),
            payload=points_of(by_width[10][picked], priors),
        )

    def to_image(self, payload: NDArray[Any], fit: Fit) -> NDArray[Any]:
        """Landmarks are points."""
        return fit.to_image(payload)
