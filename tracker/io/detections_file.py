"""Detections as files: what a detector found in a video, kept so that it need not run again.

One format in two shapes. A single .npz has a row per detection in the columns ``frame`` and ``xyxy``, and optionally
``score``, ``class``, ``embedding`` and ``twin``. A folder has such files as its parts, ``000001.npz`` and so on, each
written in one step and valid alone, with a row per frame in the further columns ``number``, ``time``, ``looked`` and
optionally ``motion``; beside them ``detections.json`` says where they come from.

frame (R,)      number of the frame of each detection, from 1
xyxy (R, 4)     left, top, right, bottom in pixels
score, class    (R,)
embedding (R, D)  float32 or float16
twin (R, 2)     class and score of a weaker box of another class on the same object, -1 and 0 without one
number, time    (F,) of each frame, in order, also of those without a detection; seconds
looked (F,)     whether the detector ran there (`track --every`)
motion (F, 2, 3)  how the camera moved since the frame before
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.detections import Detections
from tracker.io.npz import Arrays, read_arrays, write_arrays
from tracker.io.whole import whole
from tracker.spelling import shown

REQUIRED = ("frame", "xyxy")
OPTIONAL = ("score", "class", "embedding", "twin")
FRAMES = ("number", "time", "looked", "motion")
META, VERSION = "detections.json", 1
PART = 1000  # frames in a part: what a run that is killed may lose
EXPECTED = "expected a folder that `track SOURCE --save-detections` wrote"

Embeddings = Literal["float32", "float16", "none"]


def names_wrong(members: list[str]) -> str | None:
    """What is wrong with the names of an archive's arrays, None if they are those of detections."""
    names = [shown(name) for name in members]
    if set(REQUIRED) <= set(names) <= {*REQUIRED, *OPTIONAL, *FRAMES}:
        return None
    held = ", ".join(name[:60] for name in names[:8]) + (", ..." if len(names) > 8 else "")
    return f"holds the arrays {held or 'none'}"


