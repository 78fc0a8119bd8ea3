"""CenterNet (Zhou 2019): maps hm (1, C, h, w), wh (1, 2, h, w) and reg (1, 2, h, w) at a quarter of the input.

A peak of hm is an object of that class, wh its width and height in cells, reg the offset of its centre from the cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.heatmap import Maps, maps_in, objects


@dataclass(frozen=True, eq=False)
class CenterNet(Head):
    """CenterNet of ``classes`` classes."""

    name = "centernet"
    form = "hm [1, classes, h, w], wh [1, 2, h, w], reg [1, 2, h, w], CenterNet"
    preprocessing = Preprocessing(
        order="BGR",
        scale=1 / 255,
        mean=(0.408, 0.447, 0.470),
        std=(0.289, 0.274, 0.278),
        pad="around",
        pad_value=0,
    )
    suppress = False

    maps: Maps
    classes: int

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> CenterNet | None:
        """By the names of the outputs, or by their shapes: three maps of one size, the heat first."""
        maps = maps_in(outputs)
        if maps is None or maps.embedding is not None:
            return None
        return cls(maps, outputs[maps.heat].shape[1])

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """One object per peak."""
        return objects(outputs, self.maps, conf)[0]
