"""Videos, webcams and streams give every frame once, with its time, or one clear line."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import struct
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import SIZE, drawn, frames, one_line, which, write_images, write_video

from tracker.arrays import Image
from tracker.io.capture import captured_frames
from tracker.io.source import span_of
from tracker.io.video import Source, SourceError, open_source
from tracker.io.video_writer import VideoWriter


def test_video_gives_every_frame_with_number_and_time(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a video.mp4")
    with open_source(path) as source:
        assert (source.kind, source.frame_rate, source.n_frames, source.size) == ("video", 10, 40, SIZE)
        assert not source.live
        got = list(source)
        assert (source.read, source.missing, source.notes) == (40, 0, [])
    assert [f.number for f in got] == list(range(1, 41))
    np.testing.assert_allclose([f.time for f in got], np.arange(40) / 10, atol=1e-6)
    assert [which(got[k].image) for k in (0, 17, 39)] == [0, 17, 39]


def turned(path: Path, degrees: int) -> Path:
    """An MP4 that says how a phone was held: the matrix of its track turns the image clockwise."""
    cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    data[at : at + 36] = struct.pack(">9i", cos << 16, sin << 16, 0, -sin << 16, cos << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_phone_video_is_upright_all_the_way(tmp_path: Path, degrees: int) -> None:
    pytest.importorskip("av", reason="needs PyAV (pip install trackwhy[video])")
    upright = [frame.image for frame in open_source(write_video(tmp_path / "v.mp4", 12))]
    wanted = [np.ascontiguousarray(np.rot90(image, -degrees // 90)) for image in upright if image is not None]
    source = open_source(turned(tmp_path / "v.mp4", degrees))
    assert source.size == wanted[0].shape[1::-1]
    found = [frame.image for frame in source]
    assert len(found) == 12
    assert all(np.array_equal(one, other) for one, other in zip(found, wanted, strict=True))
    source.select(span_of("5:9", None))  # type: ignore[arg-type]
    part = [frame.image for frame in source]
    assert all(np.array_equal(one, other) for one, other in zip(part, wanted[4:9], strict=True))


def test_a_file_can_be_iterated_again_and_not_after_close(tmp_path: Path) -> None:
    source = open_source(str(write_video(tmp_path / "v.mp4", 5)))
    assert len(list(source)) == len(list(source)) == source.read == 5
    for _ in source:
        source.close()
    assert source.read == 1
    assert source.missing == 0
    source.close()
    with pytest.raises(SourceError, match="closed"):
        list(source)


def test_stopping_early_counts_nothing_as_missing(tmp_path: Path) -> None:
    source = open_source(write_video(tmp_path / "v.mp4", 10))
    for frame in source:
        if frame.number == 3:
            break
    assert (source.read, source.missing) == (3, 0)


def test_paths_with_spaces_and_unicode(tmp_path: Path) -> None:
    folder = tmp_path / "Straße zwölf 東京"
    folder.mkdir()
    assert len(frames(write_video(folder / "vidéo 1.mp4", 4))) == 4
    assert len(frames(write_images(folder / "bilder ü", ["ä 1.png", "ä 2.png"]))) == 2


def test_fraction_rates_survive(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV (pip install trackwhy[video])")  # OpenCV's writer rounds the rate
    assert open_source(write_video(tmp_path / "v.mp4", 5, 30000 / 1001)).frame_rate == pytest.approx(30000 / 1001)


def test_uneven_timestamps_are_the_containers(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    times = [0, 100, 300, 350, 900]
    with av.open(str(tmp_path / "vfr.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for k, t in enumerate(times):
            frame = av.VideoFrame.from_ndarray(drawn(k), format="bgr24")
            frame.pts, frame.time_base = t, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    got = frames(tmp_path / "vfr.mkv")
    np.testing.assert_allclose([f.time for f in got], np.array(times) / 1000, atol=2e-3)


def test_times_that_stand_still_are_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    class Still:
        left = 3

        def read(self) -> tuple[bool, Image]:
            self.left -= 1
            return self.left >= 0, drawn(0)

        def get(self, _: int) -> float:
            return 0.0

        def release(self) -> None: ...

    source = Source("x", "video", lambda s: captured_frames(Still(), s), frame_rate=4)
    assert [f.time for f in source] == [0, 0.25, 0.5]
    assert len(source.notes) == 1


def test_real_video(shared: Path) -> None:
    source = open_source(shared / "data/video/vtest_480x360.mp4")
    assert (source.n_frames, source.size, source.frame_rate) == (795, (480, 360), 10)
    assert source.sha256() == hashlib.sha256((shared / "data/video/vtest_480x360.mp4").read_bytes()).hexdigest()
    iterator = iter(source)
    assert next(iterator).image.mean() > 10
    assert next(iterator).time == pytest.approx(0.1)
    source.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes for a name")
@pytest.mark.parametrize("where", ["file", "folder"])
def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    folder = tmp_path / ("caf\udce9" if where == "folder" else "x")
    folder.mkdir()
    video = write_video(tmp_path / "v.mp4", 3).rename(folder / ("caf\udce9.mp4" if where == "file" else "v.mp4"))
    monkeypatch.chdir(folder)  # so that a relative name may be good where its folder's is not
    with pytest.raises(SourceError) as error:
        open_source(video.name)
    one_line(error, r"caf\udce9", "is not UTF-8")
    with pytest.raises(ValueError, match="is not UTF-8"):
        VideoWriter(video.with_suffix(".avi"), (64, 48), 10)


def test_an_empty_source_is_no_folder() -> None:
    with pytest.raises(SourceError, match=r"^SOURCE is empty"):
        open_source("")


def test_missing_file_suggests_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "street.mp4").write_bytes(b"x")
    with pytest.raises(SourceError) as error:
        open_source(tmp_path / "stret.mp4")
    one_line(error, "no such file", "did you mean", "street.mp4")
    with pytest.raises(SourceError, match="does not exist either"):
        open_source(tmp_path / "nowhere" / "street.mp4")


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"", "empty"), (b"1,-1,2,3\n" * 900, "text file"), (bytes(range(256)) * 40, "not a video")],
)
def test_not_a_video(tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes, word: str) -> None:
    (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(SourceError) as error:
        open_source(tmp_path / "x.txt")
    one_line(error, "x.txt", word)
    assert capfd.readouterr().err == ""


def test_a_cut_video_gives_what_decodes_and_counts_the_rest(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV (pip install trackwhy[video])")  # OpenCV's writer puts the index last
    data = write_video(tmp_path / "v.mp4", 300).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) * 2 // 3])
    # In a process of its own: FFmpeg writes to the terminal from C, once it was allowed to.
    code = (
        "import sys; from tracker.io.video import open_source; s = open_source(sys.argv[1]);"
        "n = len(list(s)); print(n, s.missing, s.notes)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "cut.mp4")], capture_output=True, text=True, check=True
    )
    read, missing, note = run.stdout.split(maxsplit=2)
    assert run.stderr == ""
    assert int(read) > 20
    assert int(read) + int(missing) == 300
    assert "truncated" in note


@pytest.mark.parametrize("flags", ["frag_keyframe+empty_moov", "frag_keyframe"])
def test_fragmented_video(tmp_path: Path, flags: str) -> None:
    """Recorders write these: whole, nothing is missing; cut, something is, though nobody announced how much."""
    av = pytest.importorskip("av")
    write_video(tmp_path / "v.mp4", 600)
    with (
        av.open(str(tmp_path / "v.mp4")) as whole,
        av.open(str(tmp_path / "f.mp4"), "w", options={"movflags": flags}) as fragmented,
    ):
        stream = whole.streams.video[0]
        copy = fragmented.add_stream_from_template(stream)
        for packet in whole.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                fragmented.mux(packet)
    source = open_source(tmp_path / "f.mp4")
    assert len(list(source)) == 600
    assert source.missing == 0
    data = (tmp_path / "f.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) * 2 // 3])
    source = open_source(tmp_path / "cut.mp4")
    assert 250 <= len(list(source)) < 600
    assert source.missing >= 1
    assert any("truncated" in note for note in source.notes)


def test_frames_that_a_trimmed_video_hides_are_not_missing(tmp_path: Path) -> None:
    """A player's "trim" copies the data and writes an edit list: the frames before it are there and not shown."""
    av = pytest.importorskip("av")
    with av.open(str(write_video(tmp_path / "v.mp4"))) as whole, av.open(str(tmp_path / "cut.mp4"), "w") as trimmed:
        stream = whole.streams.video[0]
        copy = trimmed.add_stream_from_template(stream)
        for packet in whole.demux(stream):
            if packet.dts is not None:
                shift = round(1.5 / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, copy
                trimmed.mux(packet)
    source = open_source(tmp_path / "cut.mp4")
    assert 20 <= len(list(source)) < 30
    assert source.n_frames == 40
    assert source.missing == 0
    assert next(iter(source)).number == 1
    assert source.notes == []


def test_a_video_cut_before_its_index_is_one_line(tmp_path: Path) -> None:
    data = write_video(tmp_path / "v.mp4").read_bytes()
    start = data.index(b"moov") - 4
    end = start + int.from_bytes(data[start : start + 4], "big")
    (tmp_path / "cut.mp4").write_bytes(data[:start] + data[end:])
    with pytest.raises(SourceError) as error:
        open_source(tmp_path / "cut.mp4")
    one_line(error, "truncated", "index")


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "aac"), ("a.wav", "pcm_s16le"), ("a.flac", "flac")]
)
def test_a_file_of_sound_says_so(tmp_path: Path, name: str, codec: str) -> None:
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=44100, layout="mono")
        for k in range(10):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 44100, 1024 * k
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(SourceError) as error:
        open_source(tmp_path / name)
    one_line(error, name, "sound only")


