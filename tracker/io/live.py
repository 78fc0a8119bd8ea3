"""Webcams and network streams, which go on whether somebody reads them or not; and files at a URL, which end."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tracker.arrays import FloatArray
from tracker.io.capture import Capture, Table, captured_frames, quiet_cv2, usable_rate
from tracker.io.passwords import without_passwords
from tracker.io.source import Source, SourceError
from tracker.io.stream.aside import aside
from tracker.io.stream.feed import FileFeed
from tracker.io.stream.jpeg import Images, is_jpeg, jpeg_images
from tracker.io.stream.options import Live
from tracker.io.stream.rate import arrival_rate
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
    return _open(f"webcam {number}", number, hint, live or Live())


def open_stream(url: str, live: Live | None = None) -> Source:
    """The stream, or the video file, at a URL; a password in it is shown nowhere.

    One that announces how long it is, or over HTTP how many bytes it has, is a file: every frame is given, and it ends.
    Raises SourceError where it cannot be opened.
    """
    hint = "check the address, the network and the password"
    return _open(without_passwords(url), url, hint, live or Live())


@dataclass(frozen=True, eq=False)
class _First:
    """A first connection.

    images   of a live source, what gives them
    is_file  whether it is a file, which ends
    shown    (N,) seconds at which the frames of a file show, where its index tells
    jpeg     whether it is a camera of JPEG images over HTTP, which carry no time: FFmpeg counts them at 25 per second
    rate     frames per second of such a camera, given or as measured; None elsewhere
    """

    capture: Capture
    images: Images
    is_file: bool
    shown: FloatArray | None = None
    jpeg: bool = False
    rate: float | None = None


def _open(name: str, where: str | int, hint: str, live: Live) -> Source:
    cv2 = quiet_cv2()

    def connect() -> Capture:
        capture = _capture(where, live.stall)
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{name}: cannot be opened; {hint}")
        return capture

    first = aside(lambda: _look(connect(), where, live.rate), lambda late: late.capture.release())
    notes: list[str] = []
    if first.rate is not None and live.rate is None:
        notes.append(f"{first.rate:g} frames per second, as measured: the stream does not say its rate")
    rate = usable_rate(first.capture.get(cv2.CAP_PROP_FPS) if first.rate is None else first.rate, notes)
    if first.is_file:
        return _file_source(name, first, rate, notes, live)
    webcam = isinstance(where, int)
    watch = Watch(
        name,
        first.images,
        lambda: jpeg_images(connect()) if first.jpeg else connect(),
        live,
        position=lambda opened: opened.get(cv2.CAP_PROP_POS_MSEC) / 1000,
        wall=webcam or first.jpeg,
        reconnects=not webcam,
    )
    source = Source(
        name,
        "webcam" if webcam else "stream",
        watch.frames,
        frame_rate=rate,
        counted=False,
        size=_size(first.capture),
        live=True,
        notes=notes,
        release=watch.close,
        watch=watch,
    )
    watch.watch(source)
    return source


def _file_source(name: str, first: _First, rate: float, notes: list[str], live: Live) -> Source:
    import cv2

    shown = first.shown
    table = None if shown is None else Table.of(shown)
    announced = int(first.capture.get(cv2.CAP_PROP_FRAME_COUNT)) if shown is None else len(shown)
    feed = FileFeed(lambda source: captured_frames(first.capture, source, table=table), live.stall)
    return Source(
        name,
        "stream",
        feed.frames,
        frame_rate=rate,
        n_frames=announced if announced > 0 else None,
        counted=shown is not None,
        size=_size(first.capture),
        notes=notes,
        tolerance=max(1, round(rate)) if shown is None else 0,
        release=feed.close,
    )


def _capture(where: str | int, stall: float) -> Capture:
    cv2 = quiet_cv2()
    capture: Capture
    if isinstance(where, int):
        capture = cv2.VideoCapture(where, cv2.CAP_ANY)  # each system has its own driver
    else:
        limits = {
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: round(1000 * CONNECTING),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC: round(1000 * stall),
            cv2.CAP_PROP_N_THREADS: THREADS,
        }
        capture = cv2.VideoCapture(where, cv2.CAP_FFMPEG, [number for pair in limits.items() for number in pair])
    return capture


def _look(capture: Capture, where: str | int, rate: float | None) -> _First:
    """What a new connection is. rate: of a camera that does not say it, where that is known."""
    import cv2

    announced = isinstance(where, str) and capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0
    if isinstance(where, int) or _WEB.match(where) is None:
        return _First(capture, capture, announced)
    if announced or content_length(where) is not None:
        return _First(capture, capture, True, shown_at(where))
    if not is_jpeg(capture):
        return _First(capture, capture, False)
    images = jpeg_images(capture)
    return _First(capture, images, False, jpeg=True, rate=arrival_rate(images) if rate is None else rate)


def _size(capture: Capture) -> tuple[int, int] | None:
    import cv2

    width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    return (width, height) if width > 0 and height > 0 else None
