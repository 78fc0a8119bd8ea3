"""Ground truth and results are found wherever people keep them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracker.evaluate.sequences import find_detections, find_results, find_sequences

GT = "1,1,10,10,20,40,1,1,1\n"


def tree(root: Path, *names: str, length: int = 5) -> Path:
    for name in names:
        (root / name / "gt").mkdir(parents=True)
        (root / name / "gt" / "gt.txt").write_text(GT)
        (root / name / "seqinfo.ini").write_text(
            f"[Sequence]\nname={name}\nframeRate=25\nseqLength={length}\nimWidth=640\nimHeight=480\n"
        )
    return root


def test_a_tree_one_sequence_a_train_folder_a_flat_folder_and_a_file(tmp_path: Path) -> None:
    root = tree(tmp_path / "data" / "train", "b", "a")
    for path in (root, tmp_path / "data"):
        assert [s.name for s in find_sequences(path)] == ["a", "b"]
    one = find_sequences(root / "a")
    assert [(s.name, s.length, s.fps, s.width, s.height) for s in one] == [("a", 5, 25.0, 640, 480)]
    assert find_sequences(root / "a" / "gt" / "gt.txt")[0].name == "a"
    flat = tmp_path / "flat"
    flat.mkdir()
    (flat / "x.txt").write_text(GT)
    assert [(s.name, s.length) for s in find_sequences(flat)] == [("x", None)]
    assert [s.name for s in find_sequences(flat / "x.txt")] == ["x"]
    assert [s.name for s in find_sequences(root, ["b"])] == ["b"]


def test_nothing_found_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file or folder"):
        find_sequences(tmp_path / "none")
    with pytest.raises(ValueError, match="no ground truth; expected"):
        find_sequences(tmp_path)
    with pytest.raises(ValueError, match=r"no sequence 'z'; there are a"):
        find_sequences(tree(tmp_path, "a"), ["z"])
    with pytest.raises(ValueError, match=r"no <seq>/det/det.txt"):
        find_detections(tmp_path)
    with pytest.raises(ValueError, match="no such file or folder"):
        find_results(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no results; expected"):
        find_results(tmp_path / "empty")


@pytest.mark.parametrize(
    "text", ["not ini", "[Other]\nseqLength=3\n", "[Sequence]\nseqLength=x\n", "[Sequence]\nseqLength=0\n"]
)
def test_a_broken_seqinfo_is_named(tmp_path: Path, text: str) -> None:
    root = tree(tmp_path, "a")
    (root / "a" / "seqinfo.ini").write_text(text)
    with pytest.raises(ValueError, match=r"seqinfo.ini: not a seqinfo.ini \(.*\); correct it or remove it"):
        find_sequences(root)


def test_results_of_one_or_more_trackers(tmp_path: Path) -> None:
    for place in ("one/sort", "two/fast/data", "two/slow"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "a.txt").write_text("")
    assert find_results(tmp_path / "one" / "sort") == {"sort": {"a": tmp_path / "one" / "sort" / "a.txt"}}
    assert list(find_results(tmp_path / "two")) == ["fast", "slow"]
    file = tmp_path / "one" / "sort" / "a.txt"
    assert find_results(file) == {"a": file}


def test_a_linked_gt_belongs_to_the_folder_it_stands_in(tmp_path: Path) -> None:
    for name in ("theirs", "mine"):
        (tmp_path / name / "det").mkdir(parents=True)
        (tmp_path / name / "det" / "det.txt").write_text("")
    (tmp_path / "theirs" / "gt").mkdir()
    (tmp_path / "theirs" / "gt" / "gt.txt").write_text("1,1,0,0,9,9,1\n")
    (tmp_path / "mine" / "gt").symlink_to(tmp_path / "theirs" / "gt")
    (mine, _) = find_sequences(tmp_path)
    assert (mine.name, mine.folder) == ("mine", tmp_path / "mine")
