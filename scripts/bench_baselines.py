"""SORT and DeepSORT as one would first write them from the papers: a filter object per track, loops over tracks.

What ``scripts/bench.py`` compares the trackers of this library and of others with.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import linear_sum_assignment

from tracker import Detections

with warnings.catch_warnings():
    warnings.simplefilter("ignore", SyntaxWarning)  # filterpy's docstrings
    warnings.simplefilter("ignore", DeprecationWarning)  # the same, before Python 3.12
    from filterpy.kalman import KalmanFilter

Array = NDArray[np.float64]


def iou_matrix(a: Array, b: Array) -> Array:
    """Of all pairs by broadcasting, as everybody writes it."""
    a, b = a[:, None], b[None]
    both = np.prod(np.maximum(0.0, np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])), axis=2)
    areas = np.prod(a[..., 2:] - a[..., :2], axis=2) + np.prod(b[..., 2:] - b[..., :2], axis=2)
    overlap: Array = both / (areas - both)
    return overlap


class BoxFilter:
    """SORT's filter of one track (Bewley 2016, section 3.2) as a filterpy object."""

    def __init__(self, box: Array, number: int) -> None:
        self.id = number
        self.streak = self.missed = 0
        self.kf = kf = KalmanFilter(dim_x=7, dim_z=4)
        kf.F = np.eye(7)
        kf.F[[0, 1, 2], [4, 5, 6]] = 1.0
        kf.H = np.eye(4, 7)
        kf.R[2:, 2:] *= 10.0
        kf.P[4:, 4:] *= 1000.0
        kf.P *= 10.0
        kf.Q[-1, -1] *= 0.01
        kf.Q[4:, 4:] *= 0.01
        kf.x[:4] = self.measured(box)

    @staticmethod
    def measured(box: Array) -> Array:
        w, h = box[2] - box[0], box[3] - box[1]
        return np.array([[box[0] + w / 2], [box[1] + h / 2], [w * h], [w / h]])

    def predict(self) -> None:
        if self.kf.x[6, 0] + self.kf.x[2, 0] <= 0:
            self.kf.x[6, 0] = 0.0
        self.kf.predict()
        self.streak = self.streak if self.missed == 0 else 0
        self.missed += 1

    def update(self, box: Array) -> None:
        self.kf.update(self.measured(box))
        self.streak += 1
        self.missed = 0

    def box(self) -> Array:
        x, y, s, r = self.kf.x[:4, 0]
        w = np.sqrt(s * r)
        h = s / w
        return np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])


class PlainSORT:
    """SORT on a list of BoxFilter."""

    def __init__(self) -> None:
        self.tracks: list[BoxFilter] = []
        self.frame = self.born = 0

    def update(self, detections: Detections) -> Array:
        boxes = detections.boxes
        self.frame += 1
        for track in self.tracks:
            track.predict()
        free = set(range(len(boxes)))
        if self.tracks and len(boxes):
            overlap = iou_matrix(np.array([track.box() for track in self.tracks]), boxes)
            for i, j in zip(*linear_sum_assignment(-overlap), strict=True):
                if overlap[i, j] >= 0.3:
                    self.tracks[i].update(boxes[j])
                    free.discard(int(j))
        for j in sorted(free):
            self.born += 1
            self.tracks.append(BoxFilter(boxes[j], self.born))
        shown = [t for t in self.tracks if t.missed == 0 and (t.streak >= 3 or self.frame <= 3)]
        rows = [np.append(track.box(), track.id) for track in shown]
        self.tracks = [track for track in self.tracks if track.missed <= 1]
        return np.array(rows).reshape(-1, 5)


