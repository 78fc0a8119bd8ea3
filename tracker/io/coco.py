"""COCO's JSON for videos: ground truth, results and detections, a box an annotation.

    ground truth   {"videos": [...], "images": [...], "annotations": [...], "categories": [...]}
    detections     [{"image_id", "category_id", "bbox": [left, top, width, height], "score"}, ...]
    results        the same with a track_id

An image has video_id (without it the file is one video) and frame_id; an annotation has track_id, or instance_id.
Where a file has a frame_id 0, they count from 0, as mmtracking's do, and else from 1, as ByteTrack's do. TAO's
frame_index is read too. Images without either are numbered in the order of their ids. Lists name images by image_id,
which the file of ground truth explains. Format: COCO's documentation ("Data format", "Results format"); the fields for
videos: those of YouTube-VIS, TAO and mmtracking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import PurePosixPath

import numpy as np

from tracker.arrays import BoolArray, FloatArray
from tracker.detections import Invalid
from tracker.io.json_file import (
    Path,
    Stamp,
    Video,
    is_object,
    number,
    objects,
    read_json,
    required,
    stamp_of,
    whole,
)
from tracker.io.mot_lines import DROP, MotFormatError
from tracker.rows import Rows, as_detections, as_rows, with_own_ids
from tracker.spelling import nearest, shown

CROWD = -2  # the class of a region that holds several objects (iscrowd, ignore)
_ORDERED = "its images have no frame_id; frames are numbered in the order of the images' ids"
_VIDEO = {".mp4", ".avi", ".mkv", ".webm", ".mov"}


@dataclass(frozen=True)
class Images:
    """The images of a file: the video's name and the frame from 1, by image id."""

    of: Mapping[object, tuple[str, int]]
    videos: tuple[Video, ...]
    notes: tuple[str, ...]


def is_coco(content: object) -> bool:
    """Whether a JSON file's content is COCO's."""
    if is_object(content):
        return "images" in content and "annotations" in content
    return isinstance(content, list) and bool(content) and is_object(content[0]) and "image_id" in content[0]


def coco_videos(path: Path) -> tuple[Video, ...]:
    """The videos of a file in their order; none for a list of results."""
    return _images(stamp_of(path)).videos if is_object(read_json(path)) else ()


def first_entry(path: Path) -> Mapping[str, object]:
    """The first annotation of a file, empty without any."""
    content = read_json(path)
    return next(iter(objects(content.get("annotations") if is_object(content) else content)), {})


def coco_names(path: Path) -> dict[int, str]:
    """The names of the categories, by number."""
    content = read_json(path)
    entries = objects(content.get("categories")) if is_object(content) else []
    return {number: str(entry.get("name")) for entry in entries if isinstance(number := entry.get("id"), int)}


def read_coco_truth(path: Path, video: str | None = None, *, invalid: Invalid = "raise") -> Rows:
    """Ground truth of one video; classes are category ids, and ``CROWD`` for regions, whose scores are 0.

    video: its name, which a file of several needs. ``Rows.lines`` are places among the annotations, from 1. Raises
    MotFormatError, naming the file and the annotation, for what is no such truth; invalid as in ``as_rows``.
    """
    rows, notes = _table(path, video, None)
    region = rows[:, REGION] == 1
    ids = with_own_ids(_ids(rows, ~region, path), region)
    classes = np.where(region, CROWD, rows[:, CATEGORY])
    with _named(path):
        found = as_rows(rows[:, 0], ids, rows[:, BOX], ~region, classes, lines=rows[:, PLACE], invalid=invalid)
    return replace(found.by_frame(), layout="coco", notes=notes)


