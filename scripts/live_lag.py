"""The lag of a live run: a 25 fps camera on this machine, and detectors of 5, 50 and 200 ms.

    python scripts/live_lag.py [--seconds 20] [--detectors 5 50 200] [--keep-all]

The camera, a process of its own, writes into each image when it sent it; the lag is from there to the moment when the
tracks of the frame are there. The detector sleeps. The bound is two detector periods and 250 ms.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from multiprocessing.connection import Connection as Pipe
from typing import Any

import numpy as np
from live.cameras import Connection, camera, number_of

import tracker
from tracker.arrays import Image
from tracker.io.video import Live

RATE = 25.0
SIZE = (640, 480)


def film(pipe: Pipe) -> None:
    """The camera: tells its address, and at the end when it sent each number."""
    with camera(Connection(size=SIZE), rate=RATE) as cam:
        pipe.send(cam.url)
        pipe.recv()
        pipe.send(cam.sent)


def lags(milliseconds: float, seconds: float, *, keep_all: bool) -> tuple[list[float], dict[str, Any], float]:
    """Seconds of lag of each frame, the counts of the run, and the mean seconds from one result to the next."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=film, args=(theirs,), daemon=True)
    process.start()

    def detect(image: Image) -> np.ndarray[Any, Any]:
        time.sleep(milliseconds / 1000)
        return np.array([[50, 50, 90, 140, 0.9]])

    done: dict[int, float] = {}
    run = tracker.track(ours.recv(), detector=detect, algo="sort", live=Live(keep_all=keep_all))
    until = time.monotonic() + seconds
    for image, _ in run:
        assert image is not None
        done[number_of(image)] = time.monotonic()
        if time.monotonic() > until:
            break
    counts = run.counts
    run.close()
    ours.send("end")
    sent = ours.recv()
    process.join()
    times = sorted(done.values())
    return [when - sent[number] for number, when in done.items()], counts, (times[-1] - times[0]) / (len(times) - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--detectors", type=float, nargs="+", default=[5, 50, 200], help="milliseconds")
    parser.add_argument("--keep-all", action="store_true")
    args = parser.parse_args()
    print("| detector | frames/s | dropped | lag p50 | lag p95 | most | bound |")
    print("|---|---|---|---|---|---|---|")
    for milliseconds in args.detectors:
        got, counts, period = lags(milliseconds, args.seconds, keep_all=args.keep_all)
        share = counts["frames_dropped"] / max(counts["frames_in"], 1)
        p50, p95 = (1000 * float(np.percentile(got, q)) for q in (50, 95))
        bound = 2 * milliseconds + 250
        print(
            f"| {milliseconds:g} ms | {1 / period:.1f} | {100 * share:.0f} % | {p50:.0f} ms | {p95:.0f} ms "
            f"| {1000 * max(got):.0f} ms | {bound:.0f} ms |",
            flush=True,
        )


if __name__ == "__main__":
    main()
