"""``invalid="drop"`` in every format: bad rows are left out and counted, by reader and by ``track eval``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tracker.commands.main import main
from tracker.io.kitti import read_kitti_detections, read_kitti_labels
from tracker.io.readers import read_found, read_tracks, read_truth
from tracker.rows import as_detections, as_rows
from tracker.study.bench import bench
from tracker.study.data import open_data

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


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("label.txt", "0 0 Car 0 0 -1 10 20 nan 80 -1 -1 -1 -1 -1 -1 -1\n"),
        ("found.txt", "0,2,10,20,inf,80,.9\n"),
    ],
)
def test_kittis_numbers_that_are_not_finite(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    read = read_kitti_labels if name == "label.txt" else read_kitti_detections
    with pytest.raises(ValueError, match=r"txt:1: NaN or inf in a field; give numbers; --invalid drop"):
        read(path, "car")
    assert len(read(path, "car", invalid="drop")) == 0


def test_doctor_goes_on_after_an_xml_with_a_bad_box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.xml", tmp_path / "bad.xml"
    for path, right in ((good, "30"), (bad, "nan")):
        box = f'<box frame="0" outside="0" occluded="0" keyframe="1" xtl="1" ytl="2" xbr="{right}" ybr="60"/>'
        path.write_text(f'<annotations><track id="1" label="person">{box}</track></annotations>')
    assert main(["doctor", str(bad), str(good)]) == 1
    said = capsys.readouterr().out
    assert "1 good, 1 to look at" in said
    assert "--invalid drop" in said


def test_results_and_detections_of_json(tmp_path: Path) -> None:
    path = bdd(tmp_path / "found.json")
    for read in (read_tracks, read_found):
        assert len(read(path, invalid="drop")) + read(path, invalid="drop").dropped == 5
    assert read_tracks(path, invalid="drop").dropped == 2
    assert read_found(path, invalid="drop").dropped == 1  # ids do not matter


@pytest.mark.parametrize("number", ["NaN", "Infinity"])
@pytest.mark.parametrize("field", ["x1", "score"])
def test_json_numbers_that_are_not_finite(tmp_path: Path, number: str, field: str) -> None:
    path = tmp_path / "found.json"
    labels = [{"id": k, "category": "car", "score": 0.5, "box2d": {"x1": 1, "y1": 2, "x2": 9, "y2": 9}} for k in (1, 2)]
    text = json.dumps([{"name": "0.jpg", "frameIndex": 0, "labels": labels}])
    path.write_text(text.replace(f'"{field}": {0.5 if field == "score" else 1}', f'"{field}": {number}', 1))
    for read in (read_tracks, read_found):
        with pytest.raises(ValueError, match=r"found\.json: .*NaN or inf in its box or score; --invalid drop"):
            read(path)
        rows = read(path, invalid="drop")
        assert (len(rows), rows.dropped) == (1, 1)


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
    assert "2 bad rows left out" in out.out + out.err


MOVES = "".join(f"{f},1,{10 + f},20,30,60,.9,-1,-1,-1\n" for f in range(1, 31))


@pytest.mark.parametrize(
    "command",
    [
        "refine {bad} -o {out}.txt",
        "count {bad} --line a=25,0,25,90",
        "export {bad} --to csv -o {out}.csv",
        "explain {bad}",
        "explain {good} --gt {bad}",
    ],
)
def test_commands_name_a_bad_row_or_leave_it_out_and_say_so(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = tmp_path / "bad.txt", tmp_path / "good.txt"
    good.write_text(MOVES)
    bad.write_text(MOVES + "9,2,10,20,nan,60,.9,-1,-1,-1\n")
    words = command.format(bad=bad, good=good, out=tmp_path / "out").replace("25,0,25", "25,0 25").split(" ")
    if "count" in words:
        words = [*words[:3], " ".join(words[3:])]
    assert main(words) == 2
    assert "bad.txt:31: NaN or inf in width; give numbers; --invalid drop" in capsys.readouterr().err
    assert main([*words, "--invalid", "drop"]) == 0
    assert "1 bad row left out" in capsys.readouterr().err


def test_what_if_says_how_many_rows_of_the_truth_it_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, run = tmp_path / "bad.txt", tmp_path / "run"
    bad.write_text(MOVES + "9,2,10,20,nan,60,.9,-1,-1,-1\n")
    sequence = tmp_path / "A"
    sequence.mkdir()
    (sequence / "seqinfo.ini").write_text("[Sequence]\nseqLength=30\nframeRate=25\nimWidth=640\nimHeight=480\n")
    (tmp_path / "det.txt").write_text(MOVES)
    options = ["--algo", "sort", "--log", "--no-video", "--quiet", "-o", str(run)]
    assert main([str(sequence), "--detector", str(tmp_path / "det.txt"), *options]) == 0
    assert main(["what-if", str(run), "--set", "max_age=3", "--gt", str(bad), "--invalid", "drop"]) == 0
    assert "note: gt: 1 bad row left out" in capsys.readouterr().err


def test_tune_says_how_many_rows_of_the_truth_it_left_out(tmp_path: Path) -> None:
    for name in ("A", "B"):
        for kind, text in (("gt", MOVES + "9,2,10,20,nan,60,1,1,1\n"), ("det", MOVES)):
            (tmp_path / name / kind).mkdir(parents=True)
            (tmp_path / name / kind / f"{kind}.txt").write_text(text)
    data = open_data(
        tmp_path,
        "sort",
        {},
        held_out="sequences",
        split="full",
        detections="det.txt",
        reid=None,
        rules="auto",
        scores=None,
        camera_motion="off",
        invalid="drop",
        sequences=None,
    )
    assert [note for note in data.notes if "left out" in note] == [
        f"{name}: ground truth: 1 bad row left out" for name in ("A", "B")
    ]


def test_a_report_says_how_many_rows_were_left_out(tmp_path: Path) -> None:
    from tracker.report import write_report

    bad, good = tmp_path / "bad.txt", tmp_path / "good.txt"
    good.write_text(MOVES)
    bad.write_text(MOVES + "9,2,10,20,nan,60,.9,-1,-1,-1\n")
    for run, gt in ((bad, None), (good, bad)):
        with pytest.raises(ValueError, match=r"bad\.txt:31"):
            write_report(run, tmp_path / "page.html", gt=gt)
        page = write_report(run, tmp_path / "page.html", gt=gt, invalid="drop")
        assert "1 bad row left out" in page.read_text(encoding="utf-8")


def test_bench_says_how_many_of_kittis_boxes_have_no_width(tmp_path: Path) -> None:
    (tmp_path / "gt").mkdir()
    (tmp_path / "det").mkdir()
    lines = [f"{f} 0 Car 0 0 -1 {10 + f} 20 40 80 -1 -1 -1 -1 -1 -1 -1\n" for f in range(30)]
    (tmp_path / "gt" / "0000.txt").write_text("".join(lines))
    rows = [f"{f},2,{10 + f},20,40,80,.9,0,0\n" for f in range(30)]
    (tmp_path / "det" / "0000.txt").write_text("".join(rows) + "4,2,1241,20,1241,80,.9,0,0\n")
    options = {"detections": str(tmp_path / "det"), "rules": "kitti-car", "workers": 1, "out": tmp_path / "out"}
    assert bench(tmp_path / "gt", ["sort"], **options)[1] == ["0000: detections: 1 bad row left out"]
    (tmp_path / "det" / "0000.txt").write_text("".join(rows) + "4,2,nan,20,1241,80,.9,0,0\n")
    with pytest.raises(ValueError, match=r"0000\.txt:31"):
        bench(tmp_path / "gt", ["sort"], **options)
    assert bench(tmp_path / "gt", ["sort"], invalid="drop", **options)[1] == ["0000: detections: 1 bad row left out"]


@pytest.mark.parametrize("kind", ["one", "several"])
def test_ground_truth_without_a_row_is_scored(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("gt", "results"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text(MOVES)
        if kind == "several":
            (tmp_path / folder / "b.txt").write_text(MOVES)
    (tmp_path / "gt" / "a.txt").write_text("")
    words = ["eval", str(tmp_path / "results"), "--gt", str(tmp_path / "gt"), "--by-kind"]
    assert main(words) == 0
    assert "note: a: no box of the ground truth counts" in capsys.readouterr().out
    assert main([*words, "--chance"]) == (2 if kind == "one" else 0)
    out = capsys.readouterr()
    assert "too few frames to make blocks of" in out.err if kind == "one" else "10 blocks" in out.out + out.err
