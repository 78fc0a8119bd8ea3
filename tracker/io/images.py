"""Folders of images: which files are images, in which order, and what they show."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tracker.arrays import Image
from tracker.io.capture import quiet_cv2
from tracker.io.source import Frame, Source, SourceError
from tracker.spelling import shown

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"})
IMAGES_RATE = 30.0  # frames per second, assumed for folders
LARGEST_NUMBER = 2**53  # that readers of MOTChallenge text, which may read floats, tell apart from its neighbours
DEPTHS = (10, 12, 14, 16)  # bits that sensors use of 16


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


def file_numbers(images: Sequence[Path]) -> tuple[list[int], str | None]:
    """The frame number of each image, and a line for people where it is not the number in its name.

    Names that end in distinct numbers number their frames, and so do those that differ in one number alone, as
    ``frame_000372_left``; where they count from 0, each number is one more, since frames count from 1. All others are
    counted in their order.
    """
    counted = list(range(1, len(images) + 1))
    ends = [re.search(r"\d+$", path.stem, re.ASCII) for path in images]
    numbers = [int(end.group()) for end in ends if end]
    if len(set(numbers)) < len(images):
        numbers = _only_difference(images) or numbers
    if not numbers:
        return counted, "file names end in no number; frames are numbered from 1 in the order of the names"
    if len(numbers) < len(images):
        return counted, "some file names end in no number; frames are numbered from 1 in the order of the names"
    if len(set(numbers)) < len(numbers):
        return counted, "file names share a number; frames are numbered from 1 in the order of the names"
    if max(numbers) >= LARGEST_NUMBER:
        return counted, "the numbers of the file names are too large; frames are numbered from 1 in their order"
    if numbers != sorted(numbers):
        return counted, "file names are not in the order of their numbers; frames are numbered from 1 in their order"
    if numbers[0] == 0:
        return [number + 1 for number in numbers], "file names count from 0; frame numbers are one more"
    return numbers, None


def _only_difference(images: Sequence[Path]) -> list[int]:
    """The number in which the names differ, of each; none where they differ in more, or in nothing."""
    parts = [re.split(r"(\d+)", path.stem, flags=re.ASCII) for path in images]
    if len({tuple(part[::2]) for part in parts}) != 1:
        return []
    differing = [column for column in list(zip(*parts, strict=True))[1::2] if len(set(column)) > 1]
    return [int(number) for number in differing[0]] if len(differing) == 1 else []


def read_image(path: Path) -> Image | None:
    """The image (H, W, 3) uint8 BGR, turned as its EXIF says; None where the file is empty, damaged, unreadable or a
    link to nothing. 16 bits are scaled to 8."""
    return _read(path, _Depth())


class _Depth:
    """Scales images of 16 bits to 8 by the bits that the first of them uses, the same for all.

    bits  of the values that become 0..255; None before the first image of 16 bits
    """

    def __init__(self) -> None:
        self.bits: int | None = None

    def scaled(self, image: npt.NDArray[np.uint16]) -> Image:
        if self.bits is None:
            used = int(image.max(initial=0)).bit_length()
            self.bits = next(bits for bits in DEPTHS if bits >= used)
        scaled: Image = np.minimum(image >> (self.bits - 8), 255).astype(np.uint8)
        return scaled


def _read(path: Path, depth: _Depth) -> Image | None:
    cv2 = quiet_cv2()
    try:
        data = path.read_bytes()  # not cv2.imread: on Windows it cannot open Unicode paths
    except OSError:
        return None
    # libpng writes to stderr by itself when a file is cut.
    if not data or (data.startswith(b"\x89PNG") and b"IEND" not in data[-64:]):
        return None
    encoded = np.frombuffer(data, np.uint8)
    try:
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        if image is not None and image.dtype == np.uint16:
            return depth.scaled(image)
        if image is not None and image.dtype != np.uint8:
            image = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    found: Image | None = image
    return found


def open_images(folder: Path, name: str, kind: str, frame_rate: float | None, length: int | None = None) -> Source:
    """A folder's images as frames, in natural order; ``frame_rate`` None stands for IMAGES_RATE, with a note.

    length  frames that a sequence has by its ``seqinfo.ini``: names with numbers above it are counted in their order
    Raises SourceError for a folder without an image that can be decoded.
    """
    images, others = list_images(folder)
    if not images:
        raise SourceError(f"{folder}: the folder is empty; pass a video file or a folder of images")
    source = images_source(images, name, kind, frame_rate, where=str(folder), length=length)
    if others:
        source.note(f"{others} file{'s' if others > 1 else ''} skipped that {'are' if others > 1 else 'is'} no image")
    return source


def images_source(
    images: Sequence[Path], name: str, kind: str, frame_rate: float | None, *, where: str, length: int | None = None
) -> Source:
    """Image files as frames, in their order, numbered by ``file_numbers``; other arguments as in ``open_images``.

    where  what names the images, in errors
    """
    depth = _Depth()
    first = next((image for path in images if (image := _read(path, depth)) is not None), None)
    if first is None:
        raise SourceError(f"{where}: none of its {len(images)} images can be decoded, starting with {images[0].name}")
    rate = frame_rate or IMAGES_RATE
    notes = [] if frame_rate else [f"a folder has no frame rate; assuming {rate:g} frames per second"]
    numbers, numbering = file_numbers(images)
    if length and numbers[-1] > max(length, len(images)):
        numbers = list(range(1, len(images) + 1))
        numbering = f"file names count beyond the {length} frames of seqinfo.ini; frames are numbered from 1 in order"
    if numbering:
        notes.append(numbering)
    if depth.bits is not None:
        notes.append(f"images of 16 bits: 0..{2**depth.bits - 1} is scaled to 0..255")
    size = (first.shape[1], first.shape[0])

    def frames(source: Source) -> Iterator[Frame]:
        told = False
        for k, (number, path) in enumerate(zip(numbers, images, strict=True)):
            if not source.wants(number, k / rate):
                yield Frame(None, number, k / rate)
                continue
            image = _read(path, depth)
            if image is None:
                source.note(f"{shown(path.name)} cannot be decoded and is left out")
                continue
            if not told and (image.shape[1], image.shape[0]) != size:
                source.note(
                    f"{shown(path.name)} is {image.shape[1]}x{image.shape[0]}, the first image {size[0]}x{size[1]}; "
                    "boxes are in pixels of their own image"
                )
                told = True
            yield Frame(image, number, k / rate)

    return Source(
        name, kind, frames, frame_rate=rate, n_frames=len(images), size=size, files=images, numbers=numbers, notes=notes
    )


def open_pattern(pattern: Path) -> Source | None:
    """The images that a pattern names, in natural order: ``frames/*.png``, or ``frames/%06d.png`` as FFmpeg writes it.

    None for what is no pattern. Raises SourceError for one that no image matches.
    """
    printed = re.fullmatch(r"(.*)%(0\d+)?d(.*)", pattern.name)
    if not printed and not set(pattern.name) & set("*?["):
        return None
    folder, name = pattern.parent, pattern.name
    if printed:
        digits = r"\d+" if printed[2] is None else rf"\d{{{int(printed[2])},}}"
        matches = re.compile(re.escape(printed[1]) + digits + re.escape(printed[3])).fullmatch
    else:
        matches = re.compile(fnmatch.translate(name)).match
    found = [path for path in list_images(folder)[0] if matches(path.name)] if folder.is_dir() else []
    if not found:
        raise SourceError(f"{pattern}: no image matches this pattern; pass a video file or a folder of images")
    return images_source(found, folder.absolute().name, "images", None, where=str(pattern))
