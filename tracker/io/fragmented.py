"""The fragments of MP4 files (ISO 14496-12, 8.8): the frames that each lists, and where the file is damaged."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tracker.io.damage import Damage, Walk
from tracker.io.file_bytes import FileBytes
from tracker.io.iso import boxes_in, scale_of, video_track_of

_LARGEST = 1 << 26  # bytes of a moov or moof that is read
_DEFAULTS = ((0x1, 8), (0x2, 4))  # flags of a track's header (tfhd): fields before the duration, and their bytes
_DURATION, _SIZE, _FLAGS, _OFFSET = 0x100, 0x200, 0x400, 0x800  # what a run (trun) says of each sample


def walk(data: FileBytes) -> Damage:
    """The places where no box starts; all frames that the fragments list, where these are whole."""
    found, at, size = Walk(), 0, len(data)
    track: _Track | None = None
    while at + 8 <= size:
        head = data.part(at, at + 16)
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        length = int.from_bytes(head[8:16], "big") if length == 1 else length
        if length < 8 or not name.isalnum():
            found.broken()
            at = _next_fragment(data, at + 1)
            continue
        if name in (b"moov", b"moof") and length <= _LARGEST:
            content = data.part(at + 8, at + length)
            if name == b"moov":
                track = _Track.of(content)
                if track is None:  # the index may list all frames, or the first of them
                    return Damage()
            elif track is not None:
                # What is damaged in a fragment makes readers leave it out as a whole.
                try:
                    times = list(track.times(content))
                except (struct.error, ValueError):
                    found.broken()
                    times = []
                for time in times:
                    found.frame(time)
        at += length
    return found.damage(listed=True) if found.times else Damage()


def _next_fragment(data: FileBytes, at: int) -> int:
    """Where the next fragment starts; the end of the file where none does."""
    while (at := data.find(b"mfhd", at)) >= 0:
        start = at - 12
        if data.part(start + 4, start + 8) == b"moof" and int.from_bytes(data.part(start, start + 4), "big") >= 24:
            return start
        at += 1
    return len(data)


def _whole(content: bytes) -> list[tuple[bytes, bytes]]:
    """The boxes in the content of one that is not damaged. Raises ValueError for any other."""
    boxes = list(boxes_in(content))
    if sum(8 + len(box) for _, box in boxes) != len(content) or not all(name.isalnum() for name, _ in boxes):
        raise ValueError("a box is damaged")
    return boxes


class _Track:
    """The track of video.

    number    as fragments name it
    scale     ticks per second
    duration  ticks of a sample whose fragment does not say it
    """

    def __init__(self, number: int, scale: int, duration: int) -> None:
        self.number, self.scale, self.duration = number, scale, duration
        self.next = 0  # ticks where a fragment starts that does not say it

    @classmethod
    def of(cls, movie: bytes) -> _Track | None:
        """Of the content of ``moov``; None where that has no video, or a table of frames of its own."""
        parts = video_track_of(movie)
        header, media = parts.get(b"tkhd", b""), dict(boxes_in(parts.get(b"mdia", b"")))
        scale = scale_of(media.get(b"mdhd", b""))
        number = int.from_bytes(header[20:24] if header[:1] == b"\1" else header[12:16], "big")
        extends = [box for name, box in boxes_in(dict(boxes_in(movie)).get(b"mvex", b"")) if name == b"trex"]
        ours = (box for box in extends if int.from_bytes(box[4:8], "big") == number)
        duration = int.from_bytes(next(ours, b"")[12:16], "big")
        table = dict(boxes_in(dict(boxes_in(media.get(b"minf", b""))).get(b"stbl", b"")))
        own = int.from_bytes(table.get(b"stts", b"")[4:8], "big")
        return cls(number, scale, duration) if scale and number and not own else None

    def times(self, fragment: bytes) -> Iterator[float]:
        """Seconds at which the frames in the content of a ``moof`` show.

        Raises struct.error or ValueError where it is damaged.
        """
        for name, content in _whole(fragment):
            parts = _whole(content) if name == b"traf" else []
            header = dict(parts).get(b"tfhd", b"")
            if not parts or int.from_bytes(header[4:8], "big") != self.number:
                continue
            flags, at = int.from_bytes(header[1:4], "big"), 8
            at += sum(width for flag, width in _DEFAULTS if flags & flag)
            duration = struct.unpack_from(">I", header, at)[0] if flags & 0x8 else self.duration
            start = dict(parts).get(b"tfdt")
            if start:
                self.next = struct.unpack_from(">Q" if start[:1] == b"\1" else ">I", start, 4)[0]
            for run in (content for name, content in parts if name == b"trun"):
                yield from self._run(run, duration)

    def _run(self, run: bytes, duration: int) -> Iterator[float]:
        flags, count = int.from_bytes(run[1:4], "big"), struct.unpack_from(">I", run, 4)[0]
        at = 8 + 4 * bool(flags & 0x1) + 4 * bool(flags & 0x4)
        width = 4 * sum(bool(flags & flag) for flag in (_DURATION, _SIZE, _FLAGS, _OFFSET))
        if count > _LARGEST or at + count * width > len(run):
            raise ValueError("the run is cut")
        for _ in range(count):
            step = struct.unpack_from(">I", run, at)[0] if flags & _DURATION else duration
            offset = struct.unpack_from(">i", run, at + width - 4)[0] if flags & _OFFSET else 0
            yield (self.next + offset) / self.scale
            self.next += step
            at += width
