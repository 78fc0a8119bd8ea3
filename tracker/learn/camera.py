"""From a video to a detector of its camera: train on the first part, judge by the last, write what is good enough."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import Image
from tracker.detect.detector import Detector
from tracker.detect.heads.end_to_end import EndToEnd
from tracker.detect.letterbox import Letterbox
from tracker.detect.onnx import ONNX
from tracker.detect.scene_check import KEY as SCENE
from tracker.detect.scene_check import thumbnail_of
from tracker.io.video import open_source
from tracker.learn.agreement import average_precision
from tracker.learn.labels import Labels
from tracker.learn.train import Objects, Recipe, Samples

LONGEST_SIDE = 480  # pixels of the input
MOST_IMAGES = 1200  # kept in memory; of a longer video every second, third, ... frame
FEWEST_IMAGES = 20  # in either part
LEAST_TRUST = 0.05  # the score of an object that a teacher hardly saw
CALIBRATION = 100  # images that int8 is calibrated on


@dataclass(frozen=True)
class Report:
    """What came out.

    agreement   AP50 with the labels of the part that was held out, of the file that is written
    as_float    the same before int8
    int8        whether the file is quantised
    images      labelled ones that were trained on and held out
    speed       frames a second of one thread, and the teacher's, on the same held-out frames; None without a teacher
    """

    agreement: float
    as_float: float
    int8: bool
    images: tuple[int, int]
    speed: tuple[float, float | None]


class Disagrees(ValueError):
    """The trained detector agrees less with the labels than was asked for; nothing is written."""


def input_size(size: tuple[int, int], longest: int = LONGEST_SIDE) -> tuple[int, int]:
    """(height, width) of the input for images of (width, height): their shape, in whole cells of the coarsest map."""
    scale = min(1.0, longest / max(size))
    width, height = (max(16, 16 * -(-round(side * scale) // 16)) for side in size)
    return height, width


def samples_of(video: str | Path, labels: Labels, size: tuple[int, int], first: int, last: int) -> Samples:
    """The frames from ``first`` to ``last``, at most MOST_IMAGES, as the network will see them."""
    step = max(1, -(-(last - first + 1) // MOST_IMAGES))
    box = Letterbox(size, EndToEnd.preprocessing, dtype=np.uint8, channels_last=True)
    images, objects = [], []
    ids = np.unique(labels.rows.ids[(labels.rows.frames >= first) & (labels.rows.frames <= last)])
    with open_source(str(video)) as source:
        for number, frame in enumerate(source, start=1):
            if number > last:
                break
            if number < first or (number - first) % step or frame.image is None:
                continue
            block, fit = box(frame.image)
            rows = labels.at(number)
            shift, zoom = np.tile(fit.shift, 2), np.tile(fit.zoom, 2)
            images.append(block[0].copy())
            doubtful = labels.doubtful.get(number, np.empty((0, 4))) * zoom + shift
            trust = rows.scores.clip(LEAST_TRUST, 1)
            known = np.searchsorted(ids, rows.ids)
            objects.append(Objects(rows.boxes * zoom + shift, rows.classes, known, trust, doubtful))
    return Samples(np.stack(images) if images else np.empty((0, *size, 3), np.uint8), objects)


def train_camera(
    video: str | Path,
    labels: Labels,
    path: Path,
    *,
    recipe: Recipe,
    holdout: float = 0.2,
    least: float = 0.6,
    int8: bool = True,
    teacher: Detector | None = None,
    keep: Path | None = None,
    told: Callable[[int, float], None] | None = None,
) -> Report:
    """Train a detector on the first part of the video and write it to ``path``.

    holdout  part of the frames, the last ones, that it is not trained on but judged by
    least    AP50 with the labels there, below which nothing is written
    int8     quantise it, where that costs less than .01 of AP50
    teacher  for its speed beside the new one's
    keep     a file with the state after each epoch, from which a call with the same inputs goes on; removed at the end

    Raises Disagrees, and ValueError for a video too short to be split.
    """
    from tracker.learn.export import export
    from tracker.learn.net import anchors_for
    from tracker.learn.train import train

    split = round(labels.frames * (1 - holdout))
    if split < FEWEST_IMAGES or labels.frames - split < FEWEST_IMAGES:
        raise ValueError(
            f"{video}: {labels.frames} frames are too few to train on {split} and to judge by the other "
            f"{labels.frames - split}; at least {FEWEST_IMAGES} of each are needed"
        )
    size = input_size(labels.size)
    samples = samples_of(video, labels, size, 1, split)
    every = np.concatenate([np.empty((0, 4)), *(one.boxes for one in samples.objects)])
    if not len(every):
        raise ValueError(f"{video}: nothing is labelled in its first {split} frames; take a longer video")
    anchors = anchors_for(every)
    key = _key(samples, recipe)
    net = train(samples, anchors, len(labels.names), recipe, keep=keep, key=key, told=told)
    said = {
        "trackwhy": "camera detector",
        "recipe": json.dumps(asdict(recipe), sort_keys=True),
        SCENE: base64.b64encode(_scene(video, split).tobytes()).decode("ascii"),
    }
    held = [(n, image) for n, image in _frames(video, split + 1)]
    part = path.with_name(f".{path.stem}.trying.onnx")
    try:
        export(net, anchors, size, labels.names, part, metadata=said)
        as_float = agreement = judge(part, held, labels)
        taken = False
        if int8:
            small = path.with_name(f".{path.stem}.int8.onnx")
            try:
                images = samples.images[:: max(1, len(samples) // CALIBRATION)]
                export(net, anchors, size, labels.names, small, metadata=said, calibration=images)
                quantised = judge(small, held, labels)
                if quantised >= as_float - 0.01:
                    small.replace(part)
                    agreement, taken = quantised, True
            finally:
                small.unlink(missing_ok=True)
        if not agreement >= least:
            raise Disagrees(
                f"it agrees with the labels of the last {labels.frames - split} frames to AP50 {agreement:.3f}, less "
                f"than {least:g}: nothing is written; take a longer video, more --epochs, or a lower --agreement"
            )
        speed = frames_per_second(ONNX(part, threads=1, conf=0.1), held)
        its = None if teacher is None else frames_per_second(teacher, held)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    if keep is not None:
        keep.unlink(missing_ok=True)
    return Report(agreement, as_float, taken, (len(samples), len(held)), (speed, its))


def judge(model: Path, frames: list[tuple[int, Image]], labels: Labels) -> float:
    """AP50 of a model file with the labels of numbered frames."""
    detector = ONNX(model, conf=0.05, threads=1)
    found = [detector(image) for _, image in frames]
    truth = [labels.at(number).boxes for number, _ in frames]
    doubtful = {place: labels.doubtful[number] for place, (number, _) in enumerate(frames) if number in labels.doubtful}
    return average_precision(found, truth, doubtful)


def frames_per_second(detector: Detector, frames: list[tuple[int, Image]], most: int = 100) -> float:
    """How fast a detector is on these frames, one after the other; the first ones warm it up."""
    images = [image for _, image in frames[:most]]
    for image in images[:5]:
        detector(image)
    started = perf_counter()
    for image in images:
        detector(image)
    return len(images) / max(perf_counter() - started, 1e-9)


def _frames(video: str | Path, first: int) -> list[tuple[int, Image]]:
    with open_source(str(video)) as source:
        every = [(n, f.image) for n, f in enumerate(source, start=1) if n >= first and f.image is not None]
    return every[:: max(1, -(-len(every) // MOST_IMAGES))]


def _scene(video: str | Path, last: int) -> NDArray[np.uint8]:
    """A thumbnail of the background: the median of thumbnails all over the first part."""
    thumbnails = []
    step = max(1, last // 100)
    with open_source(str(video)) as source:
        for number, frame in enumerate(source, start=1):
            if number > last:
                break
            if frame.image is not None and number % step == 0:
                thumbnails.append(thumbnail_of(frame.image))
    median: NDArray[np.uint8] = np.median(np.stack(thumbnails), axis=0).astype(np.uint8)
    return median


def _key(samples: Samples, recipe: Recipe) -> str:
    """What a training depends on, as one hash."""
    digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode())
    digest.update(samples.images.tobytes())
    for one in samples.objects:
        for array in (one.boxes, one.kinds, one.ids, one.trust, one.doubtful):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
