"""The chunks of AVI files (RIFF): where the file ends, how many frames it has, and which of them are damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tracker.arrays import FloatArray
from tracker.io.capture import Table
from tracker.io.file_bytes import FileBytes

RIFF = b"RIFF"
_KEPT_IN_LIST = 12  # bytes of a list's header: "LIST", length, name


def end(data: FileBytes) -> int:
    """Where the chunks end by their headers; a recorder that was stopped leaves a length of 0."""
    end, size = 0, len(data)
    while end + 8 <= size:
        length = int.from_bytes(data.part(end + 4, end + 8), "little")
        if data.part(end, end + 4) != RIFF or length == 0:
            break
        end += 8 + length + length % 2
    return end - 1 if end == size + 1 else end  # the last byte of padding may be left out


def _chunks(data: FileBytes, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Name (of a list its own), first and last byte of the content of each chunk."""
    while start + 8 <= min(stop, len(data)):
        name, length = data.part(start, start + 4), int.from_bytes(data.part(start + 4, start + 8), "little")
        skip = _KEPT_IN_LIST if name in (b"LIST", RIFF) else 8
        yield data.part(start + 8, start + 12) if skip > 8 else name, start + skip, start + 8 + length
        start += 8 + length + length % 2


@dataclass(frozen=True)
class _Video:
    """The first stream of video: the two digits that begin its chunks' names, seconds of a frame, and their number."""

    digits: bytes
    period: float
    length: int


def _video(data: FileBytes, start: int, stop: int) -> _Video | None:
    streams = [(a, b) for name, a, b in _chunks(data, start, stop) if name == b"strl"]
    for k, (a, b) in enumerate(streams):
        head = next((data.part(c, d) for name, c, d in _chunks(data, a, b) if name == b"strh"), b"")
        if head[:4] == b"vids" and len(head) >= 36:
            scale, rate, _, length = np.frombuffer(head[20:36], "<u4").tolist()
            return _Video(b"%02d" % k, scale / rate, length) if scale and rate else None
    return None


def frame_table(data: FileBytes) -> Table | None:
    """Which frames the index of an AVI announces and which chunks of them are in place.

    Demuxers count the chunks that they find, so that their times move up by each that is damaged. None where nothing
    is damaged, the file is cut, or it has no index that tells (OpenDML).
    """
    parts = {name: (a, b) for name, a, b in _chunks(data, 12, len(data))}
    video = _video(data, *parts.get(b"hdrl", (0, 0)))
    if video is None or b"movi" not in parts or b"idx1" not in parts or end(data) > len(data):
        return None
    index = np.frombuffer(data.part(*parts[b"idx1"]), np.uint8)
    entries = index[: len(index) // 16 * 16].reshape(-1, 16)
    entries = entries[(entries[:, 0] == video.digits[0]) & (entries[:, 1] == video.digits[1])]
    if not len(entries):
        return None
    offsets, sizes = entries[:, 8:].copy().view("<u4").astype(np.int64).T
    # Offsets count from the name of the list, or in some files from the start of the file.
    base = parts[b"movi"][0] - 4 if offsets[0] < parts[b"movi"][0] else 0
    found = np.array(
        [
            data.part(at, at + 8) == entry[:4].tobytes() + entry[12:].tobytes()
            for at, entry in zip((offsets + base).tolist(), entries, strict=True)
        ]
    )
    if found.all() or 2 * found.sum() < len(found):  # an index that is itself wrong
        return None
    numbers = np.cumsum(sizes > 0)  # an empty chunk repeats the image before it
    times: FloatArray = np.arange(len(found)) * video.period
    return Table(times[: found.sum()], numbers[found], times[found])


def announced(data: FileBytes) -> int | None:
    """How many frames the header of an AVI announces, empty ones included; None where it does not say."""
    parts = {name: (a, b) for name, a, b in _chunks(data, 12, len(data))}
    video = _video(data, *parts.get(b"hdrl", (0, 0)))
    return None if video is None else video.length or None
