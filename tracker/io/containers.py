"""What the containers themselves tell about their end and their damaged places: Matroska, AVI, FLV, MPEG."""

from __future__ import annotations

from pathlib import Path

from tracker.io import asf, avi, flv, fragmented, iso, matroska, mpeg
from tracker.io.damage import Damage
from tracker.io.file_bytes import FileBytes

_SOUND = (b"ID3", b"fLaC", b"\xff\xfb", b"\xff\xf1", b"\xff\xf9", b"FORM")  # MP3, FLAC, AAC, AIFF


def sound_only(path: Path, head: bytes) -> bool:
    """Whether a file that holds no video is one of sound."""
    if head.startswith(matroska.EBML):
        with FileBytes(path) as data:
            return set(matroska.kinds(data)) == {matroska.AUDIO}
    if head[4:8] == b"ftyp":
        return iso.handlers(path) == [b"soun"]
    return head.startswith(_SOUND) or (head.startswith(avi.RIFF) and head[8:12] == b"WAVE")


def truncation(data: FileBytes) -> str | None:
    """What is wrong with the end of the file, in one line; None where nothing is, or nothing is known."""
    head = data.part(0, 4096)
    if head.startswith(flv.MAGIC):
        return None if flv.ends_with_a_tag(data) else "the file is truncated, its last tag is not whole"
    if head.startswith(matroska.EBML):
        end = matroska.end(data)
    elif head.startswith(avi.RIFF):
        end = avi.end(data)
    elif head.startswith(asf.HEADER):
        end = asf.end(head)
    else:
        layout = mpeg.transport_layout(head)
        whole = layout is None or mpeg.ends_with_a_packet(data, *layout)
        return None if whole else "the file is truncated, its last packet is not whole"
    return f"the file is truncated, {end - len(data)} bytes are missing at its end" if end > len(data) else None


def damage(data: FileBytes) -> Damage:
    """The damaged places of a Matroska, WebM, MPEG, FLV or fragmented MP4 file; none where it is another."""
    head = data.part(0, 4096)
    if head.startswith(matroska.EBML):
        return matroska.walk(data)
    if head.startswith(flv.MAGIC):
        return flv.walk(data)
    if head[4:8] == b"ftyp":
        return fragmented.walk(data)
    if head.startswith(mpeg.PACK):
        return mpeg.walk_program(data)
    layout = mpeg.transport_layout(head)
    return Damage() if layout is None else mpeg.walk_transport(data, *layout)
