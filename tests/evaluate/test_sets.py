"""The rules of COCO, BDD100K and VisDrone: which boxes count, and the official kit's figures where it has the set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sets import LENGTH, write_bdd, write_coco, write_visdrone

from tracker.commands.main import main
from tracker.evaluate.benchmark import evaluate, load_ground_truth
from tracker.evaluate.breakdown import breakdown
from tracker.evaluate.rules import CHOICES, RULES, _within, rules_by_name
from tracker.io import bdd, visdrone
from tracker.io.readers import read_tracks
from tracker.rows import as_rows

SETS = {
    "coco": (write_coco, "truth.json", "results.json", "detections.json"),
    "bdd100k": (write_bdd, "truth", "results", "detections"),
    "visdrone": (write_visdrone, "annotations", "results", "detections"),
}


@pytest.mark.parametrize("set_", SETS)
def test_the_scene_is_scored_alike_in_every_format(
    tmp_path: Path, set_: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write, truth, results, _ = SETS[set_]
    write(tmp_path)
    command = ["eval", str(tmp_path / results), "--gt", str(tmp_path / truth), "--json"]
    assert main([*command, *(["--rules", set_] if set_ == "visdrone" else [])]) == 0
    (said,) = json.loads(capsys.readouterr().out)["trackers"]
    assert said["rules"] == RULES[set_].name
    found = said["sequences"]["street"]
    # The car changes its id once; a pedestrian where the car is matches no car.
    counts = {"GT_Dets": 5, "Dets": 6, "FP": 1, "FN": 0, "IDSW": 1, "GT_IDs": 2, "Frames": LENGTH}
    assert {name: found[name] for name in counts} == counts


@pytest.mark.parametrize("set_", ["bdd100k", "visdrone"])
def test_one_class_alone_and_the_mean_of_classes(tmp_path: Path, set_: str, capsys: pytest.CaptureFixture[str]) -> None:
    write, truth, results, _ = SETS[set_]
    write(tmp_path)
    every = evaluate(tmp_path / results, tmp_path / truth, set_)
    assert [row.name for row in every.classes] == ["pedestrian", "car"]
    for row in every.classes:
        alone = evaluate(tmp_path / results, tmp_path / truth, f"{set_}-{row.name}").combined
        assert alone.summary() == row.summary()
    cars, people = every.classes[1].summary(), every.classes[0].summary()
    assert (cars["GT_Dets"], cars["FP"], cars["IDSW"], people["FP"]) == (3, 0, 1, 1)
    assert every.class_average()["MOTA"] == pytest.approx((cars["MOTA"] + people["MOTA"]) / 2)
    assert "mean of 2 classes: HOTA" in every.table()
    assert json.loads(every.json())["class_average"] == every.class_average()


def test_results_without_classes_are_of_the_one_class_or_match_any(tmp_path: Path) -> None:
    write_bdd(tmp_path)
    rows = read_tracks(tmp_path / "results/street.json")
    bare = as_rows(rows.frames, rows.ids, rows.boxes, rows.scores)
    truth = load_ground_truth(tmp_path / "truth")
    score = truth.score({"street": bare})
    assert (score.combined.dets, score.combined.clear.fn) == (6, 0)
    assert score.classes == ()
    assert "results have no classes, so a box may match ground truth of any class" in "".join(score.notes)
    cars = load_ground_truth(tmp_path / "truth", "bdd100k-car").score({"street": bare})
    assert (cars.combined.gt_dets, cars.combined.dets, cars.combined.clear.tp) == (3, 6, 3)


@pytest.mark.parametrize(
    ("set_", "box", "kept"),
    [
        ("coco", (310, 10, 350, 60), False),  # in the crowd
        ("coco", (251, 10, 351, 60), False),  # just more than half
        ("coco", (250, 10, 350, 60), True),  # half of it, not more
        ("bdd100k", (310, 10, 350, 60), False),
        ("bdd100k", (250, 10, 350, 60), True),
        ("visdrone", (310, 10, 350, 60), False),
        ("visdrone", (250, 10, 350, 60), False),  # half of it is enough there
        ("visdrone", (247, 10, 347, 60), True),
    ],
)
def test_regions(tmp_path: Path, set_: str, box: tuple[float, ...], kept: bool) -> None:
    write, truth, *_ = SETS[set_]
    write(tmp_path)
    gt = load_ground_truth(tmp_path / truth, set_, ["street"])
    cars = {"coco": 3, "bdd100k": 3, "visdrone": 4}[set_]
    results = as_rows([1], [1], [box], classes=[cars])
    assert gt.score({"street": results}, look=False).combined.dets == kept


def test_what_is_matched_is_kept_in_a_crowd_but_not_in_an_ignored_region() -> None:
    boxes = [[0, 0, 50, 50], [0, 0, 100, 100]]
    results = as_rows([1], [1], boxes[:1], classes=[3])
    of_bdd = as_rows([1, 1], [1, 2], boxes, [1, 0], [3, bdd.CROWD])
    found = load_ground_truth({"a": of_bdd}, "bdd100k").score({"a": results}, look=False).combined
    assert (found.gt_dets, found.clear.tp) == (1, 1)
    of_drone = as_rows([1, 1], [1, 2], boxes, [1, 0], [4, 0])
    found = (
        load_ground_truth({"a": of_drone}, "visdrone")
        .score({"a": as_rows([1], [1], boxes[:1], classes=[4])}, look=False)
        .combined
    )
    assert (found.gt_dets, found.dets) == (0, 0)


def test_an_id_that_changes_its_class_counts_once_for_each() -> None:
    boxes = np.tile([0.0, 0, 50, 50], (4, 1))
    gt = as_rows([1, 2, 3, 4], [1] * 4, boxes, classes=[4, 4, 1, 1])
    results = as_rows([1, 2, 3, 4], [7, 7, 7, 8], boxes, classes=[4, 4, 1, 1])
    found = load_ground_truth({"a": gt}, "visdrone").score({"a": results}, look=False).combined
    assert (found.gt_ids, found.ids, found.clear.idsw) == (2, 3, 1)


def test_groups_of_rows_know_ids_with_several_classes(tmp_path: Path) -> None:
    boxes = np.tile([0.0, 0, 50, 50], (4, 1)) + np.arange(4)[:, None]
    gt = as_rows([1, 2, 3, 4], [1] * 4, boxes, classes=[4, 4, 1, 1])
    results = as_rows([1, 2, 3, 4], [7, 7, 7, 8], boxes, classes=[4, 4, 1, 1])
    groups = breakdown(load_ground_truth({"a": gt}, "visdrone"), {"a": results})
    assert [(group.rows, group.found) for group in groups if group.kind == "height"] == [(4, 4)]


def test_classes_that_do_not_count_are_left_out_with_a_note(tmp_path: Path) -> None:
    write_visdrone(tmp_path)
    gt = load_ground_truth(tmp_path / "annotations", "visdrone")
    bicycle = as_rows([1, 1], [1, 2], [[10, 20, 30, 60], [100, 50, 160, 90]], classes=[3, 4])
    score = gt.score({"street": bicycle})
    assert (score.combined.dets, score.combined.clear.tp) == (1, 1)
    assert "1 row of classes that do not count (3) never matched" in "".join(score.notes)


def test_names_of_rules() -> None:
    assert rules_by_name("DanceTrack") is rules_by_name("sportsmot") is RULES["mot17"]
    assert all(rules_by_name(name) for name in CHOICES if name != "auto")
    assert {name for _, name in RULES["visdrone"].counted} == {"pedestrian", "car", "van", "truck", "bus"}
    assert len(RULES["bdd100k"].counted) == 8
    with pytest.raises(ValueError, match="rules 'visdron' are unknown, did you mean 'visdrone'"):
        rules_by_name("visdron")
    with pytest.raises(ValueError, match="score classes apart, and a has none"):
        load_ground_truth({"a": as_rows([1], [1], [[0, 0, 1, 1]])}, "visdrone").rules.name  # noqa: B018


def by_pixels(box: list[float], regions: list[list[float]]) -> bool:
    """Whether half of a box lies in regions, by counting pixels in a mask from 1 as VisDrone's toolkit does."""
    mask = np.zeros((200, 200), dtype=int)
    for region in regions:
        x, y, w, h = (max(1, int(np.floor(value + 0.5))) for value in region)
        mask[y : min(200, y + h + 1), x : min(200, x + w + 1)] = 1
    x, y, w, h = (max(1, int(np.floor(value + 0.5))) for value in box)
    return mask[y + 1 : y + h + 1, x + 1 : x + w + 1].sum() / (w * h) >= 0.5


