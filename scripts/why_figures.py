"""How many identity switches are explained and proved, on MOT17's second halves, MOT15 and KITTI.

    python scripts/why_figures.py [SHARED] [--sets mot17,mot15,car,pedestrian] [--algos steady,bytetrack,sort]

SHARED holds data/; default ../shared. A line for each set and algorithm: the share of the switches explained by one
reason removed at one frame (A), throughout (B), by two reasons (C), by one forced decision (D), by up to three reasons
(E) and by repaired detections (F), each with those before it; then the controls and the time. MOT17 is scored without
the rules on distractors, as the definition was measured; docs/why.md has the figures.
"""

from __future__ import annotations

import argparse
import time as clock
from collections import Counter
from pathlib import Path
from typing import Any

from generality_sets import Scene, kitti, mot, scores, sigmoid

from tracker.algorithms import build
from tracker.evaluate.rules import RULES, Rules
from tracker.explain.controls import Controls, controls
from tracker.explain.recording import Recorded, Recording
from tracker.explain.truth import Truth
from tracker.explain.why import Why
from tracker.tracker import Tracker

ALGOS: dict[str, tuple[dict[str, Any], float | None]] = {
    "steady": ({}, None),
    "bytetrack": ({}, None),
    "sort": ({"max_age": 30}, 0.6),
}
LEVELS = "ABCDEF"
WITHOUT_DISTRACTORS = Rules("MOT17 without distractors", classes=True, marked=True)


def scenes_of(name: str, data: Path) -> tuple[list[Scene], Rules]:
    """The sequences of a set, and which rows of their truth count."""
    if name == "mot17":
        return mot(data / "MOT17/train", half=True), WITHOUT_DISTRACTORS
    if name == "mot15":
        return mot(data / "MOT15/train", half=False), RULES["mot15"]
    if name not in ("car", "pedestrian"):
        raise SystemExit(f"why_figures: no set {name!r}; there are mot17, mot15, car, pedestrian")
    kind: Any = name
    return [scores(sigmoid)(scene) for scene in kitti(data / "KITTI", kind)], RULES["kitti"]


def line(name: str, algo: str, data: Path) -> str:
    """What the explanations of one algorithm on one set come to."""
    scenes, rules = scenes_of(name, data)
    settings, conf = ALGOS[algo]
    levels: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    said = Controls(0, 0, 0, 0, 0, 0)
    seconds, replays = 0.0, 0
    for scene in scenes:
        tracker = build(algo, settings, frame_rate=scene.rate)
        assert isinstance(tracker, Tracker)
        recording = Recording.of(scene.found, conf, rate=scene.rate)
        why = Why(Recorded(tracker, recording), Truth(scene.truth, rules, recording.numbers))
        started = clock.process_time()
        causes = list(why.switches())
        seconds += clock.process_time() - started
        replays += why.judge.replays
        levels.update(cause.level for cause in causes)
        codes.update(cause.code for cause in causes)
        said += controls(why, causes)
    count = max(1, levels.total())
    shares = [sum(levels[one] for one in LEVELS[: k + 1]) / count for k in range(len(LEVELS))]
    cells = " | ".join(f"{100 * share:.0f}" for share in shares)
    found = ", ".join(f"{code} {n}" for code, n in codes.most_common())
    return (
        f"| {name} | {algo} | {levels.total()} | {cells} | {seconds / count:.2f} s, {replays / count:.1f} replays |\n"
        f"  {found}\n  {said}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", nargs="?", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--sets", default="mot17,mot15,car,pedestrian")
    parser.add_argument("--algos", default=",".join(ALGOS))
    options = parser.parse_args()
    print(f"| set | algorithm | switches | {' | '.join(LEVELS)} | CPU of one switch |\n|---|---|{'---:|' * 7}---|")
    for name in options.sets.split(","):
        for algo in options.algos.split(","):
            print(line(name, algo, options.shared / "data"), flush=True)


if __name__ == "__main__":
    main()
