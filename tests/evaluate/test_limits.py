"""Scores where a number is just at its limit, and where ties and zeros decide."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.evaluate.clear import clear
from tracker.evaluate.frames import Names, assign, frames_from_matrices
from tracker.evaluate.hota import hota
from tracker.evaluate.identity import identity
from tracker.evaluate.rules import RULES
from tracker.rows import as_rows


def seen(matched: int, frames: int, similarity: float = 1.0) -> list[list[object]]:
    """Per-frame arrays of one object, of which one result meets the first ``matched`` of its frames."""
    overlaps = [[[similarity]] if k < matched else [[0.0]] for k in range(frames)]
    return [[[1]] * frames, [[7]] * frames, overlaps]  # type: ignore[list-item]


def test_a_similarity_at_the_threshold_is_a_match() -> None:
    assert clear(*seen(3, 3, 0.5)).tp == identity(*seen(3, 3, 0.5)).idtp == 3
    assert clear(*seen(3, 3, 0.5 - 1e-9)).tp == identity(*seen(3, 3, 0.5 - 1e-9)).idtp == 0
    assert hota(*seen(3, 3, 0.5)).tp.tolist() == [3] * 10 + [0] * 9


@pytest.mark.parametrize(("matched", "expected"), [(1, "ml"), (2, "pt"), (8, "pt"), (9, "mt")])
def test_mostly_tracked_is_above_four_fifths_and_mostly_lost_below_one(matched: int, expected: str) -> None:
    score = clear(*seen(matched, 10))
    assert {name: getattr(score, name) for name in ("mt", "pt", "ml")} == {
        name: int(name == expected) for name in ("mt", "pt", "ml")
    }


def test_hota_is_the_geometric_mean_of_detection_and_association() -> None:
    """Of ten frames six are met, and in four the result is elsewhere: DetA 6/14, AssA 6/14; with recall 6/10."""
    score = hota(*seen(6, 10))
    np.testing.assert_allclose(score.det_a, 6 / 14)
    np.testing.assert_allclose(score.ass_a, 6 / 14)
    np.testing.assert_allclose(score.hota, 6 / 14)
    np.testing.assert_allclose(score.owta, np.sqrt(6 / 10 * 6 / 14))


def test_pairs_of_score_nothing_are_not_assigned() -> None:
    """The solver must have the frame, for the ties in it; rows 0 and 1 are settled, and row 1 has only a zero."""
    similarity = np.array([[0.9, 0.3, 0, 0], [0.2, 0.1, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 0.5, 0.5]])
    frames = frames_from_matrices([[1, 2, 3, 4]], [[5, 6, 7, 8]], [similarity], Names(), Names())
    score = np.where(frames.similarity < 0.25, 0.0, frames.similarity)
    chosen = assign(frames, score)
    assert score[chosen].tolist() == [0.9, 0.5, 0.5]


@pytest.mark.parametrize(("label", "left"), [(1, True), (2, False), (4, True), (7, False), (8, False), (12, False)])
def test_results_on_each_distractor_are_left_out(label: int, left: bool) -> None:
    """Persons on vehicles, static persons, distractors and reflections; a car is none, nor does it count itself."""
    frames = frames_from_matrices([[1]], [[5]], [[[0.9]]], Names(), Names())
    gt = as_rows([1], [1], [[0, 0, 1, 1]], [1], [label])
    counted = RULES["mot17"].apply(frames, gt, as_rows([1], [1], [[0, 0, 1, 1]]))
    assert (len(counted.gt), len(counted.ids)) == (int(label == 1), int(left))
