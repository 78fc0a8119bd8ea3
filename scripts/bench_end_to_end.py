"""The command on a real video, beside its own detector alone and beside a plain loop of other projects' parts.

Every contestant runs in a process of its own, one after the other in each round. `python scripts/bench_end_to_end.py
NAME VIDEO MODEL` is one of them and prints its figures as JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

CONF = 0.5
Figures = dict[str, list[dict[str, float]]]  # of each contestant, one entry a round
OPTIONS = ["--conf", str(CONF), "--classes", "person", "--algo", "sort"]


def end_to_end(shared: Path, rounds: int) -> int:
    """Print frames/s by wall clock and processor time per frame of every contestant, and the ratios between them."""
    video, model = shared / "data/video/vtest_480x360.mp4", shared / "data/models/yolox_nano.onnx"
    for needed in (video, model):
        if not needed.is_file():
            raise ValueError(f"--end-to-end needs {needed}; --shared names another folder")
    names = [name for name in CONTESTANTS if _can_run(name)]
    for name in CONTESTANTS.keys() - set(names):
        print(f"left out: {name} (extra {'openvino' if 'openvino' in name else 'peers'})")
    print(f"{video.name}, {model.name}, SORT; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {rounds} rounds")
    if os.getloadavg()[0] > 1:
        print("the machine is busy: frames/s say little now, CPU time stays comparable")
    print(f"{'':<52}{'frames/s':>22}{'CPU ms a frame':>16}")
    figures: Figures = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:  # in turns, so that a busy minute does not fall on one contestant
            figures[name].append(_in_a_process(name, video, model))
    for name in names:
        rates = [one["fps"] for one in figures[name]]
        spent = statistics.median(one["cpu_ms"] for one in figures[name])
        print(f"{name:<52}{_range(rates):>22}{spent:>16.2f}")
    _ratios(figures)
    return 0


def _ratios(figures: Figures) -> None:
    """Print the command against the detector and the loop, each at its best setting, by wall clock and by CPU time."""
    written, bare = _best(figures, "track", "video written"), _best(figures, "track", "--no-video")
    pairs = [
        (written, _best(figures, "loop")),
        (written, _best(figures, "detector")),
        (bare, _best(figures, "detector")),
    ]
    for ours, other in pairs:
        if ours is None or other is None:
            continue
        both = list(zip(figures[ours], figures[other], strict=True))
        rate = _range([one["fps"] / two["fps"] for one, two in both], 2)
        work = _range([two["cpu_ms"] / one["cpu_ms"] for one, two in both], 2)
        print(f"{ours} / {other}: frames/s {rate}, frames per CPU second {work}")


def _best(figures: Figures, kind: str, how: str = "") -> str | None:
    """The quickest contestant of a kind by its median, or None."""
    names = [name for name in figures if name.startswith(kind) and name.endswith(how)]
    return max(names, key=lambda name: statistics.median(one["fps"] for one in figures[name]), default=None)


def _range(values: list[float], digits: int = 1) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _can_run(name: str) -> bool:
    needed = ["openvino"] if "openvino" in name else ["trackers", "supervision"] if name.startswith("loop") else []
    return all(find_spec(package) is not None for package in needed)


def _in_a_process(name: str, video: Path, model: Path) -> dict[str, float]:
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    command = [sys.executable, __file__, name, str(video), str(model)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{name} failed: {(done.stderr.strip().splitlines() or ['without a word'])[-1]}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _measured(work: Callable[[], int]) -> dict[str, float]:
    """What ``work``, which gives the number of its frames, took."""
    spent, started = time.process_time(), time.perf_counter()
    frames = work()
    seconds, spent = time.perf_counter() - started, time.process_time() - spent
    return {"fps": frames / seconds, "cpu_ms": 1000 * spent / frames}


def _frames(video: Path) -> Iterator[Any]:
    from tracker.io.video import open_source

    with open_source(video) as source:
        for frame in source:
            yield frame.image


def _decoding(video: Path, model: Path) -> dict[str, float]:
    return _measured(lambda: sum(1 for _ in _frames(video)))


def _detecting(runtime: str, side_by_side: bool, video: Path, model: Path) -> dict[str, float]:
    """The detector on decoded frames: all threads on one frame, or one thread on each of several frames."""
    from tracker.detect import ONNX

    images = list(_frames(video))
    threads = 1 if side_by_side else None
    detector = ONNX(model, conf=CONF, classes=["person"], runtime=runtime, threads=threads)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)) if side_by_side else 1) as pool:
        list(pool.map(detector, images[:20]))
        return _measured(lambda: len(list(pool.map(detector, images))))


def _tracking(runtime: str, video_written: bool, video: Path, model: Path) -> dict[str, float]:
    """The command; the rate is what it reports: start-up does not count, closing the files does."""
    import cv2  # noqa: F401  loaded before the clock starts, as in the other contestants
    import scipy.optimize  # noqa: F401

    from tracker.commands.main import main

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as said:
        words = ["run", str(video), "--detector", str(model), "--detector-runtime", runtime, *OPTIONS, "--json"]
        words += ["-o", str(Path(folder) / "out")] + ([] if video_written else ["--no-video"])
        spent = time.process_time()
        if main(words):
            raise SystemExit("track failed")
        spent = time.process_time() - spent
    facts = json.loads(said.getvalue())
    return {"fps": facts["speed"]["fps"], "cpu_ms": 1000 * spent / facts["counts"]["frames"]}


def _loop(threads: int, video: Path, model: Path) -> dict[str, float]:
    """cv2 reads, onnxruntime detects, trackers' SORT tracks, supervision draws and writes, one after the other."""
    import cv2
    import numpy as np
    import onnxruntime
    import supervision as sv
    from trackers import SORTTracker

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    feed, side = session.get_inputs()[0].name, 416
    cells = [np.stack(np.meshgrid(range(side // s), range(side // s)), -1).reshape(-1, 2) for s in (8, 16, 32)]
    strides = np.concatenate([np.full((len(c), 1), s) for c, s in zip(cells, (8, 16, 32), strict=True)])
    offsets = np.concatenate(cells)

    def detect(image: Any) -> sv.Detections:
        zoom = side / max(image.shape[:2])
        small = cv2.resize(image, (int(image.shape[1] * zoom), int(image.shape[0] * zoom)))
        padded = np.full((side, side, 3), 114, np.uint8)
        padded[: small.shape[0], : small.shape[1]] = small
        rows = session.run(None, {feed: np.ascontiguousarray(padded.transpose(2, 0, 1)[None], np.float32)})[0][0]
        scores = rows[:, 4] * rows[:, 5:].max(axis=1)
        picked = (scores > CONF) & (rows[:, 5:].argmax(axis=1) == 0)
        centres = (rows[picked, :2] + offsets[picked]) * strides[picked]
        sizes = np.exp(rows[picked, 2:4]) * strides[picked]
        ltwh = np.concatenate((centres - sizes / 2, sizes), axis=1) / zoom
        kept = np.array(cv2.dnn.NMSBoxes(ltwh.tolist(), scores[picked].tolist(), CONF, 0.45), int).reshape(-1)
        boxes = np.concatenate((ltwh[kept, :2], ltwh[kept, :2] + ltwh[kept, 2:]), axis=1)
        return sv.Detections(boxes, confidence=scores[picked][kept], class_id=np.zeros(len(kept), int))

    def run(target: str) -> int:
        capture, frames = cv2.VideoCapture(str(video)), 0
        tracker: Any = SORTTracker()
        box: Any = sv.BoxAnnotator()
        label: Any = sv.LabelAnnotator()
        with sv.VideoSink(target, sv.VideoInfo.from_video_path(str(video))) as sink:
            while True:
                good, image = capture.read()
                if not good:
                    return frames
                found = tracker.update(detect(image))
                found = found[found.tracker_id != -1]
                image = box.annotate(image, found)
                sink.write_frame(label.annotate(image, found, [f"#{track}" for track in found.tracker_id]))
                frames += 1

    with tempfile.TemporaryDirectory() as folder:
        return _measured(lambda: run(str(Path(folder) / "out.mp4")))


CONTESTANTS: dict[str, Callable[[Path, Path], dict[str, float]]] = {
    "decoding alone": _decoding,
    **{
        f"detector alone, {runtime}, {how}": partial(_detecting, runtime, side_by_side)
        for runtime in ("onnxruntime", "openvino")
        for how, side_by_side in (("all threads a frame", False), ("frames side by side", True))
    },
    **{
        f"loop of cv2, onnxruntime, peers, {threads} thread{'s' * (threads > 1)}": partial(_loop, threads)
        for threads in sorted({1, os.cpu_count() or 1})
    },
    **{
        f"track, {runtime}, {how}": partial(_tracking, runtime, written)
        for runtime in ("onnxruntime", "openvino")
        for how, written in (("video written", True), ("--no-video", False))
    },
}


if __name__ == "__main__":
    print(json.dumps(CONTESTANTS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))))
