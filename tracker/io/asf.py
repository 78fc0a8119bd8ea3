"""The header of ASF files (WMV): where the file ends (Advanced Systems Format, 3.2)."""

from __future__ import annotations

HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_SIZE, _FLAGS = 40, 88  # first bytes of the fields in the object of file properties
_BROADCAST = 1


def end(head: bytes) -> int:
    """Where the file ends by its header; 0 where that does not say, as in a live recording."""
    at = head.find(_PROPERTIES)
    properties = head[at : at + _FLAGS + 4] if at >= 0 else b""
    if len(properties) < _FLAGS + 4 or properties[_FLAGS] & _BROADCAST:
        return 0
    return int.from_bytes(properties[_SIZE : _SIZE + 8], "little")
