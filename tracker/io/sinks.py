"""A step of a pipeline, and where steps go: a MOTChallenge text file, an annotated video, a window, a count."""

from __future__ import annotations

import math
import os
import sys
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO, runtime_checkable

import numpy as np

from tracker.install import installing
from tracker.io.ids import Ids
from tracker.io.mot import format_rows
from tracker.io.passwords import refuse_url
from tracker.rows import results_of

if TYPE_CHECKING:
    from tracker.arrays import FloatArray, Image
    from tracker.detections import Detections
    from tracker.draw.places import Occupied
    from tracker.io.video import Frame
    from tracker.io.video_writer import VideoWriter
    from tracker.log import Decisions
    from tracker.tracks import Tracks

ClassNames = Mapping[int, str]


def fresh_folder(path: str | Path, *, overwrite: bool = False) -> Path:
    """Make the folder to write to. Raises ValueError where it cannot, or where the folder holds anything.

    overwrite  allow a folder that holds something; nothing in it is touched here
    """
    refuse_url(path, "a folder")
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: is a file; give a folder to write to")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise ValueError(f"{folder}: exists and is not empty; give another one, or --overwrite to replace its results")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{folder}: cannot be made ({error.strerror}); give another folder to write to") from None
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{folder}: cannot be written to; give another folder")
    return folder


@dataclass(frozen=True, eq=False)
class Step:
    """One frame, what was detected in it, and the tracks reported for it.

    decisions  how the tracker came to them, where it keeps a log; None between the frames of a detector
    looked     whether the detector ran
    motion     (2, 3) how the camera moved since the frame before, where that is estimated or read
    living     every living track, reported or not, where the pipeline keeps them and the tracker tells; else None
    """

    frame: Frame
    detections: Detections
    tracks: Tracks
    decisions: Decisions | None = None
    looked: bool = True
    motion: FloatArray | None = None
    living: Tracks | None = None


@runtime_checkable
class Sink(Protocol):
    """Takes steps one by one; ``close`` finishes what it writes and may be called again."""

    def write(self, step: Step) -> None:
        """Take one step."""
        ...

    def close(self) -> None:
        """Finish."""
        ...


@runtime_checkable
class WantsLiving(Protocol):
    """A sink whose steps must have ``living``, which costs a report of all tracks for each."""

    living: bool


@runtime_checkable
class Resumable(Sink, Protocol):
    """A sink that a run killed at any time can go on with (`track --snapshot`)."""

    def mark(self) -> object:
        """Where it stands after the last step, in numbers, text, arrays, lists and dicts; its files have all so far."""
        ...

    def resume(self, mark: Any) -> None:
        """Go on from there, before the first step: what was written after the mark is cut off.

        Raises ValueError, naming the file, where it is not as it was left.
        """
        ...


class Tally:
    """Counts steps.

    frames      number of steps
    detections  in all frames
    rows        tracks reported, summed over the frames
    ids         those reported
    best_score  highest score of a detection, -inf before the first
    first, last  numbers of the first and the last frame, 0 before the first
    """

    def __init__(self) -> None:
        self.frames = self.detections = self.rows = self.first = self.last = 0
        self.ids = Ids()
        self.best_score = -math.inf

    def write(self, step: Step) -> None:
        self.frames += 1
        self.first, self.last = self.first or step.frame.number, max(self.last, step.frame.number)
        self.detections += len(step.detections)
        self.best_score = float(step.detections.scores.max(initial=self.best_score))
        self.rows += len(step.tracks)
        self.ids.update(step.tracks.ids.tolist())

    def close(self) -> None:
        """Nothing to finish."""

    def mark(self) -> object:
        return vars(self)

    def resume(self, mark: Any) -> None:
        vars(self).update(mark)


def cut_back(path: Path, size: int, checksum: int) -> None:
    """Cut a file back to its first ``size`` bytes, which must have this CRC-32; with 0 bytes it is removed.

    Raises ValueError, naming it, for any other file.
    """
    if not size:
        path.unlink(missing_ok=True)
        return
    found, left = 0, size
    try:
        with path.open("rb") as file:
            while left and (block := file.read(min(left, 1 << 20))):
                found, left = zlib.crc32(block, found), left - len(block)
    except OSError as error:
        raise ValueError(f"{path}: cannot be gone on with ({error.strerror}); start again with --overwrite") from None
    if left or found != checksum:
        raise ValueError(f"{path}: is not as the run left it; put it back, or start again with --overwrite")
    os.truncate(path, size)


