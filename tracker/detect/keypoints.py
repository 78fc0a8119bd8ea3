"""Keypoints behind the boxes of pose networks: which columns they are, and their way back to the image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray
from tracker.detect.head import Fit


def keypoints_in(metadata: Mapping[str, str]) -> tuple[int, int] | None:
    """The shape that ultralytics states as kpt_shape: points, and numbers per point (2, or 3 with a visibility)."""
    try:
        count, numbers = json.loads(metadata.get("kpt_shape", ""))
    except (ValueError, TypeError):
        return None
    return (count, numbers) if isinstance(count, int) and count > 0 and numbers in (2, 3) else None


def as_keypoints(columns: NDArray[Any], shape: tuple[int, int]) -> FloatArray:
    """Columns (N, points * numbers) as (N, points, numbers)."""
    return columns[:, : shape[0] * shape[1]].reshape(len(columns), *shape).astype(np.float64)


def keypoints_to_image(points: FloatArray, fit: Fit) -> FloatArray:
    """Keypoints (N, K, 2 or 3) in pixels of the image; a visibility stays as it is."""
    return np.concatenate((fit.to_image(points[..., :2]), points[..., 2:]), axis=-1)
