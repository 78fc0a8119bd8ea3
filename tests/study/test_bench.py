"""Algorithms over a tree: timed, scored, cached, resumable."""

from __future__ import annotations

import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker.evaluate.benchmark import evaluate, load_ground_truth
from tracker.io.mot import read_detections, read_results
from tracker.study import pool
from tracker.study.bench import bench
from tracker.study.job import Job
from tracker.study.split import halved, later
from tracker.workers import local

FRAMES = 41  # of each sequence of the tree


def test_runs_are_scored_kept_and_taken_again(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int, int]] = []
    out = tree / "out"
    (run,), notes = bench(tree, ["sort"], out=out, workers=1, progress=lambda *state: seen.append(state))
    assert notes == []
    assert seen == [(0, 0, 2), (1, 0, 2), (2, 0, 2)]
    assert (run.label, run.cached, len(run.seconds)) == ("sort", 0, 2 * FRAMES)
    assert run.evaluation.combined.clear.mota == pytest.approx(1)
    assert set(run.speed()) == {"fps", "median ms", "p99 ms"}
    assert read_results(out / "full" / "sort" / "a.txt").last_frame == FRAMES
    assert evaluate(out / "full" / "sort", tree).combined.to_dict() == run.evaluation.combined.to_dict()

    def no_more(job: Job) -> None:
        raise AssertionError(f"{job.sequence} ran again")

    monkeypatch.setattr(pool, "run_job", no_more)
    (again,), _ = bench(tree, ["sort"], out=out, workers=1)
    assert again.cached == 2
    assert again.evaluation.combined.to_dict() == run.evaluation.combined.to_dict()
    for change in ({"settings": {"max_age": 5}}, {"conf": 0.5}, {"split": "second-half"}):
        with pytest.raises(AssertionError, match="ran again"):
            bench(tree, ["sort"], out=out, workers=1, **change)  # type: ignore[arg-type]