class TextSink:
    """``tracks.txt``: one line per reported track and frame, complete up to the last frame written.

    Column 10 is 1 in rows without a detection (predicted by ``every``, or out of sight), -1 in the others. With
    ``classes`` column 8 is the track's voted class. Raises OSError, naming the file, where it cannot be written.
    """

    def __init__(self, path: Path, *, classes: bool = False) -> None:
        self.path = path
        self.classes = classes
        self._file: TextIO | None = None
        self._size = 0  # of the whole frames in it
        self._sum = 0  # their CRC-32

    def write(self, step: Step) -> None:
        if self._file is None:
            self._file = self.path.open("a" if self._size else "w", encoding="ascii", newline="\n")
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
        self._sum = zlib.crc32(text.encode("ascii"), self._sum)

    def mark(self) -> object:
        if self._file is not None:
            os.fsync(self._file.fileno())
        return {"size": self._size, "sum": self._sum}

    def resume(self, mark: Any) -> None:
        cut_back(self.path, mark["size"], mark["sum"])
        self._size, self._sum = mark["size"], mark["sum"]

    def _cut(self) -> None:
        """Close the file and remove the frame that is there in part only."""
        assert self._file is not None
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            os.truncate(self.path, self._size)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class Overlay(Protocol):
    """Draws on annotated images: lines that are counted at, for example."""

    def draw(self, image: Image, occupied: Occupied) -> None:
        """Draw on a (H, W, 3) BGR image, in place; its text should not cover what is ``occupied``."""
        ...


@dataclass(frozen=True)
class Look:
    """How tracks are drawn.

    labels  what a label shows, of ``tracker.io.draw.LABELS``; () for no labels. None: the id, and the class of tracks
            that are not of the commonest one
    trails  seconds of the trails; 0 draws none
    """

    labels: tuple[str, ...] | None = None
    trails: float = 2.0


class _Drawing:
    """Draws a step's tracks with their trails, and the overlays."""

    def __init__(
        self, class_names: ClassNames | None, frame_rate: float, look: Look, overlays: Sequence[Overlay] = ()
    ) -> None:
        from tracker.io.draw import Annotator, Trails

        length = round(look.trails * frame_rate)
        trails = Trails(max(2, length)) if length else None
        self.overlays = overlays
        self._annotator = Annotator(class_names=class_names, labels=look.labels, trails=trails)

    def draw(self, step: Step) -> Image | None:
        if step.frame.image is None:
            return None
        image = self._annotator.draw(step.frame.image, step.tracks)
        for overlay in self.overlays:
            overlay.draw(image, self._annotator.occupied)
        return image


class VideoSink:
    """The annotated video, opened at its first image; steps without an image are left out.

    Frames keep the times of the source, where the coding can. Images of another size than the first are scaled to it.

    codec  names the coding, once it is known
    notes  lines for people: what the video does not show as the source does

    Raises OSError, naming the file, where it cannot be written.
    """

    def __init__(
        self,
        path: Path,
        frame_rate: float,
        class_names: ClassNames | None = None,
        overlays: Sequence[Overlay] = (),
        look: Look | None = None,
    ) -> None:
        self.path = path
        self.frame_rate = frame_rate
        self.codec: str | None = None
        self.notes: list[str] = []
        self._drawing = _Drawing(class_names, frame_rate, look or Look(), overlays)
        self._writer: VideoWriter | None = None

    def write(self, step: Step) -> None:
        image = self._drawing.draw(step)
        if image is None:
            return
        if self._writer is None:
            from tracker.io.video_writer import VideoWriter

            self._writer = VideoWriter(self.path, (image.shape[1], image.shape[0]), self.frame_rate)
            self.codec = self._writer.codec
        width, height = self._writer.size
        if image.shape[:2] != (height, width):
            import cv2

            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
            self._note(f"{self.path.name}: images of another size are scaled to {width}x{height}")
        self._writer.write(image, step.frame.time)
        if self._writer.uneven:
            self._note(
                f"{self.path.name}: frames show at the mean rate of {self.frame_rate:g} per second and not at their "
                f"own times, which only H.264 keeps; {installing('video')}"
            )

    def _note(self, line: str) -> None:
        if line not in self.notes:
            self.notes.append(line)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class WindowClosed(Exception):
    """The user closed the window or pressed q."""


class WindowSink:
    """A window with the annotated video; for the main thread only.

    Raises ValueError, in one line, where there is no display; ``write`` raises WindowClosed.
    """

    title = "track"

    def __init__(
        self,
        class_names: ClassNames | None = None,
        overlays: Sequence[Overlay] = (),
        frame_rate: float = 30.0,
        look: Look | None = None,
    ) -> None:
        # Qt ends the whole process where it finds no display, so ask before Qt does.
        if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise ValueError("--show: this machine has no display; leave it out and look at the written video")
        import cv2

        try:
            cv2.namedWindow(self.title, cv2.WINDOW_NORMAL)
        except cv2.error:
            raise ValueError("--show: this OpenCV has no windows; leave it out, or install opencv-python") from None
        self._cv2 = cv2
        self._shown = False
        self._drawing = _Drawing(class_names, frame_rate, look or Look(), overlays)

    def write(self, step: Step) -> None:
        image = self._drawing.draw(step)
        if image is None:
            return
        self._cv2.imshow(self.title, image)
        self._shown = True
        if self.left():
            raise WindowClosed

    def left(self) -> bool:
        """Let the window react, also while no frame comes; returns whether the user closed it or pressed q."""
        if not self._shown:
            return False
        pressed = self._cv2.waitKey(1) & 0xFF
        closed: bool = self._cv2.getWindowProperty(self.title, self._cv2.WND_PROP_VISIBLE) < 1
        return closed or pressed in (ord("q"), 27)

    def close(self) -> None:
        self._cv2.destroyAllWindows()
