"""Comparing rows of two trackers: the same boxes in every frame, and one id of theirs for each id of ours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray, IntArray
from tracker.tracks import Tracks


class Rows:
    """Collects (frame, id, box) rows over a sequence."""

    def __init__(self) -> None:
        self.frames: list[IntArray] = []
        self.ids: list[IntArray] = []
        self.boxes: list[FloatArray] = []

    def add(self, frame: int, tracks: Tracks) -> None:
        self.frames.append(np.full(len(tracks), frame))
        self.ids.append(tracks.ids)
        self.boxes.append(tracks.boxes)

    def columns(self) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
        return np.concatenate(self.frames), np.concatenate(self.ids), np.concatenate(self.boxes)


def assert_same_tracks(ours: Rows, frames: IntArray, ids: IntArray, boxes: FloatArray, tolerance: float = 1e-6) -> None:
    """Every row agrees to ``tolerance`` pixels, and over the whole sequence ids map one to one."""
    our_frames, our_ids, our_boxes = ours.columns()
    theirs_of_ours: dict[int, int] = {}
    ours_of_theirs: dict[int, int] = {}
    assert len(our_ids) == len(ids), f"{len(our_ids)} rows, published {len(ids)}"
    for frame in np.unique(np.concatenate((frames, our_frames))):
        a, b = np.flatnonzero(our_frames == frame), np.flatnonzero(frames == frame)
        assert len(a) == len(b), f"frame {frame}: {len(a)} rows, published {len(b)}"
        far = np.abs(our_boxes[a][:, None] - boxes[b][None]).max(axis=2)
        # Two published rows may lie closer together than the tolerance; within it, follow the ids known so far.
        known = np.array([[theirs_of_ours.get(int(our_ids[i])) == int(ids[j]) for j in b] for i in a])
        nearest = np.where(known, far - 1.0, far).argmin(axis=1)
        assert sorted(nearest) == list(range(len(b))), f"frame {frame}: boxes do not pair off"
        worst = far[np.arange(len(a)), nearest].max(initial=0.0)
        assert worst <= tolerance, f"frame {frame}: boxes differ by {worst:g} pixels"
        for i, j in zip(our_ids[a].tolist(), ids[b[nearest]].tolist(), strict=True):
            assert theirs_of_ours.setdefault(i, j) == j, f"frame {frame}: our {i} is their {theirs_of_ours[i]} and {j}"
            assert ours_of_theirs.setdefault(j, i) == i, f"frame {frame}: their {j} is our {ours_of_theirs[j]} and {i}"
