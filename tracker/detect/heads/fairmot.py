"""FairMOT (Zhang 2021), people with embeddings: maps hm (1, 1, h, w), wh, reg (1, 2, h, w) and id (1, D, h, w).

As CenterNet's, at a quarter of the input; wh has four channels, the distances from the centre to left, top, right and
bottom in cells, or two. id is the embedding of an object whose centre lies in the cell; (1, h, w, D) is understood too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.heatmap import Maps, maps_in, objects


@dataclass(frozen=True, eq=False)
class FairMOT(Head):
    """People and their embeddings of unit length, so that no embedder runs."""

    name = "fairmot"
    form = "hm [1, 1, h, w], wh [1, 4, h, w], reg [1, 2, h, w], id [1, D, h, w], FairMOT"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, pad="around", pad_value=128)
    suppress = False
    embeds = True
    labels = ("person",)

    maps: Maps
    classes: int = 1

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> FairMOT | None:
        """By the names of the outputs, or by their shapes, the heat first."""
        maps = maps_in(outputs)
        return None if maps is None or maps.embedding is None else cls(maps, outputs[maps.heat].shape[1])

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """One object per peak, with the embedding of its cell."""
        found, (rows, columns) = objects(outputs, self.maps, conf)
        assert self.maps.embedding is not None
        given = outputs[self.maps.embedding][0]
        if self.maps.channels_last:
            given = given.transpose(2, 0, 1)
        vectors = given[:, rows, columns].T.astype(np.float64)
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return replace(found, embeddings=(vectors / np.maximum(length, 1e-12)).astype(np.float32))
