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
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in _units(stream))


def _units(stream: bytes, kind: int | None = None) -> list[bytes]:
    """The NAL units between start codes, all or those of one type (ISO 14496-10, 7.3.1)."""
    units = [unit.rstrip(b"\0") for unit in re.split(b"\0\0\1", stream)]
    return [unit for unit in units if unit and (kind is None or unit[0] & 0x1F == kind)]


def _full(name: bytes, *content: bytes, flags: int = 0) -> bytes:
    """A box with a version, 0, and flags (ISO 14496-12, 4.2)."""
    return _box(name, struct.pack(">I", flags), *content)


def head_of(extradata: bytes, size: tuple[int, int], timescale: int) -> bytes:
    """The ftyp and moov of a file with one track of H.264 and no samples yet.

    extradata  SPS and PPS with start codes, of High profile and 4:2:0 in 8 bits. size: (width, height) in pixels
    timescale  ticks per second
    """
    width, height = size
    upright = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    movie = struct.pack(">4I", 0, 0, 1000, 0) + struct.pack(">IH10x", 1 << 16, 1 << 8) + upright
    track = struct.pack(">5I16x", 0, 0, _TRACK, 0, 0) + upright + struct.pack(">II", width << 16, height << 16)
    undetermined = 0x55C4  # the language "und" (8.4.2.3)
    entry = struct.pack(">6xH16xHHII4xH32xHh", 1, width, height, 72 << 16, 72 << 16, 1, 24, -1)
    samples = [
        _full(b"stsd", struct.pack(">I", 1), _box(b"avc1", entry, _configuration(extradata))),
        _full(b"stts", bytes(4)),
        _full(b"stsc", bytes(4)),
        _full(b"stsz", bytes(8)),
        _full(b"stco", bytes(4)),
    ]
    here = _full(b"dref", struct.pack(">I", 1), _full(b"url ", flags=1))
    information = _box(b"minf", _full(b"vmhd", bytes(8), flags=1), _box(b"dinf", here), _box(b"stbl", *samples))
    media = [
        _full(b"mdhd", struct.pack(">4IHH", 0, 0, timescale, 0, undetermined, 0)),
        _full(b"hdlr", bytes(4), b"vide", bytes(12), b"VideoHandler\0"),
        information,
    ]
    return _box(b"ftyp", b"iso5", struct.pack(">I", 512), b"iso5iso6mp41") + _box(
        b"moov",
        _full(b"mvhd", movie, bytes(24), struct.pack(">I", _TRACK + 1)),  # the next free name
        _box(b"trak", _full(b"tkhd", track, flags=3), _box(b"mdia", *media)),
        _box(b"mvex", _full(b"trex", struct.pack(">5I", _TRACK, 1, 0, 0, 0))),
    )


def _configuration(extradata: bytes) -> bytes:
    """The box avcC (ISO 14496-15, 5.3.3.1)."""
    sps, pps = (_units(extradata, kind) for kind in (7, 8))
    listed = [struct.pack(">H", len(unit)) + unit for unit in (*sps, *pps)]
    count = len(sps)
    return _box(
        b"avcC",
        b"\1" + sps[0][1:4] + b"\xff" + bytes([0xE0 | count]),
        *listed[:count],
        bytes([len(pps)]),
        *listed[count:],
        b"\xfd\xf8\xf8\0",  # 4:2:0, 8 bits, no more parameters
    )


class Fragments:
    """Writes one frame per fragment, each in one call to the system, so that a killed process leaves whole ones.

    FFmpeg does not open a file whose table of samples (trun) is cut inside. Here that table has no entries: what it
    would say of its one sample stands in the box before it, where a cut does no harm.

    The few bytes where a cut still does harm lie inside a sector of the disk, which a power cut does not divide.

    path  the file, replaced. head  its ftyp and moov, as ``head_of`` gives them

    Raises OSError where it cannot be written; the file then ends with its last whole fragment.
    """

    def __init__(self, path: Path, head: bytes) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
        self._close = weakref.finalize(self, os.close, self._file)  # where nobody closes it
        self._size = self._count = 0
        try:
            self._append(head)
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
