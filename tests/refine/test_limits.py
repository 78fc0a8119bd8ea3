"""Repair where a number is just at its limit."""

from __future__ import annotations

import numpy as np
import pytest
from tracklets import straight, together, track

from tracker.refine import as_rows, merge


@pytest.mark.parametrize(("max_gap", "links"), [(11, 0), (12, 1)])
def test_a_gap_of_max_gap_frames_is_bridged(max_gap: int, links: int) -> None:
    assert len(merge(together(track(range(1, 21)), track(range(33, 50), 2)), max_gap)[1]) == links


@pytest.mark.parametrize(("max_distance", "links"), [(0.5, 1), (0.49, 0)])
def test_a_cosine_distance_at_the_limit_is_allowed(max_distance: float, links: int) -> None:
    rows = together(track(range(1, 21)), track(range(33, 50), 2))
    embeddings = np.array([[1.0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5]])
    assert len(merge(rows, embeddings=embeddings, max_distance=max_distance)[1]) == links


def test_a_short_track_goes_by_its_partners_velocity() -> None:
    """Four rows whose noise would send it elsewhere over a gap of 20 frames."""
    frames = [41, 42, 43, 44]
    shaken = straight(frames) + np.tile([[-4.0], [-1], [1], [4]], 4) * [1, 0, 1, 0]
    later = as_rows(frames, [2] * 4, shaken)
    (link,) = merge(together(track(range(1, 21)), later))[1]
    assert link.overlap > 0.8


def test_boxes_cut_at_the_end_of_a_track_do_not_change_its_size() -> None:
    frames = np.arange(1, 21)
    boxes = straight(frames)
    boxes[-3:] += [0, 30, 0, -30]  # hidden from below and above
    (link,) = merge(together(as_rows(frames, np.ones(20, int), boxes), track(range(22, 40), 2)))[1]
    assert link.overlap == pytest.approx(1)
