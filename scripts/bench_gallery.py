"""The distances of DeepSORT's galleries alone, as a scene of their own for ``scripts/bench.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from bench_peers import Contestant

from tracker.appearance import Galleries
from tracker.arrays import BoolArray, EmbeddingArray, FloatArray


class Gallery:
    """Distances of a frame's detections to tracks x budget embeddings: ours, a loop, and one product of everything."""

    def __init__(self, tracks: int = 100, budget: int = 100, detections: int = 50, width: int = 128) -> None:
        self.name = f"gallery {tracks} x {budget} x {width}, {detections} detections"
        rng = np.random.default_rng(0)
        self.budget = budget
        self.past = _unit(rng.normal(size=(budget, tracks, width)))
        self.frames = [_unit(rng.normal(size=(detections, width))) for _ in range(20)]
        self.wanted = rng.random((tracks, detections)) < 0.1

    def contestants(self) -> list[Contestant]:
        def one(name: str, package: str, make: Callable[[], Callable[[Any], Any]]) -> Contestant:
            return Contestant(name, package, make, lambda embeddings: embeddings, lambda answer: answer)

        return [
            one("galleries, dense", "", lambda: self._ours(np.full_like(self.wanted, True))),
            one("galleries, gate leaves 10 %", "", lambda: self._ours(self.wanted)),
            one("loop over tracks", "baseline", self._loop),
            one("one padded product", "peer", self._product),
        ]

    def _ours(self, wanted: BoolArray) -> Callable[[Any], Any]:
        galleries = Galleries(self.budget, len(self.past[0]))
        slots = galleries.open(self.past[0])
        for embeddings in self.past[1:]:
            galleries.add(slots, embeddings)
        rows, columns = wanted.nonzero()
        return lambda embeddings: galleries.pair_distances(slots, embeddings, rows, columns)

    def _loop(self) -> Callable[[Any], Any]:
        held = [list(self.past[:, track]) for track in range(self.past.shape[1])]
        return lambda embeddings: np.array([(1.0 - np.array(one) @ embeddings.T).min(axis=0) for one in held])

    def _product(self) -> Callable[[Any], Any]:
        pool = np.ascontiguousarray(self.past.swapaxes(0, 1))
        flat = pool.reshape(-1, pool.shape[2])
        return lambda embeddings: 1.0 - (flat @ embeddings.T).reshape(*pool.shape[:2], -1).max(axis=1)


def _unit(vectors: FloatArray) -> EmbeddingArray:
    unit: EmbeddingArray = (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)
    return unit
