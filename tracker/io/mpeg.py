"""The packets of MPEG transport and program streams (ISO 13818-1): where they are damaged."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tracker.arrays import IntArray
from tracker.io.damage import Damage, Walk
from tracker.io.file_bytes import FileBytes

PACK = b"\0\0\1\xba"
_SYNC = 0x47
_LAYOUTS = ((188, 0), (192, 4), (204, 0))  # bytes of a packet, and where its sync byte is
_BLOCK = 1 << 16  # packets read at once
_PART = 1 << 20  # bytes searched at once
_PAT = 0
_WRAP = 1 << 33  # time stamps count modulo this
_HZ = 90_000


def transport_layout(head: bytes) -> tuple[int, int] | None:
    """Bytes of a packet and place of its sync byte; None for what is no transport stream."""
    for width, offset in _LAYOUTS:
        syncs = head[offset::width]
        # A damaged packet may be among the first.
        if len(syncs) >= 5 and syncs.count(_SYNC) >= 0.8 * len(syncs):
            return width, offset
    return None


def pes_time(payload: bytes) -> float | None:
    """Seconds of the time stamp (PTS) of a video's PES packet (2.4.3.6); None where it has none or is another's."""
    if len(payload) < 14 or payload[:3] != b"\0\0\1" or not 0xE0 <= payload[3] <= 0xEF:
        return None
    if payload[6] & 0xC0 == 0x80:
        return _stamp(payload[9:14]) if payload[7] & 0x80 else None
    # MPEG-1 (ISO 11172-1, 2.4.3.3): stuffing and the size of a buffer come first.
    rest = payload[6:].lstrip(b"\xff")
    rest = rest[2:] if rest[:1] and rest[0] & 0xC0 == 0x40 else rest
    return _stamp(rest[:5]) if len(rest) >= 5 and rest[0] & 0xE0 == 0x20 else None


def _stamp(stamp: bytes) -> float:
    a, b, c, d, e = stamp
    return ((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1) / _HZ


class _Clock(Walk):
    """A walk whose time stamps start again at 0 after 26.5 hours."""

    def stamp(self, seconds: float) -> None:
        last = self.times[-1] if self.times else seconds
        self.frame(seconds + round((last - seconds) * _HZ / _WRAP) * (_WRAP / _HZ))


class _Transport(_Clock):
    """Follows the continuity counters of the streams that carry video."""

    def __init__(self) -> None:
        super().__init__()
        self.counters: dict[int, int] = {}  # the last one of each stream

    def packets(self, rows: npt.NDArray[np.uint8]) -> None:
        """Take packets (N, 188) that follow one another."""
        pids = (rows[:, 1] & 0x1F).astype(np.int64) << 8 | rows[:, 2]
        starts = np.flatnonzero(rows[:, 1] & 0x40).tolist()
        times = {k: time for k in starts if (time := pes_time(_payload(rows[k]))) is not None}
        tables = np.flatnonzero((pids == _PAT) & (rows[:, 3] & 0x0F == 0))
        broken: set[int] = set(np.flatnonzero(rows[:, 1] & 0x80).tolist())  # transport_error_indicator
        for pid in {int(pids[k]) for k in times} | set(self.counters):
            broken |= self._jumps(rows, np.flatnonzero((pids == pid) & (rows[:, 3] & 0x10 > 0)), tables, pid)
        for k in sorted(broken | set(times)):
            if k in broken:
                self.broken()
            if k in times:
                self.stamp(times[k])

    def _jumps(self, rows: npt.NDArray[np.uint8], at: IntArray, tables: IntArray, pid: int) -> set[int]:
        """Which of a stream's packets, (K,) places in the rows, do not follow the one before."""
        if not len(at):
            return set()
        counters = rows[at, 3].astype(np.int64) & 0x0F
        before = np.concatenate(([self.counters.get(pid, counters[0])], counters[:-1]))
        self.counters[pid] = int(counters[-1])
        jumps = (counters != before) & (counters != (before + 1) % 16)
        announced = (rows[at, 3] & 0x20 > 0) & (rows[at, 4] > 0) & (rows[at, 5] & 0x80 > 0)  # discontinuity_indicator
        # Where files were joined, a table of programs comes first and all counters start at 0.
        last = np.concatenate(([-1], at[:-1]))
        joined = (counters == 0) & (np.searchsorted(tables, at) > np.searchsorted(tables, last))
        return set(at[jumps & ~announced & ~joined].tolist())


def _payload(row: npt.NDArray[np.uint8]) -> bytes:
    """The first bytes of a packet's payload."""
    if not row[3] & 0x10:
        return b""
    start = 5 + int(row[4]) if row[3] & 0x20 else 4
    return row[start : start + 20].tobytes()


def ends_with_a_packet(data: FileBytes, width: int, offset: int) -> bool:
    """Whether the last packet of a transport stream is whole."""
    last = len(data) - width
    return last < 0 or data[last + offset] == _SYNC


def walk_transport(data: FileBytes, width: int, offset: int) -> Damage:
    """The places without a sync byte and those where a video's continuity counter jumps."""
    found, at, size = _Transport(), 0, len(data)
    while at + width <= size:
        block = np.frombuffer(data.part(at, at + _BLOCK * width), np.uint8)
        block = block[: len(block) // width * width].reshape(-1, width)
        if not len(block):
            break
        lost = np.flatnonzero(block[:, offset] != _SYNC)
        good = int(lost[0]) if len(lost) else len(block)
        found.packets(block[:good, offset:])
        at += good * width
        if len(lost):
            if at:  # a recording may begin inside a packet
                found.broken()
            at = _synchronise(data, at + 1, width, offset)
    return found.damage()


def _synchronise(data: FileBytes, at: int, width: int, offset: int) -> int:
    """Where the next three packets start; the end of the file where none do."""
    at += offset
    while at < len(data):
        part = np.frombuffer(data.part(at, at + _PART + 2 * width), np.uint8) == _SYNC
        places = np.flatnonzero(part[: -2 * width] & part[width:-width] & part[2 * width :])
        if len(places):
            return int(at + places[0]) - offset
        at += _PART
    return len(data)


def walk_program(data: FileBytes) -> Damage:
    """The places of a program stream where no packet starts; readers go on at the next pack."""
    found, at, size = _Clock(), 0, len(data)
    while at + 6 <= size:
        head = data.part(at, at + 32)
        if head[:3] != b"\0\0\1" or head[3] < 0xB9:
            found.broken()
            at = data.find(PACK, at + 1)
            if at < 0:
                break
        elif head[3] == 0xB9:  # the end
            at += 4
        elif head[3] == 0xBA:
            at += 14 + (head[13] & 7) if head[4] >> 6 == 1 else 12
        else:
            time = pes_time(head)
            if time is not None:
                found.stamp(time)
            at += 6 + int.from_bytes(head[4:6], "big")
            if at > size:  # the file is cut
                found.broken()
    return found.damage()
