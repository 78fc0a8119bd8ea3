"""The elements of Matroska and WebM files (RFC 8794, RFC 9559): where the file ends, and where it is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tracker.io.damage import ABOUT, Damage, Walk
from tracker.io.file_bytes import FileBytes

EBML = b"\x1aE\xdf\xa3"
_SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_VOID, _CRC = 0xEC, 0xBF
# SeekHead, Chapters, Cues, Attachments and Tags are skipped.
_TOP = {_INFO, _TRACKS, _CLUSTER, 0x114D9B74, 0x1043A770, 0x1C53BB6B, 0x1941A469, 0x1254C367, _VOID, _CRC}
_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK = 0xE7, 0xA3, 0xA0, 0xA1
_IN_CLUSTER = {_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK_GROUP, 0xA7, 0xAB, 0xAF, 0x5854, _VOID, _CRC}
_SCALE, _ENTRY, _NUMBER, _TYPE = 0x2AD7B1, 0xAE, 0xD7, 0x83
_VIDEO, AUDIO = 1, 2

Element = tuple[int, int, int | None]  # id, first byte of its content, first byte after it (None: unknown)


def element(data: FileBytes, at: int) -> Element | None:
    """The element that starts at a byte; None where none can start there."""
    head = data.part(at, at + 12)
    wide = 9 - head[0].bit_length() if head else 9
    if wide > 4 or wide >= len(head):
        return None
    length = 9 - head[wide].bit_length()
    if length > 8 or wide + length > len(head):
        return None
    value = int.from_bytes(head[wide : wide + length], "big") & ((1 << 7 * length) - 1)
    content = at + wide + length
    # All bits set stand for an unknown size, which a live recording has.
    return int.from_bytes(head[:wide], "big"), content, None if value == (1 << 7 * length) - 1 else content + value


def _segment(data: FileBytes) -> Element | None:
    header = element(data, 0)
    found = None if header is None or header[2] is None else element(data, header[2])
    return found if found is not None and found[0] == _SEGMENT else None


def end(data: FileBytes) -> int:
    """Where the segment ends by its header; 0 where that is not said."""
    segment = _segment(data)
    return 0 if segment is None or segment[2] is None else segment[2]


def _children(data: FileBytes, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Id, first and last byte of each element in an intact part."""
    while start < stop:
        found = element(data, start)
        if found is None or found[2] is None or found[2] > stop:
            return
        yield found[0], found[1], found[2]
        start = found[2]


def _value(data: FileBytes, start: int, stop: int) -> int:
    return int.from_bytes(data.part(start, stop), "big")


class _Reader(Walk):
    """Follows the clusters and their blocks."""

    def __init__(self, data: FileBytes) -> None:
        super().__init__()
        self.data = data
        self.scale = 1_000_000  # nanoseconds of a tick
        self.tracks: dict[int, int] = {}  # type of each track
        self.time = 0  # of the cluster, in ticks

    def follow(self, at: int) -> None:
        """Read elements from a byte on, whether they lie in the segment or in a cluster."""
        data, size = self.data, len(self.data)
        while at < size:
            found = element(data, at)
            if found is None or found[0] not in _TOP | _IN_CLUSTER:
                if data.part(at, at + 4) == EBML:  # another file was appended
                    return
                at = self._next_cluster(at)
                continue
            name, start, stop = found
            if name == _CLUSTER:
                at = start
                continue
            if stop is None or stop > size:
                if data.find(_CLUSTER.to_bytes(4, "big"), at + 1) < 0:
                    return  # the file is cut
                at = self._next_cluster(at)
                continue
            self._take(name, start, stop)
            at = stop

    def _next_cluster(self, at: int) -> int:
        self.broken()
        found = self.data.find(_CLUSTER.to_bytes(4, "big"), at + 1)
        return len(self.data) if found < 0 else found

    def _take(self, name: int, start: int, stop: int) -> None:
        data = self.data
        if name == _INFO:
            values = {child: _value(data, a, b) for child, a, b in _children(data, start, stop) if child == _SCALE}
            self.scale = values.get(_SCALE, self.scale)
        elif name == _TRACKS:
            for child, a, b in _children(data, start, stop):
                if child == _ENTRY:
                    entry = {one: _value(data, c, d) for one, c, d in _children(data, a, b) if one in (_NUMBER, _TYPE)}
                    self.tracks[entry.get(_NUMBER, 0)] = entry.get(_TYPE, 0)
        elif name == _TIMESTAMP:
            self.time = _value(data, start, stop)
        elif name == _SIMPLE_BLOCK:
            self._block(start)
        elif name == _BLOCK_GROUP:
            for child, a, _ in _children(data, start, stop):
                if child == _BLOCK:
                    self._block(a)

    def _block(self, start: int) -> None:
        wide = 9 - self.data[start].bit_length()
        head = self.data.part(start, start + wide + 2)
        track = int.from_bytes(head[:wide], "big") & ((1 << 7 * wide) - 1)
        if wide > 8 or track not in self.tracks:
            self.broken()
        elif self.tracks[track] == _VIDEO:
            self.frame((self.time + int.from_bytes(head[wide:], "big", signed=True)) * self.scale / 1e9)


def kinds(data: FileBytes) -> list[int]:
    """The type of each track."""
    segment = _segment(data)
    if segment is None:
        return []
    reader = _Reader(data)
    reader.follow(segment[1])
    return list(reader.tracks.values())


def walk(data: FileBytes) -> Damage:
    """The places where no element can start or a block belongs to no track; readers go on at the next cluster."""
    segment = _segment(data)
    if segment is None:
        return Damage()
    reader = _Reader(data)
    reader.follow(segment[1])
    start = min(reader.times[:ABOUT], default=0.0)
    # The duration is that of the longest track.
    sure = list(reader.tracks.values()) == [_VIDEO]
    return replace(reader.damage(start, listed=True), sure=sure, start=start)
