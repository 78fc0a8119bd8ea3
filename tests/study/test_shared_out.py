"""`track tune`, `track eval` and `track bench` on workers: the same bytes as in one process."""

from __future__ import annotations

import pickle
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from made import write_sequence

from tracker.commands.main import main
from tracker.study.pool import in_order

TUNE = ["--algo", "./mine.py:Mine", "--trials", "4", "--held-out", "b", "--search", "least", "patience=1:5"]


class Elsewhere:
    """An engine whose tasks and results are pickled on the way, as between processes."""

    name = "elsewhere"
    room = 3

    def __init__(self) -> None:
        self.tasks: list[Any] = []

    def submit(self, function: Any, task: Any, /) -> Future[Any]:
        self.tasks.append(task.task)
        answer: Future[Any] = Future()
        try:
            function, task = pickle.loads(pickle.dumps((function, task)))
            answer.set_result(pickle.loads(pickle.dumps(function(task))))
        except Exception as error:
            answer.set_exception(error)
        return answer

    def close(self, *, at_once: bool = False) -> None:
        self.closed = at_once


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    made = Elsewhere()
    monkeypatch.setattr("tracker.workers.open.open_engine", lambda *_, **__: made)
    return made


@pytest.fixture
def seqs(tmp_path: Path, mine: Path) -> Path:
    for name in "abc":
        write_sequence(tmp_path / "tree" / name, 41)
    return tmp_path / "tree"


def test_a_search_finds_the_same(seqs: Path, engine: Elsewhere) -> None:
    pytest.importorskip("optuna", reason="needs the extra tune")
    words = ["tune", str(seqs), *TUNE, "--quiet"]
    assert main([*words, "-o", "alone"]) == 0
    assert not engine.tasks
    assert main([*words, "-o", "shared", "--workers", "2"]) == 0
    assert Path("shared/params.json").read_bytes() == Path("alone/params.json").read_bytes()
    assert len(engine.tasks) == 5 * 2 + 2 * 1  # trials on the training split; start and best on what is held out
    assert all(Path(task.job.detections).is_absolute() for task in engine.tasks)
    assert {task.job.algo for task in engine.tasks} == {f"{Path('mine.py').resolve()}:Mine"}
    assert engine.closed is False


def results(seqs: Path, folder: str, *, worse: int = 0) -> str:
    """Results of a tracker: the truth, with some ids changed."""
    Path(folder).mkdir()
    for name in "abc":
        rows = [line.split(",") for line in (seqs / name / "gt/gt.txt").read_text().splitlines()]
        for row in rows:
            row[1] = str(int(row[1]) + (100 if worse and int(row[0]) % (20 + worse) > 15 else 0))
            row[6:] = ["1", "-1", "-1", "-1"]
        Path(folder, f"{name}.txt").write_text("".join(",".join(row) + "\n" for row in rows))
    return folder


@pytest.mark.parametrize("options", [[], ["--threshold", "0.7"], ["--sequences", "c,a"]])
def test_scores_are_the_same(
    options: list[str], seqs: Path, engine: Elsewhere, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", results(seqs, "one", worse=1), results(seqs, "two"), "--gt", str(seqs), "--json", *options]
    (Path("one") / "b.txt").unlink()  # noted, and scored as empty
    assert main(words) == 0
    alone = capsys.readouterr()
    assert not engine.tasks
    assert main([*words, "--engine", "dask"]) == 0
    shared = capsys.readouterr()
    assert shared == alone
    assert len(engine.tasks) == 2 * len(options[-1].split(",") if "c,a" in options else "abc")
    assert all(one.results.is_absolute() for one in engine.tasks if one.results is not None)


def test_a_bad_file_is_the_same_line(seqs: Path, engine: Elsewhere, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(results(seqs, "one"))
    for name in "cb":
        (folder / f"{name}.txt").write_text("1,1,0,0,5\n")
    words = ["eval", str(folder.resolve()), "--gt", str(seqs)]
    for more in ([], ["--workers", "2"]):
        assert main([*words, *more]) == 2
        line = capsys.readouterr().err
        assert "b.txt:1" in line
        assert line.count("\n") == 1


def test_the_first_tasks_error_is_raised_whichever_ends_first() -> None:
    with pytest.raises(ValueError, match="task 1"):
        in_order(Backwards(), refuse, [1, 2, 3])


class Backwards(Elsewhere):
    """Ends the tasks in backward order, once it is full."""

    def submit(self, function: Any, task: Any, /) -> Future[Any]:
        answer: Future[Any] = Future()
        self.tasks.append((answer, function, task))
        if len(self.tasks) == self.room:
            for waiting, run, one in reversed(self.tasks):
                try:
                    waiting.set_result(run(one))
                except ValueError as error:
                    waiting.set_exception(error)
        return answer


def refuse(number: int) -> int:
    if number:
        raise ValueError(f"task {number}")
    return 0


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--workers", "1"], ["--workers", "2"], ["--engine", "dask"]])
def test_by_real_workers(options: list[str], seqs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna", reason="needs the extra tune")
    if "dask" in options:
        pytest.importorskip("distributed", reason="needs the extra dask")
    for out, more in (("alone", []), ("shared", options)):
        assert main(["tune", str(seqs), *TUNE, "--quiet", "-o", out, *more]) == 0
    assert Path("shared/params.json").read_bytes() == Path("alone/params.json").read_bytes()
    words = ["eval", results(seqs, "one", worse=1), "--gt", str(seqs), "--json"]
    assert main(words) == 0
    alone = capsys.readouterr().out
    assert main([*words, *options]) == 0
    assert capsys.readouterr().out == alone


def test_a_full_disk_names_the_file(
    seqs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tracker.study.job.write_results", full)
    assert main(["bench", "--data", str(seqs), "--algo", "sort", "--workers", "1", "-o", "b"]) == 2
    line = capsys.readouterr().err
    assert f"{Path('b/full/sort/a.txt')}: cannot be written (No space left on device); make room" in line
    assert not list(Path("b").rglob("*.part"))
