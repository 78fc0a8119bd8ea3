"""What each stage of Steady adds: the tracker without it, scored on MOT17's second halves and on MOT15.

    python scripts/ablation.py [DATA]           DATA holds MOT17/train and MOT15/train; default ../shared/data
    python scripts/ablation.py [DATA] --robust  Steady and others with other detectors, score ranges and frame rates
    python scripts/ablation.py [DATA] --around  each of Steady's settings a fifth lower and a fifth higher

Detections as given in det/det.txt, no appearance. The second half begins at 0-based frame n // 2 + 1; the tracker
starts there. Each figure is HOTA / IDF1 / switches. A difference below 0.3 HOTA is within what dropping one detection
in a hundred changes.

With --robust the same detections have their scores s changed, are cut at a least score, or come every third frame.
"weak" imitates a weak detector: a fifth of the boxes left out, sides off by 4 % of the size, scores times 0.5 to 1.
The detector was trained on the first halves; no setting of Steady was. Each figure is HOTA / IDF1.

With --around each figure is the mean of five runs, each with another fiftieth of the detections left out.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tracker.algorithms import algorithm, build, parameters
from tracker.detections import Detections
from tracker.evaluate.benchmark import GroundTruth, load_ground_truth
from tracker.evaluate.sequences import find_detections
from tracker.io.mot import read_detections
from tracker.rows import Rows, results_of
from tracker.study.choices import Split
from tracker.study.split import part_of

STAGES: list[tuple[str, str, dict[str, Any]]] = [
    ("all stages", "steady", {}),
    ("height as last measured, no memory", "steady", {"height_memory": 1.0}),
    ("score does not weigh", "steady", {"score_power": 1e-9}),
    ("no low stage", "steady", {"low_score": 1.0}),
    ("low stage from 0.1 as ByteTrack", "steady", {"low_score": 0.1}),
    ("low detections measured as high ones", "steady", {"low_noise": 1.0}),
    ("no predicted boxes reported", "steady", {"coast": 0}),
    ("thresholds of ByteTrack", "steady", {"high_score": 0.6, "score_power": 1.0}),
    ("ByteTrack, .6 and .9", "bytetrack", {"track_threshold": 0.6, "match_threshold": 0.9}),
    ("OC-SORT", "ocsort", {}),
    ("SORT, max_age 30", "sort", {"max_age": 30}),
]

OTHERS = STAGES[-3:]

RUNS, LEFT_OUT = 5, 0.02  # of --around
NOT_TRIED = ("appearance", "max_cosine_distance", "frame_rate")  # they change nothing here

Frames = dict[str, list[Detections]]
Change = Callable[[Detections], Detections]


def between(rows: Rows, first: int, last: int, every: int) -> Rows:
    """Every ``every``-th frame from ``first`` to ``last``, renumbered from 1."""
    number = rows.frames
    kept = rows.select((number >= first) & (number <= last) & ((number - first) % every == 0))
    return dataclasses.replace(kept, frames=(kept.frames - first) // every + 1)


def load(
    folder: Path, rules: str, split: Split = "full", *, det: str = "det.txt", every: int = 1
) -> tuple[GroundTruth, Frames]:
    """Truth and detections of the sequences in ``folder`` that have ``det``."""
    sequences = find_detections(folder, file=det)
    whole = load_ground_truth(folder, rules, [sequence.name for sequence in sequences])
    truth: dict[str, Rows] = {}
    frames: Frames = {}
    for sequence in sequences:
        assert sequence.folder is not None
        rows = whole.rows[sequence.name]
        first, length = part_of(split, sequence.length or rows.last_frame)
        last = first + length - 1
        truth[sequence.name] = between(rows, first, last, every)
        found = between(read_detections(sequence.folder / "det" / det), first, last, every)
        slices = [found.at(frame) for frame in range(1, (last - first) // every + 2)]
        frames[sequence.name] = [Detections(found.boxes[here], found.scores[here]) for here in slices]
    return load_ground_truth(truth, rules), frames


def follow(algorithm: str, settings: dict[str, Any], frames: list[Detections], apart: float | None = None) -> Rows:
    """The tracks of the frames, numbered from 1; ``apart``: seconds between them, where the tracker is to know."""
    tracker = build(algorithm, settings)
    reports = [
        tracker.update(detections, time=None if apart is None else i * apart) for i, detections in enumerate(frames)
    ]
    return results_of(reports)


def row(truth: GroundTruth, frames: Frames, algorithm: str, settings: dict[str, Any]) -> tuple[float, float, int]:
    """HOTA and IDF1 in per cent, switches."""
    results = {name: follow(algorithm, settings, part) for name, part in frames.items()}
    figures = truth.score(results, look=False).combined.summary()
    return 100 * figures["HOTA"], 100 * figures["IDF1"], int(figures["IDSW"])


def scored(change: Callable[[Any], Any]) -> Change:
    return lambda found: Detections(found.boxes, change(found.scores))


def cut(least: float) -> Change:
    return lambda found: found[found.scores >= least]


def weak() -> Change:
    chance = np.random.default_rng(0)

    def change(found: Detections) -> Detections:
        found = found[chance.random(len(found)) > 0.2]
        size = np.tile(found.boxes[:, 2:] - found.boxes[:, :2], 2)
        boxes = found.boxes + chance.normal(0, 0.04, size.shape) * size
        whole = (boxes[:, 2:] > boxes[:, :2] + 1).all(axis=1)
        return Detections(boxes[whole], (found.scores * (1 - 0.5 * chance.random(len(found))))[whole])

    return change


def robustness(data: Path) -> None:
    same: Change = scored(lambda s: s)
    scales = [("s", same), (".3 + .4 s", scored(lambda s: 0.3 + 0.4 * s)), (".5 s", scored(lambda s: 0.5 * s))]
    scales += [(".3 s", scored(lambda s: 0.3 * s)), ("s squared", scored(lambda s: s * s))]
    cuts = [(f"cut at {least}", cut(least)) for least in (0.1, 0.3, 0.5, 0.6)]
    mot17, mot15 = data / "MOT17/train", data / "MOT15/train"
    second, whole = load(mot17, "mot17", "second-half"), load(mot15, "mot15")
    rows = [(f"MOT17, {title}", second, change) for title, change in (*scales, *cuts, ("weak", weak()))]
    rows.append(("MOT17, every third frame", load(mot17, "mot17", "second-half", every=3), same))
    rows.append(("MOT17, first halves", load(mot17, "mot17", "first-half"), same))
    rows += [(f"MOT15, {title}", whole, change) for title, change in scales]
    rows.append(("MOT15, ACF", load(mot15, "mot15", det="det-acf.txt"), same))
    print(f"| {'':25} | Steady | {' | '.join(title for title, *_ in OTHERS)} |\n|{'---|' * (len(OTHERS) + 2)}")
    for title, (truth, frames), change in rows:
        changed = {name: [change(found) for found in part] for name, part in frames.items()}
        cells = []
        for _, name, settings in (STAGES[0], *OTHERS):
            hota, idf1, _ = row(truth, changed, name, settings)
            cells.append(f"{hota:.1f} / {idf1:.1f}")
        print(f"| {title:25} | {' | '.join(cells)} |", flush=True)


def around(data: Path) -> None:
    sets = [load(data / "MOT17/train", "mot17", "second-half"), load(data / "MOT15/train", "mot15")]
    print(f"| {'':22} | MOT17 second halves | MOT15 |\n|---|---|---|")
    changes: list[tuple[str, dict[str, Any]]] = [("as it is", {})]
    for name, value in parameters(algorithm("steady")).items():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and name not in NOT_TRIED:
            for factor in (0.8, 1.2):
                changed = round(value * factor) if isinstance(value, int) else round(value * factor, 4)
                changes.append((f"{name} {changed:g}", {name: changed}))
    for title, settings in changes:
        cells = []
        for truth, frames in sets:
            runs = []
            for seed in range(RUNS):
                chance = np.random.default_rng(seed)
                left = {name: [d[chance.random(len(d)) >= LEFT_OUT] for d in part] for name, part in frames.items()}
                runs.append(row(truth, left, "steady", settings))
            hota, idf1, _ = np.mean(runs, axis=0)
            cells.append(f"{hota:.1f} / {idf1:.1f}")
        print(f"| {title:22} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=Path(__file__).resolve().parents[2] / "shared/data")
    parser.add_argument("--robust", action="store_true", help="other detectors and score ranges, against others")
    parser.add_argument("--around", action="store_true", help="each setting a fifth lower and higher")
    options = parser.parse_args()
    if options.robust or options.around:
        (robustness if options.robust else around)(options.data)
        return
    sets = [load(options.data / "MOT17/train", "mot17", "second-half"), load(options.data / "MOT15/train", "mot15")]
    print(f"| {'':36} | MOT17 second halves | MOT15 |\n|---|---|---|")
    for title, name, settings in STAGES:
        cells = []
        for truth, frames in sets:
            hota, idf1, switches = row(truth, frames, name, settings)
            cells.append(f"{hota:.2f} / {idf1:.2f} / {switches}")
        print(f"| {title:36} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