def test_half_of_a_box_in_several_regions_is_counted_in_pixels() -> None:
    rng = np.random.default_rng(3)
    agreed = []
    for _ in range(300):
        corner, size = rng.uniform(0, 90, (4, 2)), rng.uniform(1, 60, (4, 2))
        sides = np.column_stack((corner, size)).round(int(rng.integers(0, 2)))
        boxes = np.column_stack((sides[:, :2], sides[:, :2] + sides[:, 2:]))
        gt = as_rows(np.ones(3), [1, 2, 3], boxes[1:], classes=[0, 11, 0])
        (found,) = _within(as_rows([1], [1], boxes[:1]), gt, visdrone.REGIONS).tolist()
        agreed.append(found)
        assert found == by_pixels(sides[0].tolist(), sides[1:].tolist())
    assert 50 < sum(agreed) < 250


def scenes(rng: np.random.Generator, length: int, *, gt: bool) -> list[Any]:
    """Frames of BDD100K with a dozen labels each, of all categories; results have the places of truth, moved."""
    categories = [*bdd.SCORED, *(bdd.DISTRACTORS if gt else ())]
    kinds = {id: categories[int(rng.integers(len(categories)))] for id in range(1, 25)}
    places = np.random.default_rng(1).uniform(0, 400, (25, 2))
    frames = []
    for index in range(length):
        labels = []
        for id in rng.permutation(24)[:14] + 1:
            x, y = places[id] + index * 2 + rng.normal(0, 4, 2)
            w, h = 60 + 20 * (id % 3), 50
            label = {"id": str(id), "category": kinds[int(id)], "box2d": {"x1": x, "y1": y, "x2": x + w, "y2": y + h}}
            label |= {"attributes": {"Crowd": bool(rng.random() < 0.1)}} if gt else {"score": 1.0}
            labels.append(label)
        frames.append({"name": f"{index}.jpg", "index": index, "labels": labels})
    return frames


