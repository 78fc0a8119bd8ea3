"""What a good score is, by the detections so far."""

from __future__ import annotations

import numpy as np
import pytest

from tracker import Steady
from tracker.levels import SHARPEST, START_MEMORY, Level, Spread

PLACES = np.array([[60.0 * k, 100, 60 * k + 40, 200] for k in range(10)])


def after(frames: int, scores: np.ndarray, found_again: bool = True) -> Spread:
    """What is known after so many frames of ten detections, all in their places, or each time elsewhere."""
    spread = Spread()
    for frame in range(1, frames + 1):
        away = 0.0 if found_again else 300.0 * (frame % 3)
        spread = spread.look(scores, PLACES + np.array([0, away, 0, away]), frame)
    return spread


def test_scores_that_spread_over_what_is_found_again_are_sharpened() -> None:
    spread = after(30, np.linspace(0.3, 0.95, 10))
    assert spread.exponent == SHARPEST
    raised = spread.sharpened(np.array([0.0, 0.4, 0.6, 1.0]))
    assert raised == pytest.approx([0.0, 1 - 0.6**SHARPEST, 1 - 0.4**SHARPEST, 1.0])
    assert raised[1] > 0.7


@pytest.mark.parametrize(
    ("scores", "found_again"),
    [
        (np.linspace(0.3, 0.95, 10), False),  # junk comes and goes
        (np.array([0.9] * 8 + [0.5] * 2), True),  # few middling ones
        (np.array([0.9] + [0.5] * 9), True),  # hardly any good ones
        (np.full(10, 0.5), True),  # none at all
    ],
)
def test_other_scores_stay_as_they_are(scores: np.ndarray, found_again: bool) -> None:
    spread = after(80, scores, found_again)
    assert spread.exponent == 1.0
    assert spread.sharpened(scores) is scores


def test_middling_ones_that_come_and_go_are_no_objects() -> None:
    spread, scores = Spread(), np.linspace(0.3, 0.95, 10)
    for frame in range(1, 80):
        away = np.where(scores < 0.7, 300.0 * (frame % 3), 0.0)[:, None]
        spread = spread.look(scores, PLACES + away * np.array([0, 1, 0, 1]), frame)
    assert spread.exponent == 1.0


def test_a_few_detections_prove_nothing() -> None:
    few = Spread()
    for frame in (1, 2):
        few = few.look(np.array([0.5, 0.75, 0.9]), PLACES[:3], frame)
    assert few.exponent == 1.0


def test_a_spread_is_unlearned() -> None:
    spread = after(59, np.linspace(0.3, 0.95, 10))
    for frame in range(60, 3000):
        spread = spread.look(np.array([0.9] * 9 + [0.5]), PLACES, frame)
    assert spread.exponent == 1.0


def test_the_first_level_is_forgotten_within_a_hundred_weak_detections() -> None:
    level = Level()
    for frame in range(1, 11):
        level, scaled = level.scaled(np.full(int(4 * START_MEMORY) // 10, 0.3), frame)
    assert scaled[0] > 0.8
    _, scaled = Level().scaled(np.full(1, 0.3), 1)
    assert scaled[0] < 0.35


def test_people_of_middling_scores_are_tracked_where_scores_spread() -> None:
    """Ten people, whose scores are spread evenly; nobody's score changes."""
    spread, few = Steady(), Steady()
    for f in range(60):
        boxes = PLACES + 2.0 * f * np.array([1, 0, 1, 0])
        seen = len(spread.update({"boxes": boxes, "scores": np.linspace(0.42, 0.97, 10)}))
        kept = len(few.update({"boxes": boxes, "scores": np.array([0.9] * 8 + [0.6, 0.5])}))
    assert (seen, kept) == (10, 8)
