"""run.json: plain values, the same in every run; a date that can be set; a file that is replaced whole."""

from __future__ import annotations

import errno
import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker import SORT
from tracker.run.manifest import Manifest, date_of, plain
from tracker.run.open import Options, open_run
from tracker.scene.street import Scene


def test_values_are_plain_and_the_same_in_every_run() -> None:
    values = {
        "path": Path("a/b.onnx"),
        "numbers": (np.int64(3), np.float32(0.5), True, np.bool_(False), float("inf"), None),
        "function": plain,
        "object": SORT(),
    }
    said = plain(values)
    assert json.loads(json.dumps(said)) == {
        "path": str(Path("a/b.onnx")),
        "numbers": [3, 0.5, True, False, "inf", None],
        "function": "tracker.run.manifest.plain",
        "object": "tracker.algorithms.sort.SORT",
    }


@pytest.mark.parametrize("url", ["rtsp://me:secret@cam/1", "see http://me:secret@host:80/x"])
def test_no_password_is_kept(url: str) -> None:
    assert plain(["track", url]) == ["track", url.replace("secret", "***")]


def test_the_date_is_utc_and_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    now = datetime.now(timezone.utc)
    assert abs(datetime.fromisoformat(date_of().replace("Z", "+00:00")) - now) < timedelta(minutes=5)
    assert date_of(datetime(2020, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))) == "2020-01-02T01:00:00Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    assert date_of() == "2001-09-09T01:46:40Z"


def test_the_file_is_replaced_whole_or_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = Manifest(tmp_path / "run.json", {"date": "today"})
    manifest.write("running")
    before = (tmp_path / "run.json").read_bytes()
    assert json.loads(before) == {"date": "today", "state": "running", "complete": False}

    def cut(self: Path, text: str, **_: object) -> int:
        self.write_bytes(text[:10].encode())
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", cut)
        with pytest.raises(OSError, match=r"No space left on device: '.*run\.json'"):
            manifest.write("complete", counts={"frames": 3})
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    assert (tmp_path / "run.json").read_bytes() == before
    manifest.write("complete", counts={"frames": 3})
    assert json.loads((tmp_path / "run.json").read_text())["complete"] is True


@pytest.mark.parametrize(
    ("settings", "every", "used"),
    [
        ({}, 1, 1),
        ({}, 3, 5),
        ({"max_age": 0}, 3, 0),
        ({"max_age": "1s"}, 3, 10),
        ({"max_age": "0.3s"}, 4, 7),
        ({"max_age": "1s", "frame_rate": 2}, 1, 2),
    ],
)
def test_settings_are_those_that_the_tracker_uses(settings: dict[str, Any], every: int, used: float) -> None:
    source = Scene(n_frames=3, frame_rate=10).source()
    opened = open_run(Options(source, algo="sort", settings=settings, every=every))
    assert isinstance(opened.tracker, SORT)
    assert opened.tracker.max_age == opened.settings["max_age"] == used
    assert opened.settings["frame_rate"] == settings.get("frame_rate", 10)
    assert opened.settings["iou_threshold"] == 0.3


def test_an_instance_keeps_its_settings() -> None:
    opened = open_run(Options(Scene(n_frames=3).source(), algo=SORT(max_age=2, min_hits=1), every=5))
    assert (opened.settings["max_age"], opened.settings["min_hits"]) == (2, 1)
