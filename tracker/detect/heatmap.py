"""Peaks of maps with one value per cell, as CenterNet (Zhou 2019, section 3) and OpenPose (Cao 2017) mark objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import IntArray
from tracker.detect.head import Decoded, Outputs
from tracker.detect.layout import are_scores
from tracker.detect.queries import sigmoid

STRIDE = 4  # pixels of the input per cell
LEAST_EMBEDDING = 16  # channels


@dataclass(frozen=True)
class Maps:
    """The names of the outputs of CenterNet and of its kin.

    heat, extent, offset  (1, C, h, w), (1, 2 or 4, h, w), (1, 2, h, w)
    embedding             (1, D, h, w) or None; with ``channels_last`` (1, h, w, D)
    shares                whether the heat is 0..1 already and not its logit
    """

    heat: str
    extent: str
    offset: str
    embedding: str | None
    channels_last: bool
    shares: bool


def maps_in(outputs: Outputs) -> Maps | None:
    """Which outputs are the maps: by the names hm, wh, reg and id, or in this order where the shapes fit, or None.

    A second map of the heat's shape, from which some exports take the peaks, is left out.
    """
    height, width = outputs.size[0] // STRIDE, outputs.size[1] // STRIDE
    names = list(outputs.arrays)
    plain = [name for name in names if outputs[name].ndim == 4 and outputs[name].shape[2:] == (height, width)]
    last = [name for name in names if outputs[name].shape[:3] == (1, height, width) and outputs[name].ndim == 4]
    embedding = next((name for name in last if outputs[name].shape[3] >= LEAST_EMBEDDING), None)
    if {"hm", "wh", "reg"} <= set(plain):
        heat, extent, offset = "hm", "wh", "reg"
        rest = [name for name in plain if name not in ("hm", "wh", "reg")]
    elif len(plain) >= 3 and len(plain) + (embedding is not None) == len(names):
        heat, extent, offset, *rest = plain
    else:
        return None
    if embedding is None:
        embedding = next((name for name in rest if outputs[name].shape[1] >= LEAST_EMBEDDING), None)
    channels = [outputs[name].shape[1] for name in (extent, offset)]
    if channels[0] not in (2, 4) or channels[1] != 2:
        return None
    channels_last = embedding in last and embedding not in plain
    return Maps(heat, extent, offset, embedding, channels_last, are_scores(outputs[heat]))


def objects(outputs: Outputs, maps: Maps, conf: float) -> tuple[Decoded, tuple[IntArray, IntArray]]:
    """One object per peak of the heat that reaches ``conf``, and the row and column of each one's cell."""
    given = outputs[maps.heat][0]
    heat = given.astype(np.float64) if maps.shares else sigmoid(given)
    kinds, rows, columns = peaks(heat, conf)
    offset = outputs[maps.offset][0][:, rows, columns].astype(np.float64)
    extent = outputs[maps.extent][0][:, rows, columns].astype(np.float64)
    centres = np.stack((columns, rows)) + offset
    before, after = (extent / 2, extent / 2) if len(extent) == 2 else (extent[:2], extent[2:])
    boxes = STRIDE * np.concatenate((centres - before, centres + after)).T
    return Decoded(boxes, heat[kinds, rows, columns], kinds), (rows, columns)


def peaks(maps: NDArray[Any], least: float) -> tuple[IntArray, IntArray, IntArray]:
    """Map, row and column of each cell, (K,) each, that reaches ``least`` and that no neighbour exceeds.

    maps  (C, H, W). Of neighbours of one value every one is a peak
    """
    _, height, width = maps.shape
    edged = np.pad(maps, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    highest = maps
    for row in range(3):
        for column in range(3):
            highest = np.maximum(highest, edged[:, row : row + height, column : column + width])
    kinds, rows, columns = np.nonzero((maps >= highest) & (maps >= least))
    return kinds, rows, columns
