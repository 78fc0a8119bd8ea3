"""Feed damaged files and odd values to the readers and the library: each is taken, or refused in one line.

    .venv/bin/python scripts/fuzz.py --rounds 500 --seed 0

Refused means ValueError or OSError. Every base file is read unharmed first. A failure prints the seed of its case,
which `--only SEED` runs again.
"""

from __future__ import annotations

import argparse
import datetime
import io
import json
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tracker import SORT, Detections, Steady, as_detections
from tracker.algorithms import read_params
from tracker.camera import CameraFile
from tracker.detect.recorded import Recorded
from tracker.evaluate import evaluate
from tracker.io.mot import read_detections, read_ground_truth, read_results
from tracker.io.seqinfo import read_seqinfo

ROWS = "".join(f"{frame},{i},{10 * i + frame},20,30,60,0.9,-1,-1,-1\n" for frame in range(1, 9) for i in (1, 2))
TRUTH = "".join(f"{frame},{i},{10 * i + frame},20,30,60,1,1,1.0\n" for frame in range(1, 9) for i in (1, 2))
SEQINFO = "[Sequence]\nname=S\nimDir=img1\nframeRate=30\nseqLength=8\nimWidth=640\nimHeight=480\nimExt=.jpg\n"
CAMERA = "".join(f"{frame} 1 0 {frame} 0 1 0\n" for frame in range(8))
WORDS = [
    b"nan",
    b"inf",
    b"-1",
    b"1e400",
    b"9" * 30,
    b"",
    b"\0",
    b"\xff\xfe",
    b",",
    b";",
    b"\n",
    b"\r",
    b'"',
    b"=cmd",
    b"\x1b[31m",
]


@dataclass(frozen=True)
class Base:
    """A good file, and what reads it."""

    name: str
    content: bytes
    read: Callable[[Path], object]


def _archive() -> bytes:
    out = io.BytesIO()
    boxes = np.tile([[10.0, 20, 40, 80]], (6, 1))
    np.savez(out, frame=np.arange(1, 7), xyxy=boxes, score=np.full(6, 0.9), embedding=np.eye(6, 4, dtype=np.float32))
    return out.getvalue()


def _score(path: Path) -> object:
    truth = path.with_name("truth.txt")
    truth.write_text(TRUTH)
    return evaluate(path, truth, "plain")


BASES = [
    Base("det.txt", ROWS.encode(), read_detections),
    Base("results.txt", ROWS.encode(), read_results),
    Base("scored.txt", ROWS.encode(), _score),
    Base("gt.txt", TRUTH.encode(), read_ground_truth),
    Base("recorded.npz", _archive(), Recorded),
    Base("seqinfo.ini", SEQINFO.encode(), read_seqinfo),
    Base("params.json", json.dumps({"algorithm": "sort", "parameters": {"max_age": 30}}).encode(), read_params),
    Base("camera.txt", CAMERA.encode(), CameraFile),
]


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """A few cuts, flips, insertions and repetitions."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        at, length = int(rng.integers(0, len(data) + 1)), int(rng.integers(1, 12))
        kind = rng.integers(0, 5)
        if kind == 0:
            data[at : at + length] = b""
        elif kind == 1:
            data[at : at + length] = rng.bytes(length)
        elif kind == 2:
            data[at:at] = WORDS[int(rng.integers(len(WORDS)))]
        elif kind == 3:
            del data[at:]
        else:
            data[at:at] = data[max(0, at - 200) : at]
    return bytes(data)


ODD: list[object] = [float("nan"), float("inf"), -1, 0, 10**400, True, None, "5", b"5", [], [[]], {}, 1 + 2j, object()]
ODD += [np.datetime64("2026-01-01"), datetime.datetime(2026, 1, 1), np.ma.masked, np.float16(6e4), (1, 2, 3), [None]]
ODD += [np.zeros((0, 4)), np.ones((2, 2, 2)), np.array([["a"] * 4]), [[0, 0, 9, 9]], [[0, 0, 9, 9, 87]]]
ODD += [{"boxes": [[1, 2, 3, 4]], "scores": [1, 2]}]


def call(rng: np.random.Generator) -> None:
    """One call of the library with odd values; raises what it raises."""

    def odd() -> object:
        return ODD[int(rng.integers(len(ODD)))]

    kind = rng.integers(0, 5)
    if kind == 0:
        as_detections(odd())
    elif kind == 1:
        Detections([[0, 0, 9, 9]], scores=odd(), classes=odd(), embeddings=odd(), payload=None)  # type: ignore[arg-type]
    elif kind == 2:
        SORT().update(odd(), None, odd())  # type: ignore[arg-type]
    elif kind == 3:
        options: dict[str, Any] = {name: odd() for name in rng.choice(list(Steady.declared), 2)}
        Steady(**options)
    else:
        tracker = Steady()
        for _ in range(3):
            tracker.update(rng.normal(0, 10 ** rng.uniform(-3, 9), (4, 6)), invalid="drop")


def one(seed: int, folder: Path) -> str | None:
    """The fault that the case of this seed shows, None where all is well."""
    rng = np.random.default_rng(seed)
    base = BASES[int(rng.integers(len(BASES)))] if rng.random() < 0.7 else None
    what = "library" if base is None else base.name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if base is None:
                call(rng)
            else:
                path = folder / base.name
                path.write_bytes(damaged(base.content, rng))
                base.read(path)
    except (ValueError, OSError) as error:
        return None if "\n" not in str(error) else f"seed {seed}: {what}: more than one line: {error}"
    except Exception:
        return f"seed {seed}: {what}\n{traceback.format_exc()}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=500, help="cases (default 500)")
    parser.add_argument("--seed", type=int, default=0, help="of the first case (default 0)")
    parser.add_argument("--only", type=int, metavar="SEED", help="run this case alone")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for base in BASES:
            (folder / base.name).write_bytes(base.content)
            base.read(folder / base.name)
        seeds = [args.only] if args.only is not None else range(args.seed, args.seed + args.rounds)
        faults = [fault for seed in seeds if (fault := one(seed, folder)) is not None]
    print(*faults[:20], f"{len(faults)} faults in {len(seeds)} cases", sep="\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