class Walker:
    """One track of DeepSORT (Wojke 2017): eight-state filter, gallery and counters."""

    F = np.eye(8) + np.eye(8, k=4)
    H = np.eye(4, 8)

    def __init__(self, z: Array, embedding: NDArray[np.float32], number: int) -> None:
        self.id = number
        self.hits, self.missed, self.confirmed = 1, 0, False
        self.gallery = [embedding]
        self.x = np.append(z, np.zeros(4))
        h = z[3]
        self.P = np.diag(np.square([h / 10, h / 10, 1e-2, h / 10, h / 16, h / 16, 1e-5, h / 16]))

    def predict(self) -> None:
        h = self.x[3]
        noise = np.diag(np.square([h / 20, h / 20, 1e-2, h / 20, h / 160, h / 160, 1e-5, h / 160]))
        self.x = self.F @ self.x
        self.P = self.F @ self.P @ self.F.T + noise
        self.missed += 1

    def projected(self) -> tuple[Array, Array]:
        h = self.x[3]
        return self.H @ self.x, self.H @ self.P @ self.H.T + np.diag(np.square([h / 20, h / 20, 1e-1, h / 20]))

    def gating_distances(self, measurements: Array) -> Array:
        mean, covariance = self.projected()
        difference = measurements - mean
        solved = np.linalg.solve(np.linalg.cholesky(covariance), difference.T)
        distances: Array = np.sum(solved * solved, axis=0)
        return distances

    def appearance_distances(self, embeddings: NDArray[np.float32]) -> Array:
        distances: Array = (1.0 - np.array(self.gallery) @ embeddings.T).min(axis=0)
        return distances

    def update(self, z: Array, embedding: NDArray[np.float32]) -> None:
        mean, covariance = self.projected()
        gain = cho_solve(cho_factor(covariance, lower=True), (self.P @ self.H.T).T).T
        self.x = self.x + gain @ (z - mean)
        self.P = self.P - gain @ covariance @ gain.T
        self.gallery = [*self.gallery, embedding][-100:]
        self.hits, self.missed = self.hits + 1, 0
        self.confirmed = self.confirmed or self.hits >= 3

    def box(self) -> Array:
        x, y, a, h = self.x[:4]
        return np.array([x - a * h / 2, y - h / 2, x + a * h / 2, y + h / 2])


class PlainDeepSORT:
    """DeepSORT with a loop over tracks in every step."""

    def __init__(self) -> None:
        self.tracks: list[Walker] = []
        self.born = 0

    def update(self, detections: Detections) -> Array:
        boxes, embeddings = detections.boxes, detections.embeddings
        assert embeddings is not None
        size = boxes[:, 2:] - boxes[:, :2]
        measured = np.column_stack((boxes[:, :2] + size / 2, size[:, 0] / size[:, 1], size[:, 1]))
        for track in self.tracks:
            track.predict()
        free = list(range(len(boxes)))
        unmatched = [track for track in self.tracks if not track.confirmed]
        for level in range(1, 31):
            candidates = [track for track in self.tracks if track.confirmed and track.missed == level]
            if not free or not candidates:
                unmatched += candidates if level == 1 else []
                continue
            cost = np.empty((len(candidates), len(free)))
            for i, track in enumerate(candidates):
                cost[i] = track.appearance_distances(embeddings[free])
                cost[i, track.gating_distances(measured[free]) > 9.4877] = 1e5
            left = self._match(candidates, free, cost, 0.2, measured, embeddings)
            unmatched += left if level == 1 else []
        if free and unmatched:
            cost = np.empty((len(unmatched), len(free)))
            for i, track in enumerate(unmatched):
                cost[i] = 1.0 - iou_matrix(track.box()[None], boxes[free])[0]
            self._match(unmatched, free, cost, 0.7, measured, embeddings)
        self.tracks = [t for t in self.tracks if t.missed == 0 or (t.confirmed and t.missed <= 30)]
        for j in free:
            self.born += 1
            self.tracks.append(Walker(measured[j], embeddings[j], self.born))
        shown = [track for track in self.tracks if track.confirmed and track.missed <= 1]
        return np.array([np.append(track.box(), track.id) for track in shown]).reshape(-1, 5)

    def _match(
        self,
        tracks: list[Walker],
        free: list[int],
        cost: Array,
        limit: float,
        measured: Array,
        embeddings: NDArray[np.float32],
    ) -> list[Walker]:
        cost = np.minimum(cost, limit + 1e-5)
        left, taken = dict(enumerate(tracks)), set()
        for i, j in zip(*linear_sum_assignment(cost), strict=True):
            if cost[i, j] <= limit:
                left.pop(int(i)).update(measured[free[j]], embeddings[free[j]])
                taken.add(free[j])
        free[:] = [j for j in free if j not in taken]
        return list(left.values())
