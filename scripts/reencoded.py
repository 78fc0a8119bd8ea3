"""The real video again and again, encoded anew: what a tracker is worth when the same frames look a little different.

    python scripts/reencoded.py make CACHE [--shared ../shared]
    python scripts/reencoded.py score CACHE [--shared ../shared]

``make`` changes vtest_480x360.mp4 (``ENCODES``), encodes it by libx264 in memory (extra ``video``), detects people by
yolox_nano, and embeds them with the packaged model. ``score`` cuts the detections at several confidences and gives
HOTA / IDF1 / MOTA of every tracker, by its own defaults, and the worst case against Steady without embeddings. No
setting of a tracker was chosen on these (see ``LOOKED_AT``).
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import bench_vtest as vtest
import cv2
import dressed
import numpy as np

from tracker.arrays import Image
from tracker.detect import ONNX
from tracker.detections import Detections
from tracker.embed import open_embedder
from tracker.evaluate.benchmark import load_ground_truth
from tracker.io.mot import read_ground_truth

CONFIDENCES = (0.1, 0.3, 0.5)
RATE = 10.0  # frames a second, as the file says
LOOKED_AT = "crf 20"  # the encode on which Steady's corrections of ids were seen while they were made: not scored


@dataclass(frozen=True)
class Encode:
    """A change of the images, and how they are encoded. gain: of brightness; noise: standard deviation, of 255."""

    crf: int
    scale: float = 1.0
    blur: float = 0.0
    noise: float = 0.0
    gain: float = 1.0


ENCODES = {
    "crf 20": Encode(20),
    "crf 28": Encode(28),
    "crf 34": Encode(34),
    "crf 40": Encode(40),
    "half size": Encode(23, scale=0.5),
    "three quarters": Encode(23, scale=0.75),
    "one and a half": Encode(23, scale=1.5),
    "blur": Encode(23, blur=1.2),
    "noise": Encode(23, noise=8.0),
    "dark": Encode(23, gain=0.6),
}


def changed(shared: Path, encode: Encode) -> Iterator[Image]:
    draw = np.random.default_rng(0)
    for image in vtest.images(shared):
        if encode.scale != 1:
            how = cv2.INTER_AREA if encode.scale < 1 else cv2.INTER_LINEAR
            smaller = cv2.resize(image, None, fx=encode.scale, fy=encode.scale, interpolation=how)
            image = np.asarray(smaller, dtype=np.uint8)
        pixels = np.asarray(image, dtype=np.float32) * encode.gain
        if encode.blur:
            pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), encode.blur), dtype=np.float32)
        if encode.noise:
            pixels += draw.normal(0, encode.noise, pixels.shape)
        yield pixels.clip(0, 255).astype(np.uint8)


def images(shared: Path, encode: Encode) -> Iterator[Image]:
    """The changed images after a trip through libx264."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = None
        for image in changed(shared, encode):
            if stream is None:
                stream = container.add_stream(
                    "libx264", rate=Fraction(7), options={"crf": str(encode.crf), "threads": "1"}
                )
                stream.height, stream.width = image.shape[:2]
                stream.pix_fmt = "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        if stream is not None:
            container.mux(stream.encode())
    file.seek(0)
    with av.open(file, "r") as video:
        for frame in video.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8)


def make(shared: Path, cache: Path) -> None:
    cv2.setNumThreads(1)
    detector = ONNX(shared / vtest.MODEL, conf=min(CONFIDENCES), classes=["person"], threads=1)
    embedder = open_embedder("default", threads=1)
    cache.mkdir(parents=True, exist_ok=True)
    for name, encode in ENCODES.items():
        path = cache / f"vtest-{name.replace(' ', '-')}.npz"
        if path.exists():
            continue
        found, embeddings = [], []
        for image in images(shared, encode):
            found.append(detector(image))
            embeddings.append(embedder(image, found[-1].boxes))
        partial = path.with_suffix(".part.npz")
        np.savez_compressed(
            partial,
            counts=[len(one) for one in found],
            boxes=np.concatenate([one.boxes for one in found]),
            scores=np.concatenate([one.scores for one in found]),
            embeddings=np.concatenate(embeddings).astype(np.float16),
        )
        partial.replace(path)
        print(path.name, len(found), sum(map(len, found)), flush=True)


def load(cache: Path, name: str, conf: float) -> list[Detections]:
    """Detections of an encode from a confidence on, with embeddings."""
    with np.load(cache / f"vtest-{name.replace(' ', '-')}.npz") as file:
        cuts = np.cumsum(file["counts"])[:-1]
        columns = [np.split(file[key].astype(np.float64), cuts) for key in ("boxes", "scores", "embeddings")]
    every = [Detections(b, s, embeddings=e if len(b) else None) for b, s, e in zip(*columns, strict=True)]
    return [one[one.scores >= conf] for one in every]


def score(shared: Path, cache: Path) -> None:
    truth = read_ground_truth(shared / vtest.TRUTH)
    runs: dict[float, dict[str, list[dressed.Score]]] = {conf: {} for conf in CONFIDENCES}
    for name, encode in ENCODES.items():
        if name == LOOKED_AT:
            continue
        rows = replace(truth, boxes=truth.boxes * vtest.SCALE * encode.scale)
        scene = load_ground_truth({vtest.NAME: rows}, "mot15")
        for conf in CONFIDENCES:
            found = load(cache, name, conf)
            for one in dressed.CONTESTANTS:
                settings: Mapping[str, float] = {}
                results = {vtest.NAME: dressed.follow(replace(one, least=0.0), found, RATE, settings)}
                runs[conf].setdefault(one.name, []).append(dressed.summary(scene, results))
    every = {one.name: [row for some in runs.values() for row in some[one.name]] for one in dressed.CONTESTANTS}
    for title, some in {"all confidences": every, **{f"confidence {conf:g}": runs[conf] for conf in runs}}.items():
        print(title)
        dressed.table(some, dressed.CONTESTANTS[0].name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("what", choices=["make", "score"])
    add("cache", type=Path)
    add("--shared", type=Path, default=Path("../shared"))
    args = parser.parse_args()
    (make if args.what == "make" else score)(args.shared, args.cache)
    return 0


if __name__ == "__main__":
    sys.exit(main())
