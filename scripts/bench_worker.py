"""One version of the library, timed on request: what ``scripts/bench_versions.py`` starts once per checkout.

    python scripts/bench_worker.py CHECKOUT

Imports ``tracker`` from CHECKOUT and uses its public names only, so that any version can be timed. It reads one JSON
object per line and answers each with one:

    {"load": "scene.npz"}                                the detections of a scene, made ready
    {"algo": "SORT"}                                     a new tracker
    {"start": 0, "stop": 20}                             these frames: {"us": [...], "rows": N, "digest": "..."}

us: processor time of each update. digest: of every id and box reported since the tracker was made.
"""

from __future__ import annotations

import gc
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any


class Worker:
    """The scene and the tracker at hand."""

    def __init__(self) -> None:
        self.frames: list[Any] = []
        self.embeddings: list[Any] = []
        self.tracker: Any = None
        self.embedded = False
        self.digest = hashlib.sha256()

    def load(self, path: str) -> dict[str, Any]:
        import numpy as np

        with np.load(path) as scene:
            ends = np.cumsum(scene["counts"])[:-1]
            boxes, scores = np.split(scene["boxes"], ends), np.split(scene["scores"], ends)
            self.embeddings = np.split(scene["embeddings"], ends)
        self.frames = list(zip(boxes, scores, strict=True))
        return {"frames": len(self.frames)}

    def make(self, algo: str, embedded: bool) -> dict[str, Any]:
        import tracker

        self.tracker = getattr(tracker, algo)()
        self.embedded = embedded
        self.digest = hashlib.sha256()
        return {}

    def run(self, start: int, stop: int) -> dict[str, Any]:
        from tracker import Detections

        inputs = [
            Detections(*self.frames[i], embeddings=self.embeddings[i] if self.embedded else None)
            for i in range(start, stop)
        ]
        taken, rows = [], 0
        gc.collect()
        for detections in inputs:
            started = time.process_time_ns()
            tracks = self.tracker.update(detections)
            taken.append((time.process_time_ns() - started) / 1e3)
            self.digest.update(tracks.ids.tobytes() + tracks.boxes.tobytes())
            rows += len(tracks.ids)
        return {"us": taken, "rows": rows, "digest": self.digest.hexdigest()}


def main(checkout: str) -> int:
    sys.path[0] = checkout  # instead of scripts/
    import tracker

    found = Path(tracker.__file__).resolve().parents[1]
    if found != Path(checkout).resolve():
        print(json.dumps({"error": f"{checkout}: tracker was imported from {found}"}), flush=True)
        return 2
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        if "load" in request:
            answer = worker.load(request["load"])
        elif "algo" in request:
            answer = worker.make(request["algo"], request["embedded"])
        else:
            answer = worker.run(request["start"], request["stop"])
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