def read_coco_results(
    path: Path, video: str | None = None, images: Path | None = None, *, invalid: Invalid = "raise"
) -> Rows:
    """Results of one video. images: the file of ground truth, which a list needs. Errors as in ``read_coco_truth``."""
    rows, notes = _table(path, video, images)
    ids = _ids(rows, np.ones(len(rows), dtype=bool), path)
    with _named(path):
        found = as_rows(
            rows[:, 0],
            ids,
            rows[:, BOX],
            rows[:, SCORE],
            rows[:, CATEGORY],
            rows[:, OBSERVED] == 0,
            lines=rows[:, PLACE],
            invalid=invalid,
        )
    return replace(found.by_frame(), notes=notes)


def read_coco_detections(
    path: Path, video: str | None = None, images: Path | None = None, *, invalid: Invalid = "raise"
) -> Rows:
    """Detections of one video, with their classes; others as in ``read_coco_results``."""
    rows, notes = _table(path, video, images)
    with _named(path):
        columns = rows[:, 0], rows[:, BOX], rows[:, SCORE], rows[:, CATEGORY]
        found = as_detections(*columns, lines=rows[:, PLACE], invalid=invalid)
    return replace(found, notes=notes)


# The columns of a file's table: frame, id (NaN without one), box, and these.
BOX = slice(2, 6)
SCORE, CATEGORY, REGION, OBSERVED, PLACE, VIDEO = range(6, 12)


def _table(path: Path, video: str | None, images: Path | None) -> tuple[FloatArray, tuple[str, ...]]:
    """The rows (R, 12) of one video, and notes."""
    of_list = not is_object(read_json(path))
    if of_list and (images is None or not _tells_images(images)):
        raise MotFormatError(
            f"{shown(path)}: a list of results names images by image_id; give COCO's file of the images as ground truth"
        )
    table, known = _file(stamp_of(path), stamp_of(images) if of_list and images is not None else None)
    name = _chosen(known.videos, video, path)
    place = [one.name for one in known.videos].index(name)
    return table[table[:, VIDEO] == place], known.notes


def _tells_images(path: Path) -> bool:
    """Whether a file is COCO's with images."""
    return str(path).lower().endswith(".json") and is_object(read_json(path)) and is_coco(read_json(path))


@lru_cache(maxsize=2)
def _file(stamp: Stamp, images: Stamp | None) -> tuple[FloatArray, Images]:
    """The rows (R, 12) of all videos of a file, and its images."""
    content, path = read_json(stamp.path), stamp.path
    if not is_coco(content) and content != []:
        raise MotFormatError(f"{shown(path)}: is not COCO's JSON (no images and annotations, and no list of results)")
    known = _images(images or stamp)
    entries = content["annotations"] if is_object(content) else content
    places = {video.name: place for place, video in enumerate(known.videos)}
    rows: list[tuple[float, ...]] = []
    for place, entry in enumerate(entries if isinstance(entries, list) else [], start=1):
        try:
            if not is_object(entry):
                raise ValueError("is no object")
            image = known.of.get(entry.get("image_id"))
            if image is None:
                raise ValueError(f"image_id {entry.get('image_id')!r} is no image of the file")
            rows.append((image[1], *_row(entry), place, places[image[0]]))
        except ValueError as error:
            raise MotFormatError(f"{shown(path)}: annotation {place}: {shown(str(error))}") from None
    return np.array(rows, dtype=np.float64).reshape(-1, VIDEO + 1), known


