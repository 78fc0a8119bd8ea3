"""The boxes of MP4 and MOV files (ISO 14496-12): whether a file is whole, and how much of its video is shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tracker.arrays import FloatArray

# The boxes that a file may begin with.
FIRST = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")


def layout(path: Path, head: bytes) -> tuple[bool, str | None]:
    """Whether a file is an MP4/MOV with one frame table, and what is wrong with its boxes (ISO 14496-12, 4.2)."""
    if head[4:8] not in FIRST:
        return False, None
    size, position, names = path.stat().st_size, 0, set()
    with path.open("rb") as file:
        while position + 8 <= size:
            file.seek(position)
            header = file.read(16)
            length = int.from_bytes(header[:4], "big")
            names.add(header[4:8])
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            if length == 0:  # to the end of the file
                break
            if length < 8 or position + length > size:
                cut = f"the file is truncated, {position + length - size} bytes are missing at its end"
                return b"moof" not in names, cut if b"moov" in names else f"{cut}, its index with them"
            position += length
    if b"moov" not in names:
        return False, "the file is truncated, its index (moov) at the end is missing"
    return b"moof" not in names, None  # fragments (moof) have tables of their own


def boxes_in(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each box in a part of an ISO file."""
    position = 0
    while position + 8 <= len(data):
        length, start = int.from_bytes(data[position : position + 4], "big"), position + 8
        if length == 1:
            length, start = int.from_bytes(data[start : start + 8], "big"), position + 16
        if length < start - position:
            return
        yield data[position + 4 : position + 8], data[start : position + length]
        position += length


def edited_seconds(path: Path) -> float | None:
    """How much of its video an MP4 shows (edit list, ISO 14496-12, 8.6.6), or None where it has no such list."""
    movie = _movie(path)
    if movie is None:
        return None
    scale = scale_of(dict(boxes_in(movie)).get(b"mvhd", b""))
    edits = _edits(video_track_of(movie))
    return sum(duration for duration, _ in edits) / scale if scale and edits else None


def sample_times(path: Path) -> FloatArray | None:
    """(N,) the seconds at which the frames in an MP4's sample table show, in order (stts, ctts; ISO 14496-12, 8.6.1).

    0 is where the first edit starts; a frame that an edit list hides has a time below 0. None where the file has no
    such table or edits it into pieces.
    """
    movie = _movie(path)
    track = {} if movie is None else video_track_of(movie)
    media = dict(boxes_in(track.get(b"mdia", b"")))
    table = dict(boxes_in(dict(boxes_in(media.get(b"minf", b""))).get(b"stbl", b"")))
    scale, edits = scale_of(media.get(b"mdhd", b"")), _edits(track)
    runs = np.frombuffer(table.get(b"stts", b"")[8:], ">u4")
    if not scale or len(edits) > 1 or len(runs) < 2 or len(runs) % 2 or runs[::2].sum(dtype=np.int64) > 1 << 26:
        return None
    steps = np.repeat(runs[1::2].astype(np.int64), runs[::2])
    times = np.cumsum(steps) - steps
    offsets = np.frombuffer(table.get(b"ctts", b"")[8:], ">i4")
    if len(offsets) % 2 == 0 and offsets[::2].sum(dtype=np.int64) == len(times):
        times = times + np.repeat(offsets[1::2].astype(np.int64), offsets[::2])
    if not len(times):
        return None
    times.sort()
    seconds: FloatArray = (times - (edits[0][1] if edits else times[0])) / scale
    return seconds


def handlers(path: Path) -> list[bytes]:
    """What the tracks of a file are, each kind once: ``vide``, ``soun``, ..."""
    tracks = [dict(boxes_in(track)) for name, track in boxes_in(_movie(path) or b"") if name == b"trak"]
    found = [dict(boxes_in(track.get(b"mdia", b""))).get(b"hdlr", b"")[8:12] for track in tracks]
    return list(dict.fromkeys(found))


def video_track_of(movie: bytes) -> dict[bytes, bytes]:
    """The boxes of the first track that is a video."""
    for name, track in boxes_in(movie):
        parts = dict(boxes_in(track)) if name == b"trak" else {}
        if dict(boxes_in(parts.get(b"mdia", b""))).get(b"hdlr", b"")[8:12] == b"vide":
            return parts
    return {}


def scale_of(head: bytes) -> int:
    """Units per second, of the content of ``mvhd`` or ``mdhd``."""
    return int.from_bytes(head[20:24] if head[:1] == b"\1" else head[12:16], "big")


def _edits(track: dict[bytes, bytes]) -> list[tuple[int, int]]:
    """Duration (in units of the movie) and first time (in units of the track) of each edit that shows something."""
    edits = dict(boxes_in(track.get(b"edts", b""))).get(b"elst", b"")
    wide = 8 if edits[:1] == b"\1" else 4  # bytes of a duration
    rows = [edits[at : at + 2 * wide] for at in range(8, len(edits), 2 * wide + 4)]
    # An edit from time -1 is a pause before the first frame.
    shown = [row for row in rows if row[wide:] != b"\xff" * wide]
    return [(int.from_bytes(row[:wide], "big"), int.from_bytes(row[wide:], "big")) for row in shown]


def _movie(path: Path) -> bytes | None:
    """The content of the box ``moov``, the index; None where there is none, or one too large to be an index."""
    with path.open("rb") as file:
        while header := file.read(8):
            length, name = int.from_bytes(header[:4], "big"), header[4:8]
            start = 8
            if length == 1:
                length, start = int.from_bytes(file.read(8), "big"), 16
            if name == b"moov" and length <= 1 << 28:
                return file.read(length - start)
            if length < start:
                return None
            file.seek(length - start, os.SEEK_CUR)
    return None
