"""Embeddings of the detections in a file, made of the images that they lie in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tracker.arrays import EmbeddingArray
from tracker.io.mot import read_detections

if TYPE_CHECKING:
    from tracker.embed import Embedder


def embed_detections(source: Path, detections: Path, embedder: Embedder) -> EmbeddingArray:
    """(R, D) float32 embeddings of the detections in a file of MOTChallenge text, ordered by frame.

    source  the video or folder of images. Raises ValueError where it lacks a frame that has detections.
    """
    from tracker.io.video import open_source

    rows = read_detections(detections, invalid="drop")  # the study has refused bad ones, or left them out
    parts: list[tuple[int, EmbeddingArray]] = []
    with open_source(source) as frames:
        for frame in frames:
            at = rows.at(frame.number)
            if at.stop > at.start and frame.image is not None:
                parts.append((at.start, np.asarray(embedder(frame.image, rows.boxes[at]), dtype=np.float32)))
    embedded = sum(len(part) for _, part in parts)
    if embedded != len(rows):
        raise ValueError(f"{source}: {len(rows) - embedded} detections of {detections} lie in frames it does not have")
    parts.sort(key=lambda pair: pair[0])
    return np.concatenate([part for _, part in parts]) if parts else np.empty((0, 0), dtype=np.float32)
