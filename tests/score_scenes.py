"""Small random scenes as per-frame arrays, many of them full of ties."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tracker.boxes import iou_xyxy

# Equal values make ties; the threshold itself and its neighbours sit on the edge of a match.
VALUES = [0.0, 0.0, 0.05, 0.25, 0.3, 0.5, 0.5 - 1e-16, 0.5 - 1e-12, 0.75, 0.95, 1.0]


@st.composite
def scenes(draw: st.DrawFn, frames: int = 8, size: int = 5) -> tuple[list[Any], list[Any], list[Any]]:
    """(gt_ids, ids, similarity), from drawn values or from boxes on a coarse grid."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["values", "uniform", "grid"]))
    crowd = draw(st.integers(1, size))
    scene: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    for _ in range(draw(st.integers(0, frames))):
        g = rng.permutation(crowd + 1)[: rng.integers(0, crowd + 1)] * 3
        t = rng.permutation(crowd + 2)[: rng.integers(0, crowd + 1)] + 7
        if kind == "values":
            s = rng.choice(VALUES, (len(g), len(t)))
        elif kind == "uniform":
            s = rng.random((len(g), len(t))) * (rng.random((len(g), len(t))) < 0.6)
        else:
            a, b = (
                np.hstack((p := rng.integers(0, 4, (n, 2)), p + rng.integers(1, 4, (n, 2)))) for n in (len(g), len(t))
            )
            s = iou_xyxy(a.astype(float), b.astype(float))
        for column, value in zip(scene, (g, t, s), strict=True):
            column.append(value)
    return scene