def _ids(rows: FloatArray, needed: BoolArray, path: Path) -> FloatArray:
    """The ids (R,), 0 without one; raises where a row of the mask ``needed`` has none."""
    lacking = np.isnan(rows[:, 1])
    if (lacking & needed).any():
        place = int(rows[lacking & needed, PLACE][0])
        raise MotFormatError(
            f"{shown(path)}: annotation {place}: has no track_id (or instance_id); are these detections, or "
            "annotations of single images?"
        )
    return np.where(lacking, 0.0, rows[:, 1])


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Within it an error of rows names the file."""
    try:
        yield
    except ValueError as error:
        raise MotFormatError(f"{shown(path)}: {error}; {DROP}") from None


def _row(entry: Mapping[str, object]) -> tuple[float, ...]:
    """id, box, score, category, region, observed."""
    bbox = entry.get("bbox")
    if not isinstance(bbox, list) or len(bbox) != 4:
        raise ValueError("bbox is not [left, top, width, height]")
    left, top, width, height = (required({"bbox": value}, "bbox", finite=False) for value in bbox)
    region = bool(entry.get("iscrowd") or entry.get("ignore"))
    id, score, category = (
        whole(entry, "track_id", "instance_id"),
        number(entry, "score", finite=False),
        whole(entry, "category_id"),
    )
    return (
        np.nan if id is None else id,
        *(left, top, left + width, top + height),
        1.0 if score is None else score,
        -1 if category is None else category,
        region,
        bool(entry.get("observed", True)),
    )


@lru_cache(maxsize=2)
def _images(stamp: Stamp) -> Images:
    content, path = read_json(stamp.path), stamp.path
    if not is_object(content):
        raise MotFormatError(f"{shown(path)}: is a list; give COCO's file with images and annotations")
    images = objects(content["images"])
    videos = {entry.get("id"): entry for entry in objects(content.get("videos"))}
    single = not any("video_id" in image for image in images)
    if not images:
        raise MotFormatError(f"{shown(path)}: has no images; give COCO's file with images and annotations")
    try:
        numbers, notes = _frames(images, single)
    except ValueError as error:
        raise MotFormatError(f"{shown(path)}: images: {error}") from None
    stem = PurePosixPath(path.replace("\\", "/")).stem
    names = {key: _name(entry, key, stem if len(videos) == 1 else f"video{key}") for key, entry in videos.items()}
    of: dict[object, tuple[str, int]] = {}
    found: dict[str, Video] = {}
    for image, frame in zip(images, numbers, strict=True):
        video = None if single else image.get("video_id")
        name = stem if single else names.setdefault(video, f"video{video}")
        of[image.get("id")] = name, frame
        entry = videos.get(video, next(iter(videos.values()), {}) if single else {})
        earlier = found.get(name, _video(name, image, entry))
        found[name] = earlier._replace(length=max(earlier.length or 0, frame))
    return Images(of, tuple(found.values()), notes)


def _video(name: str, image: Mapping[str, object], entry: Mapping[str, object]) -> Video:
    width, height = (whole(image, side) or whole(entry, side) for side in ("width", "height"))
    return Video(name, None, width, height, number(entry, "fps", "frame_rate") or None)


def _frames(images: list[Mapping[str, object]], single: bool) -> tuple[list[int], tuple[str, ...]]:
    """The frame of each image, from 1, and what to say about them."""
    for field in ("frame_id", "frame_index"):
        frames = [whole(image, field) for image in images]
        known = [frame for frame in frames if frame is not None]
        if len(known) == len(frames):
            if min(known) < 0:
                raise ValueError(f"{field} {min(known)} is below 0")
            return [frame + (min(known) == 0) for frame in known], ()
    order = sorted(range(len(images)), key=lambda k: (whole(images[k], "id") or 0, k))
    numbers, last = [0] * len(images), dict[object, int]()
    for k in order:
        video = None if single else images[k].get("video_id")
        numbers[k] = last[video] = last.get(video, 0) + 1
    return numbers, (_ORDERED,)


def _name(entry: Mapping[str, object], key: object, default: str) -> str:
    """The name of a video as that of a file of results: without folders and the suffix of a video."""
    name = str(entry.get("name") or entry.get("file_name") or default).strip("/").replace("/", "-")
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in _VIDEO else name


def _chosen(videos: tuple[Video, ...], name: str | None, path: Path) -> str:
    """The name of the video to read."""
    names = [video.name for video in videos]
    if name in names:
        return name
    if len(names) == 1:
        return names[0]
    if name is None:
        raise MotFormatError(f"{shown(path)}: holds {len(names)} videos ({', '.join(names[:4])}, ...); name one")
    raise MotFormatError(f"{shown(path)}: has no video {name!r}{nearest(name, names)}")
