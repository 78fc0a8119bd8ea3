"""``run.json``: everything that a run's results depend on, how far it came, and what it counted.

state       "running", "complete", "incomplete" (frames of the source could not be read), "interrupted" (by a signal,
            or the loop was left) or "failed" (with "error"); "complete" repeats whether it is the second
date        when it started, UTC. SOURCE_DATE_EPOCH (seconds since 1970) sets it, for files that are equal byte for byte
command     the command line; of a library call "call", the arguments given
source, detector, embedder, algorithm   what was used, every value as it was used, defaults too
inputs      path and SHA-256 of each file read, by the option that named it
versions    of Python and the packages
workers     where workers detected in pieces of the source: engine, tasks at a time, most frames of a piece
goes_on_behind_frame  of a run that was resumed: the last frame of the run before
notes       lines for people
counts      frames, missing frames ("missing_frames_at_least" where there may be more), detections, dropped rows,
            tracks, rows; brought up to date every second
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from functools import lru_cache
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from tracker.io.digest import sha256_of
from tracker.io.passwords import without_passwords
from tracker.protocol import EmbedderCall
from tracker.run.open import Opened, Options
from tracker.run.pipeline import Pipeline

State = Literal["running", "complete", "incomplete", "interrupted", "failed"]
Facts = dict[str, Any]  # what JSON takes

PACKAGES = ("trackwhy", "numpy", "scipy", "opencv-python", "onnxruntime", "openvino", "av")


@runtime_checkable
class _Scored(Protocol):
    conf: float


@runtime_checkable
class _Headed(Protocol):
    head: str


@runtime_checkable
class _Named(Protocol):
    name: str


@runtime_checkable
class _Placed(Protocol):
    device: str


@runtime_checkable
class _Runs(Protocol):
    runtime: str | None


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on, where installed."""
    return dict(_versions())


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    """Read once: of many short videos it would be a good part of the time."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def facts_of(opened: Opened) -> Facts:
    """What is used in a run, without the hashes, which take time."""
    pipeline, options = opened.pipeline, opened.options
    return {
        "source": _source(pipeline, options),
        "detector": {**_detector(opened), "every": options.every, "invalid": options.invalid},
        "embedder": None if pipeline.embedder is None else _embedder(pipeline.embedder, options),
        "algorithm": {
            "name": opened.algo,
            "class": f"{type(opened.tracker).__module__}.{type(opened.tracker).__qualname__}",
            "camera_motion": options.camera_motion,
            "parameters": {name: plain(value) for name, value in opened.settings.items()},
        },
        "versions": versions(),
    }


def _source(pipeline: Pipeline, options: Options) -> Facts:
    source = pipeline.source
    return {
        "name": source.name,
        "kind": source.kind,
        "frame_rate": source.frame_rate,
        "frames": source.n_frames if source.counted else None,  # until all are read, some containers only guess
        "size": source.size,
        **({} if options.frames is None else {"part": {"frames": options.frames}}),
        **({} if options.seconds is None else {"part": {"seconds": options.seconds}}),
    }


def _detector(opened: Opened) -> Facts:
    detector, options = opened.pipeline.detector, opened.options
    return {
        "name": detector.name,
        **({"head": detector.head} if isinstance(detector, _Headed) else {}),
        "device": detector.device,
        "runtime": detector.runtime if isinstance(detector, _Runs) else None,
        "conf": detector.conf if isinstance(detector, _Scored) and options.conf is None else options.conf,
        "classes": None if options.classes is None else list(options.classes),
        **({} if opened.pipeline.roi is None else {"roi": opened.pipeline.roi.points.tolist()}),
    }


def _embedder(embedder: EmbedderCall, options: Options) -> Facts:
    return {
        "name": embedder.name if isinstance(embedder, _Named) else plain(options.reid or embedder),
        "device": embedder.device if isinstance(embedder, _Placed) else "cpu",
        "runtime": embedder.runtime if isinstance(embedder, _Runs) else None,
    }


def hashes_of(opened: Opened) -> Facts:
    """The SHA-256 of the source and of every file that the options name, by option."""
    inputs = {
        role: [{"path": plain(path), "sha256": _sha256(path)} for path in files]
        for role, files in opened.inputs.items()
        if role != "source"
    }
    content = None
    with suppress(OSError):  # it can no longer be read
        content = opened.pipeline.source.sha256()
    return {"inputs": inputs, "source": {"sha256": content}}


def _sha256(path: Path) -> str | None:
    """Hex digest of a file's content; None where it can no longer be read, as a pipe that was read before."""
    try:
        return sha256_of([path]) if path.is_file() else None
    except OSError:
        return None


def plain(value: object) -> Any:
    """A value as JSON takes it and as it is the same in every run: of a function or an object its name or type."""
    if value is None or isinstance(value, (bool, np.bool_)):
        return None if value is None else bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else str(float(value))  # JSON has no infinity
    if isinstance(value, (str, Path)):
        return without_passwords(str(value))
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"


def date_of(started: datetime | None = None) -> str:
    """A date as ISO 8601 in UTC; by default SOURCE_DATE_EPOCH, or else now."""
    if started is None:
        epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
        started = datetime.fromtimestamp(int(epoch), timezone.utc) if epoch.isdigit() else datetime.now(timezone.utc)
    return started.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


class Manifest:
    """The file ``run.json`` of one run; ``facts`` is what it says. ``write`` replaces the file in one step."""

    def __init__(self, path: Path, facts: Facts) -> None:
        self.path = path
        self.facts = facts

    def write(self, state: State, **facts: Any) -> None:
        """Write the file with what has become known. Raises OSError, naming it; the file is then as it was."""
        self.facts |= {"state": state, "complete": state == "complete", **facts}
        part = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            part.write_text(json.dumps(self.facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")
            part.replace(self.path)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            raise OSError(error.errno, error.strerror, str(self.path)) from None
