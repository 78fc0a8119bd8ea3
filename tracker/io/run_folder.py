"""The results of a run: ``tracks.txt``, and what ``run.json`` beside it says of the video."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tracker.detections import Invalid
from tracker.io.mot import read_results
from tracker.io.readers import form_of, names_in, read_tracks, videos_of
from tracker.rows import Rows
from tracker.spelling import shown

TEXT, MANIFEST = "tracks.txt", "run.json"


@dataclass(frozen=True, eq=False)
class RunResults:
    """Results and their video, as far as it is known.

    path        the results file
    frame_rate  frames per second, None where unknown
    size        width and height of the images in pixels, None where unknown
    source      name of the video, "" where unknown
    frames      how many frames it has, None where unknown
    names       class names by number, where the file has them
    """

    path: Path
    rows: Rows
    frame_rate: float | None
    size: tuple[int, int] | None
    source: str
    frames: int | None
    names: Mapping[int, str] = field(default_factory=dict)


def read_run(path: str | os.PathLike[str], *, invalid: Invalid = "raise") -> RunResults:
    """The results in a folder that `track` wrote, or in a file; ``run.json`` is read where it lies beside it.

    A file that ends in .xml or .json is read by ``tracker.io.readers``; of several videos none is chosen.
    invalid="drop" leaves out bad rows and counts them, as ``read_results`` does.

    Raises ValueError for a folder without results, and as ``read_results`` does. A ``run.json`` of another program says
    nothing.
    """
    file = Path(path)
    if file.is_dir():
        file = file / TEXT
        if not file.is_file():
            raise ValueError(f"{shown(path)}: has no {TEXT}; give a results file, or the folder of a run")
    if file.suffix.lower() in (".xml", ".json"):
        return _annotated(file, invalid)
    rows = read_results(file, invalid=invalid)
    source = _source(file.with_name(MANIFEST)) if file.name == TEXT else {}
    rate, size, name, frames = (source.get(key) for key in ("frame_rate", "size", "name", "frames"))
    known = isinstance(rate, (int, float)) and math.isfinite(rate) and rate > 0
    sized = isinstance(size, list) and len(size) == 2 and all(isinstance(n, int) and n > 0 for n in size)
    return RunResults(
        file,
        rows,
        float(rate) if known and isinstance(rate, (int, float)) else None,
        (size[0], size[1]) if sized and isinstance(size, list) else None,
        name if isinstance(name, str) else "",
        frames if isinstance(frames, int) else None,
    )


def _annotated(file: Path, invalid: Invalid) -> RunResults:
    """The results in a file of annotations, with what it says of its video."""
    rows, names = read_tracks(file, invalid=invalid), names_in(file)
    if form_of(file) == "cvat":
        return RunResults(file, rows, None, None, "", None, names)
    (video,) = videos_of(file)
    size = (video.width, video.height) if video.width and video.height else None
    return RunResults(file, rows, video.fps, size, video.name, video.length, names)


def _source(manifest: Path) -> dict[str, object]:
    """What ``run.json`` says of the source; nothing where there is none that can be read."""
    try:
        source = json.loads(manifest.read_text(encoding="utf-8"))["source"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return source if isinstance(source, dict) else {}
