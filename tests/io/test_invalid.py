"""``invalid="drop"`` in every format: bad rows are left out and counted, by reader and by ``track eval``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tracker.commands.main import main
from tracker.io.readers import read_found, read_tracks, read_truth
from tracker.rows import as_detections, as_rows

SIDES = {1: (10, 20, 40, 80), 2: (12, 20, 42, 80), 3: (14, 20, 44, 80)}  # by frame
NEGATIVE = (44, 20, 14, 80)


def kitti(path: Path) -> Path:
    lines = [f"{f - 1} 0 Car 0 0 -1 {' '.join(map(str, box))} -1 -1 -1 -1 -1 -1 -1" for f, box in SIDES.items()]
    lines += [f"3 0 Car 0 0 -1 {' '.join(map(str, NEGATIVE))} -1 -1 -1 -1 -1 -1 -1"]
    lines += ["4 0 Car 0 0 -1 nan 20 44 80 -1 -1 -1 -1 -1 -1 -1"]
    path.write_text("\n".join(lines) + "\n")
    return path


def bdd(path: Path) -> Path:
    def frame(index: int, box: tuple[int, ...], count: int = 1) -> dict[str, object]:
        sides = dict(zip(("x1", "y1", "x2", "y2"), box, strict=True))
        return {
            "name": f"{index}.jpg",
            "frameIndex": index,
            "labels": count * [{"id": "7", "category": "car", "box2d": sides}],
        }

    frames = [frame(f - 1, box, 2 if f == 3 else 1) for f, box in SIDES.items()] + [frame(3, NEGATIVE)]
    path.write_text(json.dumps(frames))
    return path


@pytest.mark.parametrize(("write", "form", "kind"), [(kitti, "kitti", "car"), (bdd, "bdd100k", None)])
def test_truth_without_its_bad_rows(tmp_path: Path, write, form, kind) -> None:
    path = write(tmp_path / ("gt.txt" if form == "kitti" else "gt.json"))
    with pytest.raises(ValueError, match=r"gt\.(txt|json)"):
        read_truth(path, form=form, kind=kind)
    rows = read_truth(path, form=form, kind=kind, invalid="drop")
    assert rows.dropped == 2
    assert rows.frames.tolist() == [1, 2, 3]
    assert rows.boxes.tolist() == [list(box) for box in SIDES.values()]


def test_results_and_detections_of_json(tmp_path: Path) -> None:
    path = bdd(tmp_path / "found.json")
    for read in (read_tracks, read_found):
        assert len(read(path, invalid="drop")) + read(path, invalid="drop").dropped == 5
    assert read_tracks(path, invalid="drop").dropped == 2
    assert read_found(path, invalid="drop").dropped == 1  # ids do not matter


def test_rows_of_every_fault() -> None:
    good = [1, 2, 3, 4]
    frames = [1, 1, 0, 2, 2, np.nan, 3, 4]
    ids = [0, 0, 1, -1, 1, 1, 1, 1]
    boxes = np.array([[0, 0, 1, 1]] * 6 + [[1, 0, 0, 1], [np.inf, 0, 1, 1]], dtype=float)
    rows = as_rows(frames, ids, boxes, lines=np.arange(1, 9), invalid="drop")
    assert rows.lines.tolist() == [1, 5]
    assert rows.dropped == 6
    assert as_rows(good, good, np.tile([0, 0, 1, 1], (4, 1)), invalid="drop").dropped == 0
    found = as_detections(
        [1, 1, 2], [[0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 1, 1]], [0.5, 0.5, np.nan], lines=[1, 2, 3], invalid="drop"
    )
    assert (len(found), found.dropped) == (1, 2)


def test_eval_says_how_many_it_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth, results = kitti(tmp_path / "gt.txt"), tmp_path / "mine.txt"
    results.write_text("".join(f"{f},0,{a},{b},{c - a},{d - b},.9,-1,-1,-1\n" for f, (a, b, c, d) in SIDES.items()))
    arguments = ["eval", str(results), "--gt", str(truth), "--rules", "kitti-car"]
    assert main(arguments) != 0
    assert "gt.txt:5" in capsys.readouterr().err
    assert main([*arguments, "--invalid", "drop"]) == 0
    out = capsys.readouterr()
    assert "2 bad rows left out of 5" in out.out + out.err
