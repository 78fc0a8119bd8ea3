"""Input that parses and is still wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tracker.evaluate.benchmark import evaluate
from tracker.evaluate.doctor import examine, suspicions
from tracker.evaluate.sequences import find_sequences
from tracker.io.mot import read_ground_truth, read_results, write_results
from tracker.rows import Rows, as_rows


def moving(tmp_path: Path, shift: int = 0, single: bool = False) -> Rows:
    """Three objects that move 12 pixels a frame; results may lag."""
    frames = np.repeat(np.arange(1, 41), 3)
    lane = np.tile(np.arange(3), 40)
    left = 100.0 + 12 * (frames + shift)
    boxes = np.stack((left, 50.0 + 100 * lane, left + 40, 130.0 + 100 * lane), axis=1)
    path = tmp_path / f"moving{shift}.txt"
    write_results(path, as_rows(frames, np.arange(1, 121) if single else lane + 1, boxes))
    return read_results(path)


def test_good_results_raise_no_suspicion(tmp_path: Path) -> None:
    assert suspicions(moving(tmp_path), moving(tmp_path)) == []


@pytest.mark.parametrize(("shift", "said"), [(1, "one frame later"), (-1, "one frame earlier")])
def test_an_offset_of_one_frame(tmp_path: Path, shift: int, said: str) -> None:
    (note,) = suspicions(moving(tmp_path, shift), moving(tmp_path))
    assert said in note
    assert f"do frames count from {'0' if shift > 0 else '2'}?" in note


def test_objects_that_stand_still_have_no_offset(tmp_path: Path) -> None:
    still = moving(tmp_path)
    still = replace(still, boxes=np.tile([10.1, 20.3, 45.7, 90.9], (len(still), 1)))
    late = still.select(still.frames > still.frames[0] + 1)  # as of a tracker that waits for a second detection
    assert suspicions(late, still) == []


def test_a_few_boxes_that_fit_by_chance_are_no_offset(tmp_path: Path) -> None:
    gt = moving(tmp_path)
    boxes = gt.boxes + [0.0, 1000, 0, 1000]
    boxes[5] = gt.boxes[6]
    assert not any("fit the ground truth better" in line for line in suspicions(replace(gt, boxes=boxes), gt))


def shifted(rows: Rows, by: int) -> Rows:
    return replace(rows, frames=rows.frames + by)


@pytest.mark.parametrize("by", [7, -7, 30])
def test_an_offset_of_many_frames(tmp_path: Path, by: int) -> None:
    gt = shifted(moving(tmp_path), 100)
    note = suspicions(shifted(gt, by), gt)[0]
    assert f"fit the ground truth better {abs(by)} frames {'later' if by < 0 else 'earlier'}" in note
    assert note.endswith(f"are frames off by {abs(by)}?")


def test_one_box_that_fits_elsewhere_is_no_offset(tmp_path: Path) -> None:
    gt = moving(tmp_path)
    found = gt.select((gt.ids == 1) & (gt.frames > 10))
    boxes = found.boxes + [0, 20, 0, 20]  # an IoU of 0.6
    boxes[5] = gt.boxes[(gt.ids == 3) & (gt.frames == found.frames[5] - 10)]
    assert suspicions(replace(found, boxes=boxes), gt) == []


def test_no_frame_in_common_comes_first(tmp_path: Path) -> None:
    rows = moving(tmp_path)
    (note,) = suspicions(rows, shifted(rows, 371))
    assert note == (
        "no frame in common: results 1..40, ground truth 372..411 (off by 371?); add 371 to the frames of the results"
    )
    part = rows.select(rows.frames <= 20)
    assert "(off by 371?); take 371 from the frames" in suspicions(shifted(part, 371), rows)[0]
    away = replace(part, boxes=part.boxes + 5000)
    assert "40; are these files of one sequence?" in suspicions(shifted(away, 371), rows)[0]
    results, truth = tmp_path / "results", tmp_path / "truth"
    results.mkdir()
    truth.mkdir()
    write_results(results / "street.txt", rows)
    write_results(truth / "street.txt", shifted(rows, 371))
    evaluation = evaluate(results, truth)
    assert evaluation.alarms == 1
    assert evaluation.notes[0].startswith("street: no frame in common: results 1..40")
    assert sum("in common" in note for note in evaluation.notes) == 1
    assert "no frame in common" in examine([results], gt=str(truth))[0].text


def test_shares_of_the_image_are_no_pixels(tmp_path: Path) -> None:
    rows = moving(tmp_path)
    assert "shares of the image (0..1)" in suspicions(replace(rows, boxes=rows.boxes / 1000), None)[0]


def test_kinds_are_told_by_what_the_reader_reads(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1;-1;0;0;5;5;1\n")
    (tmp_path / "b.txt").write_text("frame,id,x,y,w,h,conf\n1,-1,0,0,5,5,1\n", encoding="utf-16")
    first, second, third = sorted(f.text.removeprefix(f"{tmp_path}/") for f in examine([tmp_path]))
    assert first.startswith("a.txt: detections, 1 row")
    assert second.startswith("b.txt: it is UTF-16 text; the official kit refuses")
    assert third.startswith("b.txt: line 1 holds words")


def test_ids_that_never_repeat(tmp_path: Path) -> None:
    (note,) = suspicions(moving(tmp_path, single=True), None)
    assert "no id occurs twice" in note


def test_rows_after_the_last_annotated_frame(tmp_path: Path) -> None:
    gt = moving(tmp_path)
    (note,) = suspicions(moving(tmp_path), gt.select(gt.frames <= 30))
    assert note.startswith("30 rows lie after the last annotated frame (30)")
    (note,) = suspicions(gt.select(np.arange(len(gt)) < 28), gt.select(np.arange(len(gt)) < 27))


def test_shared_results_as_they_are_and_as_xyxy(tmp_path: Path, shared: Path) -> None:
    for benchmark, tracker in (("MOT15", "sort"), ("MOT17", "bytetrack")):
        for sequence in find_sequences(shared / "data" / benchmark / "train"):
            if sequence.name == "MOT17-04":
                continue  # the others say the same sooner
            gt = read_ground_truth(sequence.gt)
            with np.load(shared / "reference" / tracker / f"{sequence.name}.npz") as rows:
                frames, ids, boxes = rows["frame"], rows["id"], rows["xyxy"]
            path = tmp_path / f"{sequence.name}.txt"
            write_results(path, as_rows(frames, ids, boxes))
            assert suspicions(read_results(path), gt, sequence) == []
            write_results(path, as_rows(frames, ids, np.hstack((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]))))
            assert "left,top,right,bottom" in " ".join(suspicions(read_results(path), gt, sequence))


def test_a_shifted_real_sequence_is_noted_when_it_matters(tmp_path: Path, shared: Path) -> None:
    with np.load(shared / "reference" / "bytetrack" / "MOT17-05.npz") as rows:
        late = rows["frame"] < 837
        shifted = as_rows(rows["frame"][late] + 1, rows["id"][late], rows["xyxy"][late])
    write_results(tmp_path / "MOT17-05.txt", shifted)
    evaluation = evaluate(tmp_path / "MOT17-05.txt", shared / "data" / "MOT17" / "train" / "MOT17-05")
    assert "one frame earlier" in evaluation.notes[0]


def test_a_whole_tree_is_examined(shared: Path) -> None:
    findings = examine([shared / "data" / "MOT15" / "train" / "TUD-Campus"])
    assert [f.path.name for f in findings] == ["gt.txt", "det-acf.txt", "det.txt"]
    assert not any(f.bad for f in findings)
    assert "ground truth (MOT15 layout), 359 rows, 8 ids, last frame 71" in findings[0].text


def test_kinds_and_broken_files(tmp_path: Path) -> None:
    texts = {
        "a.txt": "1,-1,0,0,5,5,0.5,-1,-1,-1\n",
        "b.txt": "1,1,0,0,5,5,0.5,-1,-1,-1\n",
        "c.txt": "1,1,0,0,5,5,0.5\n1,1,0,0,5,5,0.5\n",
        "d.txt": "",
        "gt-e.txt": "1,1,0,0,5,5,0,1,1\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    texts_found = [f.text.removeprefix(f"{tmp_path}/") for f in examine([tmp_path])]
    assert texts_found[0].startswith("a.txt: detections, 1 row, last frame 1")
    assert texts_found[1].startswith("b.txt: results, 1 row, 1 id")
    assert texts_found[2].startswith("c.txt:2: frame 1 has id 1 twice")
    assert texts_found[3] == "d.txt: no rows"
    assert "no row is marked for scoring" in texts_found[4]
    assert [f.bad for f in examine([tmp_path / "b.txt"], "detections")] == [False]
    with pytest.raises(ValueError, match="no such file or folder"):
        examine([tmp_path / "none"])


ROW = "1,1,0,0,5,5,1,-1,-1,-1\n"


def folder_of(folder: Path, **texts: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


def said(*paths: Path, gt: Path) -> list[str]:
    """The bad findings, without the folders."""
    return [f.text.removeprefix(f"{paths[0].parent}/") for f in examine(paths, gt=str(gt)) if f.bad]


def test_missing_and_extra_sequences_are_reported(tmp_path: Path) -> None:
    gt = folder_of(tmp_path / "gt", street=ROW, plaza=ROW, park=ROW)
    whole = folder_of(tmp_path / "whole", street=ROW, plaza=ROW, park=ROW)
    assert said(whole, gt=gt) == []
    short = folder_of(tmp_path / "short", street=ROW, plazza=ROW)
    extra, missing = said(short, gt=gt)
    assert extra.startswith("short/plazza.txt: the ground truth has no sequence 'plazza', did you mean 'plaza'?; ")
    assert missing.startswith("short: no results for park, plaza, which the ground truth has; ")
    several = tmp_path / "several"
    folder_of(several / "a", street=ROW, plaza=ROW, park=ROW)
    folder_of(several / "b", street=ROW, park=ROW)
    assert said(several, gt=gt) == [
        "several: b: no results for plaza, which the ground truth has; scores count them as empty"
    ]


def test_one_file_for_one_sequence_and_detections_miss_no_sequence(tmp_path: Path) -> None:
    gt = folder_of(tmp_path / "gt", street=ROW)
    assert said(folder_of(tmp_path / "run", other=ROW), gt=gt) == []
    assert said(tmp_path / "run" / "other.txt", gt=gt) == []
    two = folder_of(tmp_path / "two", street=ROW, plaza=ROW)
    assert said(folder_of(tmp_path / "seen", street=ROW.replace("1,1,", "1,-1,")), gt=two) == []
    assert said(tmp_path / "run" / "other.txt", gt=two)[0].startswith("other.txt: the ground truth has no sequence")
    late = "".join(f"{f},1,{f},0,5,5,1\n" for f in range(1, 9))
    assert "7 rows lie after the last annotated frame (1)" in said(folder_of(tmp_path / "late", other=late), gt=gt)[0]


def lines_of(folder: Path, name: str, frames: range, shift: int = 0, jump: int = 0) -> Path:
    """Three objects that move; ``shift`` moves their frames, ``jump`` their places."""
    rows = [
        f"{frame + shift},{i},{10 + 5 * frame + 90 * i + jump},{20 + 40 * i + jump},30,60,1,-1,-1,-1"
        for frame in frames
        for i in (1, 2, 3)
    ]
    path = folder / name
    path.write_text("\n".join(rows) + "\n")
    return path


def test_frames_that_are_times_are_said(tmp_path: Path) -> None:
    path = lines_of(tmp_path, "res.txt", range(1, 31), shift=1_700_000_000)
    (finding,) = examine([path])
    assert "frame numbers 1700000001..1700000030 look like times; each of the 30 numbers" in finding.text


def test_results_of_another_sequence_are_said(tmp_path: Path) -> None:
    gt = lines_of(tmp_path, "gt.txt", range(1, 31))
    (finding,) = examine([lines_of(tmp_path, "res.txt", range(1, 31), jump=500)], gt=str(gt))
    assert "hardly any box fits the ground truth (matched: 0 % of its boxes, 0 % of the results')" in finding.text
    (finding,) = examine([lines_of(tmp_path, "res.txt", range(1, 31))], gt=str(gt))
    assert not finding.bad


def test_files_without_a_common_frame_come_first(tmp_path: Path) -> None:
    (tmp_path / "gt").mkdir()
    (tmp_path / "res").mkdir()
    for name in ("a", "b"):
        lines_of(tmp_path / "gt", f"{name}.txt", range(1, 31))
    lines_of(tmp_path / "res", "a.txt", range(1, 31), jump=500)
    lines_of(tmp_path / "res", "b.txt", range(1, 31), shift=100)
    found = examine([tmp_path / "res"], gt=str(tmp_path / "gt"))
    assert found[0].path.name == "b.txt"
    assert "no frame in common" in found[0].text
    detections = lines_of(tmp_path, "det.txt", range(1, 31), shift=100)
    assert "no frame in common: detections 101..130" in examine([detections], gt=str(tmp_path / "gt" / "a.txt"))[0].text


def test_percentages_and_repeated_detections_are_said(tmp_path: Path) -> None:
    path = tmp_path / "det.txt"
    path.write_text("1,-1,10,10,20,40,87\n" * 2)
    texts = [finding.text for finding in examine([path])]
    assert "scores run from 87 to 87: if they are percentages" in texts[0]
    assert "1 of 2 rows repeat the frame and box" in texts[1]
