"""StrongSORT: what a match costs and how embeddings are remembered, on scenes small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tracker import Detections, StrongSORT
from tracker.log import Log

BOX = np.array([100.0, 100, 140, 200])
RED, BLUE = np.array([1.0, 0, 0]), np.array([0.0, 1, 0])


def known(tracker: StrongSORT) -> StrongSORT:
    """The tracker after five frames of RED in BOX."""
    for _ in range(5):
        tracker.update(Detections(BOX[None], [0.5], embeddings=[RED]))
    return tracker


@pytest.mark.parametrize("weight", [0.98, 0.5])
def test_a_match_costs_appearance_and_motion(weight: float) -> None:
    """Equation 3, as the log has it."""
    tracker = known(StrongSORT(appearance_weight=weight))
    tracker.log = Log()
    tracker.update(Detections((BOX + 6)[None], embeddings=[RED + BLUE]))
    (stage, *_) = tracker.log.frames[-1].stages
    appearance, motion = stage.parts["appearance"], stage.parts["mahalanobis"]
    assert (appearance > 0.2).all()
    assert (motion > 0.5).all()
    np.testing.assert_allclose(stage.gains, 0.4 - weight * appearance - (1 - weight) * motion, atol=1e-6)


@pytest.mark.parametrize(("step", "matched"), [(2.0, True), (12.0, False)])
def test_motion_decides_between_like_ones(step: float, matched: bool) -> None:
    """Cost 0.28 by appearance, and motion adds, of 0.02 x 9.49 at most, what is too much where it is far."""
    tracker = known(StrongSORT(max_cost=0.32, max_iou_distance=0.01))
    embedding = np.array([5.0, 5, 0]) / np.sqrt(50)
    found = tracker.update(Detections((BOX + step)[None], embeddings=[embedding]))
    assert (found.detections >= 0).tolist() == [matched]


def test_old_embeddings_are_forgotten_slowly() -> None:
    tracker = known(StrongSORT(max_iou_distance=0.01, max_cost=1.5))
    for _ in range(3):
        tracker.update(Detections(BOX[None], embeddings=[BLUE]))
    tracker.log = Log()
    tracker.update(Detections(BOX[None], embeddings=[RED]))
    (stage, *_) = tracker.log.frames[-1].stages
    # 0.9 of the past and 0.1 of the newest, scaled to length 1, three times: 27 degrees off RED at most.
    assert 0.02 < stage.parts["appearance"][0] < 0.11
