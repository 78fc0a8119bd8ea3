"""How many identity switches are explained and proved, on MOT17's second halves, MOT15 and KITTI.

    python scripts/why_figures.py [SHARED] [--sets mot17,mot15,car,pedestrian] [--algos steady,bytetrack,sort]
    python scripts/why_figures.py [SHARED] --suspects      how many of the first suspects are true switches

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
from tracker.explain.lives import lives_of
from tracker.explain.recording import Recorded, Recording
from tracker.explain.suspects import suspects_of
from tracker.explain.truth import Truth, switches_of
from tracker.explain.why import Why
from tracker.tracker import Tracker

ALGOS: dict[str, tuple[dict[str, Any], float | None]] = {
    "steady": ({}, None),
    "bytetrack": ({}, None),
    "sort": ({"max_age": 30}, 0.6),
}
LEVELS = "ABCDEF"
NEAR = 25  # frames
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


def suspects_line(name: str, algo: str, data: Path) -> str:
    """How many suspects name an id of a true switch at most NEAR frames away: of the first 10 of each sequence, of as
    many as there are switches, and of all.
    """
    scenes, rules = scenes_of(name, data)
    settings, conf = ALGOS[algo]
    hits = {"first 10": [0, 0], "as many as switches": [0, 0], "all": [0, 0]}
    for scene in scenes:
        tracker = build(algo, settings, frame_rate=scene.rate)
        assert isinstance(tracker, Tracker)
        recording = Recording.of(scene.found, conf, rate=scene.rate)
        run = Recorded(tracker, recording)
        switches = switches_of(Truth(scene.truth, rules, recording.numbers).match(run.reports))
        suspects = suspects_of(run, lives_of(run), scene.size)
        true = [
            any(abs(s.frame - one.frame) <= NEAR and {s.before, s.after} & {one.track, one.other} for s in switches)
            for one in suspects
        ]
        for title, count in zip(hits, (10, len(switches), len(true)), strict=True):
            hits[title][0] += sum(true[:count])
            hits[title][1] += len(true[:count])
    cells = " | ".join(f"{right} of {count}" for right, count in hits.values())
    return f"| {name} | {algo} | {cells} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", nargs="?", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--sets", default="mot17,mot15,car,pedestrian")
    parser.add_argument("--algos", default=",".join(ALGOS))
    parser.add_argument("--suspects", action="store_true", help="the suspects instead")
    options = parser.parse_args()
    if options.suspects:
        for name in options.sets.split(","):
            for algo in options.algos.split(","):
                print(suspects_line(name, algo, options.shared / "data"), flush=True)
        return
    print(f"| set | algorithm | switches | {' | '.join(LEVELS)} | CPU of one switch |\n|---|---|{'---:|' * 7}---|")
    for name in options.sets.split(","):
        for algo in options.algos.split(","):
            print(line(name, algo, options.shared / "data"), flush=True)


if __name__ == "__main__":
    main()
