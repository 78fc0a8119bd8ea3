"""Hides who is in the images: tracked boxes become a mosaic of a few cells, smoothed.

What no detector finds is not hidden. What stays is a few averages for each box, in which no face can be made out; gait,
clothes' colours and the place stay visible, so this is no proof against somebody who knows the person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from tracker.arrays import FloatArray, Image
from tracker.io.sinks import Sink, Step

Region = Literal["box", "head"]
REGIONS: tuple[Region, ...] = get_args(Region)

CELLS = 6  # across the shorter side of what is hidden; a face in a person's box is about two of them wide
SMALLEST_CELL = 4  # pixels
MARGIN = 0.1  # of the box's size that is hidden around it
LINGER = 1.0  # seconds that a track which is no longer reported stays hidden


class Anonymiser:
    """Hides every box of a step: tracks (coasting ones too), detections without a track, and tracks just lost.

    region  "box": the whole box. "head": its upper part, at least a third of the height, with what is above it: for
            people upright, whole boxes are safer

    A track that is no longer reported stays hidden for LINGER seconds where its motion leads. Raises ValueError for an
    unknown region.
    """

    def __init__(self, region: Region = "box") -> None:
        self.region = region_named(region)
        self._seen: dict[int, tuple[float, int, FloatArray, FloatArray]] = {}  # time, frame, box, velocity

    def image(self, step: Step) -> Image | None:
        """A copy of a step's image (H, W, 3) with its boxes hidden; None without an image. Give every step once."""
        boxes = self._boxes(step)
        if step.frame.image is None:
            return None
        out: Image = np.array(step.frame.image, order="C")
        for box in boxes[np.isfinite(boxes).all(axis=1)]:
            hide(out, _head(box) if self.region == "head" else box)
        return out

    def _boxes(self, step: Step) -> FloatArray:
        """(N, 4) every box to hide."""
        tracks, now, number = step.tracks, step.frame.time, step.frame.number
        for id, box, speed in zip(tracks.ids.tolist(), tracks.boxes, tracks.velocities, strict=True):
            self._seen[id] = now, number, box.copy(), np.nan_to_num(speed)
        self._seen = {id: seen for id, seen in self._seen.items() if abs(now - seen[0]) <= LINGER}
        lost = [seen for seen in self._seen.values() if seen[1] != number]
        last = [box for _, _, box, _ in lost]
        led = [box + np.tile(speed * (number - frame), 2) for _, frame, box, speed in lost]
        return np.concatenate(
            (tracks.boxes, tracks.detection_boxes, step.detections.boxes, np.array([*last, *led]).reshape(-1, 4))
        )


class AnonymisedSink:
    """Gives its sinks every step with the image that ``Anonymiser`` makes of it."""

    def __init__(self, region: Region, sinks: Sequence[Sink]) -> None:
        self._anonymiser, self._sinks = Anonymiser(region), tuple(sinks)

    def write(self, step: Step) -> None:
        """Pass one step on."""
        hidden = replace(step, frame=replace(step.frame, image=self._anonymiser.image(step)))
        for sink in self._sinks:
            sink.write(hidden)

    def close(self) -> None:
        """Finish the sinks."""
        for sink in self._sinks:
            sink.close()


def region_named(name: str) -> Region:
    """What to hide, by its name. Raises ValueError for another word."""
    for region in REGIONS:
        if name == region:
            return region
    raise ValueError(f"--anonymise {name}: is unknown; give {' or '.join(REGIONS)}")


def hide(image: Image, box: FloatArray) -> None:
    """Make a mosaic of a box (4,) and MARGIN around it, in place; nothing where it lies outside the image."""
    import cv2

    height, width = image.shape[:2]
    margin = np.maximum(MARGIN * (box[2:] - box[:2]), 2)
    low = np.floor(np.clip(box[:2] - margin, 0, (width, height))).astype(int).tolist()
    high = np.ceil(np.clip(box[2:] + margin, 0, (width, height))).astype(int).tolist()
    part = image[low[1] : high[1], low[0] : high[0]]
    if not part.size:
        return
    tall, wide = part.shape[:2]
    cell = max(min(tall, wide) / CELLS, SMALLEST_CELL)
    few = cv2.resize(part, (max(1, round(wide / cell)), max(1, round(tall / cell))), interpolation=cv2.INTER_AREA)
    part[:] = cv2.resize(few, (wide, tall), interpolation=cv2.INTER_LINEAR)


def _head(box: FloatArray) -> FloatArray:
    """The part (4,) of a person's box (4,) that holds the head: more of it where only the upper body is in the box."""
    left, top, right, bottom = box.tolist()
    tall = min(bottom - top, max(0.35 * (bottom - top), 0.8 * (right - left)))
    return np.array((left, top, right, top + tall))
