"""Webcams and network streams, which go on whether somebody reads them or not; and files at a URL, which end."""

from __future__ import annotations

import re

from tracker.arrays import FloatArray
from tracker.io.capture import Capture, Table, captured_frames, quiet_cv2, usable_rate
from tracker.io.passwords import without_passwords
from tracker.io.source import Source, SourceError
from tracker.io.stream.aside import aside
from tracker.io.stream.feed import FileFeed
from tracker.io.stream.options import Live
from tracker.io.stream.watch import Watch
from tracker.io.stream.web import content_length, shown_at

CONNECTING = 10.0  # seconds that a connection may take
THREADS = 2  # of a decoder: each but the first delays the images by one frame

_WEB = re.compile(r"https?://", re.IGNORECASE)


def open_webcam(number: int, live: Live | None = None) -> Source:
    """The webcam with that number, from 0. Raises SourceError where it cannot be opened."""
    if number < 0:
        raise SourceError(f"webcam {number}: webcam numbers start at 0")
    hint = "check that it is connected and not in use, or try another number"
    return _open(f"webcam {number}", "webcam", number, hint, live or Live())


def open_stream(url: str, live: Live | None = None) -> Source:
    """The stream, or the video file, at a URL; a password in it is shown nowhere.

    One that announces how long it is, or over HTTP how many bytes it has, is a file: every frame is given, and it ends.
    Raises SourceError where it cannot be opened.
    """
    return _open(
        without_passwords(url), "stream", url, "check the address, the network and the password", live or Live()
    )


def _open(name: str, kind: str, where: str | int, hint: str, live: Live) -> Source:
    cv2 = quiet_cv2()

    def connect() -> Capture:
        # CAP_ANY for webcams: each system has its own driver.
        capture: Capture
        if isinstance(where, int):
            capture = cv2.VideoCapture(where, cv2.CAP_ANY)
        else:
            limits = {
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: round(1000 * CONNECTING),
                cv2.CAP_PROP_READ_TIMEOUT_MSEC: round(1000 * live.stall),
                cv2.CAP_PROP_N_THREADS: THREADS,
            }
            capture = cv2.VideoCapture(where, cv2.CAP_FFMPEG, [number for pair in limits.items() for number in pair])
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{name}: cannot be opened; {hint}")
        return capture

    def first() -> tuple[Capture, bool, FloatArray | None]:
        capture = connect()
        announced = kind == "stream" and capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0
        if isinstance(where, int) or not _WEB.match(where):
            return capture, announced, None
        is_file = announced or content_length(where) is not None
        return capture, is_file, shown_at(where) if is_file else None

    capture, is_file, shown = aside(first, lambda opened: opened[0].release())
    notes: list[str] = []
    frame_rate = usable_rate(capture.get(cv2.CAP_PROP_FPS), notes)
    width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    announced = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if is_file and shown is None else 0
    table = None if shown is None else Table.of(shown)
    # Over HTTP, JPEG images carry no time: FFmpeg counts them at 25 per second, whatever the camera's rate.
    jpeg = capture.get(cv2.CAP_PROP_FOURCC) == cv2.VideoWriter_fourcc(*"MJPG") and _WEB.match(str(where)) is not None
    watch = None
    if is_file:
        feed = FileFeed(lambda source: captured_frames(capture, source, table=table), live.stall)
        frames, release = feed.frames, feed.close
    else:
        watch = Watch(
            name,
            capture,
            connect,
            live,
            position=lambda opened: opened.get(cv2.CAP_PROP_POS_MSEC) / 1000,
            wall=kind == "webcam" or jpeg,
            reconnects=kind == "stream",
        )
        frames, release = watch.frames, watch.close
    source = Source(
        name,
        kind,
        frames,
        frame_rate=frame_rate,
        n_frames=announced if announced > 0 else None if shown is None else len(shown),
        counted=shown is not None,
        size=(width, height) if width > 0 and height > 0 else None,
        live=not is_file,
        notes=notes,
        tolerance=max(1, round(frame_rate)) if shown is None else 0,
        release=release,
        watch=watch,
    )
    if watch is not None:
        watch.watch(source)
    return source
