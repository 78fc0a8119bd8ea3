"""Videos on object storage: fetched to a file of this machine while they are tracked."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from tracker.io.passwords import is_url, without_passwords
from tracker.spelling import shown

STREAMS = ("http", "https", "rtsp", "rtsps", "rtmp", "rtp", "udp", "tcp", "srt", "file")  # what the reader opens


def on_storage(source: str) -> bool:
    """Whether a URL is one of fsspec's, such as s3://bucket/street.mp4."""
    return is_url(source) and source.partition("://")[0].lower() not in STREAMS


@contextmanager
def fetched(source: str) -> Iterator[str]:
    """A path to the video: itself, or a copy that is removed afterwards.

    Raises ValueError where fsspec, or what it needs for the scheme, is not installed, and where nothing is there.
    """
    if not on_storage(source):
        yield source
        return
    try:
        import fsspec
    except ImportError:
        raise ValueError(f"{_public(source)}: needs the package fsspec; install trackwhy's extra storage") from None
    with tempfile.TemporaryDirectory(prefix="trackwhy-") as folder:
        file = Path(folder) / PurePosixPath(source.partition("://")[2]).name
        try:
            with fsspec.open(source, "rb") as remote, file.open("wb") as local:
                while block := remote.read(1 << 22):
                    local.write(block)
        except Exception as error:  # of each storage's own library, any
            why = " ".join(str(error).split())[:200] or type(error).__name__
            raise ValueError(f"{_public(source)}: cannot be fetched ({why})") from None
        yield str(file)


def _public(source: str) -> str:
    return shown(without_passwords(source))
