"""The command on a real video against its limit, the slower of decoding alone and detecting alone."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = ["--conf", "0.5", "--classes", "person", "--algo", "sort"]


def end_to_end(shared: Path, rounds: int) -> int:
    """Print frames/s of decoding, detecting and `track` (SORT, video written), one after the other in each round."""
    video, model = shared / "data/video/vtest_480x360.mp4", shared / "data/models/yolox_nano.onnx"
    for needed in (video, model):
        if not needed.is_file():
            raise ValueError(f"--end-to-end needs {needed}; --shared names another folder")
    print(f"{video.name}, {model.name}, SORT, video written; frames/s by wall clock, {os.cpu_count()} cores")
    print(f"{'round':<8}{'decode':>10}{'detect':>10}{'track':>10}{'of the limit':>14}")
    rows = []
    for number in range(1, rounds + 1):
        decoding, detecting = _alone(video, model)
        whole = _track(video, model)
        rows.append((decoding, detecting, whole, whole / min(decoding, detecting)))
        print(_row(str(number), rows[-1]), flush=True)
    print(_row("median", tuple(statistics.median(column) for column in zip(*rows, strict=True))))
    return 0


def _row(name: str, row: Any) -> str:
    return f"{name:<8}{row[0]:>10.1f}{row[1]:>10.1f}{row[2]:>10.1f}{row[3]:>14.2f}"


def _alone(video: Path, model: Path) -> tuple[float, float]:
    """Frames/s of each stage by itself, on the same frames."""
    from tracker.detect import ONNX
    from tracker.io.video import open_source

    detector = ONNX(model, conf=0.5, classes=["person"])
    with open_source(video) as source:
        started = time.perf_counter()
        frames = sum(1 for _ in source)
        decoding = time.perf_counter() - started
    detecting = 0.0
    with open_source(video) as source:
        for frame in source:
            assert frame.image is not None
            started = time.perf_counter()
            detector(frame.image)
            detecting += time.perf_counter() - started
    return frames / decoding, frames / detecting


def _track(video: Path, model: Path) -> float:
    """Frames/s that the command reports: start-up does not count, closing the files does."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    environment["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        words = ["run", str(video), "--detector", str(model), *OPTIONS, "-o", str(Path(folder) / "out"), "--json"]
        code = f"import sys; from tracker.commands.main import main; sys.exit(main({words!r}))"
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise ValueError(f"track failed: {(done.stderr.strip().splitlines() or ['without a word'])[-1]}")
    return float(json.loads(done.stdout)["speed"]["fps"])
