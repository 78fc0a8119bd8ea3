"""Detections that `track SOURCE --save-detections D` kept: a detector that looks at no image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tracker.arrays import BoolArray
from tracker.detect.detector import RecordedDetector
from tracker.detect.names import class_mask
from tracker.detections import Detections
from tracker.io.detections_file import DetectionsFolder


class Saved(RecordedDetector):
    """Detections by frame number, from a folder (``tracker.io.detections_file``): call ``at(number)``.

    path     the folder
    conf     least score; None keeps all
    classes  names of the classes to keep, where the detector had names; None keeps all

    folder  what the folder holds
    frames  the last frame number with a detection
    Raises ValueError, in one line, for a folder that is something else, is damaged, or has no such classes.
    """

    device = "none"

    def __init__(self, path: str | Path, *, conf: float | None = None, classes: Sequence[str] | None = None) -> None:
        self.folder = DetectionsFolder(Path(path))
        self.name = Path(path).name or str(path)
        self.model_files = self.folder.files
        self.frames = self.folder.last
        self.embedded = self.folder.embedded
        names = self.folder.facts.get("classes")
        self.class_names = {int(k): str(v) for k, v in names.items()} if isinstance(names, Mapping) else None
        self._conf = conf
        self._kept: BoolArray | None = None
        if classes is not None:
            known = self.class_names or {}
            self._kept = class_mask(classes, known, max(known, default=-1) + 1, f"{self.name}")

    @property
    def note(self) -> str | None:
        return None if self.folder.facts.get("complete") else f"{self.name}: is of a run that did not end"

    def at(self, number: int) -> Detections:
        """The detections of frame ``number``; none where it has none, or is not among the saved frames."""
        found = self.folder.at(number)
        if self._conf is None and self._kept is None:
            return found.numbered()
        kept = np.ones(len(found), dtype=bool)
        if self._conf is not None:
            kept &= found.scores >= self._conf
        if self._kept is not None:
            inside = (found.classes >= 0) & (found.classes < len(self._kept))
            kept &= inside & self._kept[np.where(inside, found.classes, 0)]
        return found[kept].numbered()
