"""Video in: ``open_source`` gives the frames of files, folders, webcams and streams, each with its number and time."""

from __future__ import annotations

import re
from pathlib import Path

from tracker.io.images import open_pattern
from tracker.io.live import open_stream, open_webcam
from tracker.io.passwords import without_passwords
from tracker.io.sequence import open_folder
from tracker.io.source import Frame, Frames, Source, SourceError
from tracker.io.stream.options import Live
from tracker.io.video_file import open_video
from tracker.spelling import nearest

__all__ = ["Frame", "Frames", "Live", "Source", "SourceError", "open_source"]

_URL = re.compile(r"(rtsps?|rtmp|https?|udp|tcp)://", re.IGNORECASE)


def open_source(source: str | Path | int, live: Live | None = None) -> Source:
    """The frames of a video file, a folder or pattern of images, a MOTChallenge sequence folder, a webcam or a URL.

    Images come in natural order (2 before 10), and the numbers in their names are the frames'. A pattern is
    ``frames/*.png`` or ``frames/%06d.png``. A sequence folder (``seqinfo.ini``, ``img1/``) whose images
    are absent gives frames with ``image=None``. Times are the container's where they increase, else number and frame
    rate; a webcam's or a stream's are the seconds since its first frame (``tracker.io.stream.clock``). ``live`` says
    how these two are read. Raises SourceError, in one line, for anything unreadable.
    """
    if isinstance(source, int) or (_is_number(source) and not Path(source).exists()):
        return open_webcam(int(str(source)), live)
    if isinstance(source, str) and _URL.match(source):
        return open_stream(source, live)
    if source == "":
        raise SourceError("SOURCE is empty; give a video file, a folder of images, a webcam number or a URL")
    path = Path(source).expanduser()
    if not path.exists():
        if (images := open_pattern(path)) is not None:
            return images
        # A misspelt scheme makes a path of a URL.
        raise SourceError(f"{without_passwords(str(path))}: no such file or folder{_nearest(path)}")
    if path.is_dir():
        return open_folder(path)
    if path.is_fifo():  # to wait for its writer would hang, and what was read to look at it would be gone
        raise SourceError(f"{path}: is a pipe; write the video to a file first, or give the URL of a stream")
    return open_video(path)


def _is_number(source: str | Path) -> bool:
    """Whether the text names a webcam: "0", "1", ..."""
    return isinstance(source, str) and source.isascii() and source.isdigit()


def _nearest(path: Path) -> str:
    try:
        names = [entry.name for entry in path.absolute().parent.iterdir() if entry.name != path.name]
    except OSError:
        return f" (its folder {without_passwords(str(path.parent))} does not exist either)"
    return nearest(path.name, names, cutoff=0.7)
