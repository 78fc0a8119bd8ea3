"""How many of the detector's own boxes of near cars does each tracker cover?

    python scripts/near_cars.py [SHARED] [--frames N] [--clip CLIP ...] [--cache FOLDER]

SHARED holds ``data/video`` and ``data/models`` (default ../shared). The clips are not labelled, so the detector is the
judge: a near car is a box of a car, truck, bus or motorcycle that scores .25 or more and is at least a sixth of the
image high. It is covered where a tracker reports a box of IoU .5 or more with it in that frame. Trackers get every box
from .1 on, at their defaults and the clip's frame rate. ``--cache`` keeps the detections.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import numpy as np

from tracker import Detections, Tracker
from tracker.algorithms import algorithm, algorithms, build, needs_embeddings
from tracker.boxes import iou_pairs_xyxy
from tracker.detect import ONNX
from tracker.io.video import open_source

CLIPS = ("cars_bridge_640x360", "dashcam_moving_640x360")
KINDS = ["car", "truck", "bus", "motorcycle"]
LEAST, GOOD, NEAR, COVERED = 0.1, 0.25, 1 / 6, 0.5


def detected(shared: Path, clip: str, frames: int, cache: Path | None) -> tuple[list[Detections], float, int]:
    """Vehicles in the first frames of a clip, its frame rate, and the height of its images."""
    kept = None if cache is None else cache / f"{clip}-{frames}.npz"
    with open_source(shared / f"data/video/{clip}.mp4") as source:
        rate, height = source.frame_rate or 30.0, source.size[1] if source.size else 360
        if kept is None or not kept.exists():
            detector = ONNX(shared / "data/models/yolox_nano.onnx", conf=LEAST, classes=KINDS)
            found = [detector(f.image) for f in islice(source, frames) if f.image is not None]
            if kept is None:
                return found, rate, height
            cache_it(kept, found)
    with np.load(kept) as file:
        ends = np.cumsum(file["counts"])[:-1]
        parts = zip(np.split(file["boxes"], ends), np.split(file["scores"], ends), strict=True)
        return [Detections(boxes, scores) for boxes, scores in parts], rate, height


def cache_it(path: Path, found: list[Detections]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    boxes, scores = (np.concatenate([getattr(d, name) for d in found]) for name in ("boxes", "scores"))
    np.savez(path, counts=[len(d) for d in found], boxes=boxes, scores=scores)


def coverage(name: str, found: list[Detections], rate: float, height: int) -> tuple[int, int, int]:
    """How many boxes of near cars there are, how many of them a tracker covers, and how many ids it gives."""
    tracker = build(name, frame_rate=rate)
    assert isinstance(tracker, Tracker)
    tracker.warns = False
    near, covered, ids = 0, 0, set[int]()
    for detections in found:
        reported = tracker.update(detections)
        ids.update(reported.ids.tolist())
        boxes = detections.boxes
        wanted = boxes[(boxes[:, 3] - boxes[:, 1] >= NEAR * height) & (detections.scores >= GOOD)]
        near += len(wanted)
        covered += len(np.unique(iou_pairs_xyxy(wanted, reported.boxes, COVERED)[0]))
    return near, covered, len(ids)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", nargs="?", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--frames", type=int, default=600, help="of each clip, from its start (default 600)")
    parser.add_argument("--clip", action="append", choices=CLIPS, help="this clip alone; may be given again")
    parser.add_argument("--cache", type=Path, help="folder for detections")
    options = parser.parse_args()
    if not (options.shared / "data/video").is_dir():
        parser.error(f"{options.shared}: has no folder data/video; give the folder of the shared data")
    print("| clip | tracker | boxes of near cars | covered | ids |\n|---|---|---|---|---|")
    for clip in options.clip or CLIPS:
        found, rate, height = detected(options.shared, clip, options.frames, options.cache)
        for name in (n for n in algorithms() if not needs_embeddings(algorithm(n))):
            near, covered, ids = coverage(name, found, rate, height)
            print(f"| {clip} | {name} | {near} | {covered / max(near, 1):.3f} | {ids} |", flush=True)


if __name__ == "__main__":
    main()
