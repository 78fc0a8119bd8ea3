"""Whether a Matroska, AVI or FLV file ends before its end: what its own headers say about its length."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = b"\x1aE\xdf\xa3", b"\x18S\x80g"


def truncation(path: Path, head: bytes) -> str | None:
    """What is wrong with the end of the file, in one line; None where nothing is, or nothing is known."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if head.startswith(_EBML):
            end = _matroska_end(file)
        elif head.startswith(b"RIFF"):
            end = _riff_end(file, size)
        elif head.startswith(b"FLV\1"):
            return None if _ends_with_a_tag(file, size) else "the file is truncated, its last tag is not whole"
        else:
            return None
    return f"the file is truncated, {end - size} bytes are missing at its end" if end > size else None


def _number(file: BinaryIO) -> int | None:
    """A size as EBML writes it (RFC 8794, 4); None for an unknown size, which a live recording has."""
    first = file.read(1)
    length = 9 - first[0].bit_length() if first and first[0] else 0
    rest = file.read(length - 1) if length else b""
    if not length or len(rest) < length - 1:
        return None
    bits = 7 * length
    value = int.from_bytes(first + rest, "big") & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value


def _matroska_end(file: BinaryIO) -> int:
    """Where the segment of a Matroska or WebM file ends by its header; 0 where that is not said."""
    file.seek(4)
    header = _number(file)
    if header is None:
        return 0
    file.seek(header, 1)
    if file.read(4) != _SEGMENT:
        return 0
    length = _number(file)
    return 0 if length is None else file.tell() + length


def _riff_end(file: BinaryIO, size: int) -> int:
    """Where the chunks of an AVI end by their headers; a recorder that was stopped leaves a length of 0."""
    end = 0
    while end + 8 <= size:
        file.seek(end)
        header = file.read(8)
        length = int.from_bytes(header[4:8], "little")
        if header[:4] != b"RIFF" or length == 0:
            break
        end += 8 + length + length % 2
    return end - 1 if end == size + 1 else end  # the last byte of padding may be left out


def _ends_with_a_tag(file: BinaryIO, size: int) -> bool:
    """Whether the last four bytes of an FLV are the length of the tag before them (Adobe FLV 10.1, E.3)."""
    if size < 17:
        return True
    file.seek(size - 4)
    length = int.from_bytes(file.read(4), "big")
    if not 11 <= length <= size - 17:
        return False
    file.seek(size - 4 - length)
    header = file.read(4)
    return header[0] & 0x1F in (8, 9, 18) and int.from_bytes(header[1:], "big") + 11 == length
