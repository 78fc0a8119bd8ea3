"""Tasks on workers: every one ends, whatever happens to a worker, and no failure stops another."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from tracker.workers.call import NotShared, WrongVersion
from tracker.workers.cluster import AHEAD, Room, reach
from tracker.workers.engine import Engine, WorkerLost, run_all
from tracker.workers.local import Local
from tracker.workers.open import open_engine

sys.path.insert(0, str(Path(__file__).parent))
from tasks import die, die_once, double, process, refuse_odd  # type: ignore[import-not-found]

HERE = str(Path(__file__).parent)


@pytest.fixture(scope="module", autouse=True)
def _importable() -> Iterator[None]:
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = HERE if before is None else f"{HERE}{os.pathsep}{before}"
    yield
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    engine = Local(2)
    yield engine
    engine.close()


class Own:
    """An engine of a user's own: it runs each task at once, and notes how many it was given at a time."""

    name = "own"
    room = 3

    def __init__(self) -> None:
        self.tasks: list[object] = []
        self.lose: set[object] = set()

    def submit(self, function: Callable[[Any], Any], task: Any, /) -> Future[Any]:
        self.tasks.append(task.task)
        answer: Future[Any] = Future()
        try:
            if task.task in self.lose:
                self.lose.discard(task.task)
                raise WorkerLost("gone")
            answer.set_result(function(task))
        except Exception as error:
            answer.set_exception(error)
        return answer

    def close(self, *, at_once: bool = False) -> None:
        pass


def test_every_task_ends_once_on_any_engine(local: Local) -> None:
    for engine in (Own(), local):
        ended = list(run_all(engine, double, range(20)))
        assert sorted((one.place, one.result, one.tries) for one in ended) == [(n, 2 * n, 1) for n in range(20)]


def test_a_failure_is_tried_again_and_stops_no_other() -> None:
    engine = Own()
    ended = {one.place: one for one in run_all(engine, refuse_odd, range(4))}
    assert [(ended[n].result, ended[n].tries) for n in range(4)] == [(0, 1), (None, 2), (2, 1), (None, 2)]
    assert str(ended[1].error) == "1 is odd"
    assert engine.tasks.count(1) == 2
    engine.tasks.clear()
    assert {one.tries for one in run_all(engine, refuse_odd, range(4), again=lambda _: False)} == {1}


def test_a_lost_worker_is_always_worth_another_try() -> None:
    engine = Own()
    engine.lose = {2}
    ended = list(run_all(engine, double, range(4), again=lambda _: False))
    assert sorted(one.result for one in ended) == [0, 2, 4, 6]
    assert engine.tasks.count(2) == 2


def test_a_worker_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = run_all(Own(), double, range(4))
    assert next(ended).result == 0
    monkeypatch.setattr("tracker.workers.engine.version", lambda: "0.0.1")
    with pytest.raises(WrongVersion, match=r"this machine 0\.0\.1; install the same on both"):
        list(run_all(Own(), double, range(4)))


def test_a_worker_of_a_cluster_that_lacks_a_file_says_so(tmp_path: Path) -> None:
    def sees(task: int) -> list[str]:
        return [str(tmp_path), str(tmp_path / "gone")][: 1 + task]

    here, gone = sorted(run_all(Own(), double, range(2), sees=sees), key=lambda end: end.place)
    assert here.result == 0
    assert isinstance(gone.error, NotShared)
    assert f"does not see {tmp_path / 'gone'}; all machines of a cluster need" in str(gone.error)
    engine = Own()
    engine.name = "local"  # its workers see what this process sees
    assert [end.error for end in run_all(engine, double, range(2), sees=sees)] == [None, None]


def test_many_tasks_are_never_all_with_the_engine() -> None:
    """Nor are their results: what is in flight is bounded by the engine's room."""

    class Late(Own):
        """Ends the oldest task only when it is full."""

        def __init__(self) -> None:
            super().__init__()
            self.most, self.running = 0, []

        def submit(self, function: Callable[[Any], Any], task: Any, /) -> Future[Any]:
            answer: Future[Any] = Future()
            self.running.append((answer, function, task))
            self.most = max(self.most, len(self.running))
            while self.running and (len(self.running) == self.room or task.task == 9_999):
                first, function, call = self.running.pop(0)
                first.set_result(Kept(function(call)))
            return answer

    engine = Late()
    most = 0
    for one in run_all(engine, double, range(10_000)):
        del one
        most = max(most, Kept.alive)
    assert engine.most == engine.room
    assert most <= engine.room + 1


class Kept:
    """A result that counts how many like it there are."""

    alive = 0

    def __init__(self, value: int) -> None:
        Kept.alive += 1

    def __del__(self) -> None:
        Kept.alive -= 1


