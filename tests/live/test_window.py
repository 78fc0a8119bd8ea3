"""The window of a live run reacts while no frame comes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import cv2
import pytest
from live.cameras import Connection, camera

from tracker.commands.main import main


@pytest.mark.parametrize("how", ["q", "closed"])
def test_the_window_is_closed_while_the_camera_stalls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    shown: list[float] = []
    asked: list[float] = []

    def pressed(_: int) -> int:
        asked.append(time.monotonic())
        return ord("q") if how == "q" and over() else -1

    def over() -> bool:
        """Whether no frame has come for half a second."""
        return time.monotonic() - shown[-1] > 0.5

    for name, does in {
        "namedWindow": lambda *_: None,
        "imshow": lambda *_: shown.append(time.monotonic()),
        "waitKey": pressed,
        "getWindowProperty": lambda *_: 0.0 if how == "closed" and over() else 1.0,
        "destroyAllWindows": lambda: None,
    }.items():
        monkeypatch.setattr(cv2, name, does)
    monkeypatch.setenv("DISPLAY", ":99")
    out = tmp_path / "out"
    with camera(Connection(40, then="stall"), rate=50) as cam:
        words = [cam.url, "--detector", "motion", "--no-video", "--show", "--quiet", "--stall", "60s", "-o", str(out)]
        started = time.monotonic()
        assert main(words) == 0
        assert time.monotonic() - started < 40  # and not the minute of the stall
    assert shown
    assert sum(when > shown[-1] for when in asked) >= 2
    facts = json.loads((out / "run.json").read_text())
    assert (facts["state"], facts["complete"]) == ("interrupted", False)
