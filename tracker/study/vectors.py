"""Embeddings beside detections: an npz with one row for each detection of a text file."""

from __future__ import annotations

import zipfile
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import EmbeddingArray
from tracker.detect.recorded import Recorded
from tracker.detections import Detections
from tracker.rows import Rows

SAME_BOX = 0.5  # pixels: text keeps fewer decimals than an archive


def read_vectors(file: str, rows: Rows) -> EmbeddingArray:
    """(R, D) embeddings of an npz, one for each row.

    The file has the arrays that ``Recorded`` reads, with the boxes of the rows in their order, or ``embedding`` (R, D)
    alone. Raises ValueError, naming the file, for anything else and where the boxes are not those of the rows.
    """
    vectors = _alone(file)
    if vectors is None:
        return _recorded(file, rows)
    if len(vectors) != len(rows):
        raise _wrong_number(file, len(vectors), len(rows))
    try:
        Detections(rows.boxes, embeddings=vectors)
    except ValueError as error:
        raise ValueError(f"{file}: {str(error).partition(';')[0]}; correct or remove the file") from None
    return np.asarray(vectors, dtype=np.float32)


def _alone(file: str) -> NDArray[np.generic] | None:
    """The array ``embedding`` of an archive that has no other."""
    with suppress(zipfile.BadZipFile, EOFError, OSError, ValueError):
        if zipfile.is_zipfile(file):
            with np.load(file, allow_pickle=False) as archive:
                if archive.files == ["embedding"]:
                    return np.atleast_1d(archive["embedding"])
    return None


def _recorded(file: str, rows: Rows) -> EmbeddingArray:
    recorded = Recorded(file)
    parts = [recorded.at(number) for number in recorded.numbers]
    vectors = [part.embeddings for part in parts if part.embeddings is not None]
    if len(vectors) < len(parts):
        raise ValueError(f"{file}: has no array embedding; add it, a row per detection, or remove the file")
    boxes = np.concatenate([np.empty((0, 4)), *(part.boxes for part in parts)])
    numbers = np.repeat(np.array(recorded.numbers, dtype=np.int64), [len(part) for part in parts])
    if len(boxes) != len(rows):
        known = np.union1d(numbers, rows.frames)
        have, want = (np.bincount(np.searchsorted(known, f), minlength=len(known)) for f in (numbers, rows.frames))
        where = f" (the first to differ: frame {known[np.argmax(have != want)]})"
        raise _wrong_number(file, len(boxes), len(rows), where)
    other = (numbers != rows.frames) | (np.abs(boxes - rows.boxes) > SAME_BOX).any(axis=1)
    if other.any():
        frame = rows.frames[int(np.argmax(other))]
        raise ValueError(f"{file}: frame {frame}: not the boxes of the detections, in order; remove the file")
    return np.concatenate(vectors) if vectors else np.empty((0, 0), dtype=np.float32)


def _wrong_number(file: str, have: int, want: int, where: str = "") -> ValueError:
    return ValueError(f"{file}: {have} embeddings for {want} detections{where}; remove the file")
