"""Video in: frames with their time from files, folders, cameras and streams."""

from __future__ import annotations

import codecs
import configparser
import hashlib
import math
import os
import re
import time as clock
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import numpy as np

from tracker.arrays import Image
from tracker.spelling import nearest

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
VIDEO_RATE = 25.0  # assumed where a container or a camera gives none
IMAGES_RATE = 30.0  # assumed for folders
_URL = re.compile(r"(rtsps?|rtmp|https?|udp|tcp)://", re.IGNORECASE)


class SourceError(ValueError):
    """A source that cannot be read; the message is one line: what, where, what to do."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a source.

    image   (H, W, 3) uint8 BGR, or None where a sequence comes without its images
    number  1-based position in the source; a picture that cannot be read leaves its number out
    time    seconds, increasing with every frame; 0 for the first frame of a file or folder
    """

    image: Image | None
    number: int
    time: float


class Source:
    """Where frames come from; made by ``open_source``. Iterate it to get each ``Frame`` in order.

    name        short name for people and file names
    kind        "video", "images", "sequence" (MOTChallenge folder), "webcam" or "stream"
    frame_rate  frames per second, positive; an assumed rate is said in ``notes``
    n_frames    number of frames announced, or None where unknown
    size        (width, height) in pixels, or None where unknown
    has_images  False for a sequence that comes without its pictures: every frame's image is None
    live        True where frames are lost if nobody reads them (webcam, stream)
    notes       lines for people: what was assumed, skipped or unreadable
    read        frames given so far by the last iteration
    missing     after a complete iteration: frames announced that did not come (truncated file, unreadable pictures);
                at least 1 for a truncated file

    Files and folders may be iterated again. ``close()`` (or ``with``) releases the file or camera and ends a running
    iteration. Iterating raises SourceError where pictures differ in size or a closed source is read.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        frames: Callable[[Source], Iterator[Frame]],
        *,
        frame_rate: float,
        n_frames: int | None = None,
        size: tuple[int, int] | None = None,
        live: bool = False,
        has_images: bool = True,
        files: Sequence[Path] = (),
        notes: Sequence[str] = (),
        tolerance: int = 0,
        cut: bool = False,
        release: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.frame_rate = frame_rate
        self.n_frames = n_frames
        self.size = size
        self.live = live
        self.has_images = has_images
        self.notes = list(notes)
        self.read = 0
        self.missing = 0
        self.closed = False
        self._frames = frames
        self._files = list(files)
        self._tolerance = tolerance
        self._cut = cut
        self._release = release
        self._running: Any = None

    def __iter__(self) -> Iterator[Frame]:
        if self.closed:
            raise SourceError(f"{self.name}: this source is closed; open it again with open_source()")
        self.read = self.missing = 0
        running: Any = self._frames(self)
        self._running = running
        try:
            for frame in running:
                self.read += 1
                yield frame
                if self.closed:
                    return
        finally:
            running.close()
        if self.n_frames is not None and self.n_frames < self.read:
            self.n_frames = None  # announced too few, so it is not known
        short = 0 if self.n_frames is None else self.n_frames - self.read
        self.missing = short if short > self._tolerance else int(self._cut)

    def note(self, line: str) -> None:
        """Add a line to ``notes`` once."""
        if line not in self.notes:
            self.notes.append(line)

    def sha256(self) -> str | None:
        """Hex digest of the source's content (of names and contents for a folder); None without files."""
        if self.live or not self._files:
            return None
        digest = hashlib.sha256()
        for path in self._files:
            if len(self._files) > 1:
                digest.update(path.name.encode("utf-8", "surrogateescape") + b"\0")
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        return digest.hexdigest()

    def close(self) -> None:
        """Release the file or camera; may be called again."""
        self.closed = True
        # A generator that is executing cannot be closed from inside; it ends itself at its next frame.
        if self._running is not None and not self._running.gi_running:
            self._running.close()
        if self._release is not None:
            self._release()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def open_source(source: str | Path | int) -> Source:
    """The frames of a video file, folder of images, MOTChallenge sequence folder, webcam number or stream URL.

    A folder's images come in natural order (2 before 10). A sequence folder (``seqinfo.ini``, ``img1/``) whose images
    are absent gives frames with ``image=None``. Times are the container's where they increase, else number and frame
    rate; a webcam's are the seconds since its first frame. Raises SourceError, in one line, for anything unreadable.
    """
    if isinstance(source, int) or (source_is_number(source) and not Path(source).exists()):
        return _webcam(int(str(source)))
    if isinstance(source, str) and _URL.match(source):
        return _stream(source)
    path = Path(source).expanduser()
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder{_nearest(path)}")
    if path.is_dir():
        return _folder(path)
    if path.is_fifo():  # to wait for its writer would hang, and what was read to look at it would be gone
        raise SourceError(f"{path}: is a pipe; write the video to a file first, or give the URL of a stream")
    return _video(path)


