"""The kinds of arrays that everything here is made of; the docstrings give their shapes and units."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
EmbeddingArray = NDArray[np.float32]
Image = NDArray[np.uint8]  # (H, W, 3) BGR
