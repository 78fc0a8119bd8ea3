"""Video out: frames to an MP4 file, as H.264 by PyAV or mp4v by OpenCV."""

from __future__ import annotations

import errno
import math
import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from tracker.arrays import Image
from tracker.io.capture import quiet_cv2
from tracker.io.fragments import Fragments, head_of
from tracker.spelling import utf8

if TYPE_CHECKING:
    from av import VideoCodecContext, VideoFrame

FASTEST = 100_000.0  # frames per second
SLOW = 8.0  # frames per second below which the encoder holds none back: they would be more than a second


class VideoWriteError(OSError):
    """A video that cannot be written; the message is one line."""


class VideoWriter:
    """Writes BGR frames of one size to an MP4 file, replacing one that is there.

    path        the file; its folder must exist
    size        (width, height) of every image in pixels
    frame_rate  frames per second, above 0; that of frames without a time

    codec         "h264 ..." where PyAV is installed (yuv420p, index first; browsers play it), else OpenCV's "mp4v ...",
                  which most browsers do not play
    written_size  (width, height) of the video. H.264 needs even sizes: an odd width or height repeats its last column
                  or row
    n_frames      images written
    uneven        whether times were given that the frame rate does not give, and that the file does not keep: mp4v
                  has one rate

    Equal images give an equal file, byte for byte, with one version of the encoder. ``close()`` (or ``with``) finishes
    the file. Where the process is killed before, or the file is cut, H.264 plays up to there but for the at
    most 6 frames that the encoder holds back, and holds back none below 8 frames per second; mp4v does not play. A
    video without images leaves no file. Raises VideoWriteError (an OSError) where the file cannot be written,
    ValueError for images that do not fit.
    """

    def __init__(self, path: str | Path, size: tuple[int, int], frame_rate: float) -> None:
        width, height = int(size[0]), int(size[1])
        if min(width, height) < 1:
            raise ValueError(f"video size {width}x{height} is not positive")
        if not (math.isfinite(frame_rate) and 0 < frame_rate <= FASTEST):
            raise ValueError(f"frame rate {frame_rate:g} is not between 0 and {FASTEST:g} frames per second")
        self.path = Path(path)
        utf8(self.path.absolute())
        self.size = (width, height)
        self.written_size = (width + width % 2, height + height % 2)
        self.n_frames = 0
        self.uneven = False
        self._clock = _Clock(frame_rate)
        self._sink: _H264 | _Mp4v | None = None
        try:
            # Opened first to get the system's own reason (no folder, read-only), which an encoder would hide.
            with self.path.open("wb"):
                pass
            try:
                self._sink = _H264(self.path, self.written_size, self._clock)
            except ImportError:
                self._sink = _Mp4v(self.path, self.written_size, frame_rate)
        except OSError as error:
            raise self._failed(error) from None
        self.codec = self._sink.codec

    def write(self, image: Image, time: float | None = None) -> None:
        """Append one (H, W, 3) uint8 BGR image of the writer's size; it is not modified.

        time  seconds since any start, above that of the image before; None follows that image by the frame rate
        """
        if self._sink is None:
            raise ValueError(f"{self.path}: the video is closed; no frame can be added")
        if image.dtype != np.uint8 or image.shape != (self.size[1], self.size[0], 3):
            raise ValueError(
                f"{self.path}: image of shape {image.shape} {image.dtype} does not fit a "
                f"{self.size[0]}x{self.size[1]} video; expected ({self.size[1]}, {self.size[0]}, 3) uint8"
            )
        if self.size != self.written_size:
            right, bottom = self.size[0] % 2, self.size[1] % 2
            image = np.pad(image, ((0, bottom), (0, right), (0, 0)), mode="edge")
        try:
            ticks, even = self._clock.ticks(time)
            self.uneven |= not even and isinstance(self._sink, _Mp4v)
            self._sink.write(np.ascontiguousarray(image), ticks)
        except OSError as error:
            sink, self._sink = self._sink, None
            sink.abandon()
            raise self._failed(error) from None
        self.n_frames += 1

    def close(self) -> None:
        """Finish the file; may be called again."""
        sink, self._sink = self._sink, None
        if sink is None:
            return
        if self.n_frames == 0:
            sink.abandon()
            self.path.unlink(missing_ok=True)
            return
        try:
            sink.close(self.n_frames)
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> VideoWriteError:
        reason = os.strerror(error.errno) if error.errno is not None else str(error)
        hint = "free some space or write elsewhere" if error.errno == errno.ENOSPC else "write to another folder"
        return VideoWriteError(error.errno, f"{self.path}: the video cannot be written ({reason}); {hint}")

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class _Clock:
    """Times as whole ticks, so that frames of the constant rate are a whole number of ticks apart.

    period  ticks from frame to frame
    tick    seconds, as a fraction
    """

    def __init__(self, frame_rate: float) -> None:
        self.rate = Fraction(frame_rate).limit_denominator(1001)
        if frame_rate < 1:
            self.rate = 1 / Fraction(1 / frame_rate).limit_denominator(1001)
        # A tick of at most a tenth of a millisecond keeps the times of any container. It is a whole part of a second,
        # and no finer than it must be: MP4 counts the ticks from one frame to the next in 32 bits.
        ticks = math.ceil(10_000 / self.rate.numerator)
        self.period = self.rate.denominator * ticks
        self.tick = Fraction(1, self.rate.numerator * ticks)
        self._start: float | None = None
        self._last = -self.period

    def ticks(self, time: float | None) -> tuple[int, bool]:
        """The ticks of the next frame, above those of the last, and whether the constant rate gives them too."""
        follows = self._last + self.period
        ticks = follows
        if time is not None and math.isfinite(time):
            if self._start is None:
                self._start = time - float(follows * self.tick)
            exact = (time - self._start) / float(self.tick)
            # Containers round times to milliseconds.
            whole = round(exact / self.period) * self.period
            rounded = abs(exact - whole) * float(self.tick) <= 0.6e-3
            ticks = max(whole if rounded else round(exact), self._last + 1)
        self._last = ticks
        return ticks, ticks == follows


