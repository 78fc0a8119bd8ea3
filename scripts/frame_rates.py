"""What a low frame rate costs: MOT17's second halves thinned to every 2nd, 3rd and 5th frame, with and without time.

    python scripts/frame_rates.py [DATA]        DATA holds MOT17/train; default ../shared/data

Ground truth and detections of the frames kept, as given in det/det.txt, and DeepSORT and StrongSORT left out (they need
embeddings). "time": the tracker is told the seconds, as `track` does it from a video's timestamps. "frames": it takes
every frame kept for the next one of a full-rate video. Each figure is HOTA / IDF1.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from ablation import Frames, load

from tracker.evaluate.benchmark import GroundTruth
from tracker.io.mot import MotRows
from tracker.registry import algorithm, algorithms, build, needs_embeddings

FRAME_RATE = 30.0  # of all: MOT17-05 has 14, but its frames are thinned all the same


def thinned(rows: MotRows, every: int) -> MotRows:
    """The rows of frames 1, 1 + every, ..., renumbered from 1."""
    kept = rows.select((rows.frames - 1) % every == 0)
    return dataclasses.replace(kept, frames=(kept.frames - 1) // every + 1)


def follow(name: str, settings: dict[str, Any], frames: list[Any], every: int, timed: bool) -> MotRows:
    """The tracks of every ``every``-th frame, numbered from 1."""
    tracker = build(name, settings, frame_rate=FRAME_RATE)
    reports = [
        tracker.update(detections, time=i * every / FRAME_RATE if timed else None)
        for i, detections in enumerate(frames[::every])
    ]
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


def figures(
    truth: GroundTruth, frames: Frames, name: str, settings: dict[str, Any], every: int, timed: bool
) -> tuple[float, float, int]:
    """HOTA x 100, IDF1 x 100 and switches over all sequences."""
    known = {
        key: dataclasses.replace(sequence, length=-(-len(frames[key]) // every))
        for key, sequence in truth.sequences.items()
    }
    thin = GroundTruth(known, {key: thinned(rows, every) for key, rows in truth.rows.items()}, truth.rules, truth.why)
    results = {key: follow(name, settings, part, every, timed) for key, part in frames.items()}
    score = thin.score(results, look=False).combined
    return 100 * float(score.hota.hota.mean()), 100 * score.identity.idf1, score.clear.idsw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=Path(__file__).resolve().parents[2] / "shared/data")
    truth, frames = load(parser.parse_args().data / "MOT17/train", "mot17", "second")
    print("| | every frame | 2nd: time | frames | 3rd: time | frames | 5th: time | frames |")
    print("|---" * 8 + "|")
    for name in algorithms():
        if needs_embeddings(algorithm(name)):
            continue
        cells = [figures(truth, frames, name, {}, 1, False)]
        cells += [figures(truth, frames, name, {}, every, timed) for every in (2, 3, 5) for timed in (True, False)]
        print(f"| {name} | {' | '.join(f'{hota:.1f} / {idf1:.1f}' for hota, idf1, _ in cells)} |", flush=True)


if __name__ == "__main__":
    main()
