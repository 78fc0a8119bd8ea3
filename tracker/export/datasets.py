"""Formats of data sets and of tools for annotation: COCO, YOLO, MOT 1.1 as a zip, FiftyOne, TrackEval."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tracker.export.table import Table
from tracker.io.mot import format_rows
from tracker.rows import are_times

ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the same rows give the same bytes


def write_coco(path: Path, table: Table) -> None:
    """Write COCO's JSON for videos: images with video_id and frame_id, annotations with track_id.

    Boxes are left, top, width, height in pixels. "observed" is false where the box was predicted or interpolated.
    Images are named as `ffmpeg %06d.jpg` names them.
    """
    names, places = table.labels("coco")
    rows = table.rows
    width, height = table.known_size("coco")
    last = max(table.n_frames or 0, rows.last_frame)
    images = np.unique(rows.frames).tolist() if are_times(last, len(rows)) else range(1, last + 1)
    sizes = rows.boxes[:, 2:] - rows.boxes[:, :2]
    boxes = np.column_stack((rows.boxes[:, :2], sizes)).round(2).tolist()
    columns = (rows.frames, rows.ids, places, sizes.prod(axis=1).round(2), rows.scores.round(4), ~rows.interpolated)
    annotations = [
        {
            "id": k,
            "image_id": frame,
            "video_id": 1,
            "category_id": place + 1,
            "track_id": id,
            "bbox": box,
            "area": area,
            "iscrowd": 0,
            "score": score,
            "observed": observed,
        }
        for k, (box, frame, id, place, area, score, observed) in enumerate(
            zip(boxes, *(column.tolist() for column in columns), strict=True), start=1
        )
    ]
    _dump(
        path,
        {
            "videos": [{"id": 1, "name": table.source, "width": width, "height": height, "fps": table.frame_rate}],
            "images": [
                {
                    "id": frame,
                    "video_id": 1,
                    "frame_id": frame - 1,
                    "file_name": f"{frame:06d}.jpg",
                    "width": width,
                    "height": height,
                }
                for frame in images
            ],
            "categories": [{"id": k, "name": name} for k, name in enumerate(names, start=1)],
            "annotations": annotations,
        },
    )


def write_yolo(folder: Path, table: Table) -> None:
    """Write labels/000001.txt, ... with "class cx cy width height id" in shares of the image, and classes.txt.

    Boxes are cut at the image's edges; those outside it are left out. The id comes last, as Ultralytics writes it.
    """
    names, places = table.labels("yolo")
    width, height = table.known_size("yolo")
    rows = table.rows
    shares = rows.boxes.reshape(-1, 2, 2) / (width, height)
    low, high = shares.clip(0, 1).transpose(1, 0, 2)
    inside = (high > low).all(axis=1)
    numbers = np.column_stack(((low + high) / 2, high - low))
    labels = folder / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    starts = np.append(np.flatnonzero(np.diff(rows.frames, prepend=-1)), len(rows))
    for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        lines = [
            f"{places[k]} " + " ".join(f"{number:.6f}" for number in numbers[k].tolist()) + f" {rows.ids[k]}\n"
            for k in range(a, b)
            if inside[k]
        ]
        (labels / f"{rows.frames[a]:06d}.txt").write_text("".join(lines), encoding="ascii")


def write_mot_zip(path: Path, table: Table) -> None:
    """Write CVAT's "MOT 1.1": a zip of gt/gt.txt and gt/labels.txt; classes count from 1.

    Columns: frame, id, left, top, width, height, 1, class, visibility 1.
    """
    names, places = table.labels("mot-zip")
    rows = table.rows
    sizes = rows.boxes[:, 2:] - rows.boxes[:, :2]
    columns = (rows.frames, rows.ids, *rows.boxes[:, :2].T, *sizes.T, places + 1)
    line = "%d,%d,%.2f,%.2f,%.2f,%.2f,1,%d,1\n"
    text = "".join(map(line.__mod__, zip(*(column.tolist() for column in columns), strict=True)))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("gt/gt.txt", text), ("gt/labels.txt", "".join(f"{name}\n" for name in names))):
            archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), content, zipfile.ZIP_DEFLATED)


def write_fiftyone(path: Path, table: Table) -> None:
    """Write the labels of one video as FiftyOne reads them: ETA's VideoLabels, boxes in shares of the image.

    The file is one of those below labels/ in a FiftyOneVideoLabelsDataset; the id is the object's index.
    """
    names, places = table.labels("fiftyone")
    width, height = table.known_size("fiftyone")
    rows = table.rows
    shares = (rows.boxes / (width, height, width, height)).round(6).tolist()
    frames: dict[str, dict[str, Any]] = {}
    columns = (rows.frames, rows.ids, places, rows.scores.round(4), ~rows.interpolated)
    for box, frame, id, place, score, observed in zip(shares, *(c.tolist() for c in columns), strict=True):
        labels = frames.setdefault(str(frame), {"frame_number": frame, "objects": {"objects": []}})
        labels["objects"]["objects"].append(
            {
                "label": names[place],
                "index": id,
                "frame_number": frame,
                "confidence": score,
                "bounding_box": {
                    "top_left": {"x": box[0], "y": box[1]},
                    "bottom_right": {"x": box[2], "y": box[3]},
                },
                "attrs": {"attrs": [{"type": "eta.core.data.BooleanAttribute", "name": "observed", "value": observed}]},
            }
        )
    _dump(path, {"frames": frames})


def write_trackeval(folder: Path, table: Table) -> None:
    """Write data/SEQUENCE.txt in MOTChallenge's format, without classes and marks, which the official kit refuses.

    SEQUENCE is the name of the source without its suffix. The folder is that of a tracker, below TRACKERS_FOLDER.
    """
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    name = Path(table.source).stem or "sequence"
    (data / f"{name}.txt").write_text(format_rows(table.rows, classes=False, marks=False), encoding="ascii")


def _dump(path: Path, content: dict[str, Any]) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False)
        file.write("\n")
