"""The processors that this process may use."""

from __future__ import annotations

import os


def processors() -> list[int]:
    """The processors that this process may use, by number."""
    if hasattr(os, "sched_getaffinity"):  # knows the limits of a container or taskset; not on macOS and Windows
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))
