"""Folders as sources: images, or a MOTChallenge sequence with ``seqinfo.ini`` and a folder of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from tracker.io.images import IMAGE_SUFFIXES, IMAGES_RATE, file_numbers, list_images, natural, open_images
from tracker.io.mot import read_detections
from tracker.io.mot_lines import MotFormatError, read_numbers
from tracker.io.seqinfo import SeqInfo, read_seqinfo
from tracker.io.source import Frame, Source, SourceError
from tracker.rows import are_times

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".webm", ".mov")  # looked for beside a sequence's ground truth


def open_folder(path: Path) -> Source:
    """The frames of a folder of images or of a MOTChallenge sequence. Raises SourceError where it has none."""
    name = path.name or path.absolute().name
    if (path / "seqinfo.ini").is_file():
        return _open_sequence(path, name)
    images, others = list_images(path)
    if not images and (path / "img1").is_dir():
        return open_images(path / "img1", name, "sequence", None)
    if not images and ((path / "det").is_dir() or (path / "gt").is_dir()):
        raise SourceError(
            f"{path}: a sequence without images (img1) and without seqinfo.ini; add the images, or a seqinfo.ini with "
            "[Sequence] and seqLength"
        )
    if not images and others:
        kinds = ", ".join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))
        raise SourceError(
            f"{path}: none of its {others} files is an image ({kinds}); pass a video file or a folder of images"
        )
    beside = path.absolute().parent
    if images and (beside / "seqinfo.ini").is_file():  # numbered as the sequence numbers it
        info = read_seqinfo(beside / "seqinfo.ini")
        if info.image_folder == path.name:
            return open_images(path, name, "images", None, length_of(beside, info))
    return open_images(path, name, "images", None)


def length_of(folder: Path, info: SeqInfo) -> int | None:
    """The last frame of a sequence by its ``seqinfo.ini``; None where it does not say, and where it counts images whose
    names, and the rows of ``gt`` or ``det``, have larger numbers."""
    if info.length is None or not (folder / info.image_folder).is_dir():
        return info.length
    images = list_images(folder / info.image_folder)[0]
    if not images or max(file_numbers(images)[0]) <= info.length:
        return info.length
    for file in (folder / "gt" / "gt.txt", folder / "det" / "det.txt"):
        with suppress(MotFormatError):
            if file.is_file() and read_numbers(file, "").table[:, 0].max(initial=0) > info.length:
                return None
    return info.length


def find_frames(folder: Path) -> Path | None:
    """What shows the frames of a sequence folder: its folder of images (``img1``, or what ``seqinfo.ini`` names), else
    the first video in it; None where it has neither. Raises SourceError for a ``seqinfo.ini`` that cannot be read."""
    info = folder / "seqinfo.ini"
    images = folder / (read_seqinfo(info).image_folder if info.is_file() else "img1")
    if images.is_dir() and list_images(images)[0]:
        return images
    files = sorted((file for file in folder.iterdir() if file.is_file()), key=natural)
    videos = [file for suffix in VIDEO_SUFFIXES for file in files if file.suffix.lower() == suffix]
    return videos[0] if videos else None


def _open_sequence(path: Path, name: str) -> Source:
    info = read_seqinfo(path / "seqinfo.ini")
    folder = path / info.image_folder
    name = info.name or name
    if folder.is_dir() and list_images(folder)[0]:
        source = open_images(folder, name, "sequence", info.frame_rate, length_of(path, info))
        if info.length and info.length != source.n_frames:
            source.note(f"seqinfo.ini says {info.length} frames, {folder.name} holds {source.n_frames}")
        return source
    if not info.length:
        raise SourceError(f"{path}: no images in {folder.name} and no seqLength in seqinfo.ini; one of them is needed")
    return _without_images(path, name, info, *_numbers(path, info.length))


def _numbers(path: Path, length: int) -> tuple[Sequence[int], str | None]:
    """The frames of a sequence without images, and what to say about them: 1 to ``length``, or those of its recorded
    detections where their numbers are times."""
    file = path / "det" / "det.txt"
    counted = range(1, length + 1)
    if not file.is_file():
        return counted, None
    rows = read_detections(file, invalid="drop")
    if not are_times(max(rows.last_frame, length), len(rows)):
        return counted, None
    numbers = np.unique(rows.frames).tolist()
    return (
        numbers,
        f"frame numbers up to {rows.last_frame} in {file.name} look like times; its frames are those tracked",
    )


def _without_images(path: Path, name: str, info: SeqInfo, numbers: Sequence[int], said: str | None) -> Source:
    rate = info.frame_rate or IMAGES_RATE

    def frames(source: Source) -> Iterator[Frame]:
        for k, number in enumerate(numbers):
            yield Frame(None, number, k / rate)

    source = Source(
        name,
        "sequence",
        frames,
        frame_rate=rate,
        n_frames=len(numbers),
        size=(info.width, info.height) if info.width and info.height else None,
        has_images=False,
        files=[path / "seqinfo.ini"],
        notes=[f"no images in {info.image_folder}; frames come without images"],
    )
    if said:
        source.note(said)
    if not info.frame_rate:
        source.note(f"no frameRate in seqinfo.ini; assuming {rate:g} frames per second")
    return source
