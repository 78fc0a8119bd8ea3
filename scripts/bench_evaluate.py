"""Time the scores against the official kit and motmetrics, paired, and measure memory on a long sequence.

    python scripts/bench_evaluate.py [--rounds 5] [--shared ../shared] [--no-motmetrics] [--no-memory]

Both sides get the same input in the same process, alternating; the ratio of the medians is printed, and the figures are
compared on the way. Needs trackeval and the shared data.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

CASES = (
    ("MOT17, ByteTrack", "MOT17", "bytetrack", ["MOT17-02", "MOT17-04", "MOT17-05", "MOT17-09"]),
    ("MOT15, SORT", "MOT15", "sort", None),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--no-motmetrics", action="store_true")
    parser.add_argument("--no-memory", action="store_true")
    args = parser.parse_args()
    if not args.shared.is_dir():
        print(f"no shared data at {args.shared}; nothing to time")
        return 0
    import kit

    for title, benchmark, tracker, names in CASES:
        reference = args.shared / "reference" / tracker
        names = names or sorted(path.stem for path in reference.glob("*.npz"))
        results = {}
        for name in names:
            with np.load(reference / f"{name}.npz") as rows:
                results[name] = (rows["frame"], rows["id"], rows["xyxy"])
        with tempfile.TemporaryDirectory() as folder:
            gt, ours = kit.make_tree(
                Path(folder), args.shared / "data" / benchmark / "train", names, benchmark, results
            )
            print(f"{title}: {len(names)} sequences")
            _scores_alone(kit, Path(folder), benchmark, args.rounds)
            _in_process(kit, Path(folder), benchmark, gt, ours, args.rounds)
            _whole_command(Path(folder), benchmark, gt, ours, args.rounds)
            if benchmark == "MOT17" and not args.no_motmetrics:
                _motmetrics(gt, ours)
    if not args.no_memory:
        _memory()
    return 0


def _scores_alone(kit: Any, tree: Path, benchmark: str, rounds: int) -> None:
    """HOTA + CLEAR + identity on prepared arrays: the kit on what its loader gives, ours on the same matrices."""
    from tracker.evaluate.clear import ClearCounter
    from tracker.evaluate.frames import Names, frames_from_matrices
    from tracker.evaluate.hota import HotaCounter
    from tracker.evaluate.identity import IdentityCounter

    with _quiet():
        data = kit.loaded(tree, benchmark)
        frames = [
            frames_from_matrices(d["gt_ids"], d["tracker_ids"], d["similarity_scores"], Names(), Names()) for d in data
        ]

    def theirs() -> None:
        for metric in kit.metrics():
            for d in data:
                metric.eval_sequence(d)

    def ours() -> None:
        for f in frames:
            for counter in (HotaCounter(), ClearCounter(), IdentityCounter()):
                counter.add(f)
                counter.result()

    _paired("  scores alone, in one process", ours, theirs, rounds)


def _in_process(kit: Any, tree: Path, benchmark: str, gt: Path, results: Path, rounds: int) -> None:
    from tracker.evaluate.benchmark import evaluate

    _paired(
        "  files to figures, in one process",
        lambda: evaluate(results, gt),
        lambda: kit.of_tree(tree, benchmark),
        rounds,
    )


def _whole_command(tree: Path, benchmark: str, gt: Path, results: Path, rounds: int) -> None:
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

    def run(*command: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, *command], check=True, env=environment, capture_output=True)

    code = f"import kit; from pathlib import Path; kit.of_tree(Path({str(tree)!r}), {benchmark!r})"
    _paired(
        "  whole command",
        run("-m", "tracker.commands.main", "eval", str(results), "--gt", str(gt)),
        run("-c", code),
        rounds,
    )


def _motmetrics(gt: Path, results: Path) -> None:
    """CLEAR and identity only: motmetrics has no HOTA."""
    import motmetrics

    from tracker.evaluate.benchmark import load_ground_truth
    from tracker.evaluate.clear import ClearCounter
    from tracker.evaluate.identity import IdentityCounter
    from tracker.evaluate.motmetrics_bridge import _matrices, to_motmetrics
    from tracker.evaluate.sequences import find_results
    from tracker.io.mot import read_results

    truth = load_ground_truth(gt)
    files = next(iter(find_results(results).values()))
    frames = {name: list(truth.frames(name, read_results(files[name]))) for name in truth.sequences}  # type: ignore[index]
    matrices = {name: [m for block in blocks for m in _matrices(block)] for name, blocks in frames.items()}

    shares, counts = ["mota", "motp", "idf1", "idp", "idr"], ["num_switches", "num_fragmentations", "mostly_tracked"]

    def theirs() -> None:
        host = motmetrics.metrics.create()
        for scene in matrices.values():
            gt_ids, ids, similarity = zip(*scene, strict=True)
            host.compute(to_motmetrics(gt_ids, ids, similarity), metrics=shares + counts)

    def ours() -> None:
        for blocks in frames.values():
            for counter in (ClearCounter(), IdentityCounter()):
                for block in blocks:
                    counter.add(block)
                counter.result()

    _paired("  CLEAR + identity, against motmetrics", ours, theirs, 3)


def _memory(frames: int = 100_000, objects: int = 10) -> None:
    """Peak memory of a process that scores a long sequence from files."""
    code = f"""