def test_no_camera_and_no_stream_are_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    for source, words in [
        (97, ["webcam 97"]),
        ("97", ["webcam 97", "connected"]),
        (-1, ["start at 0"]),
        ("rtsp://me:secret@127.0.0.1:9/x", ["rtsp://me:***@127.0.0.1:9/x", "cannot be opened"]),
    ]:
        with pytest.raises(SourceError) as error:
            open_source(source)
        one_line(error, *words)
        assert "secret" not in str(error.value)
    assert capfd.readouterr().err == ""


def test_video_over_http(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", 20)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with open_source(f"http://127.0.0.1:{server.server_port}/v.mp4") as source:
                assert (source.kind, source.live, source.size, source.sha256()) == ("stream", False, SIZE, None)
                assert [f.number for f in source] == list(range(1, 21))
                assert source.missing == 0
        finally:
            server.shutdown()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="makes a named pipe")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(SourceError, match="is a pipe; write the video to a file first"):
        open_source(tmp_path / "pipe.mp4")


def test_a_file_that_grows_while_it_is_read_gives_what_was_there_and_says_so(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "whole.ts"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for k in range(120):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn(k), format="bgr24")))
        container.mux(stream.encode(None))
    data = (tmp_path / "whole.ts").read_bytes()
    (tmp_path / "v.ts").write_bytes(data[: len(data) // 376 * 188])
    source = open_source(tmp_path / "v.ts")
    got = []
    for frame in source:
        got.append(frame)
        if frame.number == 10:
            (tmp_path / "v.ts").write_bytes(data)
    assert 40 <= len(got) <= 120
    assert [frame.number for frame in got] == list(range(1, len(got) + 1))
    assert sum("changed while it was read" in note for note in source.notes) == 1
