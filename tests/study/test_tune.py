"""Parameter search: the same file again, interrupted or not; what is held out stays out; one line for bad input."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import write_sequence

import tracker
from tracker.algorithms import algorithm, algorithms, build, parameters, read_params
from tracker.commands.main import main
from tracker.detections import Detections
from tracker.evaluate.benchmark import load_ground_truth
from tracker.install import installing
from tracker.io.mot import read_results
from tracker.settings import LARGEST_COUNT, Range, count, search_of, settings_of, share
from tracker.study.bench import bench
from tracker.study.fold import Fold, Scores
from tracker.study.space import search_space
from tracker.study.tune import Tuned, tune


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Objects with gaps: only a max_age of 3 or more keeps them."""
    for name in ("a", "b", "c"):
        write_sequence(tmp_path / "tree" / name, 16, gaps=True)
    return tmp_path / "tree"


def search(tree: Path, out: str, **options: Any) -> Tuned:
    pytest.importorskip("optuna", reason="needs the extra tune")
    given = {"search": {"max_age": None, "min_hits": "0:3", "conf": "0:0.6"}, "trials": 4}
    return tune(tree, "sort", out=tree.parent / out, **{**given, **options})


def test_finds_parameters_that_score_as_said(tree: Path) -> None:
    calls: list[tuple[int, float, int, float]] = []
    tuned = search(tree, "out", trials=5, progress=lambda *state: calls.append(state))
    assert [number for number, *_ in calls] == [1, 2, 3, 4, 5]
    assert calls[-1][2:] == (tuned.best_trial, tuned.best["training"]["HOTA"])
    assert tuned.best["training"]["HOTA"] > tuned.start["training"]["HOTA"]
    assert tuned.best["held_out"]["HOTA"] > tuned.start["held_out"]["HOTA"]
    assert not tuned.interrupted
    content = json.loads(tuned.path.read_text())
    assert content["data"] == {"training": ["a", "c"], "held_out": ["b"], "path": str(tree)}
    assert content["parameters"] == tuned.parameters
    for names, part in ((["a", "c"], "training"), (["b"], "held_out")):
        for params, scores in ((None, tuned.start), (tuned.path, tuned.best)):
            (run,), _ = bench(tree, ["sort"], params=params, sequences=names, out=tree / "out", workers=1)
            summary = run.evaluation.combined.summary()
            assert scores[part] == pytest.approx({name: summary[name] for name in scores[part]}, abs=2e-3)


def test_the_same_again_is_the_same_file_interrupted_or_not(tree: Path) -> None:
    whole = search(tree, "whole", trials=12).path.read_bytes()  # beyond the first ten, which are drawn at random

    def stop(number: int, *_: float) -> None:
        if number in (2, 11):
            raise KeyboardInterrupt

    first = search(tree, "parts", trials=12, progress=stop)
    assert (first.interrupted, first.trials) == (True, 2)
    assert search(tree, "parts", trials=12, progress=stop).trials == 11
    assert search(tree, "parts", trials=12).path.read_bytes() == whole


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], float | None]]:
    """The settings, and the least score, of every start, trial and held-out run."""
    given: list[tuple[dict[str, Any], float | None]] = []
    flat = {"HOTA": 0.5, "IDF1": 0.5, "MOTA": 0.5, "IDSW": 0}
    monkeypatch.setattr(Fold, "score", lambda fold, algo, *tried: given.append(tried) or flat)
    return given


def test_each_trial_and_each_seed_draws_its_own(tree: Path, tried: list[tuple[dict[str, Any], float | None]]) -> None:
    drawn = []
    for seed in (0, 1):
        search(tree, f"seed {seed}", search={"iou_threshold": None}, trials=3, seed=seed)
        drawn += [settings["iou_threshold"] for settings, _ in tried[1:4]]
        tried.clear()
    assert len(set(drawn)) == 6
    assert drawn == [float(f"{value:.4g}") for value in drawn]  # as they are written to a file for people


def test_what_is_held_is_held_in_every_trial(tree: Path, tried: list[tuple[dict[str, Any], float | None]]) -> None:
    search(tree, "out", search={"max_age": None}, settings={"min_hits": 2}, conf=0.25, trials=2)
    assert [(settings["min_hits"], conf) for settings, conf in tried] == [(2, 0.25)] * 5
    assert ["max_age" in settings for settings, _ in tried[:3]] == [False, True, True]


