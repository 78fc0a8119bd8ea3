"""Crops with identities and cameras from disk: Market-1501 names, a folder per identity, or a MOT sequence.

Source: Zheng et al., "Scalable Person Re-identification: A Benchmark" (ICCV 2015), section 3, for the names:
``0002_c1s1_000451_03.jpg`` is identity 2 seen by camera 1; identity 0 is a distractor, -1 junk.
"""

from __future__ import annotations

import configparser
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from reid.errors import ReidError

IMAGES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
MARKET = re.compile(r"^(-1|\d+)_c(\d+)")


@dataclass(frozen=True)
class Crops:
    """``images`` (N, H, W, 3) uint8 BGR; ``ids``, ``cameras`` (N,) int64; ``skipped``: files that could not be read."""

    images: npt.NDArray[np.uint8]
    ids: npt.NDArray[np.int64]
    cameras: npt.NDArray[np.int64]
    skipped: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Crops:
        return replace(self, images=self.images[rows], ids=self.ids[rows], cameras=self.cameras[rows])


def load(path: str | Path, size: tuple[int, int] = (128, 64), warn: Callable[[str], None] | None = None) -> Crops:
    """All crops under ``path``, resized to ``size`` (height, width) in pixels.

    A folder with Market-1501 names, a folder with one sub-folder per identity (a ``_cN`` in a file's name is its
    camera, else 0), or a MOT sequence (``gt/gt.txt`` with ``img1`` or a video beside it; every frame is camera 0).
    Files that cannot be read are skipped, counted and named through ``warn`` (standard error by default).

    Raises:
        ReidError: no such path, or nothing in it that can be read.
    """
    root = Path(path)
    if not root.is_dir():
        raise ReidError(f"{root}: {'not a folder' if root.exists() else 'no such folder'}")
    if (root / "gt" / "gt.txt").is_file():
        return load_mot(root, size)
    named = sorted(p for p in root.iterdir() if p.suffix.lower() in IMAGES and MARKET.match(p.name))
    rows: list[tuple[Path, int, int]] = []
    if named:
        for file in named:
            match = MARKET.match(file.name)
            assert match is not None
            rows.append((file, int(match[1]), int(match[2])))
    else:
        for identity, folder in enumerate(sorted(p for p in root.iterdir() if p.is_dir()), start=1):
            for file in sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGES):
                camera = re.search(r"_c(\d+)", file.stem)
                rows.append((file, identity, int(camera[1]) if camera else 0))
    if not rows:
        raise ReidError(
            f"{root}: no crops found; expected Market-1501 names (0002_c1s1_000451_03.jpg), one folder per identity, "
            "or a MOT sequence with gt/gt.txt"
        )
    images = np.empty((len(rows), *size, 3), dtype=np.uint8)
    kept: list[tuple[int, int]] = []
    skipped: list[str] = []
    for file, identity, camera_ in rows:
        image = read_image(file)
        if image is None:
            skipped.append(str(file))
            continue
        cv2.resize(image, (size[1], size[0]), dst=images[len(kept)])
        kept.append((identity, camera_))
    if skipped:
        say = warn or (lambda line: print(line, file=sys.stderr))
        say(f"{len(skipped)} of {len(rows)} images could not be read and were skipped: {', '.join(skipped[:5])}"
            + (" ..." if len(skipped) > 5 else ""))  # fmt: skip
    if not kept:
        raise ReidError(f"{root}: none of its {len(rows)} images can be read")
    table = np.array(kept, dtype=np.int64)
    return Crops(images[: len(kept)], table[:, 0].copy(), table[:, 1].copy(), tuple(skipped))


def read_image(file: Path) -> npt.NDArray[np.uint8] | None:
    """The picture (H, W, 3) uint8 BGR; None where the file is empty, damaged, unreadable or a link to nothing."""
    try:
        data = np.fromfile(file, dtype=np.uint8)
    except OSError:
        return None
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    return None if image is None else image.astype(np.uint8, copy=False)


