"""Which rows count, and how the rules are recognised."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tracker.evaluate.frames import Names, frames_from_matrices
from tracker.evaluate.rules import RULES, check_rules, class_doubts, labels_of, recognise_rules, rules_by_name
from tracker.io.mot import read_ground_truth
from tracker.rows import Rows, as_rows


def rows(tmp_path: Path, text: str) -> Rows:
    path = tmp_path / "gt.txt"
    path.write_text(text)
    return read_ground_truth(path)


def truth(flags: list[float], classes: list[int]) -> Rows:
    """Ground truth of one frame; its boxes do not matter."""
    count = len(flags)
    return as_rows(np.ones(count), range(count), np.tile([0.0, 0, 1, 1], (count, 1)), flags, classes)


def test_results_on_a_distractor_are_left_out_and_only_marked_pedestrians_stay() -> None:
    frames = frames_from_matrices(
        [[1, 2, 3, 4]],
        [[5, 6, 7, 8]],
        [[[0.9, 0, 0, 0], [0, 0.8, 0, 0], [0, 0, 0.7, 0], [0, 0, 0, 0.4]]],
        Names(),
        Names(),
    )
    gt, results = truth([1, 0, 0, 0], [1, 8, 1, 7]), as_rows([], [], np.empty((0, 4)))
    counted = RULES["mot17"].apply(frames, gt, results)
    assert counted.gt.tolist() == [0]
    # 6 lies on the distractor; 7 on an unmarked pedestrian stays and is false; 8 overlaps too little.
    assert counted.ids.tolist() == [0, 2, 3]
    assert RULES["mot15"].apply(frames, gt, results).gt.tolist() == [0]
    assert RULES["plain"].apply(frames, gt, results) is frames


def test_class_six_is_a_distractor_in_mot20_only() -> None:
    frames = frames_from_matrices([[1]], [[5]], [[[0.9]]], Names(), Names())
    for name, left in (("mot17", [0]), ("mot20", [])):
        counted = rules_by_name(name).apply(frames, truth([0], [6]), as_rows([], [], np.empty((0, 4))))
        assert counted.ids.tolist() == left


@pytest.mark.parametrize(
    ("text", "names", "rules", "why"),
    [
        ("1,1,0,0,1,1,1,-1,-1,-1\n", ["PETS"], "MOT15", "no class column"),
        ("1,1,0,0,1,1,0,-1,-1,-1\n", ["PETS"], "plain", "no row marked"),
        ("1,1,0,0,1,1,1,1,1\n", ["MOT17-02", "MOT20-01"], "MOT16/17", "class column"),
        ("1,1,0,0,1,1,1,1,1\n", ["MOT20-01", "MOT20-02"], "MOT20", "named MOT20"),
        ("1,1,0,0,1,1,1,3,1\n", ["cars"], "plain", "no pedestrian"),
        ("1,1,0,0,1,1,1,0,1\n", ["drones"], "plain", "class 0, which the benchmark does not know, so every box counts"),
        ("1,1,0,0,1,1,1,0,1\n1,2,0,0,1,1,0,4,1\n", ["coco"], "MOT15", "so every marked box counts; --rules"),
        ("1,1,0,0,1,1,1,4,0,0\n1,2,0,0,1,1,1,1,1,2\n", ["drones"], "plain", "VisDrone's columns"),
        ("1,1,0,0,1,1,1,4,0,0\n1,0,0,0,1,1,0,0,0,0\n", ["drones"], "MOT15", "VisDrone's columns"),
        ("", ["empty"], "MOT15", "no class column"),
    ],
)
def test_rules_are_recognised(tmp_path: Path, text: str, names: list[str], rules: str, why: str) -> None:
    gt = rows(tmp_path, text)
    found, reason = recognise_rules(dict.fromkeys(names, gt))
    assert found.name == rules
    assert why in reason


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    mot15, mot17 = rows(tmp_path, "1,1,0,0,1,1,1,-1,-1,-1\n"), rows(tmp_path, "1,1,0,0,1,1,1,1,1\n")
    with pytest.raises(ValueError, match="ground truth of a has no classes, that of b has"):
        recognise_rules({"a": mot15, "b": mot17})
    with pytest.raises(ValueError, match=r"MOT16/17 rules need a class column, and a has none \(like MOT15\)"):
        check_rules(RULES["mot17"], "a", mot15, "a.txt")
    with pytest.raises(ValueError, match=r"a.txt:1: class 0 is unknown to MOT20 rules"):
        check_rules(RULES["mot20"], "a", rows(tmp_path, "1,1,0,0,1,1,1,0,1\n"), "a.txt")
    with pytest.raises(ValueError, match="rules 'bdd' are unknown"):
        rules_by_name("bdd")
    assert rules_by_name("MOT16") is RULES["mot17"]


def test_one_sequence_of_another_data_set_decides_for_all(tmp_path: Path) -> None:
    people = rows(tmp_path, "1,1,0,0,1,1,1,1,1,-1\n")
    drones = rows(tmp_path, "1,1,0,0,1,1,1,4,0,0\n")
    plain = rows(tmp_path, "1,1,0,0,1,1,1,-1,-1,-1\n")
    for others in ({"a": people, "b": drones}, {"b": drones, "a": people}, {"a": plain, "b": drones}):
        assert recognise_rules(others)[0] is RULES["plain"]


def test_labels_beside_the_ground_truth_are_heeded(tmp_path: Path) -> None:
    gt = rows(tmp_path, "1,1,0,0,1,1,1,1,1\n1,2,0,0,1,1,1,2,1\n")
    assert labels_of(tmp_path / "gt.txt") == []
    (tmp_path / "labels.txt").write_text("car\n person \n\n")
    labels = {"street": labels_of(tmp_path / "gt.txt")}
    assert labels["street"] == ["car", "person"]
    found, why = recognise_rules({"street": gt}, labels)
    assert found is RULES["plain"]
    assert "names classes of its own (car, person), so every box counts; --rules" in why
    for same in (["Pedestrian", "person_on_vehicle", "car"], ["person", "person on vehicle"]):
        assert recognise_rules({"street": gt}, {"street": same})[0] is RULES["mot17"]


def test_marked_boxes_that_are_left_out_are_doubted(tmp_path: Path) -> None:
    assert class_doubts(RULES["mot17"], rows(tmp_path, "1,1,0,0,1,1,1,1,1\n1,2,0,0,1,1,0,7,1\n")) == []
    gt = rows(tmp_path, "1,1,0,0,1,1,1,1,1\n1,2,0,0,1,1,1,3,1\n")
    (line,) = class_doubts(RULES["mot17"], gt)
    assert line.startswith("1 boxes are marked for scoring but not of class 1")
    assert "--rules mot15 counts every marked box" in line
    assert class_doubts(RULES["mot15"], gt) == []
