"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def check_target(path: Path, option: str, *, overwrite: bool) -> None:
    """Raise ValueError where a file is not to be written: its folder is missing, it is a folder, or it exists."""
    if not path.parent.is_dir():
        raise ValueError(f"{option} {path}: no such folder; make it first")
    if path.is_dir():
        raise ValueError(f"{option} {path}: is a folder; give a file")
    if path.exists() and not overwrite:
        raise ValueError(f"{option} {path}: exists; give another name, or --overwrite")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Within it an OSError becomes a ValueError that names the file or folder (a full disk)."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise ValueError(f"{path}: cannot be written ({why}); make room, or write to another place") from None


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to, which takes its place at the end; after an error ``path`` is as it was.

    Raises ValueError, naming the file, where it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with writing(path):
            yield part
            part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
