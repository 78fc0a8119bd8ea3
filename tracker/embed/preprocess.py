"""From crops to the input of a ReID network: colour order, scale, mean and standard deviation, layout, type."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CARD = "reid.card"  # metadata key of models that describe themselves
_IMAGENET = {"order": "RGB", "scale": 1 / 255, "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
_PIXELS = {"order": "BGR", "scale": 1.0, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


@dataclass(frozen=True)
class Preprocessing:
    """What a network takes: (pixel * scale - mean) / std, kept as pixel * gain + bias.

    rgb            colour order of the input: RGB, else BGR
    gain, bias     (3, 1, 1) float32, per channel in the input's order
    dtype          of the input; uint8 takes the pixels as they are
    channels_last  (N, H, W, 3), else (N, 3, H, W)
    """

    rgb: bool
    gain: NDArray[np.float32]
    bias: NDArray[np.float32]
    dtype: type[np.generic]
    channels_last: bool

    def block(self, crops: NDArray[np.uint8], count: int) -> NDArray[Any]:
        """BGR crops (N, height, width, 3) as the network takes them; black ones follow up to ``count``."""
        height, width = crops.shape[1:3]
        if self.dtype is np.uint8 and self.channels_last and not self.rgb and count == len(crops):
            return crops
        shape = (count, height, width, 3) if self.channels_last else (count, 3, height, width)
        block = np.empty(shape, self.dtype)
        block[len(crops) :] = 0
        planes = block[: len(crops)].transpose(0, 3, 1, 2) if self.channels_last else block[: len(crops)]
        pixels = (crops[..., ::-1] if self.rgb else crops).transpose(0, 3, 1, 2)
        if self.dtype is np.uint8:
            np.copyto(planes, pixels)
        else:
            np.multiply(pixels, self.gain, out=planes, casting="same_kind")
            np.add(planes, self.bias, out=planes, casting="same_kind")
        return block


def preprocessing(
    path: str | os.PathLike[str],
    given: Mapping[str, object],
    metadata: Mapping[str, str],
    dtype: type[np.generic],
    channels_last: bool,
    *,
    plain: bool,
) -> Preprocessing:
    """What the caller gives (order, scale, mean, std; None where not), else the model's card, else the default.

    path      for errors
    metadata  of the model, with its card or without
    plain     the default is BGR pixels as they are, not RGB with ImageNet's mean and std; for uint8 it always is
    Raises ValueError, in one line, for values that do not fit.
    """
    raw = dtype is np.uint8
    described, default = _card(path, metadata), _PIXELS if raw or plain else _IMAGENET
    chosen = {key: _first(given[key], described.get(key), default[key]) for key in default}
    if chosen["order"] not in ("RGB", "BGR"):
        raise ValueError(f"{path}: order {chosen['order']!r} is unknown; use 'RGB' or 'BGR'")
    try:
        mean = np.asarray(chosen["mean"], dtype=np.float64).reshape(3, 1, 1)
        std = np.asarray(chosen["std"], dtype=np.float64).reshape(3, 1, 1)
        scale = float(chosen["scale"])
    except (TypeError, ValueError):
        raise ValueError(f"{path}: mean and std are three numbers each, and scale is one") from None
    if not (std > 0).all() or not np.isfinite(mean).all() or not np.isfinite(scale):
        raise ValueError(f"{path}: std must be positive, mean and scale finite")
    gain, bias = (scale / std).astype(np.float32), (-mean / std).astype(np.float32)
    if raw and (bias.any() or (gain != 1).any()):
        raise ValueError(f"{path}: takes uint8 pixels, which cannot be normalised outside; leave scale, mean, std out")
    return Preprocessing(chosen["order"] == "RGB", gain, bias, dtype, channels_last)


def _card(path: str | os.PathLike[str], metadata: Mapping[str, str]) -> dict[str, Any]:
    if CARD not in metadata:
        return {}
    try:
        card = json.loads(metadata[CARD])
    except json.JSONDecodeError:
        card = None
    if not isinstance(card, dict):
        raise ValueError(f"{path}: metadata {CARD!r} is not a JSON object; export the model again")
    return card


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)
