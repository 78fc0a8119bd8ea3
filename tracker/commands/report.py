"""What the command says about a run: the choice, and the summary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracker.spelling import number_of, shown

Facts = Mapping[str, Any]  # of run.json


def choice(facts: Facts) -> str:
    """One line: source -> detector -> embedder -> algorithm."""
    source = facts["source"]
    size = "" if source["size"] is None else f", {source['size'][0]}x{source['size'][1]}"
    frames = "" if source["frames"] is None else f", {number_of(source['frames'], 'frame')}"
    parts = [f"{source['name']} ({source['kind']}{size}{frames}, {source['frame_rate']:g} fps)"]
    for stage in ("detector", "embedder"):
        used = facts[stage]
        if used is not None:
            by = " by openvino" if used["runtime"] == "openvino" else ""
            parts.append(f"{stage} {used['name']} on {used['device']}{by}")
    parts.append(facts["algorithm"]["name"])
    return shown(" -> ".join(parts))


def summary(facts: Facts, speed: Facts, paths: Mapping[str, str]) -> str:
    """A few lines: frames, tracks, speed, where the time went, paths."""
    counts = facts["counts"]
    dropped = f", {number_of(counts['dropped'], 'invalid detection')} dropped" if counts["dropped"] else ""
    shares = sorted(speed["shares"].items(), key=lambda item: -item[1])
    spent = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares if share >= 0.005)
    lines = [
        f"{number_of(counts['frames'], 'frame')}, {number_of(counts['detections'], 'detection')}{dropped}, "
        f"{number_of(counts['tracks'], 'track')} with {number_of(counts['rows'], 'box')}",
        f"{speed['fps']:.1f} frames/s; time spent: {spent}",
    ]
    lines += [shown(f"{name}: {path}") for name, path in paths.items()]
    return "\n".join(lines)
