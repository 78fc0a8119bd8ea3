"""Video files: whether one can be decoded, how many frames it announces, and how many may be absent."""

from __future__ import annotations

import codecs
import math
import re
from pathlib import Path

from tracker.io.capture import Capture, captured_frames, quiet_cv2, usable_rate
from tracker.io.iso import edited_seconds, layout
from tracker.io.source import Source, SourceError


def open_video(path: Path) -> Source:
    """The frames of a video file. Raises SourceError for a file that is empty, text, or gives no frame."""
    head = _head(path)
    table, problem = layout(path, head)
    cv2 = quiet_cv2()

    def opened() -> Capture:
        capture: Capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
        return capture

    capture = opened()
    try:
        if not capture.isOpened():
            reason = problem or "not a video that OpenCV/FFmpeg can open"
            raise SourceError(f"{path}: {reason}; check that it plays, or copy or convert it again")
        good, image = capture.read()
        if not good:
            raise SourceError(f"{path}: the video has 0 frames that can be decoded{f' ({problem})' if problem else ''}")
        notes: list[str] = []
        frame_rate = usable_rate(capture.get(cv2.CAP_PROP_FPS), notes)
        announced = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        capture.release()
    if problem:
        notes.append(problem)
    # Containers without a frame table announce duration times rate: a second less is no loss.
    tolerance = 0 if table or head[:4] == b"RIFF" else max(1, round(frame_rate))
    if table and not problem and (shown := edited_seconds(path)) is not None:
        # The table also counts frames that a trimmed file holds and does not show.
        tolerance = max(0, math.ceil(announced - shown * frame_rate))
    return Source(
        path.name,
        "video",
        lambda source: captured_frames(opened(), source),
        frame_rate=frame_rate,
        n_frames=announced if announced > 0 else None,
        size=(image.shape[1], image.shape[0]),
        files=[path],
        notes=notes,
        tolerance=tolerance,
        cut=problem is not None,
    )


def _head(path: Path) -> bytes:
    """The first bytes of a file that may be a video. Raises SourceError where it is unreadable, empty or text."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from None
    if not head:
        raise SourceError(f"{path}: the file is empty (0 bytes)")
    # FFmpeg draws text files as images of a terminal; playlists are the text it should read.
    if _is_text(head) and not head.startswith((b"#EXTM3U", b"v=0")):
        raise SourceError(f"{path}: this is a text file, not a video")
    return head


def _is_text(head: bytes) -> bool:
    try:
        # Incremental: the block may end inside a character.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return not re.search(rb"[^\t\n\r\x1b\x20-\xff]", head)
