"""Appearance: cosine distances between detections and tracks, and how far they tell people apart. No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from tracker.arrays import EmbeddingArray, FloatArray, IntArray

SIMILARITIES = 1 << 17  # computed at a time: half a megabyte
PRODUCT = 40  # one matrix product computes this many times the dot products that separate calls do in the same time
DENSE = 0.25  # share of all pairs above which one product for all galleries is cheaper than one for each


def unit(embeddings: EmbeddingArray) -> EmbeddingArray:
    """(N, D) rows scaled to length 1; a zero row stays zero, at distance 1 from everything."""
    squares = np.einsum("nd,nd->n", embeddings, embeddings)
    if len(squares) and 1e-20 < squares[squares.argmin()] <= squares[squares.argmax()] < 1e30:
        lengths: EmbeddingArray = np.sqrt(squares)[:, None]
        return embeddings / lengths
    largest = np.abs(embeddings).max(axis=1, keepdims=True, initial=0.0)
    scaled = embeddings / np.where(largest > 0, largest, 1)  # squares must not overflow
    norms = np.linalg.norm(scaled, axis=1, keepdims=True)
    return (scaled / np.where(norms > 0, norms, 1)).astype(np.float32, copy=False)


def pair_cosines(
    remembered: EmbeddingArray, embeddings: EmbeddingArray, rows: IntArray, columns: IntArray
) -> EmbeddingArray:
    """(K,) similarity, -1..1, of track ``rows`` (K,) of (D, N) and detection ``columns`` (K,) of (M, D), all unit."""
    if remembered.shape[1] * len(embeddings) <= PRODUCT * len(rows):
        every: EmbeddingArray = (embeddings @ remembered)[columns, rows]
        return every
    cosines: EmbeddingArray = np.einsum("kd,kd->k", embeddings.take(columns, axis=0), remembered.T.take(rows, axis=0))
    return cosines


MEMORY = 0.995  # share of what a frame's distances weigh in the next
ENOUGH = 30.0  # distances of each kind that are needed before any is trusted
USELESS, SOUND = 1.0, 3.0  # d' up to which embeddings say nothing, and from which they are fully trusted


@dataclass(frozen=True)
class Sums:
    """Of distances x, slowly forgotten: how many, sum of x, sum of x squared."""

    count: float = 0.0
    first: float = 0.0
    second: float = 0.0

    def plus(self, x: FloatArray) -> Sums:
        return Sums(
            MEMORY * self.count + len(x),
            MEMORY * self.first + float(x.sum()),
            MEMORY * self.second + float(x.dot(x)),
        )

    @property
    def mean(self) -> float:
        return self.first / self.count

    @property
    def variance(self) -> float:
        return max(self.second / self.count - self.mean**2, 1e-6)


@dataclass(frozen=True)
class Separation:
    """How far embeddings tell people apart, in one video: cosine distances of tracks to detections.

    own    to the detection that is the track's own, by motion
    other  to the nearest of the other tracks' detections in the same frame
    """

    own: Sums = field(default_factory=Sums)
    other: Sums = field(default_factory=Sums)

    def learn(self, remembered: EmbeddingArray, embeddings: EmbeddingArray) -> Separation:
        """With one more frame: tracks (D, K) and the detections (M, D), all unit; row k is that of track k."""
        distance = 1.0 - (embeddings @ remembered).T.astype(np.float64)
        each = np.arange(len(distance))
        own = distance[each, each]
        if len(embeddings) < 2:
            return Separation(self.own.plus(own), self.other)
        distance[each, each] = np.inf
        return Separation(self.own.plus(own), self.other.plus(distance.min(axis=1)))

    @property
    def known(self) -> bool:
        return min(self.own.count, self.other.count) >= ENOUGH

    @property
    def trust(self) -> float:
        """0 to 1, by d': the distance of the two means in standard deviations."""
        if not self.known:
            return 0.0
        spread = math.sqrt((self.own.variance + self.other.variance) / 2)
        d = (self.other.mean - self.own.mean) / spread
        return min(max((d - USELESS) / (SOUND - USELESS), 0.0), 1.0)

    def agreement(self, cosines: EmbeddingArray) -> FloatArray:
        """Cosines (K,) as 0, like the nearest other's, to 2, like a track's own."""
        other, own = 1 - self.other.mean, 1 - self.own.mean
        out: FloatArray = (2 * (cosines - other) / max(own - other, 0.05)).clip(0.0, 2.0)
        return out

    @property
    def safe_distance(self) -> float:
        """Below that of nearly all others."""
        return max(0.0, self.other.mean - 2 * math.sqrt(self.other.variance))


