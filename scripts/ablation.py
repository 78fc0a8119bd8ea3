"""What each stage of Steady adds: the tracker without it, scored on MOT17's second halves and on MOT15.

    python scripts/ablation.py [DATA]        DATA holds MOT17/train and MOT15/train; default ../shared/data

Detections as given in det/det.txt, no appearance. The second half begins at 0-based frame n // 2 + 1; the tracker
starts there. Each figure is HOTA / IDF1 / switches. A difference below 0.3 HOTA is within what dropping one detection
in a hundred changes.
"""

from __future__ import annotations

import argparse
import configparser
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from tracker.detections import Detections
from tracker.evaluate.benchmark import GroundTruth, load_ground_truth
from tracker.io.mot import MotRows, read_detections, read_ground_truth
from tracker.registry import build

STAGES: list[tuple[str, str, dict[str, Any]]] = [
    ("all stages", "steady", {}),
    ("height as last measured, no memory", "steady", {"height_memory": 1.0}),
    ("score does not weigh", "steady", {"score_power": 1e-9}),
    ("no low stage", "steady", {"low_score": 1.0}),
    ("low stage from 0.1 as ByteTrack", "steady", {"low_score": 0.1}),
    ("low detections measured as high ones", "steady", {"low_noise": 1.0}),
    ("nothing reported that is not seen", "steady", {"coast": 0}),
    ("thresholds of ByteTrack", "steady", {"high_score": 0.6, "score_power": 1.0}),
    ("ByteTrack, .6 and .9", "bytetrack", {"track_threshold": 0.6, "match_threshold": 0.9}),
    ("OC-SORT", "ocsort", {}),
    ("SORT, max_age 30", "sort", {"max_age": 30}),
]

Frames = dict[str, list[Detections]]


def from_frame(rows: MotRows, first: int) -> MotRows:
    """The rows from frame ``first`` on, renumbered from 1."""
    kept = rows.select(rows.frames >= first)
    return dataclasses.replace(kept, frames=kept.frames - (first - 1))


def load(folder: Path, rules: str, second_half: bool) -> tuple[GroundTruth, Frames]:
    truth: dict[str, MotRows] = {}
    frames: Frames = {}
    for sequence in sorted(p for p in folder.iterdir() if (p / "seqinfo.ini").exists()):
        info = configparser.ConfigParser()
        info.read(sequence / "seqinfo.ini")
        length = info.getint("Sequence", "seqLength")
        first = length // 2 + 2 if second_half else 1
        layout: Any = "mot15" if rules == "mot15" else "mot16"
        truth[sequence.name] = from_frame(read_ground_truth(sequence / "gt/gt.txt", layout), first)
        found = from_frame(read_detections(sequence / "det/det.txt"), first)
        slices = [found.at(frame) for frame in range(1, length - first + 2)]
        frames[sequence.name] = [Detections(found.boxes[part], found.scores[part]) for part in slices]
    return load_ground_truth(truth, rules), frames


def follow(algorithm: str, settings: dict[str, Any], frames: list[Detections]) -> MotRows:
    tracker = build(algorithm, settings)
    reports = [tracker.update(detections) for detections in frames]
    number = np.concatenate([np.full(len(tracks), i) for i, tracks in enumerate(reports, start=1)])
    none = np.full(len(number), -1)
    return MotRows(
        frames=number,
        ids=np.concatenate([tracks.ids for tracks in reports]),
        boxes=np.concatenate([tracks.boxes for tracks in reports]),
        scores=np.ones(len(number)),
        classes=none,
        visibility=none.astype(float),
        lines=np.arange(1, len(number) + 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=Path(__file__).resolve().parents[2] / "shared/data")
    data = parser.parse_args().data
    sets = [load(data / "MOT17/train", "mot17", True), load(data / "MOT15/train", "mot15", False)]
    print(f"| {'':36} | MOT17 second halves | MOT15 |\n|---|---|---|")
    for title, algorithm, settings in STAGES:
        cells = []
        for truth, frames in sets:
            results = {name: follow(algorithm, settings, part) for name, part in frames.items()}
            figures = truth.score(results, look=False).combined.to_dict()
            hota, idf1 = 100 * np.mean(figures["HOTA"]), 100 * figures["IDF1"]
            cells.append(f"{hota:.2f} / {idf1:.2f} / {figures['IDSW']}")
        print(f"| {title:36} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