def source_is_number(source: str | Path | int) -> bool:
    """Whether the source names a webcam: 0, "0", "1", ..."""
    return isinstance(source, int) or (isinstance(source, str) and source.isascii() and source.isdigit())


def _nearest(path: Path) -> str:
    try:
        names = [entry.name for entry in path.absolute().parent.iterdir()]
    except OSError:
        return f" (its folder {path.parent} does not exist either)"
    return nearest(path.name, names, cutoff=0.7)


def quiet_cv2() -> ModuleType:
    """OpenCV with its own log lines and FFmpeg's off, unless the user's environment asks for them."""
    # FFmpeg's level is read once, when the first capture opens; -8 is AV_LOG_QUIET.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2


# --- video files, streams, webcams ---------------------------------------------------------------------------------


def _rate(value: float, notes: list[str]) -> float:
    # 1000 and above are time bases of containers that know no rate.
    if math.isfinite(value) and 0.1 <= value < 1000:
        return value
    notes.append(f"no usable frame rate announced; assuming {VIDEO_RATE:g} frames per second")
    return VIDEO_RATE


def _captured(capture: Any, cv2: ModuleType, source: Source, *, wall: bool = False) -> Iterator[Frame]:
    number, time, start = 0, 0.0, None
    try:
        while not source.closed:
            good, image = capture.read()
            if not good:
                return
            number += 1
            now = clock.monotonic() if wall else capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            start = now if start is None else start
            now -= start
            if number == 1 or (now > time and math.isfinite(now)):
                time = now
            else:
                time += 1 / source.frame_rate
                source.note("timestamps do not increase everywhere; the frame rate fills in")
            yield Frame(image, number, time)
    finally:
        capture.release()


def _video(path: Path) -> Source:
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from None
    if not head:
        raise SourceError(f"{path}: the file is empty (0 bytes)")
    # FFmpeg draws text files as terminal pictures; playlists are the text it should read.
    if _is_text(head) and not head.startswith((b"#EXTM3U", b"v=0")):
        raise SourceError(f"{path}: this is a text file, not a video")
    table, problem = _iso_layout(path, head)

    cv2 = quiet_cv2()

    def opened() -> Any:
        return cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)

    capture = opened()
    try:
        if not capture.isOpened():
            reason = problem or "not a video that OpenCV/FFmpeg can open"
            raise SourceError(f"{path}: {reason}; check that it plays, or copy or convert it again")
        good, image = capture.read()
        if not good:
            raise SourceError(f"{path}: the video has 0 frames that can be decoded{f' ({problem})' if problem else ''}")
        notes: list[str] = []
        frame_rate = _rate(capture.get(cv2.CAP_PROP_FPS), notes)
        announced = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        capture.release()
    if problem:
        notes.append(problem)
    # Containers without a frame table announce duration times rate: a second off is no loss.
    tolerance = 0 if table or head[:4] == b"RIFF" else max(1, round(frame_rate))
    if table and not problem and (shown := _edited_seconds(path)) is not None:
        # The table also counts frames that a trimmed file holds and does not show.
        tolerance = max(0, math.ceil(announced - shown * frame_rate))
    return Source(
        path.name,
        "video",
        lambda source: _captured(opened(), cv2, source),
        frame_rate=frame_rate,
        n_frames=announced if announced > 0 else None,
        size=(image.shape[1], image.shape[0]),
        files=[path],
        notes=notes,
        tolerance=tolerance,
        cut=problem is not None,
    )


_ISO_FIRST = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")


