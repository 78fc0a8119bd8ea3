"""Frame numbers that are times: Unix seconds or milliseconds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made import write_sequence

from tracker.evaluate import evaluate, load_ground_truth
from tracker.evaluate.benchmark import GroundTruth
from tracker.io.mot import read_results
from tracker.study.bench import bench
from tracker.study.choices import Split
from tracker.study.split import halved
from tracker.study.tune import tune

FRAMES = 41
CLOCKS: dict[str, Callable[[int], int]] = {
    "seconds": lambda frame: 1_700_000_000 + frame,
    "milliseconds": lambda frame: 1_700_000_000_000 + 40 * frame,
}


@pytest.fixture(params=sorted(CLOCKS))
def clock(request: pytest.FixtureRequest) -> Callable[[int], int]:
    return CLOCKS[request.param]


def trees(folder: Path, clock: Callable[[int], int]) -> tuple[Path, Path]:
    """One tree twice: its frames counted, and named by their times."""
    counted, timed = folder / "counted", folder / "timed"
    for name in ("a", "b"):
        write_sequence(counted / name, FRAMES)
        (counted / name / "seqinfo.ini").unlink()
    shutil.copytree(counted, timed)
    for file in timed.rglob("*.txt"):
        rows = [line.partition(",") for line in file.read_text().splitlines()]
        file.write_text("".join(f"{clock(int(frame))},{rest}\n" for frame, _, rest in rows))
    return counted, timed


@pytest.mark.parametrize("split", ["full", "first-half", "second-half"])
def test_bench_scores_times_as_it_scores_counts(tmp_path: Path, clock: Callable[[int], int], split: Split) -> None:
    counted, timed = trees(tmp_path, clock)
    scores = [
        bench(tree, ["sort"], split=split, out=tree / "out", workers=1)[0][0].evaluation.combined.summary()
        for tree in (counted, timed)
    ]
    assert scores[0] == scores[1]
    assert scores[0]["HOTA"] > 0.5
    rows = read_results(timed / "out" / split / "sort" / "a.txt")
    first = {"full": 1, "first-half": 1, "second-half": 22}[split]
    assert rows.frames[0] == clock(first)


def test_eval_takes_the_second_half_of_times_and_of_results_of_the_whole(
    tmp_path: Path, clock: Callable[[int], int]
) -> None:
    _, timed = trees(tmp_path, clock)
    bench(timed, ["sort"], out=timed / "out", workers=1)
    truth = halved(load_ground_truth(timed))
    results = {name: timed / "out/full/sort" / f"{name}.txt" for name in ("a", "b")}
    score = truth.score(dict(results))
    assert score.combined.frames == 2 * 20
    assert score.combined.clear.fp == 0
    assert any(f"rows before frame {clock(22)}" in note for note in score.notes)
    assert evaluate(dict(results), timed).combined.frames == 2 * FRAMES


def test_tune_takes_times(tmp_path: Path, clock: Callable[[int], int]) -> None:
    pytest.importorskip("optuna")
    found = []
    for tree in trees(tmp_path, clock):
        tuned = tune(tree, "sort", search={"max_age": None}, held_out="halves", trials=2, out=tree / "out")
        found.append((tuned.parameters, tuned.start, tuned.best))
    assert found[0] == found[1]


def test_the_halves_are_those_of_the_truth_where_detections_end_earlier(tmp_path: Path) -> None:
    tree, _ = trees(tmp_path, CLOCKS["seconds"])
    file = tree / "a" / "det" / "det.txt"
    kept = [line for line in file.read_text().splitlines() if int(line.split(",")[0]) <= FRAMES - 6]
    file.write_text("\n".join(kept) + "\n")
    (run,), _ = bench(tree, ["sort"], split="second-half", out=tree / "out", sequences=["a"], workers=1)
    assert run.evaluation.combined.clear.fp == 0
    truth: GroundTruth = halved(load_ground_truth(tree, sequences=["a"]))
    assert np.isin(read_results(tree / "out/second-half/sort/a.txt").frames, truth.rows["a"].frames).all()
