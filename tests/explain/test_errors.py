"""Misses, false rows and fragmentations: one cause each, and sums that equal the official counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.explain.scenes import Scene, gone
from tracker import SORT, ByteTrack, Steady
from tracker.detections import Detections
from tracker.evaluate.benchmark import GroundTruth, load_ground_truth
from tracker.evaluate.clear import Clear
from tracker.explain.errors import FALSE_CAUSES, MISS_CAUSES, false_rows, fragments, misses
from tracker.explain.explanation import explain_recorded
from tracker.explain.lives import lives_of
from tracker.explain.recording import Recorded, Recording
from tracker.explain.refusals import SWITCH_CAUSES
from tracker.explain.truth import Truth
from tracker.explain.why import Why
from tracker.io.kitti import read_kitti_detections, read_kitti_labels
from tracker.io.mot import read_detections
from tracker.rows import Rows, as_rows, results_of
from tracker.tracker import Tracker

STAYS = [0.0] * 30


def sort() -> Tracker:
    return SORT(max_age=5, min_hits=1)


def causes(found: list[Any]) -> dict[str, int]:
    return dict(Counter(one.cause for one in found))


def test_an_object_that_nothing_shows_is_undetected() -> None:
    why = Scene({1: STAYS, 2: [300.0] * 30}, gone(1, range(10, 13))).why(sort())
    missed = misses(why)
    assert causes(missed) == {"undetected": 3}
    assert [(one.frame, one.cause) for one in fragments(why, missed)] == [(13, "undetected")]


def test_a_box_beside_it_is_a_matter_of_localisation() -> None:
    why = Scene({1: STAYS}, gone(1, range(10, 13)), {k: [(25.0, 0.9)] for k in range(10, 13)}).why(sort())
    assert causes(misses(why)) == {"localisation": 3}


@pytest.mark.filterwarnings("ignore:no tracks:UserWarning")  # which is what a user should hear here
def test_a_box_that_no_track_takes_is_too_weak() -> None:
    why = Scene({1: STAYS}, gone(1, range(30), 0.3)).why(ByteTrack())
    assert causes(misses(why)) == {"weak": 30}
    assert false_rows(why) == []


def test_a_track_on_probation_is_tentative_and_one_after_a_loss_is_lost() -> None:
    why = Scene({1: [None] * 5 + [0.0] * 25}).why(SORT(max_age=2, min_hits=3))
    assert causes(misses(why)) == {"tentative": 3}
    why = Scene({1: [0.0] * 10 + [400.0] * 20}).why(SORT(max_age=2, min_hits=3))
    assert causes(misses(why)) == {"lost": 3}


def test_false_rows_by_what_they_show() -> None:
    nobody = Scene({1: STAYS}, false={k: [(400.0, 0.9)] for k in range(30)}).why(sort())
    assert causes(false_rows(nobody)) == {"nobody": 30}
    double = Scene({1: STAYS}, false={k: [(8.0, 0.9)] for k in range(30)}).why(sort())
    assert causes(false_rows(double)) == {"double": 30}
    leaves = Scene({1: STAYS[:10], 2: [900.0] * 30}, false={k: [(0.0, 0.9)] for k in range(10, 30)})
    assert causes(false_rows(leaves.why(sort()))) == {"false-box": 20}
    coasts = Scene({1: [3.0 * k + 200 for k in range(40)], 2: [900.0] * 60, 3: [0.0] * 60})
    assert causes(false_rows(coasts.why(Steady()))) == {"coasting": 1}


def test_a_gap_of_the_truth_itself_is_named() -> None:
    why = Scene({1: [*STAYS[:10], None, *STAYS[:10]], 2: [300.0] * 21}).why(sort())
    assert causes(fragments(why, misses(why))) == {"absent": 1}


def looking(kind: int, count: int) -> list[Any]:
    return [np.eye(16)[kind]] * count


def test_an_id_that_looks_corrected_goes_on() -> None:
    """Somebody is lost, comes back half hidden as somebody new, and gets the old id when it is seen well."""
    near, far = np.array([100.0, 100, 140, 200]), np.array([700.0, 100, 740, 200])
    there = [near] * 40 + [None] * 10 + [near + [45, 0, 45, 0]] * 15
    looks = looking(0, 50) + looking(3, 1) + looking(0, 14)
    found = [
        Detections(
            np.array([far] if box is None else [box, far]),
            embeddings=np.array(([] if box is None else [look]) + looking(1, 1)),
        )
        for box, look in zip(there, looks, strict=True)
    ]
    run = Recorded(Steady(coast=0), Recording.of(found))
    ((frame, renamed),) = [(k, one.renamed) for k, one in enumerate(run.decisions) if one.renamed]
    ((new, old),) = renamed.items()
    lives = lives_of(run)
    assert (old, new) == (1, 3)
    assert (lives[1].ended, lives[1].hits, lives[1].last) == (None, 40 + 65 - frame, 64)
    assert (lives[3].ended, lives[3].renamed) == ((frame, "renamed"), 1)
    said = [event.sentence for event in explain_recorded(run).events if event.kind == "end"]
    assert any("renamed to 1, which it looks like" in one for one in said)
    boxes = [(k + 1, 1, box) for k, box in enumerate(there) if box is not None]
    rows = as_rows(*(np.array(column) for column in zip(*boxes, strict=True)))
    why = Why(run, Truth(rows, load_ground_truth({"x": rows}, "plain").rules, np.arange(1, 66)))
    assert all(one.frame < frame for one in misses(why))
    assert not [one for one in false_rows(why) if one.track == 1]


# Real data.


def sums(tracker: Tracker, found: list[Detections], truth: GroundTruth, conf: float | None = None) -> None:
    """Every event has one known cause, and there are as many as the official counts say."""
    ((name, rows),) = truth.rows.items()
    recording = Recording.of(found, conf)
    run = Recorded(tracker, recording)
    why = Why(run, Truth(rows, truth.rules, recording.numbers))
    official: Clear = truth.score({name: results_of(run.reports)}, look=False).combined.clear
    missed, false = misses(why), false_rows(why)
    assert len(why.judge.all_switches) == official.idsw
    assert len(missed) == official.fn
    assert len(false) == official.fp
    assert len(fragments(why, missed)) == official.frag
    assert {one.cause for one in missed} <= {*MISS_CAUSES} - {"unexplained"}
    assert {one.cause for one in false} <= {*FALSE_CAUSES} - {"unexplained"}
    assert official.idsw > 0
    first = why.cause_of(why.judge.all_switches[0])
    assert first.code in SWITCH_CAUSES


def part(rows: Rows, first: int, count: int) -> Rows:
    kept = rows.select((rows.frames >= first) & (rows.frames < first + count))
    return replace(kept, frames=kept.frames - (first - 1))


def of(rows: Rows, count: int) -> list[Detections]:
    return [Detections(rows.boxes[rows.at(f)], rows.scores[rows.at(f)]) for f in range(1, count + 1)]


@pytest.mark.parametrize(
    ("tracker", "conf"), [(Steady, None), (ByteTrack, None), (lambda: SORT(max_age=30), 0.6)], ids=["S", "B", "O"]
)
def test_sums_equal_the_official_counts_on_mot17(
    shared: Path, tracker: Callable[[], Tracker], conf: float | None
) -> None:
    folder = shared / "data/MOT17/train/MOT17-02"
    truth = load_ground_truth(folder)
    ((name, rows),) = truth.rows.items()
    truth = load_ground_truth({name: part(rows, 302, 150)}, "mot17")
    sums(tracker(), of(part(read_detections(folder / "det/det.txt"), 302, 150), 150), truth, conf)


def test_sums_equal_the_official_counts_on_mot15(shared: Path) -> None:
    folder = shared / "data/MOT15/train/TUD-Stadtmitte"
    rows = read_detections(folder / "det/det.txt")
    sums(SORT(), of(rows, rows.last_frame), load_ground_truth(folder))


def test_sums_equal_the_official_counts_on_kitti(shared: Path) -> None:
    folder = shared / "data/KITTI"
    rows = read_kitti_detections(folder / "det_pointrcnn/Car/0011.txt", "car")
    labels = read_kitti_labels(folder / "label_02/0011.txt", "car")
    found = of(rows, int(max(rows.last_frame, labels.last_frame)))
    found = [Detections(one.boxes, 1 / (1 + np.exp(-one.scores))) for one in found]
    sums(SORT(max_age=10, min_hits=1), found, load_ground_truth({"0011": labels}, "kitti"))
