"""filterpy filters as oracles, the matrices of SORT and DeepSORT written out whole; and filters for the adapter."""

from __future__ import annotations

from typing import Any

import numpy as np
from filterpy.kalman import (
    ExtendedKalmanFilter,
    IMMEstimator,
    KalmanFilter,
    MerweScaledSigmaPoints,
    UnscentedKalmanFilter,
)

from tracker.arrays import FloatArray
from tracker.boxes import xyxy_to_xysr
from tracker.motion import FilterpyMotion

F7 = np.eye(7)
F7[[0, 1, 2], [4, 5, 6]] = 1.0
H7 = np.eye(4, 7)


def sort_matrices(f: Any, box: FloatArray) -> Any:
    """The seven-state filter of SORT, started at a box (4,)."""
    f.x = np.append(xyxy_to_xysr(box[None])[0], [0, 0, 0])
    f.P = np.diag([10, 10, 10, 10, 1e4, 1e4, 1e4]).astype(float)
    f.Q = np.diag([1, 1, 1, 1, 1e-2, 1e-2, 1e-4])
    f.R = np.diag([1.0, 1, 10, 10])
    f.F, f.H = F7.copy(), H7.copy()
    return f


def sort_filter(box: FloatArray) -> Any:
    return sort_matrices(KalmanFilter(dim_x=7, dim_z=4), box)


def predict_sort(f: Any, step: float) -> None:
    """``step`` frames; an area about to vanish stops changing, as in SORT."""
    for _ in range(round(step)):
        if f.x[2] + f.x[6] <= 0:
            f.x[6] = 0.0
        f.predict()


class DeepSORTOracle:
    """The eight-state filter of DeepSORT, whose noise follows the height of the track."""

    def __init__(self, box: FloatArray) -> None:
        self.f = f = KalmanFilter(dim_x=8, dim_z=4)
        f.F, f.H = np.eye(8) + np.eye(8, k=4), np.eye(4, 8)
        f.x = np.append(xyxy_to_xyah(box[None])[0], np.zeros(4))
        h = f.x[3]
        f.P = np.diag(np.square([h / 10, h / 10, 1e-2, h / 10, h / 16, h / 16, 1e-5, h / 16]))

    def predict(self) -> None:
        h = self.f.x[3]
        self.f.predict(Q=np.diag(np.square([h / 20, h / 20, 1e-2, h / 20, h / 160, h / 160, 1e-5, h / 160])))

    @property
    def noise(self) -> FloatArray:
        h = self.f.x[3]
        return np.diag(np.square([h / 20, h / 20, 1e-1, h / 20]))

    def update(self, z: FloatArray) -> None:
        self.f.update(z, R=self.noise)


def unscented(box: FloatArray) -> Any:
    points = MerweScaledSigmaPoints(7, alpha=0.1, beta=2.0, kappa=0.0)
    f = UnscentedKalmanFilter(dim_x=7, dim_z=4, dt=1.0, hx=lambda x: x[:4], fx=lambda x, dt: F7 @ x, points=points)
    f.x = np.append(xyxy_to_xysr(box[None])[0], [0, 0, 0])
    f.P = np.diag([10, 10, 10, 10, 1e4, 1e4, 1e4]).astype(float)
    f.Q = np.diag([1, 1, 1, 1, 1e-2, 1e-2, 1e-4])
    f.R = np.diag([1.0, 1, 10, 10])
    return f


def extended(box: FloatArray) -> Any:
    return sort_matrices(ExtendedKalmanFilter(dim_x=7, dim_z=4), box)


def update_extended(f: Any, z: FloatArray) -> None:
    f.update(z, lambda x: H7, lambda x: H7 @ x)


def mixed(box: FloatArray) -> Any:
    """Two motions, one calm and one brisk, weighed against each other."""
    calm, brisk = sort_filter(box), sort_filter(box)
    brisk.Q = brisk.Q * 100
    return IMMEstimator([calm, brisk], np.array([0.7, 0.3]), np.array([[0.95, 0.05], [0.1, 0.9]]))


def xyxy_to_xyah(boxes: FloatArray) -> FloatArray:
    """(N, 4) left, top, right, bottom -> centre x, centre y, aspect ratio, height."""
    size = boxes[:, 2:] - boxes[:, :2]
    return np.column_stack((boxes[:, :2] + size / 2, size[:, 0] / size[:, 1], size[:, 1]))


def distances(motion: Any, state: Any, boxes: FloatArray) -> FloatArray:
    """(N, M) squared Mahalanobis distance of every track's predicted measurement to every box."""
    if isinstance(motion, FilterpyMotion):
        _, _, distance = motion.gated_pairs(state, boxes, np.inf)
        return distance.reshape(len(state), len(boxes))
    p, pp = state[0], state[2]
    away = motion.measure(boxes)[:, None, :] - p[:, :, None]
    return (away**2 / (pp + motion.measurement_variance(p))[:, :, None]).sum(axis=0)
