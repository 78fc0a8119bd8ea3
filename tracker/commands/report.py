"""What the command says about a run: the choice, the progress, the summary, and run.json."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
import time as clock
from collections.abc import Mapping
from typing import Any, TextIO

PACKAGES = ("trackwhy", "numpy", "scipy", "opencv-python", "onnxruntime", "openvino", "av")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on, where installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def choice(run: Mapping[str, Any]) -> str:
    """One line: source -> detector -> embedder -> algorithm."""
    source = run["source"]
    size = "" if source["size"] is None else f", {source['size'][0]}x{source['size'][1]}"
    frames = "" if source["frames"] is None else f", {source['frames']} frames"
    parts = [f"{source['name']} ({source['kind']}{size}{frames}, {source['frame_rate']:g} fps)"]
    for stage in ("detector", "embedder"):
        if run[stage] is not None:
            by = f" by {run[stage]['runtime']}" if run[stage].get("runtime") == "openvino" else ""
            parts.append(f"{stage} {run[stage]['name']} on {run[stage]['device']}{by}")
    parts.append(run["algorithm"]["name"])
    return " -> ".join(parts)


class Progress:
    """One live line on a terminal; elsewhere a line every ten seconds."""

    def __init__(self, total: int | None, stream: TextIO | None = None) -> None:
        self.total = total
        self.stream = sys.stderr if stream is None else stream
        self.live = self.stream.isatty()
        self.started = self.shown = clock.perf_counter()
        self.width = 0

    def __call__(self, frames: int, objects: int) -> None:
        now = clock.perf_counter()
        if now - self.shown < (0.1 if self.live else 10.0):
            return
        self.shown = now
        rate = frames / (now - self.started)
        of = "" if self.total is None else f"/{self.total}"
        left = "" if self.total is None else f", {_minutes(max(self.total - frames, 0) / rate)} left"
        line = f"frame {frames}{of}, {rate:.1f} fps{left}, {objects} objects"
        if self.live:
            self.stream.write("\r" + line.ljust(self.width))
            self.width = len(line)
        else:
            self.stream.write(line + "\n")
        self.stream.flush()

    def close(self) -> None:
        """Clear the live line."""
        if self.live and self.width:
            self.stream.write("\r" + " " * self.width + "\r")
            self.stream.flush()


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def summary(run: Mapping[str, Any], speed: Mapping[str, Any], paths: Mapping[str, str]) -> str:
    """A few lines: frames, speed per stage, tracks, paths."""
    counts = run["counts"]
    dropped = f", {counts['dropped']} invalid detections dropped" if counts["dropped"] else ""
    stages = ", ".join(f"{name} {rate:.0f}" for name, rate in speed["stages_fps"].items())
    lines = [
        f"{counts['frames']} frames, {counts['detections']} detections{dropped}, {counts['tracks']} tracks, "
        f"{counts['rows']} rows",
        f"{speed['fps']:.1f} frames/s ({stages})",
    ]
    lines += [f"{name}: {path}" for name, path in paths.items()]
    return "\n".join(lines)
