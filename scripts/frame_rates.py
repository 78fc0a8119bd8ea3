"""What a low frame rate costs: MOT17's second halves thinned to every 2nd, 3rd and 5th frame, with and without time.

    python scripts/frame_rates.py [DATA]        DATA holds MOT17/train; default ../shared/data

Ground truth and detections (det/det.txt) of the frames that are kept. DeepSORT and StrongSORT are left out, since they
need embeddings. "time": the tracker gets the seconds, as `track` gives them from a video's timestamps. "frames": it
takes every frame that is kept for the next one of a full-rate video. Each figure is HOTA / IDF1.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from generality_sets import Cell, Scene, every, mot

from tracker.algorithms import algorithm, algorithms, build, needs_embeddings
from tracker.rows import Rows, results_of

FRAME_RATE = 30.0  # of all sequences, MOT17-05 with its 14 included: what counts is that time passes


def figures(scenes: Sequence[Scene], name: str, nth: int, timed: bool) -> tuple[float, float, int]:
    """HOTA x 100, IDF1 x 100 and switches over all scenes."""
    cell = Cell("MOT17", "thinned", "mot17", [every(nth)(scene) for scene in scenes])
    apart = nth / FRAME_RATE if timed else None
    results = {scene.name: follow(name, scene, apart) for scene in cell.scenes}
    score = cell.ground_truth().score(results, look=False).combined
    return 100 * float(score.hota.hota.mean()), 100 * score.identity.idf1, score.clear.idsw


def follow(name: str, scene: Scene, apart: float | None) -> Rows:
    """The tracks of a scene; ``apart``: seconds between its frames, where the tracker is to know."""
    tracker = build(name)
    times = (None if apart is None else i * apart for i in range(len(scene.found)))
    return results_of([tracker.update(found, time=time) for found, time in zip(scene.found, times, strict=True)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=Path(__file__).resolve().parents[2] / "shared/data")
    scenes = mot(parser.parse_args().data / "MOT17/train", half=True)
    print("| | every frame | 2nd: time | frames | 3rd: time | frames | 5th: time | frames |")
    print("|---" * 8 + "|")
    for name in algorithms():
        if needs_embeddings(algorithm(name)):
            continue
        cells = [figures(scenes, name, 1, False)]
        cells += [figures(scenes, name, nth, timed) for nth in (2, 3, 5) for timed in (True, False)]
        print(f"| {name} | {' | '.join(f'{hota:.1f} / {idf1:.1f}' for hota, idf1, _ in cells)} |", flush=True)


if __name__ == "__main__":
    main()
