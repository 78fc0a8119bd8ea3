"""A step of a pipeline, and where steps go: a MOTChallenge text file, an annotated video, a window."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

import numpy as np

from tracker.io.mot import format_rows
from tracker.rows import results_of

if TYPE_CHECKING:
    from tracker.arrays import Image
    from tracker.detections import Detections
    from tracker.io.video import Frame
    from tracker.io.video_writer import VideoWriter
    from tracker.tracks import Tracks


FILES = ("tracks.txt", "tracks.mp4", "run.json")


def fresh_folder(path: str | Path, *, overwrite: bool = False) -> Path:
    """Make the folder to write a run to. Where it holds anything, ValueError, unless a run in it may be replaced.

    An earlier run's files stay until the first step of the new one is written.
    """
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: is a file; give a folder to write to")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise ValueError(f"{folder}: exists and is not empty; give another folder, or ask to overwrite it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{folder}: cannot be made ({error.strerror}); give another folder to write to") from None
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{folder}: cannot be written to; give another folder")
    return folder


@dataclass(frozen=True, eq=False)
class Step:
    """One frame, what was detected in it, and the tracks reported for it."""

    frame: Frame
    detections: Detections
    tracks: Tracks


class Sink(Protocol):
    """Takes steps one by one; ``close`` finishes what it writes and may be called again."""

    def write(self, step: Step) -> None:
        """Take one step."""
        ...

    def close(self) -> None:
        """Finish."""
        ...


class TextSink:
    """``tracks.txt``: one line per reported track and frame, complete up to the last frame written.

    Column 10 is 1 in rows that nobody detected (predicted by ``every``, or out of sight), -1 in the others. With
    ``classes`` column 8 is the track's voted class.

    ``frames`` counts the steps, ``rows`` the lines, ``ids`` holds the ids seen.
    """

    def __init__(self, path: Path, *, classes: bool = False) -> None:
        self.path = path
        self.classes = classes
        self.frames = self.rows = 0
        self.ids: set[int] = set()
        self._file: TextIO | None = None
        self._size = 0  # of what is whole

    def write(self, step: Step) -> None:
        if self._file is None:
            for name in FILES:  # of an earlier run
                self.path.with_name(name).unlink(missing_ok=True)
            self._file = self.path.open("w", encoding="ascii", newline="\n")
        tracks = step.tracks
        rows = results_of([tracks], step.frame.number)
        text = format_rows(replace(rows, scores=np.clip(rows.scores, 0, 1)), classes=self.classes)
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            self._cut()
            raise OSError(error.errno, error.strerror, str(self.path)) from None
        self._size += len(text)
        self.frames += 1
        self.rows += len(tracks)
        self.ids.update(tracks.ids.tolist())

    def _cut(self) -> None:
        """Close the file and leave out the frame of which only a part could be written."""
        assert self._file is not None
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            os.truncate(self.path, self._size)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class _Drawing:
    """Draws a step's tracks with their trails."""

    def __init__(self, class_names: Mapping[int, str] | None) -> None:
        from tracker.io.draw import Trails

        self.class_names = class_names
        self.trails = Trails()

    def draw(self, step: Step) -> Image | None:
        from tracker.io.draw import draw_tracks

        if step.frame.image is None:
            return None
        return draw_tracks(step.frame.image, step.tracks, trails=self.trails, class_names=self.class_names)


class VideoSink:
    """The annotated video, opened at its first image; steps without one are left out. ``codec`` names its coding."""

    def __init__(self, path: Path, frame_rate: float, class_names: Mapping[int, str] | None = None) -> None:
        self.path = path
        self.frame_rate = frame_rate
        self.codec: str | None = None
        self._drawing = _Drawing(class_names)
        self._writer: VideoWriter | None = None

    def write(self, step: Step) -> None:
        image = self._drawing.draw(step)
        if image is None:
            return
        if self._writer is None:
            from tracker.io.video_writer import VideoWriter

            self._writer = VideoWriter(self.path, (image.shape[1], image.shape[0]), self.frame_rate)
            self.codec = self._writer.codec
        self._writer.write(image)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class WindowClosed(Exception):
    """The user closed the window or pressed q."""


class WindowSink:
    """A window with the annotated video. ValueError, in one line, where there is no display."""

    title = "track"

    def __init__(self, class_names: Mapping[int, str] | None = None) -> None:
        # Qt ends the whole process where it finds no display, so it must not be asked.
        if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise ValueError("--show: this machine has no display; leave it out and look at the written video")
        import cv2

        try:
            cv2.namedWindow(self.title, cv2.WINDOW_NORMAL)
        except cv2.error:
            raise ValueError("--show: this OpenCV has no windows; leave it out, or install opencv-python") from None
        self._cv2 = cv2
        self._drawing = _Drawing(class_names)

    def write(self, step: Step) -> None:
        image = self._drawing.draw(step)
        if image is None:
            return
        self._cv2.imshow(self.title, image)
        pressed = self._cv2.waitKey(1) & 0xFF
        if pressed in (ord("q"), 27) or self._cv2.getWindowProperty(self.title, self._cv2.WND_PROP_VISIBLE) < 1:
            raise WindowClosed

    def close(self) -> None:
        self._cv2.destroyAllWindows()
