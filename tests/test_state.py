"""State: time, births and deaths on arrays; settings checked at the edge."""

from __future__ import annotations

import copy
from datetime import datetime
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from tracker import XYSR, Detections
from tracker.state import State

BOXES = [[0.0, 0, 10, 20], [50, 0, 60, 20], [100, 0, 110, 20]]


def born() -> State:
    state = State.start(XYSR())
    state.advance(None, 30)
    state.birth(XYSR(), Detections(BOXES, [0.9, 0.8, 0.7], [1, 2, 3]), np.arange(3))
    return state


def everyone(state: State) -> np.ndarray[Any, Any]:
    return np.full(len(state), True)


def test_birth_update_and_death() -> None:
    motion, state = XYSR(), born()
    assert (state.ids.tolist(), state.next_id, len(state)) == ([1, 2, 3], 4, 3)
    state.predict(motion, 1)
    state.update(motion, np.array([2, 0]), Detections(BOXES), np.array([2, 1]))
    assert (state.hits.tolist(), state.missed.tolist()) == ([2, 1, 2], [0, 1, 0])
    assert state.detections.tolist() == [1, -1, 2]
    report = state.report(motion, everyone(state))
    assert report.detection_boxes[0].tolist() == BOXES[1]
    assert np.isnan(report.detection_boxes[1]).all()
    state.end(state.missed > 0)
    assert state.ids.tolist() == [1, 3]
    assert state.motion.shape == (5, 4, 2)
    state.birth(motion, Detections(BOXES), np.array([1]))
    assert (state.ids.tolist(), state.ages.tolist()) == ([1, 3, 4], [2, 2, 1])


def test_a_shallow_copy_is_a_snapshot() -> None:
    motion, state = XYSR(), born()
    snapshot, deep = copy.copy(state), copy.deepcopy(state)
    state.advance(1.0, 30)
    state.predict(motion, 1)
    state.update(motion, np.array([0]), Detections(BOXES), np.array([2]))
    state.birth(motion, Detections(BOXES), np.array([0, 1]))
    state.end(state.ids == 1)
    for name, value in vars(deep).items():
        np.testing.assert_array_equal(getattr(snapshot, name), value)


def voted(*told: tuple[int, float]) -> list[int]:
    """The class of a track after each detection of (class, score), the first of which is its birth."""
    motion, state, out = XYSR(), State.start(XYSR()), []
    box = [[0.0, 0, 10, 20]]
    for label, score in told:
        detection = Detections(box, [score], [label])
        state.predict(motion, 1)
        if len(state):
            state.update(motion, np.array([0]), detection, np.array([0]))
            assert state.detection_classes.tolist() == [label]
        else:
            state.birth(motion, detection, np.array([0]))
        out += state.classes.tolist()
    return out


def test_a_class_changes_when_another_outweighs_it() -> None:
    assert voted((1, 0.3), *[(2, 0.9)] * 20) == [1] * 7 + [2] * 14
    assert set(voted((1, 0.9), *[(2, 0.2)] * 100)) == {1}, "what is never sure changes nothing"
    assert set(voted((1, 0.9), *[(2, 0.8), (1, 0.8)] * 50)) == {1}, "a tie keeps the class"
    assert voted(*[(1, 0.2), (2, 0.9)] * 50)[-1] == 2, "scores are weights"
    assert set(voted((1, 0.9), *[(2, 0.9), (3, 0.9)] * 50)) == {1}, "two others that disagree outweigh nobody"
    assert voted((1, 0.9), (3, 0.9), *[(2, 0.9)] * 9)[-1] == 2, "the stronger rival wins"
    assert voted((1, 0.9), *[(2, 0.9)] * 5, (3, 0.9), *[(2, 0.9)] * 3)[-1] == 2, "a third class does not replace it"
    there_and_back = voted(*[(1, 0.9)] * 5, *[(2, 0.9)] * 9, *[(1, 0.9)] * 6)
    assert there_and_back[-1] == 2, "the way back is as long"
    assert set(voted((1, 0.9), *[(2, -60.0)] * 30)) == {1}


def test_votes_of_some_tracks_leave_the_others_alone() -> None:
    motion, state = XYSR(), born()
    for _ in range(8):
        state.predict(motion, 1)
        state.update(motion, np.array([0, 2]), Detections(BOXES, [0.9, 0.9, 0.9], [3, 3, 3]), np.array([0, 2]))
    assert state.classes.tolist() == [3, 2, 3]
    assert state.detection_classes.tolist() == [3, 2, 3]
    state.end(np.array([True, False, False]))
    assert (state.classes.tolist(), state.votes.tolist()) == ([2, 3], [0.0, 0.0])


def test_frames_that_passed() -> None:
    state = State.start(XYSR())
    assert state.advance(None, 25) == 1
    assert state.advance(7.0, 25) == 1  # the first time given starts the clock
    assert state.advance(7.04, 25) == 1
    assert state.advance(7.2, 25) == 4
    assert state.advance(7.2403, 25) == 1  # a rounded timestamp
    assert state.advance(7.26, 25) == pytest.approx(0.4925)
    assert state.advance(None, 25) == 1
    assert (state.frame, state.time) == (7, pytest.approx(7.3))
    assert state.advance(7.34, 25) == 1
    assert state.advance(7.388, 25) == pytest.approx(1.2)


@pytest.mark.parametrize(
    ("time", "message"),
    [
        (5.0, r"time=5 s does not follow 5 s; give increasing times, or call reset\(\)"),
        (4.0, r"time=4 s does not follow 5 s"),
        (float("nan"), "time=nan is not a finite number of seconds"),
        (float("inf"), "time=inf is not a finite number of seconds"),
        (10**400, "time=inf is not a finite number of seconds"),
        ("6", "time is a str; give seconds as a number"),
        (True, "time is a bool; give seconds as a number"),
        (np.array([6.0]), "time is a ndarray; give seconds as a number"),
        (np.timedelta64(6, "s"), "time is a timedelta64; give seconds as a number"),
        (np.datetime64("2026-01-01"), "time is a datetime64; give seconds as a number"),
        (datetime(2026, 1, 1), r"time is a datetime; give seconds as a number, such as time.timestamp\(\)"),
    ],
)
def test_time_must_be_seconds_that_increase(time: Any, message: str) -> None:
    state = State.start(XYSR())
    state.advance(5.0, 30)
    with pytest.raises(ValueError, match=f"^{message}"):
        state.advance(time, 30)
    assert (state.frame, state.time) == (1, 5.0)


def test_time_may_be_a_fraction_as_pyav_gives_it() -> None:
    state = State.start(XYSR())
    state.advance(Fraction(5, 2), 30)
    assert state.time == 2.5
