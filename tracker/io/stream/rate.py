"""The frame rate of a camera that does not say it, by when its frames arrive."""

from __future__ import annotations

import time as clock

import numpy as np

from tracker.io.stream.jpeg import Images

INTERVALS = 12  # that are measured
PATIENCE = 2.0  # seconds
BURST = 2e-3  # seconds between frames that waited in a buffer and come at once
NEAR = 0.03  # of the rate: a whole number so near is meant


def arrival_rate(capture: Images) -> float | None:
    """Frames per second by the median interval of the next frames; None where too few come."""
    until = clock.monotonic() + PATIENCE
    intervals: list[float] = []
    last: float | None = None
    while len(intervals) < INTERVALS and clock.monotonic() < until:
        if not capture.read()[0]:
            break
        now = clock.monotonic()
        if last is not None and now - last > BURST:
            intervals.append(now - last)
        last = now
    return by_intervals(intervals)


def by_intervals(seconds: list[float]) -> float | None:
    """Frames per second of these intervals between frames; None for fewer than two."""
    if len(seconds) < 2:
        return None
    rate = float(1 / np.median(seconds))
    whole = round(rate)
    return float(whole) if whole and abs(rate - whole) <= NEAR * rate else rate
