"""Does a tracker hold on many kinds of data? Every tracker at its defaults, on many sets of data and changes of them.

    python scripts/generality.py [SHARED] [--quick] [--video] [--only GROUP] [--cache FOLDER] [-o TABLE.md]

SHARED holds ``data`` and ``reference`` (default ../shared). Contestants: our trackers that need no embeddings, and with
``pip install "trackers>=2.6"`` Roboflow's five, each with its own defaults and the scene's frame rate. A cell is a set
of scenes under one change (``generality_sets``); --quick takes six of them, --video adds vtest in eleven encodes at
five confidences, with yolox_nano.

Printed for each cell: HOTA, IDF1 and switches of Steady, the other contestant with the best HOTA, by how much the best
of the others is above Steady in HOTA and in IDF1 (regret), and the half of the 95 % interval of the difference in HOTA,
by a bootstrap over scenes where there are several. Then for each contestant its mean rank (1: always the best), in how
many cells it is at most half a HOTA below the best, and by how much it is below the best in its worst cell.

Which settings of Steady were chosen on what: docs/generality.md.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import pickle
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from generality_sets import Cell, Scene, cells
from generality_video import video_cells

from tracker import Detections, Tracker
from tracker.algorithms import algorithm, algorithms, build, needs_embeddings
from tracker.evaluate.scores import SequenceScore, combine
from tracker.rows import Rows, as_rows, results_of

OURS = "steady"
NEAR = 0.5  # HOTA: as good as the best
DRAWS = 1000  # of the bootstrap
Follow = Callable[[Scene], Rows]


@dataclass(frozen=True)
class Result:
    """The scores of one contestant in one cell."""

    scores: list[SequenceScore]

    def figures(self) -> tuple[float, float, int]:
        """HOTA and IDF1 in per cent, switches."""
        found = combine(self.scores).summary()
        return 100 * found["HOTA"], 100 * found["IDF1"], int(found["IDSW"])


def contestants() -> dict[str, Follow]:
    """By name, what gives the rows of a scene."""
    found: dict[str, Follow] = {
        name: partial(ours, name) for name in algorithms() if not needs_embeddings(algorithm(name))
    }
    if importlib.util.find_spec("trackers") is None:
        print('Without Roboflow\'s trackers: pip install "trackers>=2.6"\n')
        return found
    import trackers

    kinds: dict[str, Callable[..., Any]] = {
        "SORT": trackers.SORTTracker,
        "ByteTrack": trackers.ByteTrackTracker,
        "OC-SORT": trackers.OCSORTTracker,
        "BoT-SORT": partial(trackers.BoTSORTTracker, enable_cmc=False),  # there are no images
        "C-BIoU": trackers.CBIoUTracker,
    }
    return found | {f"Roboflow {name}": partial(_roboflow, kind) for name, kind in kinds.items()}


def ours(name: str, scene: Scene) -> Rows:
    """What one of our trackers gives at its defaults."""
    tracker = build(name, frame_rate=scene.rate)
    assert isinstance(tracker, Tracker)
    tracker.warns = False  # some cells have scores that some trackers never reach
    return results_of([tracker.update(found) for found in scene.found])


def _roboflow(kind: Callable[..., Any], scene: Scene) -> Rows:
    import supervision

    def given(found: Detections) -> Any:
        none = np.zeros(len(found), dtype=int)
        return supervision.Detections(np.array(found.boxes), confidence=np.array(found.scores), class_id=none)

    update = kind(frame_rate=scene.rate).update
    answers = [update(given(found)) for found in scene.found]
    known = [answer.tracker_id >= 0 if len(answer) else np.empty(0, dtype=bool) for answer in answers]
    frames = np.repeat(np.arange(1, len(answers) + 1), [np.count_nonzero(k) for k in known])
    pairs = [(a, k) for a, k in zip(answers, known, strict=True) if k.any()]
    ids = np.concatenate([np.empty(0, dtype=int), *(a.tracker_id[k] for a, k in pairs)])
    boxes = np.concatenate([np.empty((0, 4)), *(a.xyxy[k] for a, k in pairs)])
    return as_rows(frames, ids, boxes).by_frame()


def results(cell: Cell, follow: Follow, name: str, cache: Path | None) -> Result:
    """The scores of one contestant; those of others' trackers are kept in ``cache``, as they do not change here."""
    kept = None if cache is None or not name.startswith("Roboflow") else cache / f"{_key(cell, name)}.pkl"
    if kept is not None and kept.exists():
        return Result(pickle.loads(kept.read_bytes()))
    truth = cell.ground_truth()
    scores = list(truth.score({s.name: follow(s) for s in cell.scenes}, look=False).sequences)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(pickle.dumps(scores))
    return Result(scores)


