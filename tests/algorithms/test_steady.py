"""Steady: what each stage is for, on scenes reckoned by hand, and what it reaches on MOT17 and MOT15."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from tracker import Detections
from tracker.algorithms.steady import Steady

BOX = np.array([100.0, 100.0, 140.0, 200.0])


def seen(*boxes, scores=None, embeddings=None):
    return Detections(np.array(boxes).reshape(-1, 4), scores, embeddings=embeddings)


def test_a_weak_detection_continues_a_track_but_starts_none():
    tracker = Steady()
    first = tracker.update(seen(BOX)).ids
    for score in (0.5, 0.2, 0.03):
        assert tracker.update(seen(BOX, BOX + 300, scores=[score, score])).ids.tolist() == first.tolist()
    assert len(tracker.tracks) == 1


def test_a_weak_detection_continues_a_track_after_a_gap_in_time_that_ended_another():
    tracker = Steady(frame_rate=10, max_age=10)
    tracker.update(seen(BOX, BOX + 300), time=0.0)
    for time in (0.1, 0.2, 0.3, 0.4):
        kept = tracker.update(seen(BOX + 300), time=time).ids[-1]
    found = tracker.update(seen(BOX + 300, scores=[0.3]), time=1.2)
    assert tracker.tracks.ids.tolist() == found.ids.tolist() == [kept]
    assert found.detections.tolist() == [0]


def test_frames_of_weak_detections_only_start_nothing():
    tracker = Steady()
    for _ in range(20):
        assert len(tracker.update(seen(BOX, scores=[0.4]))) == 0


@pytest.mark.parametrize("scale", [0.3, 0.5, 1.0, 80.0])
def test_the_scale_of_the_scores_does_not_matter(scale):
    """Three people, one weak detection that is nobody: after a while each scale tracks the same."""
    tracker, good = Steady(), np.array([0.93, 0.88, 0.8])
    for _ in range(300):
        tracks = tracker.update(seen(BOX, BOX + 200, BOX + 400, BOX + 600, scores=scale * np.append(good, 0.2)))
    assert tracks.boxes[:, 0].tolist() == pytest.approx([100, 300, 500])


def test_a_scale_is_found_once_and_then_kept():
    tracker = Steady()
    for _ in range(100):
        tracker.update(seen(BOX, scores=[0.45]))
    for _ in range(300):  # nobody there
        tracker.update(seen())
    for _ in range(2):
        found = tracker.update(seen(BOX + 300, scores=[0.45]))
    assert len(found) == 1


def test_weak_detections_among_good_ones_do_not_change_a_scale():
    tracker = Steady()
    for _ in range(200):
        tracker.update(seen(BOX, *(BOX + 200 * n for n in range(1, 6)), scores=[0.9] + [0.2] * 5))
    assert len(tracker.tracks) == 1


def test_a_weak_detector_starts_tracks_within_a_few_seconds():
    tracker, good = Steady(), np.array([0.31, 0.28, 0.25])
    reported = [len(tracker.update(seen(BOX, BOX + 200, BOX + 400, scores=good))) for _ in range(100)]
    assert reported[0] == 0
    assert reported[-1] == 3


@pytest.mark.parametrize("score", [0.0, 1e-300, 0.1, 0.15])
def test_junk_alone_never_starts_a_track(score):
    tracker = Steady()
    tracker.warns = False
    for _ in range(1000):
        assert len(tracker.update(seen(*[BOX] * 100, scores=[score] * 100))) == 0


def test_the_score_below_zero_counts_as_none():
    tracker = Steady()
    for _ in range(20):
        assert len(tracker.update(seen(BOX, scores=[-3.0]))) == 0


def test_of_two_tracks_in_one_place_the_one_of_its_height_gets_the_detection():
    tall, short = np.array([100.0, 100.0, 140.0, 220.0]), np.array([104.0, 120.0, 140.0, 200.0])
    tracker = Steady()
    for _ in range(30):
        ids = tracker.update(seen(tall, short)).ids
    for _ in range(5):
        tracks = tracker.update(seen(short))
        assert tracks.ids[tracks.missed == 0].tolist() == [ids[1]]


def test_who_goes_out_of_sight_behind_another_is_reported_for_coast_frames():
    behind, front = BOX, BOX + np.array([5.0, 20.0, 5.0, 30.0])
    for covered in (True, False):
        tracker = Steady(coast=5)
        other = front if covered else front + 500
        for _ in range(40):
            tracker.update(seen(behind, other))
        counts = [len(tracker.update(seen(other))) for _ in range(8)]
        assert counts == ([2] * 5 + [1] * 3 if covered else [2] + [1] * 7)
    tracker = Steady(coast=0)
    for _ in range(40):
        tracker.update(seen(behind, front))
    assert len(tracker.update(seen(front))) == 1


def test_a_lost_track_is_known_again_by_its_looks():
    looks = np.eye(4)
    ids = {}
    for embeddings in (None, looks[:1]):
        tracker = Steady()
        for _ in range(10):
            tracker.update(seen(BOX, embeddings=embeddings))
        for _ in range(10):
            tracker.update(seen())
        for _ in range(2):
            tracks = tracker.update(seen(BOX + 45, embeddings=embeddings))
        ids[embeddings is not None] = tracks.ids.tolist()
    assert ids == {False: [2], True: [1]}


def test_embeddings_may_come_late_and_must_keep_their_width():
    tracker = Steady()
    tracker.update(seen(BOX))
    assert tracker.update(seen(BOX, embeddings=np.eye(4)[:1])).ids.tolist() == [1]
    before = tracker.state
    with pytest.raises(ValueError, match="5 wide, those remembered 4"):
        tracker.update(seen(BOX, embeddings=np.eye(5)[:1]))
    assert tracker.state is before
    assert tracker.update(seen(BOX)).ids.tolist() == [1]


def test_an_embedder_without_a_frame_is_said():
    tracker = Steady(embedder=lambda image, boxes: np.ones((len(boxes), 3)))
    with pytest.raises(ValueError, match="needs the image"):
        tracker.update(seen(BOX))
    assert len(tracker.update(seen(BOX), np.zeros((4, 4, 3), np.uint8))) == 1


@pytest.mark.slow
def test_the_figures_we_recommend_it_for(shared: Path, monkeypatch: pytest.MonkeyPatch):
    """Of MOT15 and KITTI the bound is the best of other programs' trackers; scripts/generality.py has all cells."""
    scripts = Path(__file__).parents[2] / "scripts"
    monkeypatch.syspath_prepend(str(scripts))
    ablation = runpy.run_path(str(scripts / "ablation.py"))
    bounds = {"MOT17": (72.0, 84.0), "MOT15": (38.05, 50.17), "KITTI": (71.7, 84.91)}
    for cell in ablation["sets"](shared / "data"):
        hota, idf1, _ = ablation["row"](cell, "steady", {})
        assert hota >= bounds[cell.group][0]
        assert idf1 >= bounds[cell.group][1]
