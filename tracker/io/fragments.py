"""A fragmented MP4 (ISO 14496-12, 8.8) that plays wherever it is cut."""

from __future__ import annotations

import os
import re
import struct
import weakref
from contextlib import suppress
from pathlib import Path

_KEY, _OTHER = 0x02000000, 0x01010000  # flags of a sample that others do not, and do depend on (8.8.3.1)
# FFmpeg opens no file that is cut inside the name of a fragment's track, unless its first byte is the whole name.
_TRACK = 1 << 24
_WEAK = range(40, 45)  # bytes of a fragment in which it may still not be cut
_SECTOR = 512  # bytes of a disk that are written or lost as one


def _box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + name + body


def length_prefixed(stream: bytes) -> bytes:
    """H.264 with start codes (ISO 14496-10, annex B) as MP4 holds it: each NAL unit behind its length in 4 bytes."""
    units = [unit.rstrip(b"\0") for unit in re.split(b"\0\0\1", stream)]
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units if unit)


def _renamed(head: bytes) -> bytes:
    """ftyp and moov whose one track is called _TRACK."""
    parts = bytearray(head)
    for box, place in ((b"tkhd", 12), (b"trex", 4)):
        struct.pack_into(">I", parts, head.index(box) + 4 + place, _TRACK)
    struct.pack_into(">I", parts, head.index(b"mvhd") + 100, _TRACK + 1)  # the next free name
    return bytes(parts)


class Fragments:
    """Writes one frame per fragment, each in one call to the system, so that a killed process leaves whole ones.

    FFmpeg does not open a file whose table of samples (trun) is cut inside. Here that table has no entries: what it
    would say of its one sample stands in the box before it, where a cut does no harm.

    The few bytes where a cut still does harm lie inside a sector of the disk, which a power cut does not divide.

    path  the file, replaced. head  its ftyp and moov, with the one track and no samples

    Raises OSError where it cannot be written; the file then ends with its last whole fragment.
    """

    def __init__(self, path: Path, head: bytes) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
        self._close = weakref.finalize(self, os.close, self._file)  # where nobody closes it
        self._size = self._count = 0
        try:
            self._append(_renamed(head))
        except OSError:
            self._close()
            raise

    def write(self, stream: bytes, ticks: int, duration: int, *, key: bool) -> None:
        """Append a frame: H.264 with start codes, when it shows and how long, in ticks of the track."""
        self._count += 1
        data = length_prefixed(stream)
        if self._size % _SECTOR + _WEAK.stop > _SECTOR >= self._size % _SECTOR + _WEAK.start:
            self._append(_box(b"free", bytes(_WEAK.stop - _WEAK.start)))
        head = self._moof(0, ticks, duration, len(data), key=key)
        place = self._size + len(head) + 8
        self._append(self._moof(place, ticks, duration, len(data), key=key) + _box(b"mdat", data))

    def _moof(self, place: int, ticks: int, duration: int, size: int, *, key: bool) -> bytes:
        """The header of a fragment. place: of its data in the file; size: of its data in bytes."""
        given = 0x1 | 0x8 | 0x10 | 0x20  # place, duration, size, flags
        of_sample = struct.pack(">IIQIII", given, _TRACK, place, duration, size, _KEY if key else _OTHER)
        return _box(
            b"moof",
            _box(b"mfhd", struct.pack(">II", 0, self._count)),
            _box(
                b"traf",
                _box(b"tfhd", of_sample),
                _box(b"tfdt", struct.pack(">IQ", 1 << 24, ticks)),
                _box(b"trun", struct.pack(">II", 0, 1)),
            ),
        )

    def _append(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)

    def close(self) -> None:
        """Close the file; may be called again."""
        self._close()
