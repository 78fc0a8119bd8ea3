"""The camera's motion in `track bench` and `track tune`: by file or from pairs, since no images are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tracker.commands.main import main
from tracker.io.mot import read_results
from tracker.study.bench import bench
from tracker.study.tune import tune

FRAMES = 41
JERK = 25.0  # pixels to the left and back, every frame: no box of 30 overlaps itself


def moved(tree: Path) -> None:
    """Let the camera jerk, and write what it did to each sequence's folder gmc."""
    for folder in (tree / "a", tree / "b"):
        for part in ("gt", "det"):
            file = folder / part / f"{part}.txt"
            rows = [line.split(",") for line in file.read_text().splitlines()]
            lines = [",".join([*r[:2], f"{float(r[2]) + JERK * (int(r[0]) % 2):g}", *r[3:]]) for r in rows]
            file.write_text("\n".join(lines) + "\n")
        shift = [JERK * (1 if n % 2 else -1) for n in range(1, FRAMES + 1)]
        (folder / "gmc").mkdir()
        text = "".join(f"{k} 1 0 {0 if k == 0 else x:g} 0 1 0\n" for k, x in enumerate(shift))
        (folder / "gmc" / "anything.txt").write_text(text)


def switches(tree: Path, algo: str, **options: object) -> int:
    (run,), _ = bench(tree, [algo], out=tree / "out", workers=1, **options)  # type: ignore[arg-type]
    return run.evaluation.combined.clear.idsw


def test_the_file_in_the_folder_of_each_sequence_is_found(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved(tree)
    assert switches(tree, "sort") > 0
    assert switches(tree, "sort", camera_motion="gmc") == 0
    assert switches(tree, "steady", camera_motion="gmc") == 0
    file = str(tree / "a" / "gmc" / "anything.txt")
    assert switches(tree, "sort", camera_motion=file, sequences=["a"]) == 0
    assert (
        main(["bench", "--data", str(tree), "--algo", "sort", "--camera-motion", "gmc", "-o", str(tree / "out")]) == 0
    )
    assert "sort camera=gmc" in capsys.readouterr().out
    (tree / "c").mkdir()
    for folder in "ab":
        (tree / "c" / f"{folder}.txt").write_bytes((tree / folder / "gmc" / "anything.txt").read_bytes())
    assert switches(tree, "sort", camera_motion=str(tree / "c")) == 0


@pytest.mark.parametrize("split", ["second-half", "first-half"])
def test_a_half_begins_in_the_middle_of_the_file(tree: Path, split: str) -> None:
    moved(tree)
    file = tree / "a" / "gmc" / "anything.txt"
    lines = file.read_text().splitlines()
    half = FRAMES // 2 + 1  # the second half's first motion is from its first frame to its second
    wrong = [f"{k} 1 0 300 0 1 0" for k in range(FRAMES)]
    kept = slice(half + 1, None) if split == "second-half" else slice(0, half)
    wrong[kept] = lines[kept]
    file.write_text("\n".join(wrong) + "\n")
    assert switches(tree, "sort", camera_motion="gmc", sequences=["a"], split=split) == 0


def test_pairs_and_off_are_the_algorithms_own_search(tree: Path) -> None:
    moved(tree)
    for how, value in (("pairs", True), ("off", False)):
        (run,), _ = bench(tree, ["steady"], out=tree / "out", workers=1, camera_motion=how)
        assert run.label == f"steady camera_from_pairs={value}"
        bench(tree, ["steady"], out=tree / "own", workers=1, settings={"camera_from_pairs": value})
        rows = [read_results(tree / folder / "full" / run.label / "a.txt").boxes for folder in ("out", "own")]
        np.testing.assert_array_equal(*rows)
    with pytest.raises(ValueError, match="both say what the camera does"):
        bench(tree, ["steady"], out=tree / "out", camera_motion="off", settings={"camera_from_pairs": True})


def test_what_is_not_there_is_one_line(tree: Path) -> None:
    for how, said in (
        ("flow", "no images are read here; give auto, pairs, off, gmc or a file"),
        ("gmc", "gmc: 0 camera files .* where one is expected"),
        ("nowhere.txt", "nowhere.txt: camera motion cannot be read"),
    ):
        with pytest.raises(ValueError, match=said):
            bench(tree, ["sort"], out=tree / "out", camera_motion=how)
    moved(tree)
    (tree / "short.txt").write_text("0 1 0 0 0 1 0\n")
    with pytest.raises(ValueError, match="camera motion of 1 frames for a video of 41"):
        bench(tree, ["sort"], out=tree / "out", camera_motion=str(tree / "short.txt"))


def test_another_file_runs_again(tree: Path) -> None:
    moved(tree)
    assert switches(tree, "sort", camera_motion="gmc") == 0
    for name in "ab":
        still = "".join(f"{k} 1 0 0 0 1 0\n" for k in range(FRAMES))
        (tree / name / "gmc" / "anything.txt").write_text(still)
    assert switches(tree, "sort", camera_motion="gmc") > 0


def test_every_trial_of_a_search_follows_the_camera(tree: Path) -> None:
    pytest.importorskip("optuna", reason="needs the extra tune")
    moved(tree)
    tuned = tune(tree, "sort", search={"max_age": "1:3"}, trials=1, out=tree / "tuned", camera_motion="gmc")
    assert [scores["IDSW"] for scores in (tuned.start["training"], tuned.start["held_out"])] == [0, 0]
    still = tune(tree, "sort", search={"max_age": "1:3"}, trials=1, out=tree / "still")
    assert still.start["training"]["IDSW"] > 0


def test_the_folder_of_a_sequence_is_tracked_with_its_file(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved(tree)
    words = [str(tree / "a"), "--algo", "sort", "--no-video", "--quiet"]
    ids = []
    for name, more in (("followed", ["--camera-motion", "gmc"]), ("alone", [])):
        assert main([*words, *more, "-o", str(tree / name)]) == 0
        ids.append(len(np.unique(read_results(tree / name / "tracks.txt").ids)))
    assert ids[0] == 3
    assert ids[1] != 3
    assert main(["video.mp4", "--camera-motion", "gmc"]) == 2
    assert "camera_motion=gmc goes with the folder of a sequence" in capsys.readouterr().err