def _key(cell: Cell, name: str) -> str:
    digest = hashlib.sha256(f"{name}|{cell.name}|{cell.rules}".encode())
    for scene in cell.scenes:
        digest.update(f"{scene.name}|{scene.rate}|{scene.size}".encode())
        for part in (scene.truth.frames, scene.truth.ids, scene.truth.boxes, scene.truth.scores):
            digest.update(np.ascontiguousarray(part).tobytes())
        for found in scene.found:
            digest.update(np.ascontiguousarray(found.boxes).tobytes() + np.ascontiguousarray(found.scores).tobytes())
    return digest.hexdigest()[:24]


def half_interval(ours: Result, other: Result) -> float:
    """Half of the 95 % interval of the difference in HOTA, over scenes drawn with replacement; NaN for one scene."""
    count = len(ours.scores)
    if count < 2:
        return float("nan")
    draw = np.random.default_rng(0)
    apart = []
    for _ in range(DRAWS):
        some = draw.integers(0, count, count)
        pair = [combine([r.scores[k] for k in some]).hota.hota.mean() for r in (ours, other)]
        apart.append(100 * (pair[0] - pair[1]))
    low, high = np.quantile(apart, [0.025, 0.975])
    return float(high - low) / 2


def table(every: Iterable[Cell], cache: Path | None) -> Iterator[str]:
    """The lines of both tables."""
    runners = contestants()
    ranks: dict[str, list[tuple[float, float, float]]] = {name: [] for name in runners}
    yield f"| {'cell':44} | Steady HOTA / IDF1 / switches | best other | regret HOTA | IDF1 | +- |"
    yield "|---|---|---|---|---|---|"
    for cell in every:
        found = {name: results(cell, follow, name, cache) for name, follow in runners.items()}
        figures = {name: result.figures() for name, result in found.items()}
        for name, (hota, idf1, _) in figures.items():
            above = sum(f[0] > hota for f in figures.values()), sum(f[1] > idf1 for f in figures.values())
            ranks[name].append((1 + above[0], 1 + above[1], max(f[0] for f in figures.values()) - hota))
        ours = figures[OURS]
        others = {name: f for name, f in figures.items() if name != OURS}
        best = max(others, key=lambda name: others[name][0])
        regret = [max(0.0, max(f[k] for f in others.values()) - ours[k]) for k in (0, 1)]
        yield (
            f"| {cell.name:44} | {ours[0]:.1f} / {ours[1]:.1f} / {ours[2]} | {best} {others[best][0]:.1f} | "
            f"{regret[0]:.2f} | {regret[1]:.2f} | {half_interval(found[OURS], found[best]):.1f} |"
        )
    yield "\n| contestant | mean rank, HOTA | mean rank, IDF1 | within half a HOTA of the best | worst |"
    yield "|---|---|---|---|---|"
    for name, rows in sorted(ranks.items(), key=lambda item: np.mean([row[0] for row in item[1]])):
        hota, idf1, below = np.array(rows).T
        near = np.count_nonzero(below <= NEAR)
        yield f"| {name} | {hota.mean():.2f} | {idf1.mean():.2f} | {near} of {len(below)} | {below.max():.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "shared",
        nargs="?",
        type=Path,
        default=Path(__file__).resolve().parents[2] / "shared",
        help="folder of the shared data (default ../shared)",
    )
    parser.add_argument("--quick", action="store_true", help="six cells, half a minute")
    parser.add_argument("--video", action="store_true", help="vtest in eleven encodes too")
    parser.add_argument("--only", help="only cells of sets whose name starts so: MOT17, KITTI, MOT15, drawn, vtest")
    parser.add_argument("--cache", type=Path, help="folder for encodes, their detections and other projects' scores")
    parser.add_argument("-o", "--output", type=Path, help="write the tables there too")
    options = parser.parse_args()
    if not (options.shared / "data").is_dir():
        parser.error(f"{options.shared}: has no folder data; give the folder of the shared data")
    every: list[Cell] = list(cells(options.shared, options.quick))
    if options.video:
        every += video_cells(options.shared, options.cache)
    chosen = [cell for cell in every if cell.group.startswith(options.only or "")]
    if not chosen:
        groups = ", ".join(dict.fromkeys(cell.group for cell in every))
        parser.error(f"--only {options.only}: no set has a name that starts so; there are {groups}")
    lines = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other projects
        for line in table(chosen, options.cache):
            print(line, flush=True)
            lines.append(line)
    if options.output is not None:
        options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
