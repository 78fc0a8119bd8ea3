"""PETS09-S2L1, which is vtest: what Steady counts against what the ground truth counts.

The band of 0.1 was chosen with these lines in view, so they are no independent test of it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import tracker
from tracker.commands.main import main
from tracker.count import Line, Zone, count
from tracker.io.mot import read_detections, read_ground_truth
from tracker.io.run_folder import read_run
from tracker.rows import Rows, as_rows, results_of

RATE = 7.0
WEST = Line("west", [[150, 60], [150, 330]])
EAST = Line("east", [[330, 60], [330, 330]])
ACROSS = Line("across", [[120, 300], [400, 130]])
SQUARE = Zone("square", [[120, 120], [300, 110], [320, 220], [110, 230]])
MIDDLE = Zone("middle", [[180, 140], [310, 130], [370, 230], [190, 250]])  # no edge where people come into view
PLACES = [WEST, EAST, ACROSS, SQUARE, MIDDLE]


@pytest.fixture
def truth(shared: Path) -> Rows:
    """The ground truth on the video's scale."""
    rows = read_ground_truth(shared / "data/MOT15/train/PETS09-S2L1/gt/gt.txt")
    return as_rows(rows.frames, rows.ids, rows.boxes * 0.625)


def compare(rows: Rows, truth: Rows) -> dict[str, tuple[int, int]]:
    """By how much the two counts of each place differ from those of the truth."""
    counts, expected = (count(r, PLACES, frame_rate=RATE) for r in (rows, truth))
    off = {}
    for place in PLACES:
        found, right = counts.totals(place), expected.totals(place)
        off[place.name] = found.into - right.into, found.out - right.out
    return off


def test_the_truth_itself(truth: Rows) -> None:
    """The truth needs no bridging and no merging."""
    counts = count(truth, PLACES, frame_rate=RATE)
    assert counts.people == 19
    assert [(t.into, t.out, t.bridged) for t in map(counts.totals, PLACES[:4])] == [
        (12, 7, 0),
        (19, 16, 0),
        (13, 17, 0),
        (23, 21, 0),
    ]


def test_faster_rcnn_detections_count_nearly_as_the_truth(shared: Path, truth: Rows) -> None:
    detections = read_detections(shared / "data/MOT15/train/PETS09-S2L1/det/det.txt")
    steady = tracker.Steady(frame_rate=RATE)
    reports = []
    for frame in range(1, 796):
        at = detections.at(frame)
        reports.append(steady.update(tracker.Detections(detections.boxes[at] * 0.625, detections.scores[at])))
    off = compare(results_of(reports), truth)
    assert max(abs(n) for pair in off.values() for n in pair) <= 2, off


@pytest.mark.slow
def test_yolox_nano_detections_count_as_the_truth(shared: Path, truth: Rows, tmp_path: Path) -> None:
    command = [str(shared / "data/video/vtest_480x360.mp4"), "--detector", str(shared / "data/models/yolox_nano.onnx")]
    assert main([*command, "--classes", "person", "--conf", "0.1", "--no-video", "-o", str(tmp_path / "out")]) == 0
    rows = read_run(tmp_path / "out").rows
    off = compare(rows, truth)
    assert max(abs(n) for pair in off.values() for n in pair) <= 1, off
    # Every id cut into pieces of four seconds counts nearly the same: the pieces are one person.
    cut = replace(rows, ids=rows.ids * 1000 + rows.frames // 28)
    off = compare(cut, truth)
    assert max(abs(n) for pair in off.values() for n in pair) <= 2, off