def frames_of(root: Path) -> Iterator[npt.NDArray[np.uint8]]:
    """The frames of a MOT sequence in order, from its image folder or the one video beside it."""
    folder = root / "img1"
    if (root / "seqinfo.ini").is_file():
        info = configparser.ConfigParser()
        info.read(root / "seqinfo.ini")
        folder = root / info.get("Sequence", "imDir", fallback="img1")
    if folder.is_dir():
        for file in sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGES):
            image = read_image(file)
            if image is None:
                raise ReidError(f"{file}: cannot be read, and a gap would shift every later frame")
            yield image
        return
    videos = sorted(p for p in root.iterdir() if p.suffix.lower() in {".mp4", ".avi", ".mkv", ".webm", ".mov"})
    if not videos:
        raise ReidError(f"{root}: gt/gt.txt has no frames beside it; expected {folder.name}/ or one video file")
    capture = cv2.VideoCapture(str(videos[0]))
    try:
        while True:
            good, frame = capture.read()
            if not good:
                return
            yield frame.astype(np.uint8, copy=False)
    finally:
        capture.release()


def load_mot(root: Path, size: tuple[int, int], visible: float = 0.3, every: int = 5) -> Crops:
    """Crops of the ground-truth boxes of every ``every``-th frame that are at least ``visible`` (0..1) visible."""
    try:
        table = np.loadtxt(root / "gt" / "gt.txt", delimiter=",", ndmin=2)
    except ValueError as error:
        raise ReidError(f"{root / 'gt' / 'gt.txt'}: not a MOT text file ({error})") from error
    if table.shape[0] == 0 or table.shape[1] < 6:
        raise ReidError(f"{root / 'gt' / 'gt.txt'}: expected rows frame, id, left, top, width, height ...")
    if table.shape[1] in (8, 9):  # MOT16+: considered, class pedestrian, visibility; MOT15's x, y, z make it 10
        seen = table[:, 8] >= visible if table.shape[1] == 9 else True
        table = table[(table[:, 6] != 0) & (table[:, 7] == 1) & seen]
    elif table.shape[1] >= 7:
        table = table[table[:, 6] != 0]
    images: list[npt.NDArray[np.uint8]] = []
    ids: list[int] = []
    for number, frame in enumerate(frames_of(root), start=1):
        if (number - 1) % every:
            continue
        height, width = frame.shape[:2]
        for row in table[table[:, 0] == number]:
            left, top = max(0, round(row[2])), max(0, round(row[3]))
            right, bottom = min(width, round(row[2] + row[4])), min(height, round(row[3] + row[5]))
            if right - left >= 4 and bottom - top >= 8:
                crop = cv2.resize(frame[top:bottom, left:right], (size[1], size[0]))
                images.append(crop.astype(np.uint8, copy=False))
                ids.append(int(row[1]))
    if not images:
        raise ReidError(f"{root}: no ground-truth box lies inside its frames")
    return Crops(np.stack(images), np.array(ids, dtype=np.int64), np.zeros(len(ids), dtype=np.int64))


def split(crops: Crops, held_out: int, option: str = "--held-out") -> tuple[Crops, Crops]:
    """(training, held-out): the last ``held_out`` identities by number are held out; distractors and junk in neither.
    ``option``: what an error calls ``held_out``.

    Raises:
        ReidError: fewer than two identities are left for training, or no identity has two crops.
    """
    if held_out < 0:
        raise ReidError(f"{option} must be at least 0, not {held_out}")
    names = np.unique(crops.ids[crops.ids > 0])
    if len(names) < 2:
        raise ReidError(
            f"{len(names)} identity in the data: at least 2 are needed to learn what differs between people"
        )
    if len(names) - held_out < 2:
        raise ReidError(
            f"{held_out} of {len(names)} identities held out leaves fewer than 2 to train on: lower {option}"
        )
    last = names[len(names) - held_out :]
    hidden = np.isin(crops.ids, last)
    train, test = crops[(crops.ids > 0) & ~hidden], crops[hidden]
    if np.unique(train.ids, return_counts=True)[1].max() < 2:
        raise ReidError("one image per identity: at least one identity needs 2 crops to learn what stays the same")
    return train, test
