"""Crops of Market-1501 and how well embeddings find the same person in other cameras."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reid.data import load


def crops(shared: Path, people: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Crops (N, h, w, 3) for ``size`` (w, h), identities (N,) and cameras (N,) of the last ``people`` identities."""
    found = load(shared / "data/reid/market1501_train", (size[1], size[0]), last=people)
    return found.images, found.ids, found.cameras


def mean_average_precision(vectors: np.ndarray, ids: np.ndarray, cameras: np.ndarray) -> float:
    """0..1; queries: the first crop of each person and camera, against all but that person's crops of that camera."""
    _, queries = np.unique(np.stack((ids, cameras)), axis=1, return_index=True)
    precisions = []
    for query in queries:
        others = (ids != ids[query]) | (cameras != cameras[query])
        right = (ids == ids[query])[others]
        ranked = right[np.argsort(-(vectors[others] @ vectors[query]), kind="stable")]
        if ranked.any():
            places = np.flatnonzero(ranked) + 1
            precisions.append((np.arange(1, len(places) + 1) / places).mean())
    return float(np.mean(precisions))
