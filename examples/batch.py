"""Track many videos on all processors; what is done stays done.

python batch.py OUT VIDEO... [--detector yolox-nano] [--workers N]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from tracker.many import Job, listed, outcomes
from tracker.many.job import Saved, key_of_job
from tracker.run.open import Options
from tracker.workers.open import open_engine


def main(out: str, *videos: str, detector: str = "yolox-nano", workers: int | None = None) -> int:
    """Track each video into its folder below ``out``; returns how many failed."""
    jobs = []
    for video in listed(videos)[0]:
        options = Options(video.source, detector=detector.replace("{name}", video.name), invalid="drop")
        job = Job(video.name, str(Path(out) / video.name), options, Saved(video=False), ("batch.py",), "")
        jobs.append(replace(job, key=key_of_job(job)))
    engine = open_engine(workers=workers)
    failed = 0
    try:
        for one in outcomes(jobs, engine):
            print(f"{one.name}: {one.state} {one.line}", flush=True)
            failed += one.state == "failed"
    finally:
        engine.close()
    return failed


if __name__ == "__main__":  # processes that are started import this file
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("videos", nargs="+")
    parser.add_argument("--detector", default="yolox-nano")
    parser.add_argument("--workers", type=int)
    given = parser.parse_args()
    sys.exit(main(given.out, *given.videos, detector=given.detector, workers=given.workers))