RATED = """\
import numpy as np
from tracker import Tracks

class Rated:
    def __init__(self, frame_rate=30.0):
        self.rate = frame_rate

    def update(self, detections, frame=None, time=None):
        return Tracks.of_boxes(np.arange(len(detections)) + int(100 * self.rate), detections.boxes)
"""


def test_each_sequence_has_its_frame_rate_and_the_least_score_counts(mine: Path, tree: Path) -> None:
    (mine / "rated.py").write_text(RATED)
    found = [Detections([[0, 0, 9, 9], [20, 0, 29, 9]], [0.3, 0.2])]
    fold = Fold(load_ground_truth(tree), {"a": found}, {"a": 25.0})
    assert fold.track("./rated.py:Rated", {}, None, "a").ids.tolist() == [2500, 2501]
    assert fold.track("./rated.py:Rated", {}, 0.3, "a").ids.tolist() == [2500]
    (run,), _ = bench(tree, ["./rated.py:Rated"], conf=0.3, out=tree / "out", workers=1)
    rows = read_results(tree / "out/full" / run.label / "a.txt")
    assert np.unique(rows.ids).tolist() == [2500, 2501, 2502]


def test_finished_trials_are_not_done_again(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = search(tree, "out").path.read_bytes()
    scored: list[int] = []
    real = Fold.score
    monkeypatch.setattr(Fold, "score", lambda part, *given: scored.append(len(part.frames)) or real(part, *given))
    assert search(tree, "out").path.read_bytes() == before
    assert scored == [1, 1]  # the held-out sequence alone
    scored.clear()
    assert search(tree, "out", trials=5).trials == 5
    assert scored == [2, 1, 1]
    assert search(tree, "out", trials=4).path.read_bytes() == before


def test_an_interrupt_within_a_trial_keeps_those_before(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = search(tree, "whole").path.read_bytes()
    real, calls = Fold.score, []

    def third(part: Fold, *given: Any) -> Scores:
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(part, *given)

    monkeypatch.setattr(Fold, "score", third)
    assert search(tree, "out").trials == 1
    monkeypatch.setattr(Fold, "score", real)
    journal = tree.parent / "out" / "journal.log"
    journal.write_bytes(journal.read_bytes() + b'{"op_code": 4, "wor')  # as after a crash
    assert search(tree, "out").path.read_bytes() == whole


@pytest.mark.skipif(sys.platform == "win32", reason="has no such locks")
def test_two_searches_do_not_share_a_journal(tree: Path) -> None:
    def again(*_: float) -> None:
        for overwrite in (False, True):
            with pytest.raises(ValueError, match=r"journal\.log: another search is writing to it; wait for it"):
                search(tree, "out", overwrite=overwrite)

    file = search(tree, "out", progress=again).path
    assert file.read_bytes() == search(tree, "whole").path.read_bytes()
    assert search(tree, "out", overwrite=True).path.read_bytes() == file.read_bytes()


def test_a_full_disk_keeps_the_trials_in_the_journal(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = search(tree, "whole").path.read_bytes()
    from optuna.storages.journal import JournalFileBackend

    real, calls = JournalFileBackend.append_logs, []

    def full(journal: Any, logs: Any) -> None:
        calls.append(logs)
        if len(calls) == 22:
            with (tree.parent / "out" / "journal.log").open("ab") as file:
                file.write(b'{"op_code": 4, "wor')
            raise OSError(errno.ENOSPC, "No space left on device")
        real(journal, logs)

    monkeypatch.setattr(JournalFileBackend, "append_logs", full)
    with pytest.raises(ValueError, match=r"out.journal\.log: cannot be written \(No space left on device\)"):
        search(tree, "out")
    scored: list[int] = []
    assert search(tree, "out", progress=lambda number, *_: scored.append(number)).path.read_bytes() == whole
    assert 1 < scored[0] <= 4


def test_what_is_held_out_does_not_guide(tree: Path, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_sequence(tmp_path / "second" / name, 16, gaps=True, fleeting=name == "b")
    one, other = search(tree, "one"), search(tmp_path / "second", "other")
    assert one.parameters == other.parameters
    assert one.best["training"] == other.best["training"]
    assert one.best["held_out"] != other.best["held_out"]


def test_splits(tree: Path, tmp_path: Path) -> None:
    seen: list[Any] = []

    def stop(space: Any, by_split: Any, notes: Any) -> None:
        seen.append((dict(by_split), list(notes)))

    search(tree, "1", trials=1, held_out=["c"], begin=stop)
    search(tree, "2", trials=1, held_out="halves", begin=stop)
    search(tree, "3", trials=1, sequences=["b"], begin=stop)
    every = ["a", "b", "c"]
    assert seen[0] == ({"training": ["a", "b"], "held_out": ["c"]}, [])
    assert seen[1] == ({"training": every, "held_out": every}, [])
    assert seen[2][0] == {"training": ["b"], "held_out": ["b"]}
    assert "b is the only sequence: its second half is held out" in seen[2][1][0]
    (run,), _ = bench(tree, ["sort"], split="first-half", out=tree / "out", workers=1)
    tuned = search(tree, "2", trials=1, held_out="halves")
    assert tuned.start["training"]["MOTA"] == pytest.approx(run.evaluation.combined.clear.mota, abs=1e-6)


def test_a_held_out_split_that_gets_worse_is_said(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def score(fold: Fold, algo: str, settings: Any, conf: Any) -> Scores:
        value = 0.5 + (0.1 if "a" in fold.frames else -0.1) * bool(settings)
        return {"HOTA": value, "IDF1": value, "MOTA": value, "IDSW": 0}

    monkeypatch.setattr(Fold, "score", score)
    assert "HOTA of the held-out split fell from 50.00 to 40.00" in search(tree, "out").notes[0]
    flat = {"HOTA": 0.5, "IDF1": 0.5, "MOTA": 0.5, "IDSW": 0}
    monkeypatch.setattr(Fold, "score", lambda *_: flat)
    tuned = search(tree, "flat")
    assert (tuned.best_trial, tuned.parameters, tuned.conf) == (0, {}, None)
    assert "no trial was better than the start" in tuned.notes[0]


def test_appearance_is_searched_where_an_embedder_is_named(tree: Path) -> None:
    def stop(found: Any, *_: Any) -> None:
        space.update(found)

    space: dict[str, Any] = {}
    pytest.importorskip("optuna", reason="needs the extra tune")
    for name in ("a", "b", "c"):
        lines = len((tree / name / "det" / "det.txt").read_text().splitlines())
        np.savez(tree / name / "det" / "det.npz", embedding=np.random.default_rng(0).normal(size=(lines, 4)))
    for reid, nothing in (("histogram", False), (None, True)):
        out = tree.parent / str(reid)
        tune(tree, "steady", search={"appearance": None}, trials=1, out=out, reid=reid, begin=stop)
        journal = (out / "journal.log").read_text().replace(" ", "")
        assert '"embeddings":' in journal
        assert ('"embeddings":null' in journal) == nothing
    assert list(space) == ["appearance"]


@pytest.mark.parametrize("algo", algorithms())
def test_every_value_of_the_search_space_is_taken(algo: str) -> None:
    space, known = search_space(algo), parameters(algorithm(algo))
    assert len(space) >= 3
    for name, where in space.items():
        default = known[name]
        for value in where if isinstance(where, tuple) else (where.low, where.high):
            build(algo, {name: value})
        if isinstance(where, Range) and default is not None:
            assert where.low <= default <= where.high
            assert where.whole == isinstance(default, int)


def test_a_space_is_what_was_asked_for() -> None:
    asked = {"max_age": "1s|2s", "min_hits": "1:4", "iou_threshold": "0.1:0.5", "per_class": "on|off", "conf": "0:0.5"}
    assert search_space("sort", asked) == {
        "max_age": ("1s", "2s"),
        "min_hits": Range(1, 4, whole=True, log=True),
        "iou_threshold": Range(0.1, 0.5),
        "per_class": (True, False),
        "conf": Range(0, 0.5),
    }
    assert "min_hits" not in search_space("sort", settings={"min_hits": 3})
    assert search_space("sort", {"published_order": None, "frame_rate": None}) == {
        "published_order": (False, True),
        "frame_rate": Range(15.0, 60.0, log=True),
    }
    assert "appearance" not in search_space("steady")
    assert {"appearance", "max_cosine_distance"} <= set(search_space("steady", reid="default"))
    assert "max_cosine_distance" in search_space("deepsort")


class Bounded(tracker.Tracker):
    """Declared ranges that end within half of the default and twice it."""

    least: int = count(default=4, about="", least=3)
    most: int = count(default=2**30, about="")
    distance: float = share(default=1.5, about="", high=2)


def test_ranges_end_with_the_settings_own() -> None:
    found = settings_of(Bounded)
    assert search_of(found["least"]) == Range(3, 16, whole=True, log=True)
    assert search_of(found["most"]) == Range(2**28, LARGEST_COUNT, whole=True, log=True)
    assert search_of(found["distance"]) == Range(0.75, 2.0, log=True)


def test_a_class_of_ones_own_is_searched_by_its_signature(tree: Path, mine: Path) -> None:
    pytest.importorskip("optuna", reason="needs the extra tune")
    spaces: list[Any] = []
    tuned = tune(tree, "./mine.py:Mine", trials=3, begin=lambda space, *_: spaces.append(space))
    assert spaces == [
        {"least": Range(0.15, 0.6), "patience": Range(1, 12, whole=True, log=True), "gentle": (False, True)}
    ]
    assert tuned.algo == "./mine.py:Mine"
    assert tuned.path.parent.name.startswith("mine-")
    again = tune(tree, "./mine.py:Mine", trials=3)
    assert again.path == tuned.path
    assert read_params(tuned.path, "./mine.py:Mine").settings == tuned.parameters
    (run,), _ = bench(tree, ["./mine.py:Mine"], params=tuned.path, out=tree / "out", workers=1)
    assert run.label == " ".join(["mine", *(f"{key}={value}" for key, value in sorted(tuned.parameters.items()))])


def test_what_a_class_needs_is_held_while_ranges_are_checked(mine: Path) -> None:
    head = "class Mine:\n    def __init__(self, kind, rate=2.0, frame_rate=30.0): ...\n"
    text = f"{head}    def update(self, d, frame=None, time=None): ...\n"
    (mine / "needy.py").write_text(text)
    name = "./needy.py:Mine"
    assert search_space(name, settings={"kind": 1}) == {"rate": Range(1.0, 4.0, log=True)}
    assert search_space(name, {"rate": "1:2"}, {"kind": 1}) == {"rate": Range(1, 2, log=True)}
    asked = {"patience": "0.5:3"}  # of a whole number
    assert search_space("./mine.py:Mine", asked) == {"patience": Range(0.5, 3, log=True)}
    with pytest.raises(ValueError, match=r"search rate=1:2: algo=./needy.py:Mine: cannot be built"):
        search_space(name, {"rate": "1:2"})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--algo", "srot"], "no algorithm 'srot', did you mean 'sort'"),
        (["--search", "max_agee"], "sort has no parameter 'max_agee', did you mean 'max_age'"),
        (["--search", "conf"], "search conf: has no range of its own"),
        (["--search", "iou_threshold=0.2:3"], "search iou_threshold=0.2:3: iou_threshold=3: give a number from 0 to 1"),
        (["--search", "iou_threshold=0.5:0.2"], "give two numbers, the lower first"),
        (["--search", "min_hits=1.5|2"], "min_hits=1.5: give a whole number"),
        (["--search", "min_hits=2"], "give two different choices or more"),
        (["--search", "conf=0:nan"], "give two numbers"),
        (["--search", "min_hits="], "--search min_hits=: give KEY"),
        (["--search", "min_hits", "--set", "min_hits=2"], "min_hits is both searched and set"),
        (["--search", "conf=0:1", "--conf", "0.5"], "conf is both searched and set"),
        (["--set", "iou_threshold=3"], "iou_threshold=3"),
        (["--trials", "0"], "trials=0: give 1 or more"),
        (["--seed", "-1"], "seed=-1: give 0 or more"),
        (["--held-out", "d"], "held out: no sequence 'd'"),
        (["--held-out", "a,b,c"], "held out: 3 of 3 sequences"),
        (["--held-out", "halves", "--split", "second-half"], "halves are held out, so the split must be full"),
        (["--sequences", "x"], "no sequence 'x'"),
    ],
)
def test_bad_input_is_one_line(words: list[str], message: str, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna", reason="needs the extra tune")
    algo = [] if "--algo" in words else ["--algo", "sort"]
    out = tree.parent / "out"
    assert main(["tune", str(tree), *algo, "-o", str(out), "--trials", "1", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("track: ")
    assert message in line
    assert not out.exists()


def test_data_without_truth_and_folders_of_others(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(data: Path, out: Path, *words: str) -> str:
        assert main(["tune", str(data), "--algo", "sort", "--trials", "1", "-o", str(out), *words]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    search(tree, "out", search=None, trials=1)
    out = tree.parent / "out"
    kept = (out / "journal.log").read_bytes()
    assert "no such file or folder" in refused(tree / "nowhere", tree.parent / "new")
    for name in ("a", "b", "c"):
        (tree / name / "gt").rename(tree / name / "truth")
    assert "no ground truth" in refused(tree, tree.parent / "new")
    for name in ("a", "b", "c"):
        (tree / name / "truth").rename(tree / name / "gt")
    assert "journal.log: is of another search (other searched)" in refused(tree, out, "--search", "min_hits")
    assert "is of another search (other set, searched)" in refused(tree, out, "--set", "max_age=3")
    assert "(other algorithm, searched, code)" in refused(tree, out, "--algo", "bytetrack")
    with (tree / "b" / "det" / "det.txt").open("a") as file:
        file.write("1,-1,600,400,30,60,0.9,-1,-1,-1\n")
    assert "(other data)" in refused(tree, out)
    assert main(["tune", str(tree), "--algo", "sort", "--trials", "1", "-o", str(out), "--overwrite", "--quiet"]) == 0
    kept = (out / "journal.log").read_bytes()
    truth = tree / "b" / "gt" / "gt.txt"
    truth.write_text("\n".join(truth.read_text().splitlines()[1:]) + "\n")
    assert "(other data)" in refused(tree, out)
    assert (out / "journal.log").read_bytes() == kept
    assert "not empty" in refused(tree, tree)
    (out / "journal.log").write_text("no journal\n{}\n")
    assert "journal.log: is no journal of `track tune`" in refused(tree, out)
    assert main(["tune", str(tree), "--algo", "sort", "--trials", "1", "-o", str(out), "--overwrite", "--quiet"]) == 0


def test_without_optuna(tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert main(["tune", str(tree), "--algo", "sort"]) == 2
    wanted = f"track: tune needs optuna, which is not installed: {installing('tune')}\n"
    assert capsys.readouterr().err == wanted


def test_the_command(tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna", reason="needs the extra tune")
    monkeypatch.chdir(tree.parent)
    command = ["tune", "tree", "--algo", "sort", "--trials", "3", "--search", "max_age,min_hits=0:3", "conf=0:0.6"]
    assert main(command) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0] == "training: a, c"
    assert lines[1] == "held-out: b"
    assert lines[2] == "searching max_age 1..120, min_hits 0..3, conf 0..0.6"
    assert [line.split()[0] for line in lines[3:7]] == ["training", "HOTA", "start", "best"]
    file = Path(lines[-1].removeprefix("params: "))
    assert file.parent.parent == Path("runs/tune")
    progress = [line for line in captured.err.splitlines() if line.startswith("trial ")]
    assert [line.split(":")[0] for line in progress] == ["trial 1 of 3", "trial 2 of 3", "trial 3 of 3"]
    assert main([*command, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content == json.loads(file.read_text())
    assert (
        content["command"] == "track tune tree --algo sort --trials 3 --seed 0 --search max_age,min_hits=0:3 conf=0:0.6"
    )


def params(folder: Path, **content: Any) -> Path:
    file = folder / "params.json"
    whole = {"algorithm": "sort", "parameters": {"min_hits": 1, "max_age": 9}, "conf": 0.5}
    file.write_text(json.dumps({**whole, **content}))
    return file


def test_params_are_read_by_track_and_bench(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, det = params(tree.parent), tree / "a" / "det" / "det.txt"
    plain, own, set_ = tree.parent / "plain", tree.parent / "own", tree.parent / "set"
    assert (
        main([str(tree / "a"), "--algo", "sort", "--set", "min_hits=1", "max_age=9", "--conf", "0.5", "-o", str(plain)])
        == 0
    )
    assert main([str(tree / "a"), "--params", str(file), "-o", str(own)]) == 0
    assert main([str(tree / "a"), "--params", str(file), "--set", "max_age=1", "--conf", "0.1", "-o", str(set_)]) == 0
    assert (own / "tracks.txt").read_text() == (plain / "tracks.txt").read_text() != ""
    run = json.loads((set_ / "run.json").read_text())
    chosen = run["algorithm"]["parameters"]
    assert (run["detector"]["conf"], chosen["max_age"], chosen["min_hits"]) == (0.1, 1, 1)
    steps = [tracks for _, tracks in tracker.track(tree / "a", detector=det, params=file)]
    rows = np.loadtxt(own / "tracks.txt", delimiter=",")
    assert sum(map(len, steps)) == len(rows)
    (two, one), _ = bench(tree, ["bytetrack", "sort"], params=file, out=tree.parent / "b", workers=1)
    (same,), _ = bench(tree, ["sort"], settings={"min_hits": 1, "max_age": 9}, conf=0.5, out=tree / "b", workers=1)
    assert one.evaluation.combined.to_dict() == same.evaluation.combined.to_dict()
    assert two.label == "bytetrack"
    over = {"settings": {"max_age": 1}, "conf": 0.25}
    (run_over,), _ = bench(tree, ["sort"], params=file, out=tree / "b", workers=1, **over)
    assert run_over.label == "sort max_age=1 min_hits=1 conf=0.25"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"algorithm": "bytetrack", "parameters": {}}, "is for bytetrack, not for sort; use --algo bytetrack"),
        ({"algorithm": "bite", "parameters": {}}, "is for bite, not for sort"),
        ({"parameters": {"max_agee": 3}}, "sort has no parameter 'max_agee', did you mean 'max_age'"),
        ({"parameters": {"iou_threshold": 3}}, "iou_threshold=3: give a number from 0 to 1"),
        ({"parameters": {"min_hits": [1]}}, "params.json"),
        ({"parameters": 3}, "algorithm must be a name, and parameters values by name"),
        ({"conf": "high"}, "conf='high': give a number"),
    ],
)
def test_bad_params_name_the_file(content: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
        read_params(params(tmp_path, **content), "sort")
    assert str(tmp_path / "params.json") in str(error.value)
    assert message in str(error.value)


def test_params_saved_by_an_editor_that_marks_unicode(tmp_path: Path) -> None:
    file = params(tmp_path)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert read_params(file).settings == {"min_hits": 1, "max_age": 9}


def test_files_that_hold_no_params(tmp_path: Path, tree: Path) -> None:
    for text in ("", "[1]", '{"algorithm": "sort"}', "max_age = 3", "[" * 10**5):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(ValueError, match=r"x\.json: is no parameter file; give JSON such as"):
            read_params(tmp_path / "x.json")
    with pytest.raises(ValueError, match=r"y\.json: cannot be read"):
        read_params(tmp_path / "y.json")
    with pytest.raises(ValueError, match="is for sort, which is not among the algorithms"):
        bench(tree, ["ocsort", "bytetrack"], params=params(tmp_path), out=tmp_path)
    with pytest.raises(ValueError, match="an instance has its own"):
        tracker.track(tree / "a", algo=tracker.SORT(), params=params(tmp_path))


@pytest.mark.slow
def test_real_sequences(shared: Path, tmp_path: Path) -> None:
    """SORT lives by a longer max_age on MOT17; the search finds that, and it holds on the sequence held out."""
    pytest.importorskip("optuna", reason="needs the extra tune")
    tuned = tune(
        shared / "data/MOT17/train",
        "sort",
        search={"max_age": None},
        conf=0.6,
        split="second-half",
        sequences=["MOT17-05", "MOT17-09"],
        trials=8,
        out=tmp_path / "out",
    )
    assert tuned.parameters["max_age"] > 5
    for part in ("training", "held_out"):
        assert tuned.best[part]["HOTA"] > tuned.start[part]["HOTA"] + 0.01
