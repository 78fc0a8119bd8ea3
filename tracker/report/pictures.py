"""Pictures for the page, all from one pass over the video: crops, the scene, the times of frames, a small copy."""

from __future__ import annotations

import base64
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tracker.arrays import FloatArray, Image
from tracker.report.entries import Look
from tracker.spelling import shown

if TYPE_CHECKING:
    from tracker.io.source import Source
    from tracker.io.video_writer import VideoWriter

MARGIN = 0.2  # of a box's size, on each side of its crop
TALL, LOW = 160, 64  # pixels: heights of an event's crop and of a strip's, at most
QUALITY = 80
WIDE = 960  # pixels: the scene, and the copy, at most
EMBEDDED = 14 << 20  # bytes: a video of 20 MB as base64 is 15 MB before
BITS = 0.12  # of a pixel of the copy: what x264 took on real streets, rounded up


@dataclass(eq=False)
class Pictures:
    """What was cut.

    crops   JPEGs; place: of each look among them
    scene   a JPEG of the first image, "" where there is none
    times   seconds of each frame read, by number
    video   a small copy of the video, MP4 with H.264, where one was wanted
    """

    crops: list[str] = field(default_factory=list)
    place: dict[Look, int] = field(default_factory=dict)
    scene: str = ""
    times: dict[int, float] = field(default_factory=dict)
    video: bytes | None = None


def cut(
    source: Source,
    tall: Sequence[Look],
    low: Sequence[Look],
    size: tuple[int, int],
    *,
    copy: bool = False,
    most: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Pictures:
    """Read the source to its end; crops of ``tall`` looks, smaller ones of ``low`` looks, and a copy where wanted.

    size      width and height that the boxes refer to; images of another size are cut in proportion
    most      characters of crops that are kept: the first looks', those of ``tall`` before those of ``low``
    progress  called with the number of each frame

    Raises ValueError where a copy is wanted and would be too large, or PyAV is missing.
    """
    wanted: dict[int, list[tuple[Look, int]]] = {}
    for looks, height in ((tall, TALL), (low, LOW)):
        for look in looks:
            wanted.setdefault(look.frame, []).append((look, height))
    out, cut_out = Pictures(), dict[Look, str]()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        writer: VideoWriter | None = None
        for frame in source:
            out.times[frame.number] = frame.time
            if progress is not None:
                progress(frame.number)
            if frame.image is None:
                continue
            if not out.scene:
                out.scene = jpeg(_within(frame.image, WIDE))
                if copy:
                    writer = stack.enter_context(_writer(Path(folder) / "copy.mp4", source, frame.image))
            scale = np.array([frame.image.shape[1] / size[0], frame.image.shape[0] / size[1]] * 2)
            for look, height in wanted.get(frame.number, ()):
                crop = _crop(frame.image, look.box * scale, height)
                if crop is not None:
                    cut_out[look] = jpeg(crop)
            if writer is not None:
                writer.write(_resized(frame.image, writer.size), frame.time)
        if writer is not None:
            writer.close()
            out.video = writer.path.read_bytes()
    for look in (*tall, *low):
        if look in cut_out and (most is None or len(cut_out[look]) <= most):
            most = None if most is None else most - len(cut_out[look])
            out.place[look] = len(out.crops)
            out.crops.append(cut_out[look])
    if out.video is not None and len(out.video) > EMBEDDED:
        raise ValueError(
            f"--embed: {shown(source.name)} takes {len(out.video) >> 20} MB, more than a report holds; leave --embed "
            "out, and the video is linked"
        )
    return out


def jpeg(image: Image) -> str:
    """The image as a JPEG, as base64."""
    import cv2

    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    return base64.b64encode(data.tobytes()).decode("ascii")


def _writer(path: Path, source: Source, image: Image) -> VideoWriter:
    """The writer of the copy, which is as large as may be."""
    from tracker.io.video_writer import VideoWriter

    height, width = image.shape[:2]
    frames = source.n_frames or 1000
    fits = math.sqrt(8 * EMBEDDED / (BITS * width * height * frames))
    scale = min(1.0, WIDE / width, fits)
    size = max(16, 2 * round(width * scale / 2)), max(16, 2 * round(height * scale / 2))
    writer = VideoWriter(path, size, source.frame_rate)
    if not writer.codec.startswith("h264"):
        writer.close()
        raise ValueError("--embed: browsers play no video that OpenCV writes; pip install 'trackwhy[video]'")
    return writer


def _resized(image: Image, size: tuple[int, int]) -> Image:
    import cv2

    if image.shape[1::-1] == size:
        return image
    smaller: Image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return smaller


def _within(image: Image, most: int) -> Image:
    height, width = image.shape[:2]
    scale = min(1.0, most / max(width, height))
    return _resized(image, (max(1, round(width * scale)), max(1, round(height * scale))))


def _crop(image: Image, box: FloatArray, height: int) -> Image | None:
    """The box with a margin, at most ``height`` pixels high; None where it lies outside the image."""
    grow = np.maximum((box[2:] - box[:2]) * MARGIN, 4)
    left, top = np.floor(np.maximum(box[:2] - grow, 0)).astype(int)
    right, bottom = np.ceil(np.minimum(box[2:] + grow, image.shape[1::-1])).astype(int)
    if right - left < 2 or bottom - top < 2:
        return None
    part = image[top:bottom, left:right]
    scale = min(1.0, height / part.shape[0], 2 * height / part.shape[1])
    return _resized(part, (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))))


def uneven(times: Mapping[int, float], rate: float) -> bool:
    """Whether any frame is a quarter of a frame away from where its number and the rate put it."""
    return any(abs(time - (number - 1) / rate) > 0.25 / rate for number, time in times.items())