def test_a_clusters_size_is_not_asked_for_before_each_task(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slots = [0.0], [2]
    monkeypatch.setattr("tracker.workers.cluster.clock.monotonic", lambda: now[0])
    asked: list[float] = []
    room = Room(lambda: asked.append(now[0]) or slots[0])
    assert [room.now() for _ in range(1000)] == [2 * AHEAD] * 1000
    slots[0] = 5
    now[0] = 1.5
    assert [room.now(), room.now()] == [5 * AHEAD] * 2
    assert asked == [0.0, 1.5]


def test_a_killed_process_loses_its_task_only_and_another_takes_its_place(local: Local, tmp_path: Path) -> None:
    marks = [str(tmp_path / name) for name in "abcdef"]
    ended = {one.place: one for one in run_all(local, die_once, marks)}
    assert [(ended[n].result, ended[n].tries) for n in range(6)] == [(name, 2) for name in "abcdef"]
    (lost,) = run_all(local, die, [0])
    assert isinstance(lost.error, WorkerLost)
    assert "was killed" in str(lost.error)
    assert [one.result for one in run_all(local, double, [21])] == [42]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system binds no process to processors")
def test_processes_share_out_the_processors_and_leave_ctrl_c_to_their_parent(local: Local) -> None:
    mine = sorted(os.sched_getaffinity(0))
    results = [one.result for one in run_all(local, process, range(12))]
    seen = {(pid, tuple(cpus), ignores) for pid, cpus, ignores in results}
    assert len({pid for pid, _, _ in seen}) == 2
    assert all(ignores for _, _, ignores in seen)
    dealt = [cpu for _, cpus, _ in seen for cpu in cpus]
    assert sorted(dealt) == (mine if len(mine) > 1 else mine * 2)


@pytest.mark.parametrize("busy", [False, True])
def test_workers_end_with_the_process_that_began_them(busy: bool, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = (
        "import os, sys\nfrom tasks import hold_on, process\nfrom tracker.workers.local import Local\n"
        "if __name__ == '__main__':\n"
        "    engine = Local(1)\n"
        "    print(engine.submit(process, 0).result()[0], flush=True)\n"
        f"    engine.submit(hold_on, {str(mark)!r}) if {busy} else None\n"
        "    sys.stdin.read()\n"
    )
    script = tmp_path / "begin.py"
    script.write_text(code)
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        os.kill(worker, 0)
        until = time.monotonic() + 20
        while busy and time.monotonic() < until and not mark.exists():
            time.sleep(0.02)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    until = time.monotonic() + 10
    while time.monotonic() < until and _alive(worker):
        time.sleep(0.02)
    assert not _alive(worker)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")  # a process that nobody has waited for is dead all the same
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"name": "slurm"}, "engine='slurm': use local, dask, ray"),
        ({"workers": 0}, "workers=0 is below 1"),
        ({"address": "10.0.0.1:8786"}, "address goes with the engines dask and ray"),
        ({"name": "dask", "address": "10.0.0.1:8786", "workers": 2}, "a cluster has its own workers"),
    ],
)
def test_engines_that_cannot_be_are_refused(given: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        open_engine(**given)


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("127.0.0.1:9", "nothing answers there"),
        ("tcp://127.0.0.1:9", "nothing answers there"),
        ("scheduler", "give host and port"),
        ("tcp://host:port", "give host and port"),
        ("", "give host and port"),
    ],
)
def test_an_address_that_does_not_answer_is_one_line(address: str, line: str) -> None:
    started = time.monotonic()
    with pytest.raises(ValueError, match=line):
        reach(address, "dask")
    assert time.monotonic() - started < 10


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dask", "ray"])
def test_an_address_where_something_else_listens_is_one_line_within_ten_seconds(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed" if name == "dask" else "ray", reason=f"needs the extra {name}")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        started = time.monotonic()
        with pytest.raises(ValueError, match=r"--address 127\.0\.0\.1:\d+: no (Dask scheduler|Ray cluster) answers"):
            open_engine(name, address=f"127.0.0.1:{mute.getsockname()[1]}")
        assert time.monotonic() - started < 10
    assert capfd.readouterr().err == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dask", "ray"])
def test_a_cluster_on_this_machine(name: str, tmp_path: Path) -> None:
    pytest.importorskip("distributed" if name == "dask" else "ray", reason=f"needs the extra {name}")
    engine: Engine = open_engine(name, workers=2)
    try:
        ended = list(run_all(engine, double, range(10)))
        assert sorted(one.result or 0 for one in ended) == [2 * n for n in range(10)]
        odd = {one.place: one for one in run_all(engine, refuse_odd, range(2))}
        assert str(odd[1].error) == "1 is odd"
        marks = [str(tmp_path / name) for name in "ab"]
        assert sorted(one.result or "" for one in run_all(engine, die_once, marks)) == ["a", "b"]
    finally:
        engine.close()
