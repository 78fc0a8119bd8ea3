"""The camera's motion in a study: by file, since a study reads no images, or from the tracker's own pairs."""

from __future__ import annotations

from pathlib import Path

from tracker.camera import BESIDE, METHODS, OWN_CAMERA, CameraFile, file_beside
from tracker.evaluate.sequences import Sequence


def camera_file(how: str, sequence: Sequence) -> Path | None:
    """The file of a sequence's camera motion, checked; None where the tracker itself sees to it, or nobody.

    how  "auto", "pairs", "off", "gmc" (the file in the sequence's folder ``gmc``), a file, or a folder of <seq>.txt

    Raises ValueError for methods that need images, and for a file that is missing or of another length.
    """
    if how in OWN_CAMERA:
        return None
    if how in METHODS:
        raise ValueError(
            f"camera_motion={how}: no images are read here; give auto, pairs, off, {BESIDE} or a file (--camera-motion)"
        )
    if how == BESIDE:
        assert sequence.folder is not None
        path = file_beside(sequence.folder)
    else:
        path = Path(how) / f"{sequence.name}.txt" if Path(how).is_dir() else Path(how)
    CameraFile(path, frames=sequence.length)
    return path
