"""What a low frame rate costs: MOT17's second halves thinned to every 2nd, 3rd and 5th frame, with and without time.

    python scripts/frame_rates.py [DATA]        DATA holds MOT17/train; default ../shared/data

Ground truth and detections (det/det.txt) of the frames that are kept. DeepSORT and StrongSORT are left out, since they
need embeddings. "time": the tracker gets the seconds, as `track` gives them from a video's timestamps. "frames": it
takes every frame that is kept for the next one of a full-rate video. Each figure is HOTA / IDF1.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from ablation import Frames, between, follow, load

from tracker.algorithms import algorithm, algorithms, needs_embeddings
from tracker.evaluate.benchmark import GroundTruth

FRAME_RATE = 30.0  # of all sequences, MOT17-05 with its 14 included: what counts is that time passes


def figures(
    truth: GroundTruth, frames: Frames, name: str, settings: dict[str, Any], every: int, timed: bool
) -> tuple[float, float, int]:
    """HOTA x 100, IDF1 x 100 and switches over all sequences."""
    known = {
        key: dataclasses.replace(sequence, length=-(-len(frames[key]) // every))
        for key, sequence in truth.sequences.items()
    }
    rows = {key: between(part, 1, len(frames[key]), every) for key, part in truth.rows.items()}
    thin = GroundTruth(known, rows, truth.rules, truth.why)
    apart = every / FRAME_RATE if timed else None
    results = {key: follow(name, settings, part[::every], apart) for key, part in frames.items()}
    score = thin.score(results, look=False).combined
    return 100 * float(score.hota.hota.mean()), 100 * score.identity.idf1, score.clear.idsw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=Path(__file__).resolve().parents[2] / "shared/data")
    truth, frames = load(parser.parse_args().data / "MOT17/train", "mot17", "second-half")
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
