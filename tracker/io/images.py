"""Folders of images: which files are images, in which order, and what they show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tracker.arrays import Image
from tracker.io.capture import quiet_cv2
from tracker.io.source import Frame, Source, SourceError

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
IMAGES_RATE = 30.0  # frames per second, assumed for folders


def natural(path: Path) -> tuple[list[tuple[int, int | str]], str]:
    """Sort key of a file or folder by its name: numbers in it count as numbers, so 2 comes before 10."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part], path.name


def list_images(folder: Path) -> tuple[list[Path], int]:
    """The images of a folder in natural order, and how many other files lie there.

    Hidden files are neither. A link to nothing counts as an image that cannot be read. Raises SourceError for a folder
    that cannot be read.
    """
    try:
        files = [entry for entry in folder.iterdir() if not entry.name.startswith(".") and _is_file(entry)]
    except OSError as error:
        raise SourceError(f"{folder}: cannot be read ({error.strerror})") from None
    images = sorted((file for file in files if file.suffix.lower() in IMAGE_SUFFIXES), key=natural)
    return images, len(files) - len(images)


def _is_file(path: Path) -> bool:
    return path.is_file() or (path.is_symlink() and not path.exists())


def read_image(path: Path) -> Image | None:
    """The image (H, W, 3) uint8 BGR; None where the file is empty, damaged, unreadable or a link to nothing."""
    cv2 = quiet_cv2()
    try:
        data = path.read_bytes()  # not cv2.imread: on Windows it cannot open Unicode paths
    except OSError:
        return None
    # libpng writes to stderr by itself when a file is cut.
    if not data or (data.startswith(b"\x89PNG") and b"IEND" not in data[-64:]):
        return None
    try:
        image: Image | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return image


def open_images(folder: Path, name: str, kind: str, frame_rate: float | None) -> Source:
    """A folder's images as frames, in natural order; ``frame_rate`` None stands for IMAGES_RATE, with a note.

    Raises SourceError for a folder without an image that can be decoded.
    """
    images, others = list_images(folder)
    if not images:
        raise SourceError(f"{folder}: the folder is empty; pass a video file or a folder of images")
    first = next((image for path in images if (image := read_image(path)) is not None), None)
    if first is None:
        raise SourceError(f"{folder}: none of its {len(images)} images can be decoded, starting with {images[0].name}")
    rate = frame_rate or IMAGES_RATE
    notes = [] if frame_rate else [f"a folder has no frame rate; assuming {rate:g} frames per second"]
    if others:
        notes.append(f"{others} file{'s' if others > 1 else ''} skipped that {'are' if others > 1 else 'is'} no image")
    size = (first.shape[1], first.shape[0])

    def frames(source: Source) -> Iterator[Frame]:
        for number, path in enumerate(images, 1):
            image = read_image(path)
            if image is None:
                source.note(f"{path.name} cannot be decoded and is left out")
                continue
            if (image.shape[1], image.shape[0]) != size:
                raise SourceError(
                    f"{path}: its size {image.shape[1]}x{image.shape[0]} differs from {size[0]}x{size[1]} "
                    "of the images before it; give all images one size, or put each size in a folder of its own"
                )
            yield Frame(image, number, (number - 1) / rate)

    return Source(name, kind, frames, frame_rate=rate, n_frames=len(images), size=size, files=images, notes=notes)
