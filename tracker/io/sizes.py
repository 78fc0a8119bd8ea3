"""A change of the image size inside a video.

OpenCV scales later images to the size of the first one and does not say so. PyAV (the extra ``video``) tells the size
of each key frame, where alone it can change; without it nothing is known.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tracker.io import flv, matroska, mpeg
from tracker.io.file_bytes import FileBytes


def can_change(data: FileBytes) -> bool:
    """Whether the container carries its stream's header along, so that the size may change: TS, PS, FLV, Matroska."""
    head = data.part(0, 4096)
    return head.startswith((flv.MAGIC, matroska.EBML, mpeg.PACK)) or mpeg.transport_layout(head) is not None


def size_change(path: Path) -> str | None:
    """A line on the first change of size; None where there is none, or nothing is known."""
    if importlib.util.find_spec("av") is None:
        return None
    import av

    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.codec_context.skip_frame = "NONKEY"
            first: tuple[int, int] | None = None
            for frame in container.decode(stream):
                size = (frame.width, frame.height)
                first = first or size
                if size != first:
                    when = "" if frame.time is None else f" at {frame.time:.1f} s"
                    return (
                        f"the image size changes from {first[0]}x{first[1]} to {size[0]}x{size[1]}{when}; "
                        "from there on images are scaled to the first size"
                    )
    except (av.FFmpegError, IndexError):  # damage is said elsewhere
        return None
    return None
