"""Compare what ``update`` costs in this checkout and in another: python scripts/bench_versions.py --against DIR

Each round starts one process per checkout, both on one processor and with one thread. They get the same detections and
run in turns, block by block, whoever went second going first in the next block; while one runs, the other waits. The
clock is processor time. The first updates of each block, in which the processor's caches are cold, do not count.

    us       median of all updates of this checkout, and of the other
    ratio    a block's median update here divided by that of the other checkout beside it in time, the median over all
             blocks: above 1, this checkout is slower
    blocks   lower and upper quartile of that ratio over the blocks
    rounds   its least and largest median over a round: chance between processes (addresses, hashes)
    rows     "same" where both reported the same ids and boxes, bit for bit

Against itself (--against .) it shows how far a ratio is from 1 by chance.
"""

# ruff: noqa: E402 - the number of threads is set before numpy is imported

from __future__ import annotations

import os
import sys

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")

if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):  # Linux; the workers inherit it
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ.update(dict.fromkeys(THREADS, "1"))

import argparse
import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np
from bench_options import names, sizes
from bench_scenes import walkers

ALGOS = ("SORT", "ByteTrack", "Steady", "OCSORT", "DeepSORT")
EMBEDDED = ("DeepSORT", "StrongSORT")
OBJECTS = (10, 45, 1000)
BLOCK = 10  # frames that one checkout runs before it is the other's turn
COLD = 2  # first updates of a block that do not count


@dataclass
class Pair:
    """Microseconds of the updates of both checkouts.

    blocks  medians (this, other) of each block, by round
    updates every update that counts: of this one, of the other
    same    whether every answer was the same
    """

    blocks: list[list[tuple[float, float]]] = field(default_factory=list)
    updates: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))
    same: bool = True

    @property
    def ratio(self) -> float:
        return float(np.median([a / b for blocks in self.blocks for a, b in blocks]))

    @property
    def quartiles(self) -> tuple[float, float]:
        low, high = np.percentile([a / b for blocks in self.blocks for a, b in blocks], (25, 75))
        return float(low), float(high)

    @property
    def rounds(self) -> tuple[float, float]:
        ratios = [float(np.median([a / b for a, b in blocks])) for blocks in self.blocks]
        return min(ratios), max(ratios)


class Version:
    """A running worker of one checkout."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        script = Path(__file__).with_name("bench_worker.py")
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(script), str(checkout)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer: dict[str, Any] = json.loads(line) if line else {"error": f"{self.checkout}: failed; see above"}
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer

    def __enter__(self) -> Version:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.wait()


def main(words: Sequence[str] | None = None) -> int:
    args = _arguments(words)
    try:
        compare(args.against, args.algos, args.objects, args.frames, args.rounds)
    except (ValueError, OSError) as error:
        print(f"bench_versions: {error}", file=sys.stderr)
        return 2
    return 0


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--against", type=Path, required=True, metavar="DIR", help="root of the other checkout")
    add("--algos", type=names, default=list(ALGOS), help=f"public names of trackers; default {','.join(ALGOS)}")
    add("--objects", type=sizes, default=list(OBJECTS), help=f"default {','.join(map(str, OBJECTS))}")
    add("--frames", type=int, help="of a scene; default 400, fewer where there are many objects")
    add("--rounds", type=int, default=5, help="pairs of processes; default 5")
    return parser.parse_args(words)


def compare(against: Path, algos: Sequence[str], objects: Sequence[int], frames: int | None, rounds: int) -> None:
    """Print the table, a row as soon as it is known. Raises ValueError for a folder without the library."""
    if not (against / "tracker" / "__init__.py").is_file():
        raise ValueError(f"--against {against}: has no tracker/__init__.py; give the root of a checkout")
    if rounds < 1 or (frames is not None and frames < BLOCK):
        raise ValueError(f"--rounds, --frames: give at least 1 round and {BLOCK} frames")
    print(f"{ROOT} against {against.resolve()}, {rounds} rounds")
    print(f"{'':<24}{'this us':>9}{'other us':>10}{'ratio':>8}{'blocks':>14}{'rounds':>14}  rows")
    everything: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for size in objects:
            count = frames or max(100, min(400, 60_000 // size))
            scene = write_scene(Path(folder) / f"{size}.npz", size, count)
            for algo in algos:
                pair = race((ROOT, against), scene, algo, count, rounds)
                everything.append(pair.ratio)
                print(row(f"{algo}, {size} objects", pair), flush=True)
    print(
        f"geometric mean of the ratios: {float(np.exp(np.mean(np.log(everything)))):.3f}, largest {max(everything):.3f}"
    )


def row(title: str, pair: Pair) -> str:
    this, other = (float(np.median(updates)) for updates in pair.updates)
    blocks, rounds = (f"{low:.3f}-{high:.3f}" for low, high in (pair.quartiles, pair.rounds))
    rows = "same" if pair.same else "DIFFERENT"
    return f"{title:<24}{this:9.1f}{other:10.1f}{pair.ratio:8.3f}{blocks:>14}{rounds:>14}  {rows}"


def write_scene(path: Path, objects: int, frames: int) -> Path:
    """The detections of drawn walkers as plain arrays, which every version can read."""
    scene = walkers(objects, frames, missing=0.05).frames
    embeddings = [frame.embeddings for frame in scene if frame.embeddings is not None]
    np.savez(
        path,
        counts=[len(frame) for frame in scene],
        boxes=np.concatenate([frame.boxes for frame in scene]),
        scores=np.concatenate([frame.scores for frame in scene]),
        embeddings=np.concatenate(embeddings),
    )
    return path


def race(checkouts: tuple[Path, Path], scene: Path, algo: str, frames: int, rounds: int) -> Pair:
    pair = Pair()
    for turn in range(rounds):
        with Version(checkouts[0]) as this, Version(checkouts[1]) as other:
            versions = (this, other)
            for version in versions:
                version.ask(load=str(scene))
                version.ask(algo=algo, embedded=algo in EMBEDDED)
            pair.blocks.append([])
            for taken, same in _blocks(versions, frames, turn):
                pair.blocks[-1].append((float(np.median(taken[0])), float(np.median(taken[1]))))
                pair.updates[0].extend(taken[0])
                pair.updates[1].extend(taken[1])
                pair.same &= same
    return pair


def _blocks(versions: tuple[Version, Version], frames: int, turn: int) -> Iterator[tuple[list[list[float]], bool]]:
    """The updates of both that count, block by block, and whether both answered the same."""
    for number, start in enumerate(range(0, frames - COLD, BLOCK)):
        first = (turn + number) % 2
        answers: dict[int, dict[str, Any]] = {}
        for i in (first, 1 - first):
            answers[i] = versions[i].ask(start=start, stop=min(start + BLOCK, frames))
        yield [answers[i]["us"][COLD:] for i in (0, 1)], answers[0]["digest"] == answers[1]["digest"]


if __name__ == "__main__":
    sys.exit(main())
