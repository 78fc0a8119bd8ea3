"""Augmentation of uint8 BGR crops (N, H, W, 3); chance comes from the seeded generator that each function takes.

Sources: random erasing, Zhong et al. (AAAI 2020), section 3.2; flip and padded crop, Luo et al., "Bag of Tricks and a
Strong Baseline for Deep Person Re-identification" (CVPRW 2019), section 2. ``cover``, ``damage`` and ``recompose`` are
ours.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
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


def cover(crops: Crops, rng: np.random.Generator, chance: float = 0.2, most: float = 0.4) -> Crops:
    """Hide each crop, with probability ``chance``, behind part of another one: up to ``most`` (0..1) of its width from
    one side or of its height from below, as people and cars hide people."""
    out = crops.copy()
    height, width = crops.shape[1:3]
    for index in np.flatnonzero(rng.random(len(crops)) < chance):
        other, share = crops[rng.integers(len(crops))], rng.uniform(0.1, most)
        wide, tall = max(1, round(width * share)), max(1, round(height * share))
        side = rng.integers(3)
        if side == 0:
            out[index, :, :wide] = other[:, width - wide :]
        elif side == 1:
            out[index, :, width - wide :] = other[:, :wide]
        else:
            out[index, height - tall :] = other[:tall]
    return out


def damage(crops: Crops, rng: np.random.Generator, chance: float = 0.4) -> Crops:
    """Do to each crop, with probability ``chance``, what small or poor video does: lose resolution (half of them), get
    noise (a third) and JPEG's blocks (two thirds, quality 15 to 80)."""
    out = crops.copy()
    height, width = crops.shape[1:3]
    for index in np.flatnonzero(rng.random(len(crops)) < chance):
        image = out[index]
        if rng.random() < 0.5:
            scale = rng.uniform(0.35, 0.9)
            size = (max(4, round(width * scale)), max(4, round(height * scale)))
            small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            image = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
        if rng.random() < 1 / 3:
            noise = rng.normal(0, rng.uniform(2, 12), image.shape)
            image = np.clip(image + noise, 0, 255).astype(np.uint8)
        if rng.random() < 2 / 3:
            packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 80))])[1]
            image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), dtype=np.uint8)
        out[index] = image
    return out


def recompose(crops: Crops, rng: np.random.Generator) -> Crops:
    """One person who does not exist for each crop: for distillation only, because no identity label fits them.

    Seven in ten get the lower body of another random crop, half get new hues everywhere or above or below the waist,
    three in ten a tint above or below the waist (a new hue leaves black, grey and white as they are), half are
    mirrored, and all are moved and scaled a little. The teacher says what embedding each should have, so the
    student sees far more clothes than the training identities wear.
    """
    height, width = crops.shape[1:3]
    out = np.empty_like(crops)
    for index, crop in enumerate(crops):
        waist = round(height * rng.uniform(0.4, 0.6))
        image = crop.astype(np.float32)
        if rng.random() < 0.7:
            other = crops[rng.integers(len(crops))].astype(np.float32)
            if rng.random() < 0.5:
                other = other[:, ::-1]
            blend = np.clip((np.arange(height) - waist) / 4 + 0.5, 0, 1)[:, None, None].astype(np.float32)
            image = image * (1 - blend) + other * blend
        image = np.clip(image, 0, 255).astype(np.uint8)
        if rng.random() < 0.5:
            part = [slice(None), slice(0, waist), slice(waist, None)][rng.integers(3)]
            hsv = cv2.cvtColor(np.ascontiguousarray(image[part]), cv2.COLOR_BGR2HSV).astype(np.float32)
            hsv[..., 0] = (hsv[..., 0] + rng.uniform(0, 180)) % 180
            hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.5, 1.5), 0, 255)
            hsv[..., 2] = np.clip(hsv[..., 2] * rng.uniform(0.6, 1.4), 0, 255)
            image[part] = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)
        if rng.random() < 0.3:
            part = [slice(0, waist), slice(waist, None)][rng.integers(2)]
            lab = cv2.cvtColor(np.ascontiguousarray(image[part]), cv2.COLOR_BGR2LAB).astype(np.float32)
            lab += (rng.uniform(-30, 30), *rng.uniform(-35, 35, 2))
            image[part] = cv2.cvtColor(np.clip(lab, 0, 255).astype(np.uint8), cv2.COLOR_LAB2BGR)
        if rng.random() < 0.5:
            image = image[:, ::-1]
        scale, dx, dy = rng.uniform(0.9, 1.12), rng.uniform(-0.06, 0.06) * width, rng.uniform(-0.06, 0.06) * height
        move = np.array(
            [[scale, 0, (1 - scale) * width / 2 + dx], [0, scale, (1 - scale) * height / 2 + dy]], dtype=np.float64
        )
        out[index] = cv2.warpAffine(
            np.ascontiguousarray(image), move, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return out
