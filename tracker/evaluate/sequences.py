"""Finding sequences: ground truth in a tree, a flat folder or one file; results of one tracker or of several.

Files are MOTChallenge text, or what else ``tracker.io.readers`` reads: JSON may hold several sequences.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tracker.io.images import list_images
from tracker.io.readers import SUFFIXES, videos_of
from tracker.io.seqinfo import read_seqinfo
from tracker.io.sequence import length_of


@dataclass(frozen=True)
class Sequence:
    """One sequence of ground truth.

    name           of its folder in a tree, else of its file, or of the video in a file of several
    gt             the file of ground truth
    length         number of frames, from seqinfo.ini or the file; None where it does not say, as for the three below
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

    A folder `annotations` is VisDrone's, beside `sequences/<seq>` with the images. Folders may hold `<seq>.json` or
    `<seq>.xml` instead, and a JSON file any number of sequences. only: names to take. Raises ValueError when there is
    none, or when one of `only` is missing.
    """
    root = Path(path)
    if root.is_file():
        return _taken(_in_file(root), only, root)
    if not root.is_dir():
        raise ValueError(f"{root}: no such file or folder; give a MOTChallenge tree, a folder of <seq>.txt or one file")
    for base in (root, root / "train", root / "annotations"):
        if (base / "gt" / "gt.txt").is_file():
            found = [_named(base / "gt" / "gt.txt")]
        else:
            found = [_named(file) for file in sorted(base.glob("*/gt/gt.txt"))]
        if not found:
            found = [sequence for file in _files_of_boxes(base) for sequence in _in_file(file)]
        if found:
            return _taken(found, only, root)
    raise ValueError(f"{root}: no ground truth; expected <seq>/gt/gt.txt, or <seq>.txt, .json or .xml in a flat folder")


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


_OTHER_FILES = (
    *("labels.txt", "seqmap.txt", "seqmaps.txt", "readme.txt", "README.txt", "pedestrian_summary.txt"),
    *("run.json", "count.json"),
)


def _texts(folder: Path) -> dict[str, Path]:
    """The files of results in a folder by sequence name."""
    for place in (folder, folder / "data"):
        files = {file.stem: file for file in _files_of_boxes(place)}
        if files:
            return files
    return {}


def _files_of_boxes(folder: Path) -> list[Path]:
    """The text in a folder; where there is none, the JSON; where there is neither, the XML."""
    for suffix in SUFFIXES:
        files = [file for file in sorted(folder.glob(f"*{suffix}")) if file.name not in _OTHER_FILES]
        if files:
            return files
    return []


def _in_file(file: Path) -> list[Sequence]:
    """The sequences in a file outside a tree."""
    if file.suffix.lower() not in (".json", ".xml"):
        return [_named(file)]
    videos = videos_of(file)
    if not videos:
        raise ValueError(f"{file}: holds no frames of ground truth; give the file with images and annotations")
    return [Sequence(one.name, file, one.length, one.width, one.height, one.fps) for one in videos]


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
        return Sequence(file.stem, file, _images_of_visdrone(file))
    folder = Path(os.path.abspath(file)).parent.parent  # of a gt that is a link the folder it stands in
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


def _images_of_visdrone(file: Path) -> int | None:
    """How many images VisDrone's sequence of a file annotations/<seq>.txt has; None for other files."""
    folder = file.parent.parent / "sequences" / file.stem
    return len(list_images(folder)[0]) or None if file.parent.name == "annotations" and folder.is_dir() else None
