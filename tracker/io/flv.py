"""The tags of FLV files (Adobe Flash Video 10.1, E.3, E.4): whether the last is whole, and where one is damaged."""

from __future__ import annotations

import numpy as np

from tracker.io.damage import Damage, Walk
from tracker.io.file_bytes import FileBytes

MAGIC = b"FLV\1"
_AUDIO, _VIDEO, _SCRIPT = 8, 9, 18
_HEADER = 13  # bytes of the file header and the first "previous tag size"
_PART = 1 << 20  # bytes searched at once


def tag_end(data: FileBytes, at: int) -> int | None:
    """The first byte after the tag that starts at a byte; None where none does, or its end does not say its length."""
    head = data.part(at, at + 11)
    length = int.from_bytes(head[1:4], "big") + 11
    stop = at + length
    whole = len(head) == 11 and head[0] & 0x1F in (_AUDIO, _VIDEO, _SCRIPT) and head[8:11] == bytes(3)
    return stop + 4 if whole and int.from_bytes(data.part(stop, stop + 4), "big") == length else None


def ends_with_a_tag(data: FileBytes) -> bool:
    """Whether the last four bytes are the length of the tag before them."""
    size = len(data)
    if size < _HEADER + 4:
        return True
    length = int.from_bytes(data.part(size - 4, size), "big")
    return 11 <= length <= size - _HEADER - 4 and tag_end(data, size - 4 - length) == size


def walk(data: FileBytes) -> Damage:
    """The places where no whole tag starts; readers go on at the next tag."""
    found, at, size = Walk(), int.from_bytes(data.part(5, 9), "big") + 4, len(data)
    first: float | None = None
    while at + 11 <= size:
        stop, head = tag_end(data, at), data.part(at, at + 16)
        # Readers take a tag whose end is damaged for a frame. A sequence header or end of H.264 or H.265 (packet type
        # 0 or 2) is none, nor is a command (frame type 5).
        if head[0] & 0x1F == _VIDEO and head[8:11] == bytes(3) and not _is_header(head[11:13]):
            decoded = int.from_bytes(head[7:8] + head[4:7], "big") / 1000
            offset = int.from_bytes(head[13:16], "big", signed=True) / 1000 if head[11] & 0x0F == 7 else 0.0
            first = decoded if first is None else first
            found.frame(decoded + offset)
        if stop is None:
            stop = _next_tag(data, at + 1)
            if stop < size or at + 15 + int.from_bytes(head[1:4], "big") <= size:  # else the file is cut there
                found.broken()
        at = stop
    return found.damage(first or 0.0, listed=True)


def _is_header(start: bytes) -> bool:
    return len(start) < 2 or start[0] >> 4 in (0, 5) or (start[0] & 0x0F in (7, 12) and start[1] in (0, 2))


def _next_tag(data: FileBytes, at: int) -> int:
    """Where the next whole tag starts; the end of the file where none does."""
    while at + 11 <= len(data):
        part = np.frombuffer(data.part(at, at + _PART + 10), np.uint8)
        if len(part) < 11:
            break
        kinds, ids = part[:-10], np.lib.stride_tricks.sliding_window_view(part[8:], 3)
        for place in np.flatnonzero(np.isin(kinds & 0x1F, (_AUDIO, _VIDEO, _SCRIPT)) & ~ids.any(axis=1)).tolist():
            if tag_end(data, at + place) is not None:
                return int(at + place)
        at += _PART
    return len(data)
