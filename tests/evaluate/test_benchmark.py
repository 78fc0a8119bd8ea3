"""From files to scores: what is found, refused and noted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tracker.evaluate import benchmark
from tracker.evaluate.benchmark import Accumulator, evaluate, load_ground_truth
from tracker.io.mot import MotFormatError, read_ground_truth, read_results

GT = "".join(f"{f},{i},{100 * i + f},50,20,40,1,1,1\n" for f in range(1, 21) for i in (1, 2))
RESULTS = "".join(f"{f},{i},{100 * (i - 4) + f},50,20,40,0.9,-1,-1,-1\n" for f in range(1, 21) for i in (5, 6))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / "gt" / name / "gt").mkdir(parents=True)
        (tmp_path / "gt" / name / "gt" / "gt.txt").write_text(GT)
        (tmp_path / "gt" / name / "seqinfo.ini").write_text(f"[Sequence]\nname={name}\nseqLength=20\n")
        (tmp_path / "ours").mkdir(exist_ok=True)
        (tmp_path / "ours" / f"{name}.txt").write_text(RESULTS)
    return tmp_path


def test_perfect_results(tree: Path) -> None:
    evaluation = evaluate(tree / "ours", tree / "gt")
    assert (evaluation.rules, evaluation.why, evaluation.notes) == ("MOT16/17", "class column", ())
    summary = evaluation.combined.summary()
    for name in ("HOTA", "DetA", "AssA", "LocA", "MOTA", "IDF1", "IDP", "IDR", "Rcll", "Prcn"):
        assert summary[name] == pytest.approx(1)
    assert (summary["MT"], summary["IDs"], summary["GT_IDs"], summary["Frames"]) == (4, 4, 4, 40)


def test_rows_dicts_files_and_flat_folders_give_the_same(tree: Path) -> None:
    gt, results = tree / "gt" / "a" / "gt" / "gt.txt", tree / "ours" / "a.txt"
    want = evaluate(tree / "ours", tree / "gt").sequences[0].to_dict()
    for evaluation in (
        evaluate(results, gt),
        evaluate(read_results(results), read_ground_truth(gt)),
        evaluate({"a": results}, {"a": gt}),
        evaluate({"a": read_results(results)}, {"a": read_ground_truth(gt)}),
        evaluate(results, tree / "gt", sequences=["a"]),
        evaluate(tree / "ours", tree / "gt" / "a"),
    ):
        assert evaluation.sequences[0].to_dict() == want
        assert len(evaluation.sequences) == 1


def test_long_sequences_are_scored_in_blocks(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    want = evaluate(tree / "ours", tree / "gt").combined.to_dict()
    monkeypatch.setattr(benchmark, "_BLOCK_ROWS", 9)
    assert evaluate(tree / "ours", tree / "gt").combined.to_dict() == want


def test_the_accumulator_equals_the_files_and_refuses_bad_frames() -> None:
    accumulator = Accumulator("live")
    for k in range(600):
        accumulator.update([1, 2], [5 + k // 300, 9], [[0.8, 0.0], [0.0, 0.6]])
        if k == 400:
            with pytest.raises(ValueError, match="frame 401: result id 3 occurs twice"):
                accumulator.update([1], [3, 3], [[0.1, 0.2]])
            assert accumulator.result().frames == 401
    score = accumulator.result()
    assert (score.name, score.frames, score.clear.tp, score.clear.idsw) == ("live", 600, 1200, 1)
    assert (score.ids, score.gt_ids, score.dets, score.gt_dets) == (3, 2, 1200, 1200)
    assert score.identity.idtp == 900


def test_missing_extra_and_empty_results_are_noted(tree: Path) -> None:
    (tree / "ours" / "b.txt").rename(tree / "ours" / "other.txt")
    evaluation = evaluate(tree / "ours", tree / "gt")
    assert evaluation.notes == (
        "left out, no ground truth of that name: other",
        "b: no results, scored as empty",
    )
    assert evaluation.sequences[1].clear.fn == 40
    (tree / "ours" / "a.txt").write_text("")
    assert "a: results are empty" in evaluate(tree / "ours", tree / "gt").notes


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("20,6", "21,6"), r"a.txt:40: frame 21 in a sequence of 20 frames"),
        (lambda text: text + "1,5,0,0,1,1,1,-1,-1,-1\n", r"a.txt:41: frame 1 has id 5 twice \(first in line 1\)"),
        (lambda text: text.replace("1,5,", "1,-2,", 1), r"a.txt:1: id -2"),
        (lambda text: text.replace("1,5,", "0,5,", 1), r"a.txt:1: frame 0"),
        (lambda text: text.replace("0.9,-1", "0.9,3", 1), r"a.txt:1: class 3; MOT16/17 rules score pedestrians only"),
        (lambda text: "0.9\n0.8\n", r"a.txt:1: 1 columns"),
    ],
)
def test_bad_results_are_refused_with_file_and_line(tree: Path, change: object, said: str) -> None:
    (tree / "ours" / "a.txt").write_text(change(RESULTS))  # type: ignore[operator]
    with pytest.raises(MotFormatError, match=said):
        evaluate(tree / "ours", tree / "gt")


def test_what_does_not_belong_together_is_refused(tree: Path) -> None:
    with pytest.raises(ValueError, match=r"no result belongs to .* \(aa, bb\), did you mean 'a'\?; name each file"):
        evaluate({"aa": tree / "ours" / "a.txt", "bb": tree / "ours" / "a.txt"}, tree / "gt")
    (tree / "x.txt").write_text(RESULTS)
    with pytest.raises(ValueError, match="one result for 2 sequences"):
        evaluate(tree / "x.txt", tree / "gt")
    (tree / "many" / "other").mkdir(parents=True)
    (tree / "ours").rename(tree / "many" / "ours")
    (tree / "many" / "other" / "a.txt").write_text(RESULTS)
    with pytest.raises(ValueError, match=r"holds 2 trackers \(other, ours\)"):
        evaluate(tree / "many", tree / "gt")
    with pytest.raises(ValueError, match="rules 'mot99' are unknown"):
        evaluate(tree / "many" / "ours", tree / "gt", rules="mot99")
    (tree / "gt" / "a" / "seqinfo.ini").write_text("[Sequence]\nseqLength=3\n")
    with pytest.raises(MotFormatError, match=r"gt.txt:7: frame 4 in a sequence of 3 frames"):
        load_ground_truth(tree / "gt")


def test_mot15_read_as_mot17_is_explained(tree: Path) -> None:
    gt = tree / "15.txt"
    gt.write_text("1,1,0,0,5,5,1,-4.2,3.1,0\n")
    with pytest.raises(ValueError, match="need a class column, and 15 has none"):
        evaluate(read_results(tree / "ours" / "a.txt"), {"15": gt}, rules="mot17")


def test_tables(tree: Path) -> None:
    evaluation = evaluate(tree / "ours", tree / "gt", tracker="ours")
    lines = evaluation.table().splitlines()
    assert lines[0].split()[:5] == ["sequence", "HOTA", "DetA", "AssA", "LocA"]
    assert [line.split()[0] for line in lines[1:]] == ["a", "b", "COMBINED"]
    assert len({len(line) for line in lines}) == 1
    narrow = evaluation.table(width=60).splitlines()
    assert max(map(len, narrow)) <= 60
    assert sum(line.startswith("sequence") for line in narrow) > 1
    assert evaluation.markdown().splitlines()[2].startswith("| a | 100.00 |")
    header, first = (line.split(",") for line in evaluation.csv().splitlines()[:2])
    assert header[:4] == ["tracker", "rules", "sequence", "HOTA"]
    assert first[:3] == ["ours", "MOT16/17", "a"]
    assert float(first[3]) == pytest.approx(1)
    loaded = json.loads(evaluation.json())
    assert np.allclose(loaded["combined"]["HOTA"], 1)
    assert loaded["sequences"]["a"]["IDTP"] == 40
