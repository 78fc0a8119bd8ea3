"""Finding sequences: ground truth in a tree, a flat folder or one file; results of one tracker or of several."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tracker.io.seqinfo import read_seqinfo
from tracker.io.sequence import length_of


@dataclass(frozen=True)
class Sequence:
    """One sequence of ground truth.

    name           of its folder in a tree, else of its file
    gt             the file of ground truth
    length         number of frames, from seqinfo.ini; None where it does not say, as for the three below
    width, height  of the images in pixels
    fps            frames per second, above 0
    folder         the sequence's own folder in a tree (with det/ and img1/), else None
    first          number of its first frame: above 1 for a later part of a sequence whose numbers are times
    """

    name: str
    gt: Path
    length: int | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    folder: Path | None = None
    first: int = 1


def find_sequences(path: str | os.PathLike[str], only: list[str] | None = None) -> list[Sequence]:
    """Sequences under `path`, by name: a tree `<seq>/gt/gt.txt`, one such folder, a folder of `<seq>.txt`, or one file.

    only: names to take. Raises ValueError when there is none, or when one of `only` is missing.
    """
    root = Path(path)
    if root.is_file():
        return _taken([_named(root)], only, root)
    if not root.is_dir():
        raise ValueError(f"{root}: no such file or folder; give a MOTChallenge tree, a folder of <seq>.txt or one file")
    for base in (root, root / "train"):
        if (base / "gt" / "gt.txt").is_file():
            found = [_named(base / "gt" / "gt.txt")]
        else:
            found = [_named(file) for file in sorted(base.glob("*/gt/gt.txt"))]
        if not found:
            found = [Sequence(file.stem, file) for file in sorted(base.glob("*.txt")) if file.name not in _OTHER_TEXT]
        if found:
            return _taken(found, only, root)
    raise ValueError(f"{root}: no ground truth; expected <seq>/gt/gt.txt, or <seq>.txt in a flat folder")


def find_detections(
    path: str | os.PathLike[str], only: list[str] | None = None, file: str = "det.txt"
) -> list[Sequence]:
    """Sequences of a tree that have `det/<file>`, by name. Raises ValueError when there is none."""
    root = Path(path)
    found = [s for s in find_sequences(root, only) if s.folder is not None and (s.folder / "det" / file).is_file()]
    if not found:
        raise ValueError(
            f"{root}: no <seq>/det/{file} beside a <seq>/gt/gt.txt; give a MOTChallenge tree with detections"
        )
    return found


def find_results(path: str | os.PathLike[str]) -> dict[str, Path | dict[str, Path]]:
    """Trackers under `path` by name, each with its files by sequence name; a single file has no sequence name yet.

    A file; a folder of `<seq>.txt` (also in a `data` folder, the official kit's habit): one tracker; a folder of such
    folders: one tracker each. Raises ValueError when there is none.
    """
    root = Path(path)
    if root.is_file():
        return {root.stem: root}
    if not root.is_dir():
        raise ValueError(
            f"{root}: no such file or folder; give a results file, a folder of <seq>.txt, or folders of them"
        )
    own = _texts(root)
    several: dict[str, dict[str, Path]] = {}
    for folder in sorted(child for child in root.iterdir() if child.is_dir()):
        files = _texts(folder)
        if files:
            several[folder.name] = files
    # A log beside trackers' folders is no tracker: its name is not one of the sequences in them.
    if own and (not several or any(own.keys() & files.keys() for files in several.values())):
        return {root.resolve().name: own}
    if not several:
        raise ValueError(f"{root}: no results; expected <seq>.txt in it, or folders (one a tracker) of <seq>.txt")
    return dict(several)


_OTHER_TEXT = ("labels.txt", "seqmap.txt", "seqmaps.txt", "readme.txt", "README.txt", "pedestrian_summary.txt")


def _texts(folder: Path) -> dict[str, Path]:
    for place in (folder, folder / "data"):
        files = {file.stem: file for file in sorted(place.glob("*.txt")) if file.name not in _OTHER_TEXT}
        if files:
            return files
    return {}


def _taken(found: list[Sequence], only: list[str] | None, root: Path) -> list[Sequence]:
    if not only:
        return found
    by_name = {s.name: s for s in found}
    missing = [name for name in only if name not in by_name]
    if missing:
        raise ValueError(f"{root}: no sequence {missing[0]!r}; there are {', '.join(by_name)}")
    return [by_name[name] for name in only]


def _named(file: Path) -> Sequence:
    """A sequence from its ground truth file; in a tree its name is the folder's and seqinfo.ini is read."""
    if file.name != "gt.txt" or file.parent.name != "gt":
        return Sequence(file.stem, file)
    folder = file.resolve().parent.parent
    ini = folder / "seqinfo.ini"
    if not ini.is_file():
        return Sequence(folder.name, file, folder=folder)
    info = read_seqinfo(ini)
    for key, value in (("seqLength", info.length), ("imWidth", info.width), ("imHeight", info.height)):
        if value == 0:
            raise ValueError(f"{ini}: not a seqinfo.ini ({key}=0); correct it or remove it")
    return Sequence(
        folder.name, file, length_of(folder, info), info.width, info.height, info.frame_rate or None, folder
    )