import sys, time
from pathlib import Path
folder = Path(sys.argv[1])
from tracker.evaluate.benchmark import evaluate
started = time.perf_counter()
score = evaluate(folder / "long.txt", folder / "gt.txt").combined
status = Path("/proc/self/status").read_text()  # ru_maxrss would count the parent before exec
peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
print(f"{frames:,} frames, {objects} objects each: {{time.perf_counter() - started:.1f}} s, peak {{peak:.0f}} MB, "
      f"MOTA {{100 * score.clear.mota:.2f}}")
"""
    with tempfile.TemporaryDirectory() as folder:
        _long_sequence(Path(folder), frames, objects)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", code, folder], check=True, env=environment)


def _long_sequence(folder: Path, frames: int, objects: int) -> None:
    from tracker.io.mot import write_results
    from tracker.rows import as_rows

    rng = np.random.default_rng(0)
    frame = np.repeat(np.arange(1, frames + 1), objects)
    lane = np.tile(np.arange(objects), frames)
    ids = 1 + lane + objects * (frame // 500)  # a new identity every 500 frames
    left = (frame * 3 + lane * 60) % 1800
    boxes = np.stack((left, 100 + lane * 20, left + 50, 220 + lane * 20), axis=1).astype(float)
    write_results(folder / "gt.txt", as_rows(frame, ids, boxes))
    keep = rng.random(len(frame)) > 0.05
    moved = boxes[keep] + rng.normal(0, 3, (int(keep.sum()), 4))
    changed = ids[keep] + (frame[keep] % 97 == 0) * 1_000_000
    write_results(folder / "long.txt", as_rows(frame[keep], changed, moved))


def _paired(title: str, ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> None:
    """Medians of wall and processor time; the latter holds on a machine that others use too."""
    pairs = [(_timed(ours), _timed(theirs)) for _ in range(rounds)]
    for k, clock in enumerate(("wall", "cpu")):
        own, other = statistics.median(p[0][k] for p in pairs), statistics.median(p[1][k] for p in pairs)
        ratios = sorted(p[1][k] / p[0][k] for p in pairs)
        print(
            f"{title} ({clock}): {1000 * own:.0f} ms, theirs {1000 * other:.0f} ms: "
            f"{statistics.median(ratios):.1f} x faster ({ratios[0]:.1f} to {ratios[-1]:.1f})"
        )


def _timed(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds of wall clock and of the processor, child processes included."""
    with _quiet():
        before, started = _processor(), time.perf_counter()
        run()
        wall = time.perf_counter() - started
    return wall, _processor() - before


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


if __name__ == "__main__":
    sys.exit(main())
