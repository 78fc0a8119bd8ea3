"""Augmentation of uint8 BGR crops (N, H, W, 3); chance comes from the seeded generator that each function takes.

Sources: random erasing, Zhong et al. (AAAI 2020), section 3.2; flip and padded crop, Luo et al., "Bag of Tricks and a
Strong Baseline for Deep Person Re-identification" (CVPRW 2019), section 2.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Crops = npt.NDArray[np.uint8]
Augment = Callable[[Crops, np.random.Generator], Crops]


def flip(crops: Crops, rng: np.random.Generator, chance: float = 0.5) -> Crops:
    """Mirror each crop left to right with probability ``chance``."""
    out = crops.copy()
    chosen = rng.random(len(crops)) < chance
    out[chosen] = crops[chosen, :, ::-1]
    return out


def pad_crop(crops: Crops, rng: np.random.Generator, pad: int = 5) -> Crops:
    """Pad by ``pad`` pixels on each side (the edge repeated) and cut the original size out at a random place."""
    height, width = crops.shape[1:3]
    padded = np.pad(crops, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="edge")
    tops, lefts = rng.integers(0, 2 * pad + 1, (2, len(crops)))
    out = np.empty_like(crops)
    for target, image, y, x in zip(out, padded, tops, lefts, strict=True):
        target[:] = image[y : y + height, x : x + width]
    return out


def colour(crops: Crops, rng: np.random.Generator, strength: float = 0.2) -> Crops:
    """Change brightness, contrast and the gain of each channel at random, by up to about ``strength`` (0..1)."""
    gain = 1 + strength * rng.uniform(-1, 1, (len(crops), 1)) + 0.5 * strength * rng.uniform(-1, 1, (len(crops), 3))
    shift = 255 * 0.3 * strength * rng.uniform(-1, 1, len(crops))
    levels = np.arange(256, dtype=np.float64)
    table = np.clip(levels[None, :, None] * gain[:, None, :] + shift[:, None, None], 0, 255).astype(np.uint8)
    rows = np.arange(len(crops))[:, None, None, None]
    out: Crops = table[rows, crops, np.arange(3)]
    return out


def erase(
    crops: Crops, rng: np.random.Generator, chance: float = 0.5, area: tuple[float, float] = (0.02, 0.33)
) -> Crops:
    """Overwrite a random rectangle of each crop with noise, with probability ``chance``; ``area`` is the range of its
    share of the crop (0..1)."""
    out = crops.copy()
    height, width = crops.shape[1:3]
    for image in (out[i] for i in np.flatnonzero(rng.random(len(out)) < chance)):
        share, ratio = rng.uniform(*area), np.exp(rng.uniform(np.log(0.3), np.log(3.3)))
        tall = min(height - 1, round(np.sqrt(share * height * width * ratio)))
        wide = min(width - 1, round(np.sqrt(share * height * width / ratio)))
        if tall > 0 and wide > 0:
            y, x = rng.integers(0, height - tall + 1), rng.integers(0, width - wide + 1)
            image[y : y + tall, x : x + wide] = rng.integers(0, 256, (tall, wide, 3), dtype=np.uint8)
    return out
