"""Labels of a video's frames: a teacher's boxes, cleaned by tracking and repair, or ground truth.

A box that the teacher sees once is noise more often than an object; a track that repair joins over a gap says where the
teacher missed one. So Steady tracks the teacher's boxes, ``refine`` repairs the tracks, and their rows are the labels.
What the teacher half believes and no track holds is neither object nor background: the training leaves it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tracker.algorithms.steady import Steady
from tracker.arrays import FloatArray
from tracker.boxes import iou_xyxy
from tracker.detect.detector import Detector
from tracker.detections import Detections, Invalid
from tracker.io.mot import read_ground_truth
from tracker.io.video import open_source
from tracker.refine import refine
from tracker.rows import Rows, results_of
from tracker.tracks import Tracks

WEAK = 0.1  # least score at which the teacher is asked
DOUBTFUL = 0.45  # least score of a box without a track that is neither object nor background
SAME = 0.5  # IoU of a box with a label that is its own
SHORTEST = 5  # rows of a track that counts


@dataclass(frozen=True, eq=False)
class Labels:
    """What is where, in the frames of one video.

    rows      the objects, by frame; their classes are numbers of ``names``
    doubtful  boxes by frame, (K, 4), which are neither objects nor background
    names     class names by number, from 0 without a gap
    size      (width, height) of the images in pixels
    frames    how many there are
    rate      frames per second
    """

    rows: Rows
    doubtful: Mapping[int, FloatArray]
    names: tuple[str, ...]
    size: tuple[int, int]
    frames: int
    rate: float

    def at(self, frame: int) -> Rows:
        """The objects of one frame; their scores say how sure the teacher was."""
        first, last = np.searchsorted(self.rows.frames, [frame, frame + 1]).tolist()
        return self.rows.select(np.arange(first, last))


def labels_of(
    video: str | Path,
    teacher: Detector,
    *,
    told: Callable[[int, int | None], None] | None = None,
) -> Labels:
    """Label a video by a detector. ``told(frame, frames)`` is called after each.

    Raises ValueError where the teacher sees nothing that lasts.
    """
    found: list[Detections] = []
    reports: list[Tracks] = []
    with open_source(str(video)) as source:
        steady = Steady(frame_rate=source.frame_rate)
        size, rate = None, source.frame_rate
        for frame in source:
            assert frame.image is not None
            size = (frame.image.shape[1], frame.image.shape[0])
            detections = teacher(frame.image)
            found.append(detections)
            reports.append(steady.update(detections, time=frame.time))
            if told is not None:
                told(len(found), source.n_frames)
    if size is None:
        raise ValueError(f"{video}: no frame could be read; give a video that plays")
    rows = results_of(reports)
    rows, _ = refine(rows) if len(rows) else (rows, [])
    rows = _lasting(rows).by_frame()
    if not len(rows):
        raise ValueError(f"{video}: the teacher {teacher.name} sees nothing that lasts; take another --teacher")
    rows, names = _renumbered(_within(rows, size), teacher.class_names or {})
    return Labels(rows, _doubtful(found, rows), names, size, len(found), rate)


def labels_of_truth(video: str | Path, truth: str | Path, invalid: Invalid = "raise") -> Labels:
    """The labels that ground truth in MOTChallenge's form gives; rows that are not to be scored are doubtful.

    invalid="drop" leaves out bad rows.
    Raises ValueError for truth of another video.
    """
    gt = read_ground_truth(truth, invalid=invalid)
    frames, size = 0, None
    with open_source(str(video)) as source:
        rate = source.frame_rate
        for frame in source:
            frames += 1
            if frame.image is not None:
                size = (frame.image.shape[1], frame.image.shape[0])
    if size is None:
        raise ValueError(f"{video}: no frame could be read; give a video that plays")
    if not len(gt) or gt.last_frame > frames:
        raise ValueError(
            f"{truth}: its last frame is {gt.last_frame}, the video has {frames}; is it the truth of another video?"
        )
    counts = (gt.scores > 0) & (gt.classes <= 1)
    outside = (gt.boxes[:, 0] > size[0]) | (gt.boxes[:, 1] > size[1])
    if outside.mean() > 0.1:
        raise ValueError(f"{truth}: boxes lie beyond the {size[0]}x{size[1]} image; is it the truth of another video?")
    rows, names = _renumbered(_within(gt.select(counts).by_frame(), size), {})
    others = gt.select(~counts).by_frame()
    doubtful = {int(frame): others.boxes[others.frames == frame] for frame in np.unique(others.frames)}
    return Labels(rows, doubtful, names, size, frames, rate)


def _lasting(rows: Rows) -> Rows:
    ids, place, count = np.unique(rows.ids, return_inverse=True, return_counts=True)
    return rows.select(count[place] >= SHORTEST) if len(ids) else rows


def _within(rows: Rows, size: tuple[int, int]) -> Rows:
    """The rows cut at the image's edges, without those that lie mostly outside."""
    low = rows.boxes[:, :2].clip(0, size)
    high = rows.boxes[:, 2:].clip(0, size)
    whole = (rows.boxes[:, 2:] - rows.boxes[:, :2]).prod(axis=1)
    seen = (high - low).clip(0).prod(axis=1)
    return replace(rows, boxes=np.concatenate((low, high), axis=1)).select(seen > 0.5 * whole)


def _renumbered(rows: Rows, names: Mapping[int, str]) -> tuple[Rows, tuple[str, ...]]:
    """The rows with the classes that occur numbered from 0, and the names of these."""
    kinds, number = np.unique(rows.classes, return_inverse=True)
    known = tuple(names.get(int(kind), "object" if kind < 0 else f"class{kind}") for kind in kinds)
    return replace(rows, classes=number), known if names else ("person",) * len(kinds)


def _doubtful(found: list[Detections], rows: Rows) -> dict[int, FloatArray]:
    starts = np.searchsorted(rows.frames, np.arange(1, len(found) + 2))
    out = {}
    for number, detections in enumerate(found, start=1):
        own = rows.boxes[starts[number - 1] : starts[number]]
        boxes = detections.boxes[detections.scores >= DOUBTFUL]
        if len(boxes) and len(own):
            boxes = boxes[iou_xyxy(boxes, own).max(axis=1) < SAME]
        if len(boxes):
            out[number] = boxes
    return out