def _iso_layout(path: Path, head: bytes) -> tuple[bool, str | None]:
    """Whether a file is an MP4/MOV with one frame table, and what is wrong with its boxes (ISO 14496-12, 4.2)."""
    if head[4:8] not in _ISO_FIRST:
        return False, None
    size, position, names = path.stat().st_size, 0, set()
    with path.open("rb") as file:
        while position + 8 <= size:
            file.seek(position)
            header = file.read(16)
            length = int.from_bytes(header[:4], "big")
            names.add(header[4:8])
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            if length == 0:  # to the end of the file
                break
            if length < 8 or position + length > size:
                cut = f"the file is truncated, {position + length - size} bytes are missing at its end"
                return b"moof" not in names, cut if b"moov" in names else f"{cut}, its index with them"
            position += length
    if b"moov" not in names:
        return False, "the file is truncated, its index (moov) at the end is missing"
    return b"moof" not in names, None  # fragments (moof) have tables of their own


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each box in a part of an ISO file."""
    position = 0
    while position + 8 <= len(data):
        length, start = int.from_bytes(data[position : position + 4], "big"), position + 8
        if length == 1:
            length, start = int.from_bytes(data[start : start + 8], "big"), position + 16
        if length < start - position:
            return
        yield data[position + 4 : position + 8], data[start : position + length]
        position += length


def _edited_seconds(path: Path) -> float | None:
    """How much of its video an MP4 shows (edit list, ISO 14496-12, 8.6.6), or None where it has no such list."""
    with path.open("rb") as file:
        while header := file.read(8):
            length, name = int.from_bytes(header[:4], "big"), header[4:8]
            start = 8
            if length == 1:
                length, start = int.from_bytes(file.read(8), "big"), 16
            if name == b"moov" and length <= 1 << 28:
                break
            if length < start:
                return None
            file.seek(length - start, os.SEEK_CUR)
        else:
            return None
        movie = dict(_boxes(content := file.read(length - start)))
    head = movie.get(b"mvhd", b"")
    scale = int.from_bytes(head[20:24] if head[:1] == b"\1" else head[12:16], "big")
    for name, track in _boxes(content):
        parts = dict(_boxes(track)) if name == b"trak" else {}
        if dict(_boxes(parts.get(b"mdia", b""))).get(b"hdlr", b"")[8:12] != b"vide" or b"edts" not in parts:
            continue
        edits = dict(_boxes(parts[b"edts"])).get(b"elst", b"")
        wide = 8 if edits[:1] == b"\1" else 4  # bytes of a duration
        rows = [edits[at : at + 2 * wide] for at in range(8, len(edits), 2 * wide + 4)]
        # An edit from time -1 is a pause before the first frame.
        shown = [int.from_bytes(row[:wide], "big") for row in rows if row[wide:] != b"\xff" * wide]
        return sum(shown) / scale if scale else None
    return None


def _is_text(head: bytes) -> bool:
    try:
        # Incremental: the block may end inside a character.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return not re.search(rb"[^\t\n\r\x1b\x20-\xff]", head)


def _live(name: str, kind: str, where: Any, hint: str) -> Source:
    cv2 = quiet_cv2()
    # CAP_ANY for cameras: each system has its own driver.
    capture = cv2.VideoCapture(where, cv2.CAP_ANY if kind == "webcam" else cv2.CAP_FFMPEG)
    if not capture.isOpened():
        capture.release()
        raise SourceError(f"{name}: cannot be opened; {hint}")
    notes: list[str] = []
    frame_rate = _rate(capture.get(cv2.CAP_PROP_FPS), notes)
    width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    announced = 0 if kind == "webcam" else int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return Source(
        name,
        kind,
        lambda source: _captured(capture, cv2, source, wall=kind == "webcam"),
        frame_rate=frame_rate,
        n_frames=announced if announced > 0 else None,
        size=(width, height) if width > 0 and height > 0 else None,
        live=True,
        notes=notes,
        tolerance=max(1, round(frame_rate)),
        release=capture.release,
    )


def _webcam(number: int) -> Source:
    if number < 0:
        raise SourceError(f"webcam {number}: webcam numbers start at 0")
    return _live(
        f"webcam {number}", "webcam", number, "check that it is connected and not in use, or try another number"
    )


def _stream(url: str) -> Source:
    return _live(_without_password(url), "stream", url, "check the address, the network and the password")


def _without_password(url: str) -> str:
    return re.sub(r"(://[^/@:]+):[^/@]*@", r"\1:***@", url)


# --- folders -------------------------------------------------------------------------------------------------------


def _natural(path: Path) -> tuple[list[tuple[int, int | str]], str]:
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part], path.name


def _pictures(folder: Path) -> tuple[list[Path], int]:
    try:
        files = [entry for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith(".")]
    except OSError as error:
        raise SourceError(f"{folder}: cannot be read ({error.strerror})") from None
    pictures = sorted((file for file in files if file.suffix.lower() in IMAGE_SUFFIXES), key=_natural)
    return pictures, len(files) - len(pictures)


def _folder(path: Path) -> Source:
    name = path.name or path.absolute().name
    if (path / "seqinfo.ini").is_file():
        return _sequence(path, name)
    pictures, others = _pictures(path)
    if not pictures and (path / "img1").is_dir():
        return _images(path / "img1", name, "sequence", IMAGES_RATE, assumed=True)
    if not pictures and others:
        kinds = ", ".join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))
        raise SourceError(
            f"{path}: none of its {others} files is an image ({kinds}); pass a video file or a folder of images"
        )
    return _images(path, name, "images", IMAGES_RATE, assumed=True)


def _images(folder: Path, name: str, kind: str, frame_rate: float, *, assumed: bool) -> Source:
    pictures, others = _pictures(folder)
    if not pictures:
        raise SourceError(f"{folder}: the folder is empty; pass a video file or a folder of images")
    first = next((image for picture in pictures if (image := _picture(picture)) is not None), None)
    if first is None:
        raise SourceError(
            f"{folder}: none of its {len(pictures)} images can be decoded, starting with {pictures[0].name}"
        )
    notes = [f"a folder has no frame rate; assuming {frame_rate:g} frames per second"] if assumed else []
    if others:
        notes.append(f"{others} file{'s' if others > 1 else ''} skipped that {'are' if others > 1 else 'is'} no image")
    size = (first.shape[1], first.shape[0])

    def frames(source: Source) -> Iterator[Frame]:
        for number, picture in enumerate(pictures, 1):
            image = _picture(picture)
            if image is None:
                source.note(f"{picture.name} cannot be decoded and is left out")
                continue
            if (image.shape[1], image.shape[0]) != size:
                raise SourceError(
                    f"{picture}: its size {image.shape[1]}x{image.shape[0]} differs from {size[0]}x{size[1]} "
                    "of the images before it; give all images one size, or put each size in a folder of its own"
                )
            yield Frame(image, number, (number - 1) / frame_rate)

    return Source(
        name, kind, frames, frame_rate=frame_rate, n_frames=len(pictures), size=size, files=pictures, notes=notes
    )


def _picture(path: Path) -> Image | None:
    cv2 = quiet_cv2()
    try:
        data = path.read_bytes()  # not cv2.imread: on Windows it cannot open Unicode paths
    except OSError:
        return None
    # libpng writes to stderr by itself when a file is cut.
    if not data or (data.startswith(b"\x89PNG") and b"IEND" not in data[-64:]):
        return None
    try:
        image: Image | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return image


def _sequence(path: Path, name: str) -> Source:
    ini = path / "seqinfo.ini"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(ini.read_text(encoding="utf-8-sig"))
        info = parser["Sequence"]
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError):
        raise SourceError(f"{ini}: not a MOTChallenge seqinfo file (expected a [Sequence] section)") from None

    def number(key: str) -> float:
        try:
            value = float(info.get(key, "0") or 0)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            raise SourceError(f"{ini}: {key}={info.get(key)} is not a positive number")
        return value

    name = info.get("name", "").strip() or name
    announced, frame_rate = int(number("seqLength")), number("frameRate")
    width, height = int(number("imWidth")), int(number("imHeight"))
    assumed = frame_rate == 0
    frame_rate = frame_rate or IMAGES_RATE
    folder = path / (info.get("imDir", "").strip() or "img1")
    if folder.is_dir() and _pictures(folder)[0]:
        source = _images(folder, name, "sequence", frame_rate, assumed=assumed)
        if announced and announced != source.n_frames:
            source.note(f"seqinfo.ini says {announced} frames, {folder.name} holds {source.n_frames}")
        return source
    if not announced:
        raise SourceError(f"{path}: no images in {folder.name} and no seqLength in seqinfo.ini; one of them is needed")

    def frames(source: Source) -> Iterator[Frame]:
        for k in range(announced):
            yield Frame(None, k + 1, k / frame_rate)

    source = Source(
        name,
        "sequence",
        frames,
        frame_rate=frame_rate,
        n_frames=announced,
        size=(width, height) if width and height else None,
        has_images=False,
        files=[ini],
        notes=[f"no images in {folder.name}; frames come without pictures"],
    )
    if assumed:
        source.note(f"no frameRate in seqinfo.ini; assuming {frame_rate:g} frames per second")
    return source
