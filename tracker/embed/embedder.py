"""What an embedder is: any callable from a picture and boxes to one appearance vector per box."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray


class Embedder(Protocol):
    """Any callable: BGR picture, uint8 (H, W, 3), and boxes (N, 4) xyxy in pixels -> (N, D) vectors of unit length.

    A function will do; D must not change between calls, and N may be 0. An embedder may also have ``name`` and
    ``device``, str, which the command prints, and ``concurrent``, as a detector may.
    """

    def __call__(self, image: NDArray[np.uint8], boxes: FloatArray, /) -> Any: ...


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, D) vectors of length 1, changed in place; a vector of zeros has no direction and stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.maximum(lengths, np.finfo(np.float32).tiny)
    return vectors