class Galleries:
    """The last ``budget`` embeddings of every track, in one pool (DeepSORT, Wojke 2017, section 2.2).

    budget         embeddings kept per track
    max_galleries  tracks that can hold a gallery at a time; memory is at most max_galleries x budget x D floats.
                   A track born beyond that has none: it is matched by motion alone.

    A track refers to its gallery by slot, -1 for none. A new gallery is filled with copies of its first embedding, so
    that a slot is always full and the smallest distance needs no mask.
    """

    def __init__(self, budget: int, max_galleries: int) -> None:
        self.budget = budget
        self.max_galleries = max_galleries
        self._pool: EmbeddingArray | None = None  # (slots, budget, D)
        self._written = np.empty(0, dtype=np.int64)  # (slots,) embeddings ever written, 0 where the slot is free

    @property
    def width(self) -> int | None:
        """D, or None before the first embedding."""
        return None if self._pool is None else self._pool.shape[2]

    @property
    def nbytes(self) -> int:
        """Memory of the pool in bytes."""
        return 0 if self._pool is None else self._pool.nbytes

    def pair_distances(
        self, slots: IntArray, embeddings: EmbeddingArray, rows: IntArray, columns: IntArray
    ) -> FloatArray:
        """(K,) smallest cosine distance, 0..2, of the galleries of tracks to unit embeddings (M, D): equation 2.

        slots (N,) of the tracks; rows (K,), ascending, and columns (K,) name the pairs. A track without a gallery is at
        distance infinity.
        """
        out = np.full(len(rows), np.inf)
        of_pair = slots.take(rows)
        held = (of_pair >= 0).nonzero()[0]
        if self._pool is None or len(held) == 0:
            return out
        of_pair, columns = of_pair.take(held), columns.take(held)
        used = self._pool[: slots[slots.argmax()] + 1]
        if len(held) > DENSE * len(used) * len(embeddings):
            nearest = self._nearest_of_all(used, embeddings)[of_pair, columns]
        else:
            nearest = self._nearest_of_pairs(of_pair, embeddings.take(columns, axis=0))
        out[held] = 1.0 - nearest
        return out

    def _nearest_of_all(self, used: EmbeddingArray, embeddings: EmbeddingArray) -> EmbeddingArray:
        """(slots, M) largest similarity of each gallery in ``used`` to each embedding."""
        nearest = np.empty((len(used), len(embeddings)), dtype=np.float32)
        by_column = np.ascontiguousarray(embeddings.T)
        # A few galleries at a time: what all give at once would not stay in the cache, and in a crowd not in memory.
        some = max(1, SIMILARITIES // (self.budget * len(embeddings)))
        similarity = np.empty((some * self.budget, len(embeddings)), dtype=np.float32)
        for start in range(0, len(used), some):
            part = used[start : start + some]
            product = np.matmul(part.reshape(-1, part.shape[2]), by_column, out=similarity[: len(part) * self.budget])
            product.reshape(len(part), self.budget, -1).max(axis=1, out=nearest[start : start + some])
        return nearest

    def _nearest_of_pairs(self, slots: IntArray, embeddings: EmbeddingArray) -> EmbeddingArray:
        """(K,) largest similarity of the gallery in each slot (K,), equal ones in a row, to its embedding (K, D)."""
        assert self._pool is not None
        nearest = np.empty(len(slots), dtype=np.float32)
        most = max(1, SIMILARITIES // self.budget)
        for start in range(0, len(slots), most):
            some, probes = slots[start : start + most], embeddings[start : start + most]
            similarity = np.empty((len(some), self.budget), dtype=np.float32)
            changes = (np.flatnonzero(some[1:] != some[:-1]) + 1).tolist()
            # One product for each gallery, in place: to stack some for one call would copy them.
            for first, last in zip([0, *changes], [*changes, len(some)], strict=True):
                np.dot(probes[first:last], self._pool[some[first]].T, similarity[first:last])
            similarity.max(axis=1, out=nearest[start : start + most])
        return nearest

    def open(self, embeddings: EmbeddingArray) -> IntArray:
        """Start a gallery for each row of embeddings (K, D); returns slots (K,), -1 where the limit is reached."""
        count = len(embeddings)
        free = np.flatnonzero(self._written == 0)
        if len(free) < count:
            self._grow(count - len(free), embeddings.shape[1])
            free = np.flatnonzero(self._written == 0)
        slots = np.full(count, -1, dtype=np.int64)
        given = min(count, len(free))
        slots[:given] = free[:given]
        if given and self._pool is not None:
            self._pool[slots[:given]] = embeddings[:given, None]
            self._written[slots[:given]] = 1
        return slots

    def add(self, slots: IntArray, embeddings: EmbeddingArray) -> None:
        """Add one embedding (K, D) to each gallery, in place of its oldest once it is full."""
        held = slots >= 0
        slots = slots[held]
        if self._pool is not None:
            self._pool[slots, self._written[slots] % self.budget] = embeddings[held]
            self._written[slots] += 1

    def close(self, slots: IntArray) -> None:
        """End the galleries in these slots."""
        self._written[slots[slots >= 0]] = 0

    def _grow(self, missing: int, width: int) -> None:
        size = len(self._written)
        target = min(max(size + missing, 2 * size, 16), self.max_galleries)
        if target == size:
            return
        pool = np.zeros((target, self.budget, width), dtype=np.float32)
        if self._pool is not None:
            pool[:size] = self._pool
        self._pool = pool
        self._written = np.concatenate((self._written, np.zeros(target - size, dtype=np.int64)))