class _H264:
    """A fragment for each frame, which plays without an end, while it writes; one index at the start when closed."""

    codec = "h264 (PyAV)"

    def __init__(self, path: Path, size: tuple[int, int], clock: _Clock) -> None:
        import av

        self._av = av
        self._path = path.resolve()
        self._clock = clock
        # x264's result depends on the number of threads, so it is fixed. Fragments need frames in their order, so no
        # B-frames.
        options = {"preset": "veryfast", "crf": "23", "threads": "4"}
        if clock.rate < SLOW:
            options["tune"] = "zerolatency"
        else:
            options["x264-params"] = "sliced-threads=1:sync-lookahead=0:rc-lookahead=4:bframes=0"
        # An encoder alone: in a container PyAV frees it with its megabytes only at a later garbage collection.
        self._encoder: VideoCodecContext | None = av.CodecContext.create("libx264", "w")
        self._encoder.width, self._encoder.height = size
        self._encoder.pix_fmt = "yuv420p"
        self._encoder.framerate, self._encoder.time_base = clock.rate, clock.tick
        self._encoder.bit_rate = 0
        self._encoder.options = options
        self._encoder.flags |= av.codec.context.Flags.global_header  # SPS and PPS are in the head alone
        self._encoder.open()
        head = head_of(bytes(self._encoder.extradata or b""), size, clock.tick.denominator)
        self._fragments = Fragments(self._path, head)

    def write(self, image: Image, ticks: int) -> None:
        frame = self._av.VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts, frame.time_base = ticks, self._clock.tick
        self._mux(frame)

    def _mux(self, frame: VideoFrame | None) -> None:
        assert self._encoder is not None
        for packet in self._encoder.encode(frame):
            assert packet.pts is not None
            self._fragments.write(bytes(packet), packet.pts, self._clock.period, key=packet.is_keyframe)

    def close(self, n_frames: int) -> None:
        try:
            self._mux(None)
        finally:
            self.abandon()
        part = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._index(part)
            part.replace(self._path)
        except OSError:  # a full disk: the fragments play as they are
            part.unlink(missing_ok=True)

    def _index(self, target: Path) -> None:
        """Copy the packets into a file with one index at its start, which every player can seek in."""
        options = {"movflags": "+faststart", "fflags": "+bitexact"}
        with (
            self._av.open(str(self._path)) as fragments,
            self._av.open(str(target), "w", format="mp4", options=options) as whole,
        ):
            stream = fragments.streams.video[0]
            copy = whole.add_stream_from_template(stream)
            copy.time_base = self._clock.tick
            for packet in fragments.demux(stream):
                if packet.dts is not None:
                    packet.stream = copy
                    whole.mux(packet)

    def abandon(self) -> None:
        self._encoder = None
        self._fragments.close()


class _Mp4v:
    codec = "mp4v (OpenCV; install the [video] extra for browser-playable H.264)"

    def __init__(self, path: Path, size: tuple[int, int], frame_rate: float) -> None:
        self._cv2 = quiet_cv2()
        self._path = str(path.absolute())
        fourcc = self._cv2.VideoWriter_fourcc(*"mp4v")
        self._writer = self._cv2.VideoWriter(self._path, self._cv2.CAP_FFMPEG, fourcc, frame_rate, size)
        if not self._writer.isOpened():
            raise OSError(errno.EIO, "OpenCV cannot open a video encoder")

    def write(self, image: Image, ticks: int) -> None:
        self._writer.write(image)

    def close(self, n_frames: int) -> None:
        self._writer.release()
        # OpenCV reports no failed write, so count the frames of the finished file.
        check = self._cv2.VideoCapture(self._path, self._cv2.CAP_FFMPEG)
        written = int(check.get(self._cv2.CAP_PROP_FRAME_COUNT)) if check.isOpened() else 0
        check.release()
        if written < n_frames:
            raise OSError(errno.ENOSPC, "the file is incomplete")

    def abandon(self) -> None:
        self._writer.release()
