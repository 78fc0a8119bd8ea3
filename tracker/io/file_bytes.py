"""A file's bytes as a sequence that is read in parts: unlike a memory map, one that may shrink meanwhile."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

_PART = 1 << 20  # bytes searched at once


class FileBytes:
    """Index and slice it as ``bytes``; what can no longer be read is left out of a slice, and 0 as a single byte.

    Its length is that of the file when it was opened. Raises OSError where the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._size = path.stat().st_size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, at: int) -> int:
        return next(iter(self.part(at, at + 1)), 0)

    def part(self, start: int, stop: int) -> bytes:
        """The bytes from ``start`` to before ``stop``, as far as the file has them."""
        if stop <= start:
            return b""
        self._file.seek(start)
        return self._file.read(min(stop, self._size) - start) if start < self._size else b""

    def find(self, wanted: bytes, start: int) -> int:
        """The first place of these bytes from ``start`` on; -1 where they are not."""
        while start < self._size:
            place = self.part(start, start + _PART + len(wanted) - 1).find(wanted)
            if place >= 0:
                return start + place
            start += _PART
        return -1

    def __enter__(self) -> FileBytes:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