def test_an_interrupted_run_goes_on_and_changed_detections_run_again(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    real = pool.run_job

    def once(job: Job) -> None:
        if ran:
            raise KeyboardInterrupt
        ran.append(job.sequence)
        real(job)

    monkeypatch.setattr(pool, "run_job", once)
    with pytest.raises(KeyboardInterrupt):
        bench(tree, ["sort"], out=tree / "out", workers=1)
    monkeypatch.setattr(pool, "run_job", real)
    assert bench(tree, ["sort"], out=tree / "out", workers=1)[0][0].cached == 1
    with (tree / "a" / "det" / "det.txt").open("a") as file:
        file.write("1,-1,600,400,30,60,0.9,-1,-1,-1\n")
    assert bench(tree, ["sort"], out=tree / "out", workers=1)[0][0].cached == 1
    (tree / "out" / "full" / "sort" / "b.json").write_text("{")  # as after a crash
    assert bench(tree, ["sort"], out=tree / "out", workers=1)[0][0].cached == 1
    assert not list((tree / "out").rglob("*.part"))


def test_processes_start_with_interrupts_ignored_and_one_thread(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child gets Ctrl-C until its initializer runs, so it must inherit that it is ignored."""
    seen = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, workers: int, **_: object) -> None:
            super().__init__(workers)

        def submit(self, *args: Any) -> Any:  # type: ignore[override]
            seen.append((signal.getsignal(signal.SIGINT), os.environ.get("OMP_NUM_THREADS")))
            return super().submit(*args)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(local, "ProcessPoolExecutor", Pool)
    bench(tree, ["sort"], out=tree / "out", workers=2)
    assert seen[0] == (signal.SIG_IGN, "1")  # the first thing that each does
    assert signal.getsignal(signal.SIGINT) is before
    assert "OMP_NUM_THREADS" not in os.environ


def test_changed_results_are_made_again(tree: Path) -> None:
    (run,), _ = bench(tree, ["sort"], out=tree / "out", workers=1)
    file = tree / "out" / "full" / "sort" / "a.txt"
    good = file.read_text()
    file.write_text("\n".join(good.splitlines()[:9]) + "\n")
    (again,), _ = bench(tree, ["sort"], out=tree / "out", workers=1)
    assert again.cached == 1
    assert file.read_text() == good
    assert again.evaluation.combined.to_dict() == run.evaluation.combined.to_dict()


@pytest.mark.parametrize(("old", "new"), [("frameRate=25", "frameRate=50"), ("seqLength=41", "seqLength=42")])
def test_another_rate_or_length_in_seqinfo_runs_again(tree: Path, old: str, new: str) -> None:
    bench(tree, ["sort"], out=tree / "out", workers=1)
    info = tree / "a" / "seqinfo.ini"
    info.write_text(info.read_text().replace(old, new))
    assert bench(tree, ["sort"], out=tree / "out", workers=1)[0][0].cached == 1


def test_least_scores_that_a_label_shows_alike_are_not_taken_for_one(tree: Path) -> None:
    """The third object has a score of 0.3."""
    found = [bench(tree, ["sort"], conf=conf, out=tree / "out", workers=1)[0][0] for conf in (0.3, 0.30000001)]
    assert [run.label for run in found] == ["sort conf=0.3"] * 2
    recalls = [run.evaluation.combined.clear.recall for run in found]
    assert recalls == [pytest.approx(1), pytest.approx(2 / 3)]


def test_a_setting_of_one_algorithm_wins(tree: Path) -> None:
    for settings in ({"sort.max_age": 30, "max_age": 5}, {"max_age": 5, "sort.max_age": 30}):
        (run,), _ = bench(tree, ["sort"], settings=settings, out=tree / "out", workers=1)
        assert run.label == "sort max_age=30"


def test_detections_in_a_folder_below_make_no_folder_of_results(tree: Path) -> None:
    for name in ("a", "b"):
        (tree / name / "det" / "sub").mkdir()
        (tree / name / "det" / "det.txt").rename(tree / name / "det" / "sub" / "det.txt")
    (run,), _ = bench(tree, ["sort"], detections="sub/det.txt", out=tree / "out", workers=1)
    assert run.label == "sort sub-det.txt"
    assert (tree / "out" / "full" / "sort sub-det.txt" / "a.txt").is_file()


@pytest.mark.slow
def test_processes_give_what_one_gives(tree: Path) -> None:
    (one,), _ = bench(tree, ["sort"], out=tree / "one", workers=1)
    (two,), _ = bench(tree, ["sort"], out=tree / "two", workers=2)
    assert two.evaluation.combined.to_dict() == one.evaluation.combined.to_dict()


def test_the_second_half_is_the_public_one(tree: Path) -> None:
    """0-based frames from 41 // 2 + 1 = 21 on, so frames 22 to 41, numbered 1 to 20."""
    truth = load_ground_truth(tree)
    half = halved(truth)
    assert half.sequences["a"].length == 20
    assert half.rows["a"].frames.tolist() == [f for f in range(1, 21) for _ in range(3)]
    assert np.array_equal(half.rows["a"].boxes, truth.rows["a"].boxes[21 * 3 :])
    assert later(truth.rows["a"], 22).frames[0] == 1
    (run,), _ = bench(tree, ["sort"], split="second-half", out=tree / "out", workers=1)
    assert len(run.seconds) == 40
    assert run.evaluation.combined.frames == 40
    assert run.evaluation.combined.clear.recall == pytest.approx(1)
    assert read_results(tree / "out" / "second-half" / "sort" / "a.txt").frames[0] == 1


def test_sequences_without_detections_are_named(tree: Path) -> None:
    (tree / "b" / "det" / "det.txt").unlink()
    (run,), notes = bench(tree, ["sort"], out=tree / "out", workers=1)
    assert [s.name for s in run.evaluation.sequences] == ["a"]
    assert notes == ["no det/det.txt in b; left out"]
    with pytest.raises(ValueError, match=r"^no det/det\.txt in b; add it or leave"):
        bench(tree, ["sort"], out=tree / "out", sequences=["a", "b"], workers=1)


def test_detections_after_the_last_frame_are_told(tree: Path) -> None:
    with (tree / "b" / "det" / "det.txt").open("a") as file:
        file.write(f"{FRAMES + 1},-1,600,400,30,60,0.9,-1,-1,-1\n")
    _, notes = bench(tree, ["sort"], out=tree / "out", workers=1)
    assert notes == ["b: 1 detection after frame 41, the last by seqLength in seqinfo.ini, left out"]


def test_settings_conf_and_labels(tree: Path) -> None:
    runs, _ = bench(tree, ["sort"], settings={"sort.min_hits": "1"}, conf=0.5, out=tree / "out", workers=1)
    assert runs[0].label == "sort min_hits=1 conf=0.5"
    assert runs[0].evaluation.combined.clear.recall == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match=r"setting deepsort\.budget: deepsort is not among"):
        bench(tree, ["sort"], settings={"deepsort.budget": 3}, out=tree / "out")
    with pytest.raises(ValueError, match="setting budget: none of sort has it"):
        bench(tree, ["sort"], settings={"budget": 3}, out=tree / "out")
    with pytest.raises(ValueError, match="no algorithm 'sorte', did you mean 'sort'"):
        bench(tree, ["sorte"], out=tree / "out")


def test_an_algorithm_that_needs_embeddings(tree: Path) -> None:
    runs, notes = bench(tree, ["sort", "deepsort"], out=tree / "out", workers=1)
    assert [run.label for run in runs] == ["sort"]
    assert "deepsort was not run: it needs embeddings, and a has no det.npz" in notes[0]
    with pytest.raises(ValueError, match="deepsort was not run"):
        bench(tree, ["deepsort"], out=tree / "out", workers=1)
    for name in ("a", "b"):
        np.savez(tree / name / "det" / "det.npz", embedding=np.tile(np.eye(3, dtype=np.float32), (FRAMES, 1)))
    runs, notes = bench(tree, ["deepsort"], out=tree / "out", workers=1)
    assert notes == []
    assert runs[0].evaluation.combined.clear.idsw == 0
    assert runs[0].evaluation.combined.clear.recall > 0.9
    np.savez(tree / "a" / "det" / "det.npz", embedding=np.eye(3))
    with pytest.raises(ValueError, match="3 embeddings for 123 detections"):
        bench(tree, ["deepsort"], out=tree / "out", workers=1)


@pytest.mark.parametrize("algo", ["botsort", "steady"])
def test_an_embedder_that_is_named_is_used_by_all_that_can(tree: Path, algo: str) -> None:
    vectors = np.tile(np.eye(3, dtype=np.float32), (FRAMES, 1))
    vectors[len(vectors) // 2 :] = np.roll(np.eye(3), 1, axis=0)[
        np.arange(len(vectors) - len(vectors) // 2) % 3
    ]  # in other clothes
    for name in ("a", "b"):
        np.savez(tree / name / "det" / "det.npz", embedding=vectors)
    (plain,), _ = bench(tree, [algo], out=tree / "out", workers=1)
    (named, sort), _ = bench(tree, [algo, "sort"], out=tree / "out", workers=1, reid="histogram")
    assert [plain.label, named.label, sort.label] == [algo, f"{algo} with embeddings", "sort"]
    records = [json.loads((tree / "out/full" / run.label / "a.json").read_text()) for run in (plain, named, sort)]
    npz = str(tree / "a" / "det" / "det.npz")
    assert [record["embeddings"] for record in records] == [None, npz, None]
    assert bench(tree, [algo], out=tree / "out", workers=1)[0][0].cached == 2  # neither replaced the other
    (tree / "a" / "det" / "det.npz").unlink()
    with pytest.raises(ValueError, match=f"{algo} was not run: it needs embeddings, and a has no det.npz"):
        bench(tree, [algo], out=tree / "out", workers=1, reid="histogram")


def test_embeddings_beside_detections_are_checked(tree: Path) -> None:
    rows = read_detections(tree / "a" / "det" / "det.txt")
    file = tree / "a" / "det" / "det.npz"
    good = {
        "frame": rows.frames,
        "xyxy": rows.boxes,
        "embedding": np.tile(np.eye(3, dtype=np.float32), (FRAMES, 1)),
    }

    def run() -> float:
        (result,), _ = bench(tree, ["deepsort"], out=tree / "out", sequences=["a"], workers=1)
        return result.evaluation.combined.clear.recall

    np.savez(file, **good)
    assert run() > 0.9
    holed = good["embedding"].copy()
    holed[4, 1] = np.nan
    for arrays, said in (
        ({"feature": np.eye(3)}, "holds the arrays feature; expected frame, xyxy and, if wanted, score"),
        ({"frame": rows.frames, "xyxy": rows.boxes}, "has no array embedding; add it"),
        ({**good, "embedding": holed}, "row 4: embedding holds NaN"),
        ({"embedding": holed}, "row 4: embedding holds NaN"),
        ({"embedding": np.float32(3)}, "1 embeddings for 123 detections"),
        ({"embedding": np.array(["x"] * len(rows))}, "embeddings are not numbers"),
        ({**good, "xyxy": rows.boxes + 3}, "frame 1: not the boxes of the detections"),
        (
            {name: array[3:] for name, array in good.items()},
            r"120 embeddings for 123 detections \(the first to differ: frame 1\); remove the file",
        ),
        (None, "is not a numpy archive; expected frame, xyxy"),
    ):
        if arrays is None:
            file.write_text("junk")
        else:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=said) as caught:
            run()
        assert str(caught.value).startswith(f"{file}: ")
        assert "\n" not in str(caught.value)


def test_embeddings_are_made_from_images_once(tree: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 255, (4, 3))
    for name in ("a", "b"):
        (tree / name / "img1").mkdir()
        for frame in range(1, FRAMES + 1):
            image = np.full((200, 500, 3), 128, np.uint8)
            for i in range(1, 4):
                left, top = 100 * i + frame * i, 50 + frame
                image[top : top + 60, left : left + 30] = colours[i]
            cv2.imwrite(str(tree / name / "img1" / f"{frame:06}.png"), image)
    (run,), notes = bench(tree, ["deepsort"], out=tree / "out", sequences=["a"], workers=1)
    assert notes == []
    assert run.evaluation.combined.clear.recall > 0.9
    (made,) = (tree / "out" / "embeddings").glob("*.npz")
    with np.load(made) as archive:
        assert archive["embedding"].shape[0] == 3 * FRAMES
    before = made.stat().st_mtime_ns
    bench(tree, ["deepsort"], out=tree / "out", sequences=["a"], settings={"n_init": 2}, workers=1)
    assert made.stat().st_mtime_ns == before


def test_the_half_of_a_real_sequence(tmp_path: Path, shared: Path) -> None:
    """MOT17-09 has 525 frames: 0-based 263 and on are its val half."""
    data = shared / "data" / "MOT17" / "train"
    (run,), _ = bench(
        data,
        ["sort"],
        settings={"published_order": True},
        conf=0.6,
        split="second-half",
        out=tmp_path,
        sequences=["MOT17-09"],
        workers=1,
    )
    record = json.loads((tmp_path / "second-half" / run.label / "MOT17-09.json").read_text())
    assert (record["first"], record["length"]) == (264, 262)
    assert run.evaluation.rules == "MOT16/17"
    assert run.evaluation.combined.frames == 262


@pytest.mark.slow
def test_the_published_table_of_sort(tmp_path: Path, shared: Path) -> None:
    """The official kit gave the published code on the val half HOTA 65.23, MOTA 76.39, IDF1 72.51, 261 switches."""
    (run,), _ = bench(
        shared / "data" / "MOT17" / "train",
        ["sort"],
        settings={"published_order": True},
        conf=0.6,
        split="second-half",
        out=tmp_path,
    )
    summary = run.evaluation.combined.summary()
    assert [round(100 * summary[name], 2) for name in ("HOTA", "MOTA", "IDF1")] == [65.23, 76.39, 72.51]
    assert summary["IDSW"] == 261


def test_a_class_of_ones_own(tree: Path, mine: Path) -> None:
    """It has no frame_rate and declares nothing; its settings are those of its signature."""
    runs, notes = bench(tree, ["./mine.py:Mine", "sort"], out=tree / "out", workers=1)
    assert notes == []
    assert [run.label for run in runs] == ["mine", "sort"]
    assert runs[0].evaluation.combined.clear.mota == pytest.approx(1)
    assert (tree / "out/full/mine/a.txt").is_file()
    for settings in ({"./mine.py:Mine.least": "0.99"}, {"mine.least": 0.99}, {"least": 0.99}):
        (strict, _), _ = bench(tree, ["./mine.py:Mine", "sort"], settings=settings, out=tree / "out", workers=1)
        assert strict.label == "mine least=0.99"
        assert strict.evaluation.combined.clear.idsw > 0
    with pytest.raises(ValueError, match="has no parameter 'lest', did you mean 'least'"):
        bench(tree, ["./mine.py:Mine"], settings={"mine.lest": 1}, out=tree / "out")


def test_two_classes_of_one_name_keep_their_results_apart(tree: Path, mine: Path) -> None:
    (other,) = (path.stem for path in mine.glob("mine_*.py"))
    runs, _ = bench(tree, ["./mine.py:Mine", f"{other}:Mine"], out=tree / "out", workers=1)
    assert [run.label for run in runs] == [".-mine.py-Mine", f"{other}-Mine"]


def test_a_class_that_needs_more_is_one_line(tree: Path, mine: Path) -> None:
    (mine / "needy.py").write_text(
        "class Needy:\n    def __init__(self, what): ...\n    def update(self, d, frame=None, time=None): ...\n"
    )
    with pytest.raises(ValueError, match=r"^algo=\./needy\.py:Needy: cannot be built \([^\n]*'what'\)[^\n]*$"):
        bench(tree, ["./needy.py:Needy"], out=tree / "out", workers=1)


@pytest.mark.parametrize("path", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_processes_find_a_class_in_the_folder_they_were_started_in(
    path: bool, tree: Path, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the path of this process: a command's has the script's folder in place of the current one."""
    (module,) = (file.stem for file in mine.glob("mine_*.py"))
    monkeypatch.setattr("sys.path", [folder for folder in sys.path if folder not in ("", str(mine))])
    name = "./mine.py:Mine" if path else f"{module}:Mine"
    (run,), _ = bench(tree, [name], out=tree / "out", workers=2)
    assert run.evaluation.combined.clear.mota == pytest.approx(1)


def test_a_class_whose_update_returns_something_else_is_refused_in_one_line(tree: Path, mine: Path) -> None:
    (mine / "rubbish.py").write_text(
        "class Rubbish:\n    def update(self, detections, frame, time):\n        return 'no'\n"
    )
    with pytest.raises(ValueError, match=r"^Rubbish.update returned a str; return Tracks, such as [^\n]*$"):
        bench(tree, ["./rubbish.py:Rubbish"], out=tree / "out", workers=1)


def test_an_algorithm_may_have_a_confidence_of_its_own(tree: Path) -> None:
    runs, _ = bench(tree, ["sort@.6", "sort@2", "sort"], out=tree / "out", workers=1, conf=0.1)
    assert [run.label for run in runs] == ["sort conf=0.6", "sort conf=2", "sort conf=0.1"]
    assert [run.evaluation.combined.dets > 0 for run in runs] == [True, False, True]
    with pytest.raises(ValueError, match="sort@high"):
        bench(tree, ["sort@high"], out=tree / "out", workers=1)
