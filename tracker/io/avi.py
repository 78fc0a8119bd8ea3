"""The chunks of AVI files (RIFF): where the file ends, how many frames it has, and which of them are damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tracker.arrays import FloatArray
from tracker.io.capture import Table
from tracker.io.file_bytes import FileBytes

RIFF = b"RIFF"
_LARGEST_INDEX, _LARGEST_HEADER = 1 << 26, 1 << 20  # bytes
_BEFORE_INDEX = 1 << 20  # bytes between the last chunk and the index: other streams, an index of the list
_LIST_HEADER = 12  # bytes of a list's header: "LIST", length, name


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
        skip = _LIST_HEADER if name in (b"LIST", RIFF) else 8
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


def frame_table(data: FileBytes) -> tuple[Table | None, bool]:
    """Which frames the index of an AVI announces and which chunks of them are in place, and whether all are.

    Demuxers count the chunks that they find, so that their times move up by each that is damaged. None where no index
    tells (OpenDML, a file that is cut).
    """
    video, place = _first_video(data), _index(data)
    if video is None or place is None:
        return None, False
    index = np.frombuffer(data.part(place + 8, len(data)), np.uint8)
    entries = index[: min(int.from_bytes(data.part(place + 4, place + 8), "little"), len(index)) // 16 * 16]
    entries = entries.reshape(-1, 16)
    offsets, sizes = entries[:, 8:].copy().view("<u4").astype(np.int64).T
    ours = (entries[:, 0] == video.digits[0]) & (entries[:, 1] == video.digits[1])
    offsets, sizes, entries = offsets[ours], sizes[ours], entries[ours]
    if not len(entries):
        return None, False
    heads = [entry[:4].tobytes() + entry[12:].tobytes() for entry in entries]
    # Offsets count from the name of the list, or in some files from the start of the file. Where that name is damaged
    # or bytes behind it are gone, the last chunk tells.
    start = max(place - int(sizes[-1]) - _BEFORE_INDEX, 0)
    last = start + data.part(start, place).rfind(heads[-1])
    bases = sorted({last - int(offsets[-1]), data.find(b"movi", 0), 0})
    free, in_place = 0, []  # first byte after the last chunk
    for offset, size, head in zip(offsets.tolist(), sizes.tolist(), heads, strict=True):
        places = (offset + base for base in bases if offset + base >= free)
        at = next((at for at in places if data.part(at, at + 8) == head), None)
        # A chunk that lost bytes hides the start of the next.
        free = free if at is None else at + 8 + size
        in_place.append(at is not None)
    found = np.array(in_place, np.bool_)
    if 2 * found.sum() < len(found):  # an index that is itself wrong
        return None, False
    numbers = np.cumsum(sizes > 0)  # an empty chunk repeats the image before it
    times: FloatArray = np.arange(len(found), dtype=np.float64) * video.period
    if found.all():
        shown = sizes > 0
        all_listed = len(found) == video.length
        return (Table.of(times[shown]) if all_listed else None), all_listed
    return Table(times[: found.sum()], numbers[found], times[found]), False


def _index(data: FileBytes) -> int | None:
    """Where the index ("idx1") starts; None where there is none that is whole."""
    at = max(len(data) - _LARGEST_INDEX, 0)
    while (at := data.find(b"idx1", at)) >= 0:
        length = int.from_bytes(data.part(at + 4, at + 8), "little")
        if length >= 16 and length % 16 == 0 and at + 8 + length <= len(data):
            return at
        at += 1
    return None


def _first_video(data: FileBytes) -> _Video | None:
    lists = {name: (a, b) for name, a, b in _chunks(data, 12, min(len(data), _LARGEST_HEADER))}
    return _video(data, *lists.get(b"hdrl", (0, 0)))


def announced(data: FileBytes) -> tuple[int, float] | None:
    """How many frames the header of an AVI announces, empty ones included, and their seconds; None where it does not
    say. The header's rate may be a mere time base, so that the frame rate does not give the seconds.
    """
    video = _first_video(data)
    return (video.length, video.length * video.period) if video is not None and video.length else None
