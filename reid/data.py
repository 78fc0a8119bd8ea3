"""Crops with identities and cameras from disk: Market-1501 names, a folder per identity, or a MOT sequence.

Source: Zheng et al., "Scalable Person Re-identification: A Benchmark" (ICCV 2015), section 3, for the names:
``0002_c1s1_000451_03.jpg`` is identity 2 seen by camera 1; identity 0 is a distractor, -1 junk.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reid.errors import ReidError
from tracker.arrays import FloatArray, IntArray
from tracker.embed.crops import cut_crops, resize_into
from tracker.io.images import list_images, natural, read_image
from tracker.io.mot import MotFormatError, read_ground_truth
from tracker.io.sequence import find_frames
from tracker.io.video import SourceError, open_source

MARKET = re.compile(r"^(-1|\d+)_c(\d+)")
CAMERA = re.compile(r"_c(\d+)")
SMALLEST = (4, 8)  # width, height: in pixels, of what a frame shows of a box
Warn = Callable[[str], None]


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


class Labelled(NamedTuple):
    """A file with one crop, and who it shows under which camera."""

    file: Path
    identity: int
    camera: int


def load(path: str | Path, size: tuple[int, int] = (128, 64), warn: Warn | None = None, last: int = 0) -> Crops:
    """All crops under ``path``, resized to ``size`` (height, width) in pixels, by identity.

    A folder with Market-1501 names, a folder with one sub-folder per identity (a ``_cN`` in a file's name is its
    camera, else 0), or a MOT sequence (``gt/gt.txt`` with ``img1`` or a video beside it; every frame is camera 0).
    Files that cannot be read are skipped, counted and named through ``warn`` (standard error by default).
    ``last``: only so many identities, the last by number, without distractors and junk; 0 for all.

    Raises:
        ReidError: no such path, or nothing in it that can be read.
    """
    root = Path(path)
    if not root.is_dir():
        raise ReidError(f"{root}: {'not a folder' if root.exists() else 'no such folder'}")
    warn = warn or (lambda line: print(line, file=sys.stderr))
    try:
        if (root / "gt" / "gt.txt").is_file():
            crops = load_mot(root, size, warn)
            return crops[np.isin(crops.ids, last_of(crops.ids, last))] if last else crops
        files = labelled(root)
    except (SourceError, MotFormatError) as error:
        raise ReidError(str(error)) from error
    if last:
        kept = set(last_of([file.identity for file in files], last).tolist())
        files = [file for file in files if file.identity in kept]
    if not files:
        raise ReidError(
            f"{root}: no crops found; expected Market-1501 names (0002_c1s1_000451_03.jpg), one folder per identity, "
            "or a MOT sequence with gt/gt.txt"
        )
    return read(files, size, warn, root)


def last_of(ids: Sequence[int] | npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """The last ``count`` identities by number; distractors (0) and junk (-1) are none."""
    names = np.unique(np.asarray(ids, dtype=np.int64))
    return names[names > 0][-count:]


def numbered(root: Path) -> bool:
    """Whether numbers name the identities under ``root`` (Market-1501's names, a MOT sequence), not folders."""
    return (root / "gt" / "gt.txt").is_file() or any(MARKET.match(file.name) for file in list_images(root)[0])


def labelled(root: Path) -> list[Labelled]:
    """The crops in a folder by identity, each identity's in natural order, as their names or folders label them."""
    named = [(file, match) for file in list_images(root)[0] if (match := MARKET.match(file.name))]
    if named:
        files = [Labelled(file, int(match[1]), int(match[2])) for file, match in named]
        return sorted(files, key=lambda file: file.identity)
    files = []
    for identity, folder in enumerate(folders_in(root), start=1):
        for place in [folder, *sorted(p for p in folder.rglob("*") if p.is_dir())]:
            for file in list_images(place)[0]:
                camera = CAMERA.search(file.stem)
                files.append(Labelled(file, identity, int(camera[1]) if camera else 0))
    return files


def folders_in(root: Path) -> list[Path]:
    """The folders in a folder in natural order, hidden ones left out."""
    return sorted((p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")), key=natural)


def read(files: Sequence[Labelled], size: tuple[int, int], warn: Warn, root: Path) -> Crops:
    """The crops of labelled files, resized; see ``load``. ``root``: for errors."""
    images = np.empty((len(files), *size, 3), dtype=np.uint8)
    kept: list[tuple[int, int]] = []
    skipped: list[str] = []
    for file, identity, camera in files:
        image = read_image(file)
        if image is None:
            skipped.append(str(file))
            continue
        resize_into(images[len(kept)], image)
        kept.append((identity, camera))
    if skipped:
        more = " ..." if len(skipped) > 5 else ""
        names = ", ".join(skipped[:5])
        warn(f"{len(skipped)} of {len(files)} images could not be read and were skipped: {names}{more}")
    if not kept:
        raise ReidError(f"{root}: none of its {len(files)} images can be read")
    table = np.array(kept, dtype=np.int64)
    return Crops(images[: len(kept)], table[:, 0].copy(), table[:, 1].copy(), tuple(skipped))


def load_mot(root: Path, size: tuple[int, int], warn: Warn, visible: float = 0.3, every: int = 5) -> Crops:
    """Crops of the ground-truth boxes of every ``every``-th frame that are at least ``visible`` (0..1) visible."""
    rows = read_ground_truth(root / "gt" / "gt.txt")
    rows = rows.select(people(rows.scores, rows.classes, rows.visibility, visible))
    frames = find_frames(root)
    if frames is None:
        raise ReidError(f"{root}: gt/gt.txt has no frames beside it; expected img1/ or one video file")
    images: list[npt.NDArray[np.uint8]] = []
    ids: list[npt.NDArray[np.int64]] = []
    with open_source(frames) as source:
        for frame in source:
            if (frame.number - 1) % every or frame.image is None:
                continue
            at = rows.at(frame.number)
            shown = large_enough(rows.boxes[at], frame.image.shape[1], frame.image.shape[0])
            images.append(cut_crops(frame.image, rows.boxes[at][shown], (size[1], size[0])))
            ids.append(rows.ids[at][shown])
        if source.missing:
            warn(f"{frames}: {source.missing} of {source.n_frames} frames could not be read and were skipped")
    found = np.concatenate(ids) if ids else np.empty(0, dtype=np.int64)
    if not len(found):
        raise ReidError(f"{root}: no ground-truth box lies inside its frames")
    return Crops(np.concatenate(images), found, np.zeros(len(found), dtype=np.int64))


def people(scores: FloatArray, classes: IntArray, visibility: FloatArray, visible: float) -> npt.NDArray[np.bool_]:
    """(R,) the rows of ground truth that count and, where the file says so, are pedestrians and visible enough."""
    pedestrian, seen = (classes < 0) | (classes == 1), (visibility < 0) | (visibility >= visible)
    kept: npt.NDArray[np.bool_] = (scores != 0) & pedestrian & seen
    return kept


def large_enough(boxes: FloatArray, width: int, height: int) -> npt.NDArray[np.bool_]:
    """(N,) the boxes (N, 4) xyxy of which a frame of that size shows at least SMALLEST."""
    inside = np.clip(boxes, 0, [width, height, width, height])
    large: npt.NDArray[np.bool_] = np.all(inside[:, 2:] - inside[:, :2] >= SMALLEST, axis=1)
    return large


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
    hidden = np.isin(crops.ids, names[len(names) - held_out :])
    train, test = crops[(crops.ids > 0) & ~hidden], crops[hidden]
    if np.unique(train.ids, return_counts=True)[1].max() < 2:
        raise ReidError("one image per identity: at least one identity needs 2 crops to learn what stays the same")
    return train, test