class DetectionsWriter:
    """Writes a folder of detections, part by part.

    folder      which exists; parts that it has already must be resumed or removed first
    facts       what ``detections.json`` says beside the version: values that JSON takes
    embeddings  "float32" keeps them exact, "float16" in half of the space, "none" leaves them out

    Raises ValueError, naming the file, where it cannot be written.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any], *, embeddings: Embeddings = "float32") -> None:
        self.folder = folder
        self.facts = dict(facts)
        self.parts = 0
        self._embeddings = embeddings
        self._told = False
        self._clear()

    def _clear(self) -> None:
        self._frames: list[tuple[int, float, bool]] = []
        self._found: list[Detections] = []
        self._motions: list[FloatArray | None] = []

    def write(
        self, number: int, time: float, detections: Detections, *, looked: bool = True, motion: FloatArray | None = None
    ) -> None:
        """Add a frame."""
        if not self._told:
            self._tell(complete=False)
        self._frames.append((number, time, looked))
        self._found.append(detections)
        self._motions.append(motion)
        if len(self._frames) >= PART:
            self.flush()

    def flush(self) -> int:
        """Write what there is as a part of its own; returns the number of parts."""
        if self._frames:
            path = self.folder / f"{self.parts + 1:06d}.npz"
            with whole(path) as part:
                write_arrays(part, self._columns())
            self.parts += 1
            self._clear()
        return self.parts

    def resume(self, parts: int) -> None:
        """Go on behind the first ``parts`` parts of an earlier writer; others are removed."""
        for k, path in enumerate(parts_of(self.folder)):
            if k >= parts:
                path.unlink()
        if len(parts_of(self.folder)) < parts:
            raise ValueError(f"{shown(str(self.folder))}: is not as the run left it; start again with --overwrite")
        self.parts = parts

    def close(self, *, complete: bool) -> None:
        """Write the rest; complete: whether all frames of the source are there. May be called again."""
        if self._told or self.parts:
            self.flush()
            self._tell(complete=complete)

    def _tell(self, *, complete: bool) -> None:
        self._told = True
        with whole(self.folder / META) as part:
            facts = {"version": VERSION, "complete": complete, **self.facts}
            part.write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    def _columns(self) -> Arrays:
        numbers, times, looked = (np.array(column) for column in zip(*self._frames, strict=True))
        arrays: Arrays = {"frame": np.repeat(numbers, [len(found) for found in self._found])}
        arrays |= columns_of(self._found)
        if self._embeddings == "none":
            arrays.pop("embedding", None)
        elif "embedding" in arrays:
            arrays["embedding"] = arrays["embedding"].astype(self._embeddings)
        arrays |= {"number": numbers, "time": times, "looked": looked}
        if all(motion is not None for motion in self._motions):
            arrays["motion"] = np.array(self._motions)
        return arrays


def columns_of(frames: Sequence[Detections]) -> Arrays:
    """The columns of all detections of these frames, but the number of the frame.

    Embeddings are a column where all have one; twins where any has one.
    """
    some = [found for found in frames if len(found)]
    floats = np.concatenate([np.empty((5, 0)), *(found.floats for found in some)], axis=1)
    arrays: Arrays = {"xyxy": floats[1:].T, "score": floats[0]}
    arrays["class"] = np.concatenate([np.empty(0, dtype=np.int64), *(found.classes for found in some)])
    vectors = [found.embeddings for found in some if found.embeddings is not None]
    if some and len(vectors) == len(some):
        arrays["embedding"] = np.concatenate(vectors)
    if any(found.twins is not None for found in some):
        none = np.array([[-1.0], [0.0]])
        twins = [none.repeat(len(one), axis=1) if one.twins is None else one.twins for one in some]
        arrays["twin"] = np.concatenate(twins, axis=1).T
    return arrays


def parts_of(folder: Path) -> list[Path]:
    """The parts of a folder of detections, in order."""
    return sorted(path for path in folder.glob("[0-9]*.npz") if path.stem.isdigit())


def remove_detections(folder: Path) -> None:
    """Remove the detections in a folder, and nothing else."""
    for path in [*parts_of(folder), folder / META]:
        with suppress(FileNotFoundError):
            path.unlink()


def is_detections(path: Path) -> bool:
    """Whether this is a folder of detections."""
    return (path / META).is_file()


class DetectionsFolder:
    """Reads a folder of detections; a part is loaded when one of its frames is asked for.

    facts    of ``detections.json``
    files    that hold it
    numbers, times, looked  (F,) of its frames
    rows     how many detections it has
    last     number of the last frame with a detection, 0 without one
    embedded whether all detections have embeddings
    motions  (F, 2, 3) of the camera, or None

    Raises ValueError, in one line, for a folder that is something else, is damaged, or lacks a part.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts = _facts(folder)
        parts = parts_of(folder)
        self.files = (folder / META, *parts)
        if [int(path.stem) for path in parts] != list(range(1, len(parts) + 1)):
            raise ValueError(f"{shown(str(folder))}: a part is missing, of {len(parts)} the last is {parts[-1].name}")
        self._with_embeddings: set[Path] = set()
        index = [self._index(path) for path in parts]
        self._firsts = [int(one["number"][0]) for one in index]
        self._parts = parts
        empty = np.empty(0)
        self.numbers: IntArray = np.concatenate([one["number"] for one in index] or [empty.astype(np.int64)])
        self.times: FloatArray = np.concatenate([one["time"] for one in index] or [empty])
        self.looked: BoolArray = np.concatenate([one["looked"] for one in index] or [empty.astype(bool)])
        if not (np.diff(self.numbers) > 0).all() or not (np.diff(self.times) > 0).all():
            raise ValueError(f"{shown(str(folder))}: its frames are not in order; {EXPECTED}")
        self.rows = sum(len(one["frame"]) for one in index)
        self.last = max((int(one["frame"][-1]) for one in index if len(one["frame"])), default=0)
        with_rows = [path for path, one in zip(parts, index, strict=True) if len(one["frame"])]
        self.embedded = bool(with_rows) and all(path in self._with_embeddings for path in with_rows)
        moved = [one["motion"] for one in index if "motion" in one]
        self.motions: FloatArray | None = np.concatenate(moved) if moved and len(moved) == len(index) else None
        self._load = lru_cache(maxsize=2)(self._read)

    def at(self, number: int) -> Detections:
        """The detections of a frame, none where it has none."""
        place = bisect_right(self._firsts, number) - 1
        if place < 0:
            return Detections.empty()
        detections, rows = self._load(place)
        return detections[rows.get(number, slice(0))]

    def _index(self, path: Path) -> Arrays:
        """The columns of a part that say which frames it has."""

        def check(names: list[str]) -> str | None:
            if "embedding" in names:
                self._with_embeddings.add(path)
            return names_wrong(names)

        arrays = read_arrays(path, EXPECTED, check=check, only=("frame", *FRAMES))
        lengths = {len(arrays[name]) for name in FRAMES if name in arrays}
        if not {"number", "time", "looked"} <= arrays.keys() or len(lengths) != 1 or lengths == {0}:
            raise ValueError(f"{shown(str(path))}: does not list its frames; {EXPECTED}")
        motion = arrays.get("motion", np.zeros((0, 2, 3)))
        if motion.shape[1:] != (2, 3) or not np.isfinite(motion).all():
            raise ValueError(
                f"{shown(str(path))}: motion has shape {motion.shape}, or is not finite; expected (F, 2, 3)"
            )
        if not np.isin(arrays["frame"], arrays["number"]).all() or not (np.diff(arrays["frame"]) >= 0).all():
            raise ValueError(
                f"{shown(str(path))}: has rows of frames that it does not list, or in no order; {EXPECTED}"
            )
        return arrays

    def _read(self, place: int) -> tuple[Detections, dict[int, slice]]:
        """The detections of a part, and the rows of each frame that has any."""
        path = self._parts[place]
        arrays = read_arrays(path, EXPECTED, check=names_wrong, only=(*REQUIRED, *OPTIONAL))
        try:
            found = Detections(
                arrays["xyxy"], arrays.get("score"), arrays.get("class"), embeddings=arrays.get("embedding")
            )
            numbers, starts = np.unique(arrays["frame"], return_index=True)
            bounds = [*starts.tolist(), len(found)]
            rows = {number: slice(*bounds[k : k + 2]) for k, number in enumerate(numbers.tolist())}
            return with_twins(found, arrays.get("twin")), rows
        except ValueError as error:
            raise ValueError(f"{shown(str(path))}: {error}") from None


def with_twins(detections: Detections, twin: FloatArray | None) -> Detections:
    """The detections with the column ``twin`` (N, 2), where there is one."""
    if twin is None:
        return detections
    twin = np.asarray(twin)[detections.rows]
    if twin.shape != (len(detections), 2):
        raise ValueError(f"twin has shape {twin.shape}; expected (R, 2)")
    return detections.with_twins(twin[:, 0].astype(np.int64), twin[:, 1])


def _facts(folder: Path) -> dict[str, Any]:
    name = shown(str(folder / META))
    try:
        facts = json.loads((folder / META).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ValueError(f"{name}: cannot be read; {EXPECTED}") from None
    if not isinstance(facts, dict) or facts.get("version") != VERSION:
        version = facts.get("version") if isinstance(facts, dict) else None
        raise ValueError(f"{name}: is of version {version}, this trackwhy reads version {VERSION}; save them again")
    return facts
