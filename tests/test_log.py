"""The decision log: why a pair was matched or not, in scenes small enough to know it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracker import OCSORT, SORT, BoTSORT, ByteTrack, DeepSORT, Detections, Steady, StrongSORT
from tracker.log import Edits, Log
from tracker.tracker import Tracker

LEFT, RIGHT, FAR = [0.0, 0, 40, 100], [30.0, 0, 70, 100], [500.0, 0, 540, 100]


def after(tracker: Tracker, *boxes: Any, frames: int = 5, edits: dict[int, Edits] | None = None, **columns: Any) -> Log:
    """The log of a tracker that saw ``boxes`` for some frames."""
    tracker.log = log = Log(edits=edits)
    for _ in range(frames):
        tracker.update(Detections(np.array(boxes), **columns))
    return log


def last(tracker: Tracker, *boxes: Any, **columns: Any) -> Any:
    """The decisions of one more frame."""
    tracker.update(Detections(np.array(boxes).reshape(-1, 4), **columns))
    assert tracker.log is not None
    return tracker.log.frames[-1]


def test_a_track_that_nothing_is_near_has_no_candidate() -> None:
    sort = SORT()
    after(sort, LEFT)
    decisions = last(sort, FAR)
    assert decisions.of_track(1) == []
    assert decisions.of_pair(1, 0).reason == "no candidate"
    assert decisions.born == [(2, 0)]
    assert decisions.died == {}
    decisions = last(sort)
    assert decisions.died == {1: "expired"}


def test_an_overlap_below_the_threshold_names_it() -> None:
    sort = SORT(iou_threshold=0.5)
    after(sort, LEFT)
    verdict = last(sort, [20.0, 0, 60, 100]).of_pair(1, 0)
    assert (verdict.reason, verdict.detail, verdict.stage) == ("refused", "iou_threshold", "")
    assert verdict.gain == pytest.approx(1 / 3)


def test_the_loser_of_two_is_outbid_and_knows_by_whom() -> None:
    sort = SORT(iou_threshold=0.1)
    after(sort, LEFT, RIGHT)
    decisions = last(sort, [2.0, 0, 42, 100])
    assert decisions.matched == [(1, 0)]
    verdict = decisions.of_pair(2, 0)
    assert (verdict.reason, verdict.stage, verdict.by) == ("outbid", "overlap", ((1, 0),))
    assert 0 < verdict.gain < decisions.of_pair(1, 0).gain
    assert [v.track for v in decisions.of_detection(0)] == [1, 2]
    assert dict(decisions.stages[0].parts)["overlap"].tolist() == decisions.stages[0].gains.tolist()


def test_another_class_is_a_refusal() -> None:
    sort = SORT(per_class=True)
    after(sort, LEFT)
    verdict = last(sort, LEFT, classes=[3]).of_pair(1, 0)
    assert (verdict.reason, verdict.detail) == ("refused", "class")


def test_a_stage_that_is_not_open_to_the_pair_says_so() -> None:
    byte = ByteTrack()
    after(byte, LEFT)
    last(byte)  # lost, so that the low stage is closed to it
    decisions = last(byte, LEFT, scores=[0.3])
    assert decisions.matched == []
    assert decisions.of_pair(1, 0).reason == "stage"
    byte = ByteTrack()
    after(byte, LEFT)
    assert last(byte, LEFT, scores=[0.3]).of_pair(1, 0).stage == "low"


def test_what_an_earlier_stage_took_is_taken() -> None:
    byte = ByteTrack(low_match_threshold=0.9)
    after(byte, LEFT)
    decisions = last(byte, LEFT, [4.0, 0, 44, 100], scores=[0.9, 0.3])
    verdict = decisions.of_pair(1, 1)
    assert (verdict.reason, verdict.stage, verdict.by) == ("taken", "low", ((1, 0),))


def test_a_gain_that_is_none_names_its_limit() -> None:
    steady = Steady()
    after(steady, LEFT)
    verdict = last(steady, [25.0, 0, 65, 100], scores=[0.3]).of_pair(1, 0)
    assert (verdict.reason, verdict.stage, verdict.detail) == ("below threshold", "low", "low_likeness")
    assert verdict.gain < 0


def test_the_gate_is_a_refusal() -> None:
    deepsort = DeepSORT()
    after(deepsort, LEFT, embeddings=np.eye(4)[:1], frames=30)
    decisions = last(deepsort, [30.0, 20, 70, 120], embeddings=np.eye(4)[:1])
    assert ("gate", [1], [0]) in [(r.reason, r.ids.tolist(), r.detections.tolist()) for r in decisions.refused]


def test_detections_that_are_not_used_are_named() -> None:
    oc = OCSORT()
    after(oc, LEFT)
    decisions = last(oc, FAR, LEFT, FAR, scores=[0.2, 0.9, 0.3])
    assert decisions.matched == [(1, 1)]
    assert decisions.unused[0].tolist() == [0, 2]
    assert decisions.of_pair(1, 2).detail == "det_threshold"


def test_tentative_tracks_and_those_of_a_gap_die_by_their_names() -> None:
    byte = ByteTrack()
    after(byte, LEFT)
    last(byte, LEFT, FAR)
    assert last(byte, LEFT).died == {2: "tentative"}
    sort = SORT(max_age=3)
    sort.log = Log()
    sort.update([LEFT], time=0.0)
    sort.update([LEFT], time=60.0)
    assert sort.log.frames[-1].died == {1: "gap in time"}


def test_a_duplicate_names_its_other() -> None:
    byte = ByteTrack(duplicate_iou=0.5, match_threshold=0.1)
    byte.log = Log()
    for _ in range(5):
        byte.update([[*LEFT, 0.95]])
    for _ in range(2):
        byte.update([[6.0, 0, 46, 100, 0.95]])
    died = {i: (reason, f.duplicates.get(i)) for f in byte.log.frames for i, reason in f.died.items()}
    assert died[2] == ("duplicate", 1)
    kept = ByteTrack(duplicate_iou=0.5, match_threshold=0.1)
    kept.log = Log(edits={n: Edits(keep=frozenset({2})) for n in range(8)})
    for box in [LEFT] * 5 + [[6.0, 0, 46, 100]] * 2:
        kept.update([[*box, 0.95]])
    assert 2 in kept.tracks.ids


def test_edits_of_a_score_reach_every_stage() -> None:
    byte = ByteTrack()
    log = after(byte, LEFT, edits={7: Edits(scores={0: 0.9})})
    last(byte)
    last(byte, LEFT, scores=[0.3])
    assert log.frames[-1].frame == 7
    assert log.frames[-1].matched == [(1, 0)]
    assert log.frames[-1].scores.tolist() == [0.9]


def test_an_admitted_pair_still_leaves_the_choice_to_the_solver() -> None:
    sort = SORT()
    after(sort, LEFT, edits={6: Edits(admit=frozenset({(1, 1)}))})
    assert last(sort, LEFT, FAR).matched == [(1, 0)]
    sort = SORT()
    after(sort, LEFT, edits={6: Edits(admit=frozenset({(1, 0)}))})
    assert last(sort, FAR).matched == [(1, 0)]


def test_a_bounded_log_forgets() -> None:
    sort = SORT()
    sort.log = Log(keep=3)
    for _ in range(10):
        sort.update([LEFT])
    assert [f.frame for f in sort.log.frames] == [8, 9, 10]


def test_a_pair_that_gains_nothing_is_below_the_threshold() -> None:
    tracker = SORT(iou_threshold=0)
    tracker.log = Log()
    tracker.update([[0.0, 0, 100, 100]])
    tracker.update([[500.0, 0, 600, 100]])
    assert tracker.log.frames[-1].of_pair(1, 0).reason == "below threshold"


def test_a_log_may_keep_nothing() -> None:
    tracker = SORT()
    tracker.log = Log(keep=0)
    tracker.update([[0.0, 0, 100, 100]])
    assert tracker.log.frames == []


@pytest.mark.parametrize("cls", [SORT, OCSORT])
def test_as_published_a_pair_below_the_threshold_is_not_outbid_and_can_be_admitted(cls: type[Tracker]) -> None:
    beside = [30.0, 0, 70, 100]  # an IoU of 1/7 with LEFT
    tracker = cls(published_order=True)
    after(tracker, LEFT)
    verdict = last(tracker, beside).of_pair(1, 0)
    assert verdict.reason in ("below threshold", "refused")
    assert verdict.detail == "iou_threshold"
    tracker = cls(published_order=True)
    after(tracker, LEFT, edits={6: Edits(admit=frozenset({(1, 0)}))})
    assert last(tracker, beside).matched == [(1, 0)]
    tracker = cls(published_order=True)
    after(tracker, LEFT, edits={6: Edits(admit=frozenset({(1, 0)}), forbid=frozenset({(1, 0)}))})
    assert last(tracker, beside).matched == []


def test_an_admitted_pair_stays_out_of_stages_that_are_not_open_to_it() -> None:
    admit = {6: Edits(admit=frozenset({(1, 0)}))}
    steady = Steady()
    after(steady, LEFT, edits=admit)
    assert last(steady, FAR, scores=[0.001]).matched == []  # too weak to be used
    steady = Steady()
    after(steady, LEFT, edits=admit)
    assert last(steady, FAR, scores=[0.3]).matched == [(1, 0)]  # the low stage, though nothing is near
    strong = StrongSORT(max_age=3)
    strong.log = log = Log(edits={2: Edits(admit=frozenset({(1, 0)}))})
    strong.update(Detections([LEFT], embeddings=np.eye(4)[:1]))
    strong.update(Detections([FAR], embeddings=np.eye(4)[:1]))
    assert [(s.name, s.chosen.sum()) for s in log.frames[-1].stages] == [("appearance and motion", 0), ("overlap", 1)]


def test_what_an_edit_keeps_alive_is_no_duplicate() -> None:
    byte = ByteTrack(duplicate_iou=0.5, match_threshold=0.1)
    byte.log = log = Log(edits={n: Edits(keep=frozenset({2})) for n in range(9)})
    for box in [LEFT] * 5 + [[6.0, 0, 46, 100]] * 2:
        byte.update([[*box, 0.95]])
    assert [d.duplicates for d in log.frames] == [{}] * 7


def test_bad_edits_and_lengths_are_refused_where_they_are_made() -> None:
    with pytest.raises(ValueError, match=r"the score of detection 0 is nan"):
        Edits(scores={0: float("nan")})
    with pytest.raises(ValueError, match=r"keep=-1: give a whole number, 0 or more"):
        Log(keep=-1)


@pytest.mark.parametrize(
    ("tracker", "setting"), [(ByteTrack, "low_threshold"), (BoTSORT, "low_threshold"), (Steady, "low_score")]
)
def test_unused_detections_are_named_by_every_algorithm(tracker: type[Tracker], setting: str) -> None:
    one = tracker()
    after(one, LEFT)
    decisions = last(one, FAR, LEFT, LEFT, scores=[0.9, 0.9, 0.01])
    assert decisions.unused[0].tolist() == [2]
    verdict = decisions.of_pair(1, 2)
    assert (verdict.reason, verdict.detail) == ("refused", setting)


def test_edits_take_any_iterable_and_refuse_the_rest() -> None:
    assert Edits(forbid=[(1, 0)], keep=[2]) == Edits(forbid=frozenset({(1, 0)}), keep=frozenset({2}))  # type: ignore[arg-type]
    for given in ({"forbid": [3]}, {"forbid": "ab"}, {"admit": 3}, {"keep": 3}, {"keep": ["a"]}, {"scores": [1]}):
        with pytest.raises(TypeError, match=r"^edits: "):
            Edits(**given)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="score of detection 0 is 'a'"):
        Edits(scores={0: "a"})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match=r"^edits: give Edits"):
        Log(edits={1: 3})  # type: ignore[dict-item]
