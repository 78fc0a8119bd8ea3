"""How `evaluate` checks rows that no reader has checked, and what it notes of names, sizes and parts."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tracker.evaluate import curves_svg, evaluate, load_ground_truth
from tracker.evaluate.doctor import suspicions
from tracker.io.mot import read_ground_truth, read_results, write_results
from tracker.refine import refine
from tracker.rows import Rows, as_rows


@pytest.fixture
def walk(tmp_path: Path) -> tuple[Path, Rows]:
    """A tree with one sequence of 40 frames and two people, and rows that find them exactly."""
    frames = np.repeat(np.arange(1, 41), 2)
    ids = np.tile([1, 2], 40)
    left = 50.0 + 6 * frames + 200 * (ids - 1)
    boxes = np.column_stack((left, 40.0 + 0 * left, left + 30, 120.0 + 0 * left))
    folder = tmp_path / "tree" / "walk"
    (folder / "gt").mkdir(parents=True)
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=walk\nseqLength=40\nimWidth=800\nimHeight=200\n")
    write_results(folder / "gt" / "gt.txt", as_rows(frames, ids, boxes))
    return tmp_path / "tree", read_results(folder / "gt" / "gt.txt")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r.select(np.repeat(np.arange(len(r)), 2)), "frame 1, id 1: two rows"),
        (lambda r: replace(r, ids=np.full(len(r), -1)), "id -1: ids count from 0"),
        (lambda r: replace(r, frames=r.frames - 1), "frame 0, id 1: frames count from 1"),
        (lambda r: replace(r, boxes=np.full_like(r.boxes, np.nan)), "frame 1, id 1: NaN"),
        (lambda r: replace(r, boxes=r.boxes[:, [2, 3, 0, 1]]), "frame 1, id 1: its box has a negative size"),
    ],
)
def test_rows_in_memory_are_checked(change, words, walk) -> None:
    tree, rows = walk
    assert evaluate(rows, tree).combined.summary()["MOTA"] == 1
    with pytest.raises(ValueError, match=words):
        evaluate(change(rows), tree)


def test_rows_may_be_ordered_by_track(walk) -> None:
    tree, rows = walk
    swapped = replace(rows, ids=np.where(rows.frames > 20, 3 - rows.ids, rows.ids))
    want = evaluate(swapped, rows, "plain").combined.to_dict()
    assert want["IDSW"] == 2
    assert evaluate(swapped.by_track(), rows.by_track(), "plain").combined.to_dict() == want
    assert load_ground_truth(rows.by_track(), "plain").rows["sequence"].frames.tolist() == rows.frames.tolist()
    blocks = load_ground_truth(tree).frames("walk", swapped.by_track())
    assert [sum(block.similarity) for block in blocks] == [pytest.approx(80)]


def test_another_image_size_is_noted(walk) -> None:
    tree, rows = walk
    (note,) = evaluate(replace(rows, boxes=rows.boxes / 2), tree).notes
    assert "about 0.5 times as large" in note


def test_another_name_is_noted_and_sequences_limits_the_ground_truth(walk, tmp_path: Path) -> None:
    tree, rows = walk
    write_results(tmp_path / "other.txt", rows)
    assert evaluate(tmp_path / "other.txt", tree).notes == ("other.txt is scored as walk",)
    with pytest.raises(ValueError, match="no sequence 'foo'"):
        evaluate(tmp_path / "other.txt", tree / "walk" / "gt" / "gt.txt", sequences=["foo"])


def test_a_part_made_by_bench_is_noted_against_the_whole(walk, tmp_path: Path) -> None:
    tree, rows = walk
    later = rows.select(rows.frames > 20)
    write_results(tmp_path / "walk.txt", replace(later, frames=later.frames - 20))
    (tmp_path / "walk.json").write_text(json.dumps({"first": 21}))
    assert any("these frames are a part" in note for note in evaluate(tmp_path / "walk.txt", tree).notes)
    (tmp_path / "walk.json").unlink()
    assert not any("these frames are a part" in note for note in evaluate(tmp_path / "walk.txt", tree).notes)


def test_time_stamps_for_frames_are_refused_and_empty_truth_is_noted(walk, tmp_path: Path) -> None:
    tree, rows = walk
    truth = tree / "walk" / "gt" / "gt.txt"
    (tree / "walk" / "seqinfo.ini").unlink()
    late = replace(rows, frames=np.append(rows.frames[:-1], 1_690_000_000))
    write_results(tmp_path / "walk.txt", late)
    with pytest.raises(ValueError, match=r"walk\.txt:80: .*time stamps"):
        evaluate(tmp_path / "walk.txt", truth)
    unmarked = replace(read_ground_truth(truth), scores=np.zeros(len(rows)))
    assert any("nothing could be found" in note for note in evaluate(rows, unmarked, "mot15").notes)


@pytest.mark.parametrize("threshold", [0.0, 5.0, float("nan")])
def test_a_threshold_that_is_none(threshold: float, walk) -> None:
    tree, rows = walk
    with pytest.raises(ValueError, match="threshold="):
        evaluate(rows, tree, threshold=threshold)


@pytest.mark.parametrize("first", [1_700_000_000, 1_700_000_000_000, 2**53 - 2000])
def test_cost_goes_with_rows_not_with_frame_numbers(walk, first: int) -> None:
    _, rows = walk
    late = replace(rows, frames=(rows.frames + first).astype(np.int64))
    plain, found = evaluate(rows, rows), evaluate(late, late)
    assert found.combined.to_dict() == plain.combined.to_dict()
    assert found.combined.frames == 40
    assert any("look like times; the 40 frames with rows are counted" in note for note in found.notes)
    merged, _ = refine(late)
    assert len(merged) == len(refine(rows)[0])
    assert suspicions(late.by_frame(), rows.by_frame())[0].startswith("no frame in common: results")


def test_frames_without_rows_are_counted(walk) -> None:
    _, rows = walk
    some = rows.select(rows.frames % 10 == 0)
    found = evaluate(some, some).combined
    assert (found.frames, found.clear.frames, found.clear.fp_per_frame) == (40, 40, 0)
    assert evaluate(some, rows.select(rows.frames == 1)).combined.clear.fp_per_frame == len(some) / 40


def test_names_are_escaped_in_every_table(walk) -> None:
    _, rows = walk
    name = '=1|<b>"&\x1b[31m'
    found = evaluate({name: rows}, {name: rows}, tracker=name)
    for text in (found.table(), found.markdown(), found.csv(), curves_svg([found])):
        assert "\x1b" not in text
    assert r"| =1\|\<b\>" in found.markdown()
    assert next(csv.reader(found.csv().splitlines()[1:]))[::2][:2] == [r"""'=1|<b>"&\x1b[31m"""] * 2
    assert "=1|&lt;b&gt;&quot;&amp;" in curves_svg([found])
