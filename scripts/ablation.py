"""What each stage of Steady adds: the tracker without it, scored on MOT17's second halves, MOT15 and KITTI's cars.

    python scripts/ablation.py [DATA]           DATA holds MOT17/train, MOT15/train and KITTI; default ../shared/data
    python scripts/ablation.py [DATA] --around  each of Steady's settings a fifth lower and a fifth higher

Detections as given, no appearance, each tracker told the frame rate. Each figure is HOTA / IDF1 / switches. A
difference below 0.3 HOTA is within what dropping one detection in a hundred changes. Other detectors, score ranges,
rates and cameras: ``scripts/generality.py``.

With --around each figure is HOTA / IDF1, the mean of three runs, each with another fiftieth of the detections left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from generality_sets import Cell, Scene, kitti, mot, scores, sigmoid

from tracker.algorithms import algorithm, build, parameters
from tracker.rows import Rows, results_of

STAGES: list[tuple[str, str, dict[str, Any]]] = [  # what is left out, algorithm, settings
    ("all stages", "steady", {}),
    ("height as last measured, no memory", "steady", {"height_memory": 1.0}),
    ("score does not weigh", "steady", {"score_power": 1e-9}),
    ("no low stage", "steady", {"low_score": 1.0}),
    ("low stage from 0.1 as ByteTrack", "steady", {"low_score": 0.1}),
    ("low detections measured as high ones", "steady", {"low_noise": 1.0}),
    ("no predicted boxes reported", "steady", {"coast": 0}),
    ("camera not followed", "steady", {"camera_from_pairs": False}),
    ("thresholds of ByteTrack", "steady", {"high_score": 0.6, "score_power": 1.0}),
    ("ByteTrack, .6 and .9", "bytetrack", {"track_threshold": 0.6, "match_threshold": 0.9}),
    ("OC-SORT", "ocsort", {}),
    ("SORT, max_age 30, from .6 on", "sort", {"max_age": 30}),
]

RUNS, LEFT_OUT = 3, 0.02  # of --around
NOT_TRIED = ("appearance", "max_cosine_distance", "frame_rate")  # they change nothing here
LEAST_FOR_SORT = 0.6  # SORT has no threshold of its own: fed every box from .01 on it would be a straw man


def sets(data: Path) -> list[Cell]:
    """What is scored together."""
    cars = [scores(sigmoid)(scene) for scene in kitti(data / "KITTI", "car")]
    return [
        Cell("MOT17", "second halves", "mot17", mot(data / "MOT17/train", half=True)),
        Cell("MOT15", "whole", "mot15", mot(data / "MOT15/train", half=False)),
        Cell("KITTI", "cars", "kitti", cars),
    ]


def follow(algorithm: str, settings: dict[str, Any], scene: Scene) -> Rows:
    """The tracks of a scene."""
    least = LEAST_FOR_SORT if algorithm == "sort" else 0.0
    tracker = build(algorithm, settings, frame_rate=scene.rate)
    return results_of([tracker.update(found[found.scores >= least]) for found in scene.found])


def row(cell: Cell, algorithm: str, settings: dict[str, Any]) -> tuple[float, float, int]:
    """HOTA and IDF1 in per cent, switches."""
    results = {scene.name: follow(algorithm, settings, scene) for scene in cell.scenes}
    figures = cell.ground_truth().score(results, look=False).combined.summary()
    return 100 * figures["HOTA"], 100 * figures["IDF1"], int(figures["IDSW"])


def thinned(cell: Cell, seed: int) -> Cell:
    """The cell with LEFT_OUT of its detections left out."""
    draw = np.random.default_rng(seed)
    scenes = [replace(s, found=[d[draw.random(len(d)) >= LEFT_OUT] for d in s.found]) for s in cell.scenes]
    return replace(cell, scenes=scenes)


def around(cells: Sequence[Cell]) -> None:
    changes: list[tuple[str, dict[str, Any]]] = [("as it is", {})]
    for name, value in parameters(algorithm("steady")).items():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and name not in NOT_TRIED:
            for factor in (0.8, 1.2):
                changed = round(value * factor) if isinstance(value, int) else round(value * factor, 4)
                changes.append((f"{name} {changed:g}", {name: changed}))
    runs = [[thinned(cell, seed) for seed in range(RUNS)] for cell in cells]
    for title, settings in changes:
        means = [np.mean([row(cell, "steady", settings) for cell in same], axis=0) for same in runs]
        print(f"| {title:22} | {' | '.join(f'{hota:.1f} / {idf1:.1f}' for hota, idf1, _ in means)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=Path(__file__).resolve().parents[2] / "shared/data")
    parser.add_argument("--around", action="store_true", help="each setting a fifth lower and higher")
    options = parser.parse_args()
    cells = sets(options.data)
    print(f"| | {' | '.join(cell.name for cell in cells)} |\n|{'---|' * (len(cells) + 1)}")
    if options.around:
        around(cells)
        return
    for title, name, settings in STAGES:
        figures = [row(cell, name, settings) for cell in cells]
        print(f"| {title:36} | {' | '.join(f'{h:.2f} / {i:.2f} / {n}' for h, i, n in figures)} |", flush=True)


if __name__ == "__main__":
    main()
