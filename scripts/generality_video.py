"""vtest encoded anew in several ways, detected with yolox_nano: the cells of ``scripts/generality.py --video``."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import bench_vtest
import numpy as np
from generality_sets import Cell, Scene

from tracker.arrays import Image
from tracker.detect import ONNX
from tracker.detections import Detections
from tracker.io.video import open_source
from tracker.rows import Rows

RATE = Fraction(7)  # frames per second of the scene; the file says 10
LEAST, CONFIDENCES = 0.1, (0.1, 0.25, 0.4, 0.5, 0.6)


@dataclass(frozen=True)
class Encode:
    """One way to encode: change (of an image), then scale, then codec with its options."""

    name: str
    codec: str = "libx264"
    options: tuple[tuple[str, str], ...] = (("crf", "23"),)
    scale: float = 1.0
    change: Callable[[Image, np.random.Generator], Image] | None = None


def _brighter(by: int) -> Callable[[Image, np.random.Generator], Image]:
    return lambda image, _: np.clip(image.astype(np.int16) + by, 0, 255).astype(np.uint8)


def _blurred(image: Image, _: np.random.Generator) -> Image:
    import cv2

    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.5), dtype=np.uint8)


def _noisy(image: Image, draw: np.random.Generator) -> Image:
    return np.clip(image + draw.normal(0, 10, image.shape), 0, 255).astype(np.uint8)


ENCODES = (
    Encode("crf 20", options=(("crf", "20"),)),
    Encode("crf 30", options=(("crf", "30"),)),
    Encode("crf 40", options=(("crf", "40"),)),
    Encode("half the size", scale=0.5),
    Encode("three quarters", scale=0.75),
    Encode("half as large again", scale=1.5),
    Encode("darker", change=_brighter(-50)),
    Encode("brighter", change=_brighter(50)),
    Encode("blurred", change=_blurred),
    Encode("noisy", change=_noisy),
    Encode("MPEG-4", codec="mpeg4", options=(("qscale", "8"),)),
)


def write(encode: Encode, images: Iterator[Image], path: Path) -> None:
    """Write the images, changed, to ``path``; needs PyAV (the extra ``video``)."""
    import av
    import cv2

    draw = np.random.default_rng(0)
    with av.open(str(path), "w") as file:
        stream: Any = None
        for image in images:
            changed = image if encode.change is None else encode.change(image, draw)
            width, height = (2 * round(side * encode.scale / 2) for side in (image.shape[1], image.shape[0]))
            if encode.scale != 1:
                changed = np.asarray(cv2.resize(changed, (width, height), interpolation=cv2.INTER_AREA))
            if stream is None:
                stream = file.add_stream(encode.codec, rate=RATE, options=dict(encode.options))
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.thread_count = 1
            file.mux(stream.encode(av.VideoFrame.from_ndarray(changed, format="bgr24")))
        file.mux(stream.encode())


def detected(shared: Path, path: Path) -> list[Detections]:
    """People in each frame of a video, from LEAST on."""
    detector = ONNX(shared / bench_vtest.MODEL, conf=LEAST, classes=["person"])
    with open_source(path) as frames:
        return [detector(frame.image) for frame in frames if frame.image is not None]


def video_cells(shared: Path, cache: Path | None) -> Iterator[Cell]:
    """A cell for each encode and confidence. ``cache`` keeps the encodes and what was detected in them."""
    truth = bench_vtest.truth(shared).rows[bench_vtest.NAME]
    with tempfile.TemporaryDirectory() as temporary:
        folder = cache or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for encode in ENCODES:
            found, size = _detections(shared, encode, folder)
            for least in CONFIDENCES:
                kept = [d[d.scores >= least] for d in found]
                yield Cell("vtest", f"{encode.name}, conf {least}", "mot15", [_scene(truth, kept, encode.scale, size)])


def _scene(truth: Rows, found: list[Detections], scale: float, size: tuple[int, int]) -> Scene:
    return Scene("vtest", found, replace(truth, boxes=truth.boxes * scale), float(RATE), size)


def _detections(shared: Path, encode: Encode, folder: Path) -> tuple[list[Detections], tuple[int, int]]:
    path, kept = (folder / f"{encode.name.replace(' ', '-')}.{end}" for end in ("mp4", "npz"))
    if not kept.exists():
        write(encode, bench_vtest.images(shared), path)
        found = detected(shared, path)
        counts = np.array([len(d) for d in found])
        boxes = np.concatenate([d.boxes for d in found])
        np.savez(kept, counts=counts, boxes=boxes, scores=np.concatenate([d.scores for d in found]))
    with np.load(kept) as file:
        ends = np.cumsum(file["counts"])[:-1]
        parts = zip(np.split(file["boxes"], ends), np.split(file["scores"], ends), strict=True)
        found = [Detections(boxes, scores) for boxes, scores in parts]
    return found, (round(480 * encode.scale), round(360 * encode.scale))
