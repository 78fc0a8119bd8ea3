"""KITTI's files and its 2D rules: every figure equals the official kit's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker import Detections
from tracker.algorithms import build
from tracker.commands.main import main
from tracker.evaluate.benchmark import load_ground_truth
from tracker.io.kitti import Kind, read_kitti_detections, read_kitti_labels
from tracker.io.mot import MotFormatError, write_results
from tracker.rows import Rows, results_of

LABELS = """\
0 3 Car 0 0 -1.5 10 20 60 70 1 1 1 1 1 1 1
0 4 Car 0 3 -1.5 110 20 160 70 1 1 1 1 1 1 1
0 5 Car 1 0 -1.5 210 20 260 70 1 1 1 1 1 1 1
0 6 Van 0 0 -1.5 310 20 360 70 1 1 1 1 1 1 1
0 -1 DontCare -1 -1 -10 400 0 600 100 -1 -1 -1 -1 -1 -1 -1
0 7 Cyclist 0 0 -1.5 10 120 60 170 1 1 1 1 1 1 1
1 3 Car 0 2 -1.5 12 20 62 70 1 1 1 1 1 1 1
"""


def test_labels_say_what_counts(tmp_path: Path) -> None:
    (tmp_path / "0000.txt").write_text(LABELS)
    rows = read_kitti_labels(tmp_path / "0000.txt", "car")
    assert rows.frames.tolist() == [1, 1, 1, 1, 1, 2]
    assert rows.ids.tolist() == [3, 4, 5, 6, 7, 3]
    assert rows.scores.tolist() == [1, 0, 0, 0, 0, 1]
    assert rows.classes.tolist() == [1, 1, 1, 2, 13, 1]
    assert rows.lines.tolist() == [1, 2, 3, 4, 5, 7]
    assert len(read_kitti_labels(tmp_path / "0000.txt", "pedestrian")) == 1  # the region


@pytest.mark.parametrize(
    ("box", "left_out"),
    [
        ((10, 20, 60, 70), False),  # a car that counts
        ((110, 20, 160, 70), True),  # hidden too far
        ((210, 20, 260, 70), True),  # cut too far
        ((310, 20, 360, 70), True),  # a van
        ((420, 10, 450, 60), True),  # in the region
        ((370, 10, 429, 60), False),  # half of it, not more
        ((700, 10, 710, 36), False),
        ((700, 10, 710, 35), True),  # lower than anything labelled
        ((10, 120, 60, 170), False),  # a cyclist is no car
    ],
)
def test_what_the_rules_excuse(tmp_path: Path, box: tuple[float, ...], left_out: bool) -> None:
    (tmp_path / "0000.txt").write_text(LABELS)
    truth = load_ground_truth({"0000": read_kitti_labels(tmp_path / "0000.txt", "car")}, "kitti")
    results = {"0000": _rows([(1, 1, box)])}
    assert truth.score(results, look=False).combined.dets == (0 if left_out else 1)


def test_bad_lines_are_named(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("0 1 Car 0 0\n")
    (tmp_path / "word.txt").write_text("0 1 Car 0 0 0 1 2 x 4\n")
    (tmp_path / "det.txt").write_text("0,2,1,2,3\n")
    with pytest.raises(MotFormatError, match=r"short.txt:1: 5 columns"):
        read_kitti_labels(tmp_path / "short.txt", "car")
    with pytest.raises(MotFormatError, match=r"word.txt:1: a field is not a number"):
        read_kitti_labels(tmp_path / "word.txt", "car")
    with pytest.raises(MotFormatError, match=r"det.txt:1: 5 columns"):
        read_kitti_detections(tmp_path / "det.txt", "car")


def test_boxes_without_width_are_left_out_and_counted(shared: Path) -> None:
    folder = shared / "data/KITTI/det_pointrcnn/Car"
    found = [read_kitti_detections(path, "car") for path in sorted(folder.glob("*.txt"))]
    lines = sum(len(path.read_text().splitlines()) for path in folder.glob("*.txt"))
    assert sum(map(len, found)) + sum(rows.dropped for rows in found) == lines
    assert all((rows.boxes[:, 2:] > rows.boxes[:, :2]).all() and rows.frames.min() >= 1 for rows in found)


@pytest.mark.parametrize("kind", ["car", "pedestrian"])
def test_figures_are_the_official_kit_s(shared: Path, tmp_path: Path, kind: Kind) -> None:
    pytest.importorskip("trackeval", reason="needs the official kit (pip install trackwhy[dev])")
    names = ["0000", "0005", "0017"]
    truth, results, lengths = {}, {}, {}
    for name in names:
        truth[name] = read_kitti_labels(shared / f"data/KITTI/label_02/{name}.txt", kind)
        found = read_kitti_detections(shared / f"data/KITTI/det_pointrcnn/{kind.title()}/{name}.txt", kind)
        lines = (shared / f"data/KITTI/label_02/{name}.txt").read_text().splitlines()
        lengths[name] = int(lines[-1].split()[0]) + 1
        frames = range(1, lengths[name] + 1)
        tracker = build("sort", min_hits=1)
        detections = (Detections(found.boxes[found.at(f)], found.scores[found.at(f)]) for f in frames)
        results[name] = results_of([tracker.update(d) for d in detections])
    ours = load_ground_truth(truth, "kitti").score(results, look=False)
    official = _official(shared, tmp_path, kind, results, lengths)
    import kit

    for score in (*ours.sequences, ours.combined):
        name = "COMBINED_SEQ" if score is ours.combined else score.name
        # Without a seqinfo.ini a sequence ends at its last row; the kit's figure counts every frame.
        figures = score.to_dict() | {"CLR_Frames": official[name]["CLR_Frames"]}
        kit.assert_equal(figures, official[name], name)
    assert ours.combined.gt_dets > 100
    assert ours.combined.clear.tp > 100


def _official(shared: Path, tree: Path, kind: str, results: dict[str, Rows], lengths: dict[str, int]) -> dict[str, Any]:
    import kit

    (tree / "gt/label_02").mkdir(parents=True)
    (tree / "trackers/ours/data").mkdir(parents=True)
    for name, rows in results.items():
        shutil.copy(shared / f"data/KITTI/label_02/{name}.txt", tree / "gt/label_02")
        lines = [
            f"{frame - 1} {track} {kind.title()} -1 -1 -10 {' '.join(map(repr, box))} -1 -1 -1 -1 -1 -1 -10 1\n"
            for frame, track, box in zip(rows.frames.tolist(), rows.ids.tolist(), rows.boxes.tolist(), strict=True)
        ]
        (tree / f"trackers/ours/data/{name}.txt").write_text("".join(lines))
    sequences = "".join(f"{name} empty 000000 {length}\n" for name, length in lengths.items())
    (tree / "gt/evaluate_tracking.seqmap.training").write_text(sequences)
    return kit.of_kitti(tree, kind)


def _rows(boxes: list[tuple[int, int, tuple[float, ...]]]) -> Rows:
    from tracker.rows import as_rows

    return as_rows([b[0] for b in boxes], [b[1] for b in boxes], np.array([b[2] for b in boxes]))


def test_label_files_are_scored_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "label_02").mkdir()
    (tmp_path / "label_02/0000.txt").write_text(LABELS)
    (tmp_path / "results").mkdir()
    found = [(1, 1, (10, 20, 60, 70)), (1, 2, (310, 20, 360, 70)), (2, 1, (12, 20, 62, 70))]
    write_results(tmp_path / "results/0000.txt", _rows(found))
    command = ["eval", str(tmp_path / "results"), "--gt", str(tmp_path / "label_02"), "--json", "--rules"]
    assert main([*command, "kitti-car"]) == 0
    (said,) = json.loads(capsys.readouterr().out)["trackers"]
    assert "KITTI 2D" in json.dumps(said)
    truth = load_ground_truth({"0000": read_kitti_labels(tmp_path / "label_02/0000.txt", "car")}, "kitti")
    combined = truth.score({"0000": _rows(found)}, look=False).combined
    assert (combined.dets, combined.summary()["MOTA"]) == (2, 1)  # the van is left out
    assert load_ground_truth(tmp_path / "label_02", "kitti-pedestrian").score({"0000": _rows(found)}).combined.dets == 3
    with pytest.raises(ValueError, match="score one kind of object; give kitti-car or kitti-pedestrian"):
        load_ground_truth(tmp_path / "label_02", "kitti")