def test_figures_of_bdd100k_are_the_official_kit_s(tmp_path: Path) -> None:
    pytest.importorskip("trackeval", reason="needs the official kit (pip install trackwhy[dev])")
    import kit

    rng = np.random.default_rng(11)
    for place in ("gt", "trackers/ours/data"):
        (tmp_path / place).mkdir(parents=True)
        for name in ("a", "b"):
            content = scenes(rng, 30, gt=place == "gt")
            (tmp_path / place / f"{name}.json").write_text(json.dumps(content))
    official = kit.of_bdd(tmp_path)
    for name in bdd.SCORED:
        ours = evaluate(tmp_path / "trackers/ours/data", tmp_path / "gt", f"bdd100k-{name}").combined
        kit.assert_equal(ours.to_dict(), official[name], name)
    every = evaluate(tmp_path / "trackers/ours/data", tmp_path / "gt")
    assert every.rules == "BDD100K"
    for figure in ("HOTA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN"):
        np.testing.assert_allclose(every.combined.to_dict()[figure], official["cls_comb_det_av"][figure])
    assert every.class_average()["HOTA"] == pytest.approx(np.mean(official["cls_comb_cls_av"]["HOTA"]))
    assert every.combined.clear.tp > 30


@pytest.mark.parametrize("set_", SETS)
def test_bench_doctor_and_explain_read_them(
    tmp_path: Path, set_: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write, truth, results, detections = SETS[set_]
    write(tmp_path)
    rules = ["--rules", {"visdrone": "visdrone-car", "bdd100k": "bdd100k-car", "coco": "coco"}[set_]]
    bench = ["bench", "--data", truth, "--det", detections, "--algo", "sort", "--set", "min_hits=1"]
    assert main([*bench, *rules, "--sequences", "street", "--workers", "1", "--json", "--log"]) == 0
    (said,) = json.loads(capsys.readouterr().out)["trackers"]
    assert said["combined"]["GT_Dets"] == (5 if set_ == "coco" else 3)
    assert said["combined"]["FN"] == 0
    (log,) = (tmp_path / "runs/bench").glob("full/*/street.sqlite")
    assert main(["explain", str(log), "--gt", truth, *rules]) == 0
    assert "0 identity switches" in capsys.readouterr().out
    assert main(["doctor", results, "--gt", truth]) in (0, 1)
    out = capsys.readouterr().out
    assert "results, 6 rows, 4 ids, last frame 3" in out
    assert main(["doctor", truth]) in (0, 1)
    assert f"ground truth ({RULES[set_].name} layout)" in capsys.readouterr().out


def test_doctor_reads_the_labels_of_kitti(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["0 3 Car 0 0 -1.5 10 20 60 70 1 1 1 1 1 1 1\n", "0 4 Pedestrian 0 0 -1.5 110 20 130 70 1 1 1 1 1 1 1\n"]
    (tmp_path / "0000.txt").write_text("".join(lines))
    assert main(["doctor", str(tmp_path / "0000.txt")]) == 0
    assert "ground truth (KITTI layout), 2 rows, 2 ids, last frame 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "images", "line", "first"),
    [
        ("dancetrack0004", "%08d.jpg", "1,0,10,20,20,40,1,1,1\n", 1),
        ("v_00HRwkvvjtQ_c001", "%06d.jpg", "1,0,10,20,20,40,1,1,1\n", 1),
    ],
)
def test_dancetrack_and_sportsmot_are_mot_trees(
    tmp_path: Path, name: str, images: str, line: str, first: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their differences: images of eight digits, ids from 0, sequences below val/, no det folder."""
    folder = tmp_path / "val" / name
    (folder / "gt").mkdir(parents=True)
    (folder / "img1").mkdir()
    (folder / "gt/gt.txt").write_text(line + line.replace("1,0", "2,0", 1))
    for number in (1, 2):
        (folder / "img1" / (images % number)).touch()
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={name}\nimDir=img1\nframeRate=20\nseqLength=2\nimWidth=64\nimHeight=64\nimExt=.jpg\n"
    )
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / f"{name}.txt").write_text("1,1,10,20,20,40,1,-1,-1,-1\n2,1,10,20,20,40,1,-1,-1,-1\n")
    for rules in ("auto", "dancetrack", "sportsmot"):
        found = evaluate(tmp_path / "results", tmp_path / "val", rules)
        assert (found.rules, found.combined.summary()["HOTA"], found.combined.frames) == ("MOT16/17", 1, 2)
