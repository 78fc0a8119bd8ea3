"""Progress: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import re
import sys
import threading

import pytest

from tracker import progress
from tracker.commands.tune import _Trials
from tracker.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [1000.0]
    monkeypatch.setattr(progress.clock, "perf_counter", lambda: time[0])
    return time


def test_lines_now_and_then_where_there_is_no_terminal(now: list[float]) -> None:
    stream = io.StringIO()
    shown = Progress("frame", 300, stream=stream)
    for done in range(1, 31):
        now[0] += 1.0
        shown(done, f"{shown.rate(done):.1f} fps")
    shown.close()
    assert stream.getvalue().splitlines() == [
        "frame 10 of 300: 1.0 fps, 4:50 left",
        "frame 20 of 300: 1.0 fps, 4:40 left",
        "frame 30 of 300: 1.0 fps, 4:30 left",
    ]


def test_each_line_where_that_is_wanted_and_no_guess_without_a_total(now: list[float]) -> None:
    stream = io.StringIO()
    shown = Progress("trial", None, every=0, stream=stream)
    shown(1)
    shown(2, "HOTA 50.00")
    assert stream.getvalue() == "trial 1\ntrial 2: HOTA 50.00\n"


def plain(written: str) -> str:
    """What a terminal was sent, without its control sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)


@pytest.mark.parametrize("keep", [False, True])
def test_one_line_on_a_terminal(keep: bool, now: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    shown = Progress("frame", 40, stream=stream)
    now[0] += 0.05
    shown(1, "too soon")
    now[0] += 0.1
    shown(10, "8 objects")
    now[0] += 0.1
    shown(30, "one")
    before = len(stream.getvalue())
    shown.close(keep=keep)
    shown.close(keep=keep)
    written, end = stream.getvalue()[:before], stream.getvalue()[before:]
    assert "too soon" not in written
    assert "\n" not in written
    first, last = (line for line in plain(written).split("\r") if "frame" in line)
    assert re.fullmatch(r"frame 10 of 40 \S+ +8 objects, 0:00 left *", first)
    assert re.fullmatch(r"frame 30 of 40 \S+ +one, 0:00 left *", last)
    assert ("\x1b[1A\x1b[2K" in end) is not keep  # the line is erased, or left standing


def test_no_thread_and_no_taking_over_of_what_others_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    threads, streams = threading.active_count(), (sys.stdout, sys.stderr)
    shown = Progress("frame", 40, stream=Terminal())
    shown.show("one")
    assert (threading.active_count(), (sys.stdout, sys.stderr)) == (threads, streams)
    shown.close()


def test_what_was_done_before_says_nothing_of_the_rate(now: list[float]) -> None:
    stream = io.StringIO()
    shown = Progress("trial", 10, every=0, stream=stream)
    shown.skipped = 6
    now[0] += 2.0
    shown(7)
    now[0] += 2.0
    shown(8, "HOTA 50.00")
    assert stream.getvalue() == "trial 7 of 10: 0:06 left\ntrial 8 of 10: HOTA 50.00, 0:04 left\n"


def test_a_line_of_ones_own(now: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    shown = Progress("run", None, stream=stream)
    shown.show("bench: 1 of 2 runs done")
    shown.show("bench: 2 of 2")
    shown.close(keep=True)
    assert plain(stream.getvalue()).split() == [
        "bench:",
        "1",
        "of",
        "2",
        "runs",
        "done",
        "bench:",
        "2",
        "of",
        "2",
        "bench:",
        "2",
        "of",
        "2",
    ]


def test_earlier_trials_say_nothing_of_the_rate(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    shown = _Trials(10, "HOTA")
    for number in (7, 8):
        now[0] += 2.0
        shown(number, 0.5, 3, 0.6)
    assert capsys.readouterr().err.splitlines() == [
        "trial 7 of 10: HOTA 50.00, best 60.00 (trial 3), 0:06 left",
        "trial 8 of 10: HOTA 50.00, best 60.00 (trial 3), 0:04 left",
    ]
