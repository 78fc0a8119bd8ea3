"""Embeddings for a sequence: those beside its detections, or made of its images and kept."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tracker.arrays import EmbeddingArray
from tracker.evaluate.sequences import Sequence
from tracker.io.digest import sha256_of
from tracker.io.sequence import find_frames
from tracker.io.whole import whole
from tracker.study.cache import code_key, images_key, key_of, versions
from tracker.study.embed_detections import embed_detections

if TYPE_CHECKING:
    from tracker.embed import Embedder

# What decodes images and runs models: another version may give other numbers.
PACKAGES = ("numpy", "opencv-python", "opencv-python-headless", "av", "onnxruntime", "openvino")


class MissingImages(ValueError):
    """An algorithm needs embeddings, and the tree has neither embeddings nor images to make them of."""


class Embeddings:
    """The embeddings of one embedder for the sequences of a tree.

    reid    "default", "histogram" or a model's file
    folder  where those that are made are kept, by the content of the model, of the detections and of the images
    """

    def __init__(self, reid: str, folder: Path) -> None:
        self.reid = reid
        self.folder = folder
        self._images: dict[Path, str] = {}  # the keys of those hashed already

    def file_of(self, sequence: Sequence, detections: Path) -> Path:
        """The file with a row for each of the ``detections``: beside them, kept, or made now.

        Raises MissingImages where there is nothing to make it of.
        """
        assert sequence.folder is not None
        beside = detections.with_suffix(".npz")
        if beside.is_file():
            return beside
        source = find_frames(sequence.folder)
        if source is None:
            raise MissingImages(
                f"it needs embeddings, and {sequence.name} has no {beside.name} beside its detections, no img1 "
                "and no video"
            )
        made_of = {
            "detections": sha256_of([detections]),
            "images": self._images_key(source),
            "length": sequence.length,  # images are numbered by it
            **self._made_by,
        }
        target = self.folder / f"{sequence.name}-{key_of(made_of)[:16]}.npz"
        if not target.is_file():
            self._write(target, embed_detections(source, detections, self._embedder))
        return target

    @cached_property
    def _embedder(self) -> Embedder:
        from tracker.embed import open_embedder

        return open_embedder(self.reid)

    @cached_property
    def _made_by(self) -> dict[str, Any]:
        """The embedder's part of the key."""
        return {
            "embedder": self._embedder.fingerprint,
            "runtime": self._embedder.runtime,
            "code": code_key(["tracker.study.embed_detections", "tracker.embed"]),
            "versions": versions(PACKAGES),
        }

    def _images_key(self, source: Path) -> str:
        if source not in self._images:
            self._images[source] = images_key(source)
        return self._images[source]

    def _write(self, target: Path, vectors: EmbeddingArray) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole(target) as part, part.open("wb") as file:
            np.savez(file, embedding=vectors)
