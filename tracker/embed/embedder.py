"""What an embedder is: any callable from an image and boxes to one embedding per box.

A function of your own (``tracker.protocol.EmbedderCall``) will do. It gets a BGR image, uint8 (H, W, 3), and boxes
(N, 4) xyxy in pixels, and gives (N, D) embeddings of unit length. D must not change between calls, and N may be 0.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from tracker.arrays import EmbeddingArray, FloatArray, Image


@runtime_checkable
class Embedder(Protocol):
    """An embedder that says what it is, as ``open_embedder`` gives it.

    name         what to print
    device       where it runs: "cpu", "cuda", ...
    runtime      what runs its network: "onnxruntime" or "openvino"; None for an embedder without one
    concurrent   True where several threads may call it at once
    fingerprint  text that changes whenever its embeddings do, ``runtime`` and the machine aside: of a model file the
                 SHA-256 of its content. A key for caches, which a name is not
    """

    @property
    def name(self) -> str: ...

    @property
    def device(self) -> str: ...

    @property
    def runtime(self) -> str | None: ...

    @property
    def concurrent(self) -> bool: ...

    @property
    def fingerprint(self) -> str: ...

    def __call__(self, image: Image, boxes: FloatArray, /) -> EmbeddingArray:
        """Embeddings (N, D) float32 of unit length, of the boxes (N, 4) xyxy of a BGR uint8 image (H, W, 3)."""
        ...


def unit_rows(vectors: EmbeddingArray) -> EmbeddingArray:
    """(N, D) vectors of length 1, changed in place; a vector of zeros has no direction and stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.maximum(lengths, np.finfo(np.float32).tiny)
    return vectors
