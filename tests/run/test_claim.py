"""One run at a time writes into a folder, and what a killed run leaves behind says how far it came."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tracker
from tracker.arrays import FloatArray, Image
from tracker.io.claim import Claim
from tracker.scene.street import Scene


def boxes(image: Image) -> FloatArray:
    return np.array([[10.0, 10, 40, 60, 0.9]])


def test_a_folder_has_one_run_at_a_time(tmp_path: Path) -> None:
    one = Claim(tmp_path)
    with pytest.raises(ValueError, match="another run is writing there"):
        Claim(tmp_path)
    one.release()
    one.release()
    Claim(tmp_path).release()
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_is_refused_and_the_first_is_whole(tmp_path: Path) -> None:
    source = Scene(n_frames=5, size=(160, 120)).source()
    with tracker.track(source, detector=boxes, save=tmp_path / "out") as run:
        with pytest.raises(ValueError, match="another run is writing there"):
            tracker.track(Scene(n_frames=5).source(), detector=boxes, save=tmp_path / "out")
        assert len(list(run)) == 5
    with pytest.raises(ValueError, match="not empty"):
        tracker.track(Scene(n_frames=5).source(), detector=boxes, save=tmp_path / "out")
    assert json.loads((tmp_path / "out" / "run.json").read_text())["state"] == "complete"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills a process")
def test_a_killed_run_says_how_far_it_came_and_blocks_nobody(tmp_path: Path) -> None:
    code = (
        "import sys, time, numpy as np, tracker; from tracker.scene.street import Scene\n"
        "def boxes(image):\n    time.sleep(0.05); return np.array([[10.0, 10, 40, 60, 0.9]])\n"
        "source = Scene(n_frames=2000, size=(160, 120)).source()\n"
        "for _ in tracker.track(source, detector=boxes, algo='sort', save=sys.argv[1]): pass"
    )
    out = tmp_path / "out"
    run = subprocess.Popen([sys.executable, "-c", code, str(out)])
    try:
        for _ in range(600):
            time.sleep(0.05)
            path = out / "run.json"
            if path.exists() and "counts" in json.loads(path.read_text()):
                break
    finally:
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    said = json.loads((out / "run.json").read_text())
    assert (said["state"], said["complete"]) == ("running", False)
    assert said["counts"]["frames"] >= 1
    Claim(out).release()
