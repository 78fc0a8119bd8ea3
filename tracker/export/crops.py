"""Crops of every track: one folder for each id, in it the sharpest image of each second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracker.arrays import FloatArray, Image
from tracker.detections import Detections
from tracker.io.sinks import Step
from tracker.io.source import Source
from tracker.io.whole import writing
from tracker.rows import Rows
from tracker.tracks import Tracks

NAME = "crops"
PER = 1.0  # seconds of a track that give one crop
SMALLEST = 8  # pixels of a side
VISIBLE = 0.5  # least share of a box inside the image
QUALITY = 95  # of the JPEG
_SIDE = 64  # pixels of the square in which sharpness is compared


@dataclass
class _Best:
    """The best crop of a track so far."""

    since: float
    frame: int
    score: float
    crop: Image


class CropSink:
    """Writes ``folder/ID/FRAME.jpg``, such as 00017/000123.jpg: of each second of a track the best crop.

    The best has the highest contrast between neighbouring pixels (variance of the Laplacian at one size) times the root
    of its area. Only detected boxes of confirmed tracks are cut, clipped at the image's edges; those under SMALLEST
    pixels, or with less than half inside the image, are left out. Raises ValueError where a file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0  # of crops written
        self._best: dict[int, _Best] = {}

    def write(self, step: Step) -> None:
        """Take one step."""
        image, tracks, now = step.frame.image, step.tracks, step.frame.time
        for id in [id for id, best in self._best.items() if not 0 <= now - best.since < PER]:
            self._save(id, self._best.pop(id))
        if image is None:
            return
        boxes = np.where(np.isfinite(tracks.detection_boxes), tracks.detection_boxes, tracks.boxes)
        for k in np.flatnonzero(tracks.confirmed & (tracks.detections != -1)).tolist():
            crop = _cut(image, boxes[k])
            if crop is None:
                continue
            id, score = int(tracks.ids[k]), _score(crop)
            best = self._best.get(id)
            if best is None:
                self._best[id] = _Best(now, step.frame.number, score, crop.copy())
            elif score > best.score:
                best.frame, best.score, best.crop = step.frame.number, score, crop.copy()

    def close(self) -> None:
        """Write what is left; may be called again."""
        for id in list(self._best):
            self._save(id, self._best.pop(id))

    def clear(self) -> None:
        """Remove the crops of an earlier run from the folder, and nothing else."""
        for file in self.folder.glob("*/*.jpg"):
            if file.stem.isdecimal() and file.parent.name.isdecimal():
                file.unlink(missing_ok=True)

    def _save(self, id: int, best: _Best) -> None:
        import cv2

        path = self.folder / f"{id:05d}" / f"{best.frame:06d}.jpg"
        _, data = cv2.imencode(".jpg", best.crop, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.tobytes())
        self.count += 1


def steps_of(rows: Rows, source: Source) -> Iterator[Step]:
    """The frames of a video with their rows as tracks; rows that are interpolated have no detection."""
    rows = rows.by_frame()
    for frame in source:
        own = rows.select(rows.at(frame.number))
        tracks = Tracks.of_boxes(
            own.ids,
            own.boxes,
            frame=frame.number,
            time=frame.time,
            scores=own.scores,
            classes=own.classes,
            detections=np.where(own.interpolated, -1, -2),
        )
        yield Step(frame, Detections.empty(), tracks)


def _cut(image: Image, box: FloatArray) -> Image | None:
    """The part of an image (H, W, 3) in a box (4,); None where it is too small or mostly outside."""
    height, width = image.shape[:2]
    if not np.isfinite(box).all():
        return None
    left, top, right, bottom = np.rint(np.clip(box, 0, (width, height, width, height))).astype(int).tolist()
    whole = float((box[2:] - box[:2]).prod())
    if min(right - left, bottom - top) < SMALLEST or (right - left) * (bottom - top) < VISIBLE * whole:
        return None
    return image[top:bottom, left:right]


def _score(crop: Image) -> float:
    import cv2

    grey = cv2.cvtColor(cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var()) * float(np.sqrt(crop.shape[0] * crop.shape[1]))
