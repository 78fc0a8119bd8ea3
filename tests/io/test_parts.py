"""A part of a source is what the whole source gives there: the same numbers, times and pixels, in every container."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.clips import frames, one_line, write_images
from tracker.arrays import Image
from tracker.commands.main import main
from tracker.io.capture import quiet_cv2, sought
from tracker.io.source import Frame, SourceError, span_of
from tracker.io.video import open_source

N = 130


def noisy(k: int) -> Image:
    """An image unlike those before and after it, so that one that is decoded from the wrong ones shows."""
    image = np.full((48, 64, 3), (7 * k) % 200, np.uint8)
    cv2.putText(image, str(k), (4, 34), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (255, 255, 255), 2)
    return image


def write_opencv(path: Path, fourcc: str) -> Path:
    quiet_cv2()  # the level of FFmpeg's log is read once, by the first that opens a file
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*fourcc), 25, (64, 48))
    assert writer.isOpened()
    for k in range(N):
        writer.write(noisy(k))
    writer.release()
    return path


def write_av(path: Path, codec: str, *, uneven: bool = False, pieces: bool = False, **options: str) -> Path:
    av = pytest.importorskip("av", reason="needs the [video] extra, which writes this container")
    fragments = {"movflags": "frag_keyframe+empty_moov"} if pieces else {}
    with av.open(str(path), "w", options=fragments) as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000)
        for k in range(N):
            frame = av.VideoFrame.from_ndarray(noisy(k), format="bgr24")
            frame.pts, frame.time_base = 40 * k + (13 * (k % 3) if uneven else 0), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


MADE = {
    "mpeg4.mp4": lambda path: write_opencv(path, "mp4v"),
    "mjpeg.avi": lambda path: write_opencv(path, "MJPG"),
    "xvid.avi": lambda path: write_opencv(path, "XVID"),
    "h264.mp4": lambda path: write_av(path, "libx264", g="30", bf="3"),
    "open_gop.mp4": lambda path: write_av(path, "libx264", **{"x264-params": "open-gop=1:keyint=20:bframes=4"}),
    "uneven.mp4": lambda path: write_av(path, "libx264", uneven=True, g="25", bf="2"),
    "one_key.mov": lambda path: write_av(path, "libx264", g="1000"),
    "h264.mkv": lambda path: write_av(path, "libx264", g="30", bf="3"),
    "open_gop.mkv": lambda path: write_av(path, "libx264", **{"x264-params": "open-gop=1:keyint=20:bframes=4"}),
    "uneven.mkv": lambda path: write_av(path, "libx264", uneven=True, g="25", bf="2"),
    "mpeg4.mkv": lambda path: write_opencv(path, "mp4v"),
    "h264.avi": lambda path: write_av(path, "libx264", g="30", bf="2"),
    "packed.avi": lambda path: write_av(path, "mpeg4", g="30", bf="2"),
    "h264.flv": lambda path: write_av(path, "libx264", g="30", bf="2"),
    "fragmented.mp4": lambda path: write_av(path, "libx264", pieces=True, g="30", bf="2"),
    "vp9.webm": lambda path: write_av(path, "libvpx-vp9", **{"deadline": "realtime", "cpu-used": "8"}),
    "h264.ts": lambda path: write_av(path, "libx264", g="30"),
}

LISTED = [name for name in MADE if name not in ("h264.ts", "h264.avi", "packed.avi", "one_key.mov")]  # by usable times


def part(path: Path, *, frames: str | None = None, seconds: str | None = None) -> tuple[list[Frame], object]:
    source = open_source(path)
    source.select(span_of(frames, seconds))  # type: ignore[arg-type]
    return list(source), source


def same(got: list[Frame], wanted: list[Frame]) -> bool:
    return [(f.number, f.time) for f in got] == [(f.number, f.time) for f in wanted] and all(
        np.array_equal(a.image, b.image) for a, b in zip(got, wanted, strict=True)
    )


@pytest.mark.parametrize("name", MADE)
def test_a_part_is_what_the_whole_gives_there(name: str, tmp_path: Path) -> None:
    path = MADE[name](tmp_path / name)
    whole = frames(path)
    assert len(whole) == N
    for first, last in ((1, 3), (50, 52), (52, 60), (61, 61), (90, 93), (128, 400)):
        got, source = part(path, frames=f"{first}:{last}")
        assert same(got, [f for f in whole if first <= f.number <= last])
        assert (source.missing, source.n_frames) == (0, len(got))  # type: ignore[attr-defined]
        assert not any("damaged" in line for line in source.notes)  # type: ignore[attr-defined]
    for start, end in ((0.0, 0.05), (1.0, 1.2), (2.001, 2.3), (4.9, 99.0)):
        assert same(part(path, seconds=f"{start}:{end}")[0], [f for f in whole if start <= f.time < end])
    assert same(part(path, frames=":2")[0], whole[:2])
    assert same(part(path, frames="129:")[0], whole[128:])


@pytest.mark.parametrize("name", LISTED)
def test_a_container_that_lists_its_frames_is_not_read_from_its_start(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = MADE[name](tmp_path / name)
    moved = []
    monkeypatch.setattr("tracker.io.video_file.sought", lambda *a: moved.append(sought(*a)) or moved[-1])
    part(path, frames="120:121")
    part(path, seconds="4:4.1")
    assert [one is not None and one.number > 60 for one in moved] == [True, True]


def test_a_folder_keeps_the_numbers_of_its_images(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", [f"{k:06d}.png" for k in (3, 5, 6, 9)])
    (folder / "000007.png").write_bytes(b"damaged")
    whole = frames(folder)
    got, source = part(folder, frames="5:8")
    assert same(got, whole[1:3])
    assert (source.missing, source.n_frames) == (1, 3)  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["", "5", "a:b", "0:5", "6:5", "1.5:7", "1:2:3", "nan:5", "-3:5"])
def test_bad_frames(text: str) -> None:
    with pytest.raises(ValueError, match="--frames") as error:
        span_of(text, None)
    one_line(error, "100:200")


@pytest.mark.parametrize("text", ["5", "5:5", "-1:5", "x:", "inf:"])
def test_bad_seconds(text: str) -> None:
    with pytest.raises(ValueError, match="--seconds") as error:
        span_of(None, text)
    one_line(error, "10:20.5")


def test_what_cannot_be_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = MADE["mjpeg.avi"](tmp_path / "clip.avi")
    with pytest.raises(SourceError) as error:
        part(path, frames="900:1000")
    one_line(error, "clip.avi: has no frame in --frames 900:1000", "ends at frame 130")
    call = [str(path), "--detector", "motion", "--no-video", "-o", str(tmp_path / "out")]
    assert main([*call, "--frames", "1:2", "--seconds", "1:2"]) == 2
    assert main([*call, "--frames", "2:1"]) == 2
    assert main([*call, "--seconds", "50:60"]) == 2
    assert capsys.readouterr().err.count("\n") == 3
    assert main([*call, "--frames", "21:30", "--quiet"]) == 0
