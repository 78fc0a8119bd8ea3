"""The command on live sources: Ctrl-C in every state, exit codes, and one line for what does not fit."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from live.cameras import Connection, camera, half_a_file, wait_for

from tracker.commands.main import main
from tracker.commands.words import seconds_of

ROOT = Path(__file__).resolve().parents[2]
CLOSE = 1.0  # seconds within which Ctrl-C ends a run


class Run:
    """`track` as a process, and the lines that it prints to stderr."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tracker", *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = ""
        self.out = ""
        self._threads = [threading.Thread(target=self._read_err), threading.Thread(target=self._read_out)]
        for thread in self._threads:
            thread.start()

    def _read_err(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line

    def _read_out(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.out += line

    def interrupt(self) -> tuple[int, float]:
        """The exit code after Ctrl-C, and the seconds until everything was finished and said.

        The interpreter then ends in its own time, which on a busy machine is most of a second.
        """
        started = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        wait_for(lambda: "interrupted" in self.said)
        seconds = time.monotonic() - started
        return self.process.wait(5), seconds

    def end(self) -> int:
        """The exit code of a run that ends by itself."""
        code = self.process.wait(60)
        for thread in self._threads:
            thread.join()
        return code


@contextmanager
def tracking(*words: str) -> Iterator[Run]:
    run = Run(*words)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
        run.end()
        for pipe in (run.process.stdout, run.process.stderr):
            assert pipe is not None
            pipe.close()


def taken(folder: Path) -> bool:
    """Whether tracks are being written."""
    return (folder / "run.json").is_file()


posix = pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to another process")


@posix
@pytest.mark.slow
def test_ctrl_c_while_connecting(tmp_path: Path) -> None:
    asked: list[socket.socket] = []
    with socket.socket() as deaf:  # it takes the connection, and never answers
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        thread = threading.Thread(target=lambda: asked.append(deaf.accept()[0]))
        thread.start()
        with tracking(f"http://127.0.0.1:{deaf.getsockname()[1]}/x", "-o", str(tmp_path / "out")) as run:
            wait_for(lambda: asked)
            code, seconds = run.interrupt()
        thread.join()
        asked[0].close()
    assert (code, seconds < CLOSE) == (130, True), seconds
    assert run.said == "track: interrupted\n"
    assert not (tmp_path / "out").exists()


@posix
@pytest.mark.slow
@pytest.mark.parametrize("state", ["running", "stalled", "backing off", "connecting again"])
def test_ctrl_c_in_every_state(tmp_path: Path, state: str) -> None:
    plan = {
        "running": [Connection()],
        "stalled": [Connection(120, "stall")],
        "backing off": [Connection(120), Connection(refuse=503)],
        "connecting again": [Connection(120), Connection(0, "stall")],
    }[state]
    out = tmp_path / "out"
    with camera(*plan, rate=25) as cam, tracking(cam.url, "--detector", "motion", "-o", str(out)) as run:
        wait_for(lambda: taken(out))
        if state == "stalled":
            wait_for(lambda: len(cam.sent) == 120)
            time.sleep(0.5)
        if state == "backing off":
            wait_for(lambda: "reconnecting" in run.said)
        if state == "connecting again":
            wait_for(lambda: cam.connections == 2)
        code, seconds = run.interrupt()
    assert (code, seconds < CLOSE) == (130, True), seconds
    assert "interrupted after" in run.said
    facts = json.loads((out / "run.json").read_text())
    assert (facts["state"], facts["complete"]) == ("interrupted", False)
    assert facts["counts"]["frames_in"] >= facts["counts"]["frames"] > 0
    assert "Traceback" not in run.said


@posix
@pytest.mark.slow
def test_ctrl_c_while_a_file_at_a_url_stalls(tmp_path: Path) -> None:
    from live.test_cameras import video

    out = tmp_path / "out"
    data = video(tmp_path / "v.mp4", 200).read_bytes()
    with half_a_file(data) as url, tracking(url, "--detector", "motion", "-o", str(out)) as run:
        wait_for(lambda: taken(out))
        time.sleep(1)
        code, seconds = run.interrupt()
    assert (code, seconds < CLOSE) == (130, True), seconds
    assert json.loads((out / "run.json").read_text())["state"] == "interrupted"


@pytest.mark.slow
def test_a_stream_that_is_over_is_done_in_part(tmp_path: Path) -> None:
    words = ["--detector", "motion", "-o", str(tmp_path / "out"), "--reconnect", "2s", "--give-up", "1s"]
    with camera(Connection(150), Connection(refuse=404), rate=50) as cam, tracking(cam.url, *words) as run:
        assert run.end() == 1
    assert "camera: the stream ended, or was cut off; reconnecting" in run.said
    assert run.said.rstrip().endswith("and no connection for 1 s (--give-up)")
    assert json.loads((tmp_path / "out" / "run.json").read_text())["state"] == "incomplete"


@pytest.mark.slow
def test_events_alone_are_on_stdout(tmp_path: Path) -> None:
    words = ["--detector", "motion", "-o", str(tmp_path / "out"), "--reconnect", "0", "--events", "-"]
    with camera(Connection(250), rate=50) as cam, tracking(cam.url, *words) as run:
        assert run.end() == 1
    events = [json.loads(line) for line in run.out.splitlines()]
    assert {"born", "confirmed"} <= {event["event"] for event in events}
    assert "tracks.txt" in run.said  # the summary goes to stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--reconnect", "often"], "--reconnect often: give a time 0 or more, such as 30s, 10m or 1h"),
        (["--give-up", "0"], "--give-up 0: give a time above 0"),
        (["--give-up", "10w"], "--give-up 10w: give a time"),
        (["--stall", "-3"], "--stall"),
        (["--stall", "nan"], "--stall nan: give a time"),
        (["--rotate", "1e999"], "--rotate 1e999: give a time"),
        (["--rotate", ""], "--rotate : give a time"),
        (["--metrics", "port"], "--metrics port: give a port"),
        (["--mqtt", "broker"], "--mqtt broker: is no address of a broker"),
        (["--health", "no/such/h.json"], "--health no/such/h.json: no such folder; make it first"),
        (["--health", "."], "--health .: is a folder; give a file"),
        (["--events", "no/such/e.jsonl"], "--events no/such/e.jsonl: no such folder"),
        (["--json", "--events", "-"], "--json and --events - both print to stdout"),
        (["--keep-all"], "is no webcam and no URL; leave live out (--keep-all"),
    ],
)
def test_what_does_not_fit_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    import cv2
    import numpy as np

    monkeypatch.chdir(tmp_path)
    cv2.imwrite("1.png", np.zeros((40, 60, 3), np.uint8))
    try:
        code = main(["1.png", "--detector", "motion", "-o", "out", *words])
    except SystemExit as error:
        code = int(str(error.code))
    err = capfd.readouterr().err
    assert code == 2
    assert said in err
    assert len(err.splitlines()) == 1
    assert not Path("out").exists()


def test_an_events_file_is_not_replaced_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import cv2
    import numpy as np

    monkeypatch.chdir(tmp_path)
    Path("frames").mkdir()
    for k in range(1, 4):
        cv2.imwrite(f"frames/{k}.png", np.zeros((40, 60, 3), np.uint8))
    Path("e.jsonl").write_text("mine\n")
    words = ["frames", "--detector", "motion", "--no-video", "--quiet", "--events", "e.jsonl"]
    assert main([*words, "-o", "out"]) == 2
    assert "--events e.jsonl: exists; give another name, or --overwrite" in capfd.readouterr().err
    assert Path("e.jsonl").read_text() == "mine\n"
    assert main([*words, "-o", "out", "--overwrite", "--health", "h.json"]) == 0
    assert Path("e.jsonl").read_text() == ""
    facts = json.loads(Path("h.json").read_text())
    assert (facts["state"], facts["frames_out"], facts["lag_p50"]) == ("ended", 3, None)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("1d", 86400), ("10M", 600)]
)
def test_times(text: str, seconds: float) -> None:
    assert seconds_of(text, "--x") == seconds
    assert seconds_of(None, "--x") is None
    assert seconds_of("0", "--x", zero=True) == 0
