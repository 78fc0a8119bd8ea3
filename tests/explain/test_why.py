"""Causes of identity switches in scenes where the cause is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.explain.scenes import Scene, gone
from tracker import SORT, ByteTrack, Steady
from tracker.evaluate.rules import RULES
from tracker.explain.controls import controls
from tracker.explain.recording import Recorded, Recording
from tracker.explain.truth import Truth
from tracker.explain.why import Cause, Why
from tracker.log import Log
from tracker.tracker import Tracker

STAYS = [0.0] * 60
BYTE: Callable[[], Tracker] = ByteTrack


def sort() -> Tracker:
    return SORT(max_age=5, min_hits=1)


CASES: dict[str, tuple[Scene, Callable[[], Tracker], str]] = {
    "not seen for longer than max_age": (Scene({1: STAYS}, gone(1, range(20, 40))), sort, "expired-undetected"),
    "seen too weakly for longer than max_age": (
        Scene({1: STAYS}, gone(1, range(20, 55), 0.05)),
        lambda: ByteTrack(max_age=5),
        "expired-weak",
    ),
    "a neighbour's track takes its box": (
        Scene({1: [*[0.0] * 20, *[18.0] * 40], 2: [28.0] * 20}),
        sort,
        "outbid",
    ),
    "a false box leads away": (
        Scene({1: [*[0.0] * 20, *[-9.0] * 40]}, false={k: [(6.0 * (k - 20), 0.9)] for k in range(20, 60)}),
        sort,
        "clutter",
    ),
    "a false box leads away while it is not seen": (
        Scene({1: STAYS}, gone(1, range(20, 26)), {k: [(9.0 * (k - 19), 0.9)] for k in range(20, 60)}),
        sort,
        "hidden",
    ),
    "it jumps": (Scene({1: [*[0.0] * 20, *[45.0] * 40]}), sort, "out-of-reach"),
    "it moves by more than the threshold allows": (
        Scene({1: [*[0.0] * 20, *[20.0] * 40]}),
        lambda: SORT(max_age=5, min_hits=1, iou_threshold=0.5),
        "below-threshold",
    ),
    "it is weak when it comes back": (
        Scene(
            {1: [*[0.0] * 21, *[5.0 * k for k in range(1, 40)]]},
            gone(1, range(20, 21)) | gone(1, range(21, 31), 0.3),
        ),
        BYTE,
        "wrong-stage",
    ),
}


def only(why: Why) -> Cause:
    causes = list(why.switches())
    assert len(causes) == 1, [(cause.switch, cause.code) for cause in causes]
    return causes[0]


@pytest.mark.parametrize("name", CASES)
def test_the_cause_of_a_switch_is_the_one_planted(name: str) -> None:
    scene, tracker, code = CASES[name]
    cause = only(scene.why(tracker()))
    assert (cause.code, cause.level) == (code, "A")
    assert cause.confirmed
    assert cause.kept == cause.switch.before


def test_a_track_that_ended_and_would_be_out_of_reach_takes_two_removals() -> None:
    scene = Scene({1: [*[0.0] * 30, *[45.0] * 30]}, gone(1, range(20, 32)))
    cause = only(scene.why(sort()))
    assert (cause.code, cause.level) == ("expired-undetected", "C")


def test_two_objects_that_exchange_their_ids_are_one_swap() -> None:
    why = Scene({1: [*[0.0] * 20, *[18.0] * 30], 2: [*[18.0] * 20, *[0.0] * 30]}).why(sort())
    first, second = why.switches()
    assert first.code == "stolen"
    assert first.swap == second.switch
    assert second.swap == first.switch
    assert first.net == -2


def test_a_detection_below_conf_that_the_tracker_never_got_is_known() -> None:
    scene = Scene({1: [*[0.0] * 20, *[6.0 * k for k in range(1, 40)]]}, gone(1, range(20, 32), 0.4))
    cause = only(scene.why(SORT(max_age=5, min_hits=1), conf=0.6))
    assert cause.code in ("wrong-stage", "expired-weak")
    assert cause.chain[0].row == 0


def test_nothing_is_said_where_no_id_changes() -> None:
    assert list(Scene({1: STAYS, 2: [200.0 + k for k in range(60)]}).why(sort()).switches()) == []


def test_what_no_removal_undoes_is_unexplained() -> None:
    # The truth exchanges two ids in the middle of the image, where the boxes do not move.
    scene = Scene({1: [*[0.0] * 20, *[900.0] * 5], 2: [*[900.0] * 20, *[0.0] * 5]})
    for cause in scene.why(Steady()).switches():
        assert cause.level != "A" or cause.chain


@pytest.mark.parametrize("tracker", [Steady, ByteTrack, sort])
def test_an_unchanged_replay_differs_in_no_frame(tracker: Callable[[], Tracker]) -> None:
    chance = np.random.default_rng(3)
    paths = {name: list(np.cumsum(chance.normal(0, 6, 80)) + 60 * name) for name in range(1, 7)}
    missing = {(n, f): None for n in paths for f in range(80) if chance.random() < 0.2}
    run = Recorded(tracker(), Recording.of(Scene(paths, missing).found()))
    for log in (None, Log()):
        for start in (-1, 10, 41):
            reports = run.rewind(start).go_on(start + 1, 80, {}, log=log)
            for report, was in zip(reports, run.reports[start + 1 :], strict=True):
                assert np.array_equal(report.ids, was.ids)
                assert np.array_equal(report.boxes, was.boxes)


def test_a_long_run_keeps_some_states_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.explain.recording.KEPT_STATES", 10)
    scene, tracker, code = CASES["it jumps"]
    why = scene.why(tracker())
    assert why.run.stride > 1
    assert only(why).code == code


def test_the_controls_explain_nothing() -> None:
    why = CASES["it jumps"][0].why(sort())
    said = controls(why, list(why.switches()))
    assert (said.jittered, said.by_others, said.differing) == (0, 0, 0)
    assert said.frames > 0
    assert "half a pixel" in str(said + said)


def test_hidden_objects_are_those_behind_a_nearer_one() -> None:
    scene = Scene({1: STAYS, 2: [2.0] * 60})
    rows = scene.truth()
    rows.boxes[rows.ids == 2, 3] += 5  # the second stands in front
    truth = Truth(rows, RULES["plain"], np.arange(1, 61))
    assert set(truth.identity[truth.hidden()].tolist()) == {0}


def test_a_box_that_is_added_to_an_empty_frame_keeps_its_embedding() -> None:
    """DeepSORT refuses a frame without embeddings, and the truth's own box may be all that there is."""
    from tracker.detections import Detections
    from tracker.explain.recording import joined

    more = Detections([[0, 0, 9, 9]], scores=[0.9], embeddings=[[1.0, 0.0]])
    assert joined(Detections.empty(), more).embeddings is not None
    both = joined(Detections([[20, 0, 29, 9]], scores=[0.8], embeddings=[[0.0, 1.0]]), more)
    assert both.embeddings is not None
    assert both.embeddings.tolist() == [[0, 1], [1, 0]]
