"""The sink that keeps what the tracker is given, to be tracked again; see ``tracker.io.detections_file``."""

from __future__ import annotations

from pathlib import Path

from tracker.io.detections_file import DetectionsWriter, Embeddings, is_detections, remove_detections
from tracker.io.sinks import Step, fresh_folder
from tracker.run.manifest import Facts, facts_of, versions
from tracker.run.open import Opened

EMBEDDINGS: tuple[Embeddings, ...] = ("float32", "float16", "none")


class DetectionsSink:
    """Writes the detections of a run into ``folder``: a new or empty one, or with ``overwrite`` or ``resume`` one that
    holds detections.

    ``complete`` says at the end whether every frame of the source is there. Raises ValueError where the folder cannot
    be used.
    """

    def __init__(
        self, folder: Path, opened: Opened, embeddings: Embeddings, *, overwrite: bool = False, resume: bool = False
    ) -> None:
        if embeddings not in EMBEDDINGS:
            raise ValueError(f"--save-embeddings {embeddings}: use {', '.join(EMBEDDINGS)}")
        if any(folder.resolve() in [file.resolve(), *file.resolve().parents] for file in _inputs(opened)):
            raise ValueError(f"--save-detections {folder}: holds what the run reads; give another folder")
        self.folder = fresh_folder(folder, overwrite=(overwrite or resume) and (is_detections(folder) or resume))
        self.complete = False
        self._writer = DetectionsWriter(self.folder, facts_to_keep(opened), embeddings=embeddings)

    def begin(self, sha256: str | None, *, goes_on: bool) -> None:
        """The run begins: an earlier one's detections are removed, unless this one goes on with them.

        sha256  of the source's content
        """
        self._writer.facts["source"]["sha256"] = sha256
        if not goes_on:
            remove_detections(self.folder)

    def write(self, step: Step) -> None:
        frame = step.frame
        self._writer.write(frame.number, frame.time, step.detections, looked=step.looked, motion=step.motion)

    def mark(self) -> int:
        return self._writer.flush()

    def resume(self, mark: int) -> None:
        self._writer.resume(mark)

    def close(self) -> None:
        self._writer.close(complete=False)

    def conclude(self, *, complete: bool) -> None:
        """Say whether every frame of the source is there."""
        self._writer.close(complete=complete)


def _inputs(opened: Opened) -> list[Path]:
    return [path for files in opened.inputs.values() for path in files]


def facts_to_keep(opened: Opened) -> Facts:
    """What the folder says of the run that made the detections."""
    facts, options = facts_of(opened), opened.options
    names = opened.pipeline.detector.class_names
    return {
        "source": facts["source"],
        "detector": facts["detector"],
        "embedder": facts["embedder"],
        "classes": None if names is None else {str(number): name for number, name in names.items()},
        "every": options.every,
        "camera_motion": options.camera_motion if opened.camera is not None else None,
        "trackwhy": versions().get("trackwhy"),
    }
