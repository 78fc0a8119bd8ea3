"""OC-SORT: directions and their weight, on scenes small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tracker import OCSORT, Detections
from tracker.log import Log

BOX = np.array([100.0, 100, 160, 160])
RIGHT, LEFT, UP, DOWN = np.array([6.0, 0]), np.array([-6.0, 0]), np.array([0.0, -6]), np.array([0.0, 6])


def walked(tracker: OCSORT, frames: int = 8) -> np.ndarray:
    """The box of an object that walked to the right for some frames."""
    for k in range(frames):
        box = BOX + np.tile(k * RIGHT, 2)
        tracker.update(Detections(box[None], [0.9]))
    return box


def momentum(tracker: OCSORT, box: np.ndarray) -> float:
    """The agreement of directions for the only pair of a frame, from -1/2 to 1/2."""
    tracker.log = Log()
    tracker.update(Detections(box[None], [0.9]))
    (part,) = tracker.log.frames[-1].stages[0].parts["momentum"]
    return float(part)


@pytest.mark.parametrize(("step", "agreement"), [(RIGHT, 0.5), (4 * LEFT, -0.5), (UP - 2 * RIGHT, 0.0)])
def test_directions_agree_from_minus_a_half_to_a_half(step: np.ndarray, agreement: float) -> None:
    """Measured from where the object was three frames ago."""
    tracker = OCSORT()
    box = walked(tracker)
    assert momentum(tracker, box + np.tile(step, 2)) == pytest.approx(agreement, abs=0.01)


def test_directions_turn_with_the_camera() -> None:
    tracker = OCSORT()
    left, top, _, bottom = walked(tracker)
    tracker.warp(np.array([[0.0, -1, 400], [1, 0, 0]]))  # a quarter turn: what went right goes down
    turned = np.array([400 - bottom, left, 400 - top, left + 60])
    assert momentum(tracker, turned + np.tile(DOWN, 2)) == pytest.approx(0.5, abs=0.01)


def test_a_pair_of_opposite_directions_is_better_than_none() -> None:
    """IoU 1/3 with the predicted box, less the agreement of -1/2: below nothing, and yet matched in the first stage."""
    tracker = OCSORT(inertia=1.0)
    box = walked(tracker)
    assert momentum(tracker, box + np.tile(4 * LEFT, 2)) < -0.4
    assert tracker.log is not None
    assert tracker.log.frames[-1].stages[0].chosen.tolist() == [True]
