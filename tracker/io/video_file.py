"""Video files: whether one can be decoded, how many frames it announces, and how many may be absent."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from tracker.arrays import FloatArray
from tracker.io import avi
from tracker.io.capture import Capture, Table, captured_frames, first_frame, quiet_cv2, sought, usable_rate
from tracker.io.containers import damage as damage_of
from tracker.io.containers import sound_only, truncation
from tracker.io.damage import Damage
from tracker.io.file_bytes import FileBytes
from tracker.io.iso import edited_seconds, layout, sample_times
from tracker.io.sizes import can_change, size_change
from tracker.io.source import Frame, Source, SourceError
from tracker.spelling import utf8

APART = 6e-4  # seconds between frames that their times tell apart; Matroska's are whole milliseconds
FAR = 50  # frames from which on a file is moved to a place, and not read up to there
PATIENCE = 1000  # failed reads in a row that stand for the end of a file; a group of pictures is rarely longer


def open_video(path: Path) -> Source:
    """The frames of a video file. Raises SourceError for a file that is empty, text, or gives no frame."""
    try:
        name = utf8(path.absolute())
    except ValueError as error:
        raise SourceError(str(error)) from None
    head = _head(path)
    table, problem = layout(path, head)
    with FileBytes(path) as data:
        size = len(data)
        problem = problem or truncation(data)
        chunks = avi.announced(data) if head.startswith(avi.RIFF) else None
        changing = can_change(data)
    cv2 = quiet_cv2()

    def opened() -> Capture:
        capture: Capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG)
        return capture

    capture = opened()
    try:
        if not capture.isOpened():
            if sound_only(path, head):
                raise SourceError(f"{path}: has sound only, no video; give the file that has the images")
            reason = problem or "not a video that OpenCV/FFmpeg can open"
            raise SourceError(f"{path}: {reason}; check that it plays, or copy or convert it again")
        image = first_frame(capture, PATIENCE)
        if image is None:
            raise SourceError(f"{path}: the video has 0 frames that can be decoded{f' ({problem})' if problem else ''}")
        notes: list[str] = []
        frame_rate = usable_rate(capture.get(cv2.CAP_PROP_FPS), notes, lambda: _steps(capture))
        announced = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        capture.release()
    if problem:
        notes.append(problem)
    tolerance = 0
    if table and not problem and (shown := edited_seconds(path)) is not None:
        # The table also counts frames that a trimmed file holds and does not show.
        tolerance = max(0, math.ceil(announced - shown * frame_rate))
    seconds = announced / frame_rate
    if chunks is not None:
        announced, seconds = chunks
    times = sample_times(path) if table else None

    def frames(source: Source) -> Iterator[Frame]:
        stat = path.stat()
        damage, known, index = _listed(path, stat.st_size, stat.st_mtime_ns)
        if times is not None:
            known = index = Table.of(times[times > -1e-6])  # those that an edit list hides have no number
        if not table and (problem or damage.at_end or known is not None):
            sure = (damage.sure and damage.start * frame_rate < 1) or chunks is not None
            damage = replace(damage, until=seconds - damage.start, sure=sure)
        capture, begun = opened(), None
        far = 0 if index is None else index.first(source.wanted, source.wanted_from)
        if index is not None and far > FAR and not (problem or len(damage.breaks)):
            begun = sought(capture, index, far)
            if begun is None:
                capture.release()
                capture = opened()
        most = max(announced, PATIENCE)
        yield from captured_frames(capture, source, table=known, damage=damage, patience=most, begun=begun)
        if source.lost:
            few = "frame is" if source.lost == 1 else "frames are"
            least = "at least " if source.at_least else ""
            source.note(f"damaged: {least}{source.lost} {few} lost; the frames after a loss keep their numbers")
        elif len(damage.breaks):
            known_loss = (
                "whether frames are lost, its uneven times do not tell" if source.at_least else "no frame is lost"
            )
            source.note(f"damaged between frames: {known_loss}, images after that place may show errors")
        if changing and (line := size_change(path)) is not None:
            source.note(line)
        if path.stat().st_size != size:
            source.note("the file changed while it was read; what came later is not tracked")

    return Source(
        path.name,
        "video",
        frames,
        frame_rate=frame_rate,
        n_frames=announced if announced > 0 else None,
        counted=table,
        size=(image.shape[1], image.shape[0]),
        files=[path],
        notes=notes,
        tolerance=tolerance,
        cut=problem is not None,
    )


@lru_cache(maxsize=4)  # a worker opens one file for each of its pieces
def _listed(path: Path, size: int, changed: int) -> tuple[Damage, Table | None, Table | None]:
    """What the container says of its frames where it is no MP4 with a table: damaged places, the frames of a damaged
    AVI, and where each frame of an intact Matroska, WebM or AVI file lies.

    MPEG lists its frames' times too, but its readers land between key frames, from where images show errors.
    """
    with FileBytes(path) as data:
        damage = damage_of(data)
        if data.part(0, len(avi.RIFF)) == avi.RIFF:
            table, whole = avi.frame_table(data)
            return damage, None if whole else table, table if whole else None
        times = damage.listed
    intact = times is not None and not len(damage.breaks) and bool(np.all(np.diff(times) > APART))
    return damage, None, Table.of(times) if times is not None and intact else None


def _steps(capture: Capture) -> FloatArray:
    """The seconds between the next frames of a capture, (N,) with N of at most 9."""
    import cv2

    times = [capture.get(cv2.CAP_PROP_POS_MSEC) / 1000]
    while len(times) < 10 and capture.read()[0]:
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    steps: FloatArray = np.diff(times)
    return steps


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
