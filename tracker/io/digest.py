"""The SHA-256 of what files hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

BLOCK = 1 << 20  # bytes read at a time


def sha256_of(files: Iterable[Path], *, names: bool = False) -> str:
    """Hex digest of the files' contents, one after the other; with ``names`` each is preceded by its file name.

    The digest of one file without its name is what ``sha256sum`` prints. Raises OSError for a file that cannot be read.
    """
    digest = hashlib.sha256()
    for path in files:
        if names:
            digest.update(path.name.encode("utf-8", "surrogateescape") + b"\0")
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    return digest.hexdigest()
