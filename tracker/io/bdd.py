"""BDD100K's labels for tracking: JSON, a list of frames with labels, in one file a video or one for all.

    [{"videoName": "b1c66a42", "frameIndex": 0, "labels": [{"id": "00091078", "category": "car",
      "attributes": {"crowd": false}, "box2d": {"x1": 45.2, "y1": 254.5, "x2": 357.8, "y2": 487.9}}, ...]}, ...]

Results and detections have the same form, with a "score". Frames count from 0 in the files, from 1 in ``Rows``. The
names of fields in earlier releases (video_name, index, Crowd; categories bike, motor, person) are read too. Format:
BDD100K's documentation ("Label format") and Yu 2020 (CVPR, "BDD100K").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath

import numpy as np

from tracker.arrays import FloatArray
from tracker.detections import Invalid
from tracker.io.json_file import Path, Video, is_object, number, objects, read_json, required, whole
from tracker.io.mot_lines import DROP, MotFormatError
from tracker.rows import Rows, as_detections, as_rows, with_own_ids
from tracker.spelling import nearest, shown

# The eight categories that are scored, and those that count as regions where nothing is wrong.
SCORED = ("pedestrian", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")
DISTRACTORS = ("other person", "other vehicle", "trailer")
CROWD = len(SCORED) + len(DISTRACTORS) + 1  # the class of boxes that hold several objects
NAMES = dict(enumerate((*SCORED, *DISTRACTORS, "crowd"), start=1))
REGIONS = tuple(range(len(SCORED) + 1, CROWD + 1))
_EARLIER = {"bike": "bicycle", "motor": "motorcycle", "person": "pedestrian", "caravan": "car", "van": "car"}
_NUMBERS = {name: number for number, name in NAMES.items()} | {
    old: SCORED.index(new) + 1 for old, new in _EARLIER.items()
}


def is_bdd(content: object) -> bool:
    """Whether a JSON file's content is BDD100K's."""
    frames = _frames_in(content)
    return bool(frames) and "labels" in frames[0] and _index(frames[0]) is not None


def bdd_videos(path: Path) -> tuple[Video, ...]:
    """The videos of a file in their order; a file that names none is one video of its own name."""
    lengths: dict[str, int] = {}
    for frame in _frames(path):
        name = _name(frame, path)
        lengths[name] = max(lengths.get(name, 0), (_index(frame) or 0) + 1)
    return tuple(Video(name, length) for name, length in lengths.items())


def first_entry(path: Path) -> Mapping[str, object]:
    """The first label of a file, empty without any."""
    return next((label for frame in _frames(path) for label in objects(frame.get("labels"))), {})


def read_bdd_truth(path: Path, video: str | None = None, *, invalid: Invalid = "raise") -> Rows:
    """Ground truth of one video, with the classes of ``NAMES``; boxes of ``REGIONS`` have score 0.

    Labels without a box, and of other categories (traffic lights), are left out. video: its name, which a file of
    several needs. ``Rows.lines`` are places among the labels, from 1. Raises MotFormatError, naming file, frame and
    label, for what is no such file; invalid as in ``as_rows``.
    """
    table = _table(path, video, ids=True, crowds=True)
    region = np.isin(table[:, 7], REGIONS)
    return _checked(path, table, with_own_ids(table[:, 1], region), np.where(region, 0.0, 1.0), "bdd100k", invalid)


def read_bdd_results(path: Path, video: str | None = None, *, invalid: Invalid = "raise") -> Rows:
    """Results of one video, arguments and errors as in ``read_bdd_truth``."""
    table = _table(path, video, ids=True, crowds=False)
    return _checked(path, table, table[:, 1], table[:, 6], "", invalid)


def read_bdd_detections(path: Path, video: str | None = None, *, invalid: Invalid = "raise") -> Rows:
    """Detections of one video, arguments and errors as in ``read_bdd_truth``."""
    table = _table(path, video, ids=False, crowds=False)
    try:
        columns = table[:, 0], table[:, 2:6], table[:, 6], table[:, 7]
        return as_detections(*columns, lines=table[:, 8], invalid=invalid)
    except ValueError as error:
        raise MotFormatError(f"{shown(path)}: {error}; {DROP}") from None


def _checked(path: Path, table: FloatArray, ids: FloatArray, scores: FloatArray, layout: str, invalid: Invalid) -> Rows:
    try:
        found = as_rows(table[:, 0], ids, table[:, 2:6], scores, table[:, 7], lines=table[:, 8], invalid=invalid)
    except ValueError as error:
        raise MotFormatError(f"{shown(path)}: {error}; {DROP}") from None
    return replace(found.by_frame(), layout=layout)


def _frames_in(content: object) -> list[Mapping[str, object]]:
    return objects(content.get("frames")) if is_object(content) else objects(content)


def _frames(path: Path) -> list[Mapping[str, object]]:
    content = read_json(path)
    if content != [] and not is_bdd(content):
        raise MotFormatError(
            f"{shown(path)}: is not BDD100K's JSON (a list of frames with frameIndex and labels); "
            "give the labels of box_track_20"
        )
    return _frames_in(content)


def _index(frame: Mapping[str, object]) -> int | None:
    return whole(frame, "frameIndex", "frame_index", "index")


def _name(frame: Mapping[str, object], path: Path) -> str:
    return str(frame.get("videoName") or frame.get("video_name") or PurePath(path).stem)


def _table(path: Path, video: str | None, *, ids: bool, crowds: bool) -> FloatArray:
    """(R, 9) frame, id, left, top, right, bottom, score, class, place."""
    frames = _frames(path)
    names = list(dict.fromkeys(_name(frame, path) for frame in frames))
    if video is None and len(names) > 1:
        raise MotFormatError(f"{shown(path)}: holds {len(names)} videos ({', '.join(names[:4])}, ...); name one")
    if video is not None and names and video not in names and len(names) > 1:
        raise MotFormatError(f"{shown(path)}: has no video {video!r}{nearest(video, names)}")
    only = video if video in names else None
    named: dict[str, int] = {}  # ids that are no numbers, in the order of the file
    rows: list[tuple[float, ...]] = []
    place = 0
    for frame in frames:
        for label in objects(frame.get("labels")):
            place += 1
            if only is not None and _name(frame, path) != only:
                continue
            try:
                row = _row(label, named, ids=ids, crowds=crowds)
                index = _index(frame)
                if index is None or index < 0:
                    raise ValueError("its frame has no frameIndex of 0 or more")
            except ValueError as error:
                raise MotFormatError(
                    f"{shown(path)}: frame {_index(frame)}, label {place}: {shown(str(error))}"
                ) from None
            rows += [] if row is None else [(index + 1, *row, place)]
    return np.array(rows, dtype=np.float64).reshape(-1, 9)


def _row(label: Mapping[str, object], named: dict[str, int], *, ids: bool, crowds: bool) -> tuple[float, ...] | None:
    """id, box, score, class; None for a label that is no box of a known category."""
    box, kind = label.get("box2d"), _NUMBERS.get(str(label.get("category")))
    if not is_object(box) or kind is None:
        return None
    sides = [required(box, side, finite=False) for side in ("x1", "y1", "x2", "y2")]
    attributes = label.get("attributes")
    crowd = is_object(attributes) and bool(attributes.get("crowd") or attributes.get("Crowd"))
    score = number(label, "score", finite=False)
    id = _id(label.get("id"), named) if ids else -1
    kind = CROWD if crowd and crowds else kind
    return id, *sides, 1.0 if score is None else score, kind


def _id(id: object, named: dict[str, int]) -> int:
    if isinstance(id, int) or (isinstance(id, str) and id.isdecimal()):
        return int(id)
    if not isinstance(id, str):
        raise ValueError("has no id; are these detections?")
    return named.setdefault(id, 1_000_000_000 + len(named))
