"""Webcams and network streams: frames are lost if nobody reads them."""

from __future__ import annotations

from tracker.io.capture import Capture, captured_frames, quiet_cv2, usable_rate
from tracker.io.passwords import without_passwords
from tracker.io.source import Source, SourceError


def open_webcam(number: int) -> Source:
    """The webcam with that number, from 0. Raises SourceError where it cannot be opened."""
    if number < 0:
        raise SourceError(f"webcam {number}: webcam numbers start at 0")
    hint = "check that it is connected and not in use, or try another number"
    return _open(f"webcam {number}", "webcam", number, hint)


def open_stream(url: str) -> Source:
    """The stream at a URL; a password in it is shown nowhere. Raises SourceError where it cannot be opened."""
    return _open(without_passwords(url), "stream", url, "check the address, the network and the password")


def _open(name: str, kind: str, where: str | int, hint: str) -> Source:
    cv2 = quiet_cv2()
    # CAP_ANY for webcams: each system has its own driver.
    capture: Capture = cv2.VideoCapture(where, cv2.CAP_ANY if kind == "webcam" else cv2.CAP_FFMPEG)
    if not capture.isOpened():
        capture.release()
        raise SourceError(f"{name}: cannot be opened; {hint}")
    notes: list[str] = []
    frame_rate = usable_rate(capture.get(cv2.CAP_PROP_FPS), notes)
    width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    announced = 0 if kind == "webcam" else int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return Source(
        name,
        kind,
        lambda source: captured_frames(capture, source, wall=kind == "webcam"),
        frame_rate=frame_rate,
        n_frames=announced if announced > 0 else None,
        counted=False,
        size=(width, height) if width > 0 and height > 0 else None,
        live=True,
        notes=notes,
        tolerance=max(1, round(frame_rate)),
        release=capture.release,
    )
