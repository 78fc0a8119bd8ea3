"""Sources give every frame once, with its time, or one clear line; written videos play and are reproducible."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from tracker.arrays import Image
from tracker.io import video
from tracker.io.video import Frame, SourceError, open_source
from tracker.io.video_writer import VideoWriteError, VideoWriter

SIZE = (64, 48)


def picture(k: int, size: tuple[int, int] = SIZE) -> Image:
    image = np.full((size[1], size[0], 3), 40, np.uint8)
    cv2.circle(image, (10 + k % 40, 24), 8, (0, 160, 250), -1)
    return image


def write_video(path: Path, n: int = 40, rate: float = 10, size: tuple[int, int] = SIZE) -> Path:
    with VideoWriter(path, size, rate) as writer:
        for k in range(n):
            writer.write(picture(k, size))
    return path


def write_images(folder: Path, names: list[str]) -> Path:
    folder.mkdir(parents=True)
    for k, name in enumerate(names):
        (folder / name).write_bytes(cv2.imencode(Path(name).suffix, picture(k))[1].tobytes())
    return folder


def frames(source: object) -> list[Frame]:
    return list(open_source(source))  # type: ignore[arg-type]


def one_line(error: pytest.ExceptionInfo[Exception], *words: str) -> None:
    text = str(error.value)
    assert "\n" not in text
    assert all(word in text for word in words), text


@pytest.fixture
def no_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)  # import av raises ImportError


# --- reading


def test_video_gives_every_frame_with_number_and_time(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a video.mp4")
    with open_source(path) as source:
        assert (source.kind, source.frame_rate, source.n_frames, source.size) == ("video", 10, 40, SIZE)
        assert not source.live
        got = list(source)
        assert (source.read, source.missing, source.notes) == (40, 0, [])
    assert [f.number for f in got] == list(range(1, 41))
    np.testing.assert_allclose([f.time for f in got], np.arange(40) / 10, atol=1e-6)
    for k in (0, 17, 39):
        assert np.abs(got[k].image.astype(int) - picture(k)).mean() < 4


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
            frame = av.VideoFrame.from_ndarray(picture(k), format="bgr24")
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
            return self.left >= 0, picture(0)

        def get(self, _: int) -> float:
            return 0.0

        def release(self) -> None: ...

    source = video.Source("x", "video", lambda s: video._captured(Still(), cv2, s), frame_rate=4)
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


def test_images_come_in_natural_order_and_others_are_counted(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "p", ["f2.png", "f10.jpg", "f1.bmp"])
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden").write_text("x")
    source = open_source(folder)
    got = list(source)
    assert (source.kind, source.n_frames, source.read, source.missing) == ("images", 3, 3, 0)
    assert any("1 file skipped" in note for note in source.notes)
    assert any("30 frames per second" in note for note in source.notes)
    for frame, k in zip(got, (2, 0, 1), strict=True):  # f1, f2, f10
        assert np.abs(frame.image.astype(int) - picture(k)).mean() < 3
    assert got[2].time == pytest.approx(2 / 30)


def test_an_unreadable_image_is_missing_and_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = write_images(tmp_path / "p", ["1.png", "2.png", "3.png", "4.jpg"])
    (folder / "2.png").write_bytes((folder / "2.png").read_bytes()[:60])
    (folder / "4.jpg").write_bytes(b"")
    source = open_source(folder)
    assert [f.number for f in source] == [1, 3]
    assert source.missing == 2
    assert any("2.png" in note for note in source.notes)
    assert capfd.readouterr().err == ""


def test_mixed_sizes_name_the_file_and_both_sizes(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "p", ["1.png", "2.png"])
    (folder / "3.png").write_bytes(cv2.imencode(".png", picture(0, (32, 32)))[1].tobytes())
    source = open_source(folder)
    with pytest.raises(SourceError) as error:
        list(source)
    one_line(error, "3.png", "32x32", "64x48", "folder of its own")
    assert source.read == 2


def test_sequence_folder_with_images(tmp_path: Path) -> None:
    write_images(tmp_path / "S" / "img1", [f"{k:06d}.jpg" for k in (1, 2, 3)])
    (tmp_path / "S" / "seqinfo.ini").write_text("[Sequence]\nname=STREET-1\nimDir=img1\nframeRate=14\nseqLength=5\n")
    source = open_source(tmp_path / "S")
    assert (source.name, source.kind, source.frame_rate, source.n_frames) == ("STREET-1", "sequence", 14, 3)
    assert [f.image.shape for f in source] == [(48, 64, 3)] * 3
    assert any("5 frames" in note for note in source.notes)
    assert source.has_images


def test_sequence_folder_without_images(shared: Path) -> None:
    source = open_source(shared / "data/MOT15/train/ADL-Rundle-8")
    assert (source.n_frames, source.size, source.frame_rate) == (654, (1920, 1080), 30)
    got = list(source)
    assert len(got) == 654
    assert not source.has_images
    assert all(f.image is None for f in got)
    assert got[-1].time == pytest.approx(653 / 30)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[Sequence]\nframeRate=25\n", ["no images", "seqLength"]),
        ("hello", ["seqinfo.ini", "[Sequence]"]),
        ("[Sequence]\nseqLength=many\n", ["seqLength=many"]),
        ("[Sequence]\nseqLength=5\nframeRate=-3\n", ["frameRate=-3"]),
    ],
)
def test_bad_sequence_folder(tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "seqinfo.ini").write_text(text)
    with pytest.raises(SourceError) as error:
        open_source(tmp_path)
    one_line(error, *words)


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


def test_folders_without_images(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as error:
        open_source(tmp_path)
    one_line(error, "empty")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(SourceError) as error:
        open_source(tmp_path)
    one_line(error, "none of its 1 files")
    (tmp_path / "a.jpg").write_text("x")
    with pytest.raises(SourceError) as error:
        open_source(tmp_path)
    one_line(error, "a.jpg", "decoded")


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


def test_a_video_cut_before_its_index_is_one_line(tmp_path: Path) -> None:
    data = write_video(tmp_path / "v.mp4").read_bytes()
    start = data.index(b"moov") - 4
    end = start + int.from_bytes(data[start : start + 4], "big")
    (tmp_path / "cut.mp4").write_bytes(data[:start] + data[end:])
    with pytest.raises(SourceError) as error:
        open_source(tmp_path / "cut.mp4")
    one_line(error, "truncated", "index")


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
                assert (source.kind, source.live, source.size, source.sha256()) == ("stream", True, SIZE, None)
                assert [f.number for f in source] == list(range(1, 21))
                assert source.missing == 0
        finally:
            server.shutdown()


def test_sha256_follows_content_and_names(tmp_path: Path) -> None:
    one, two = write_images(tmp_path / "a", ["1.png", "2.png"]), write_images(tmp_path / "b", ["1.png", "2.png"])
    assert open_source(one).sha256() == open_source(two).sha256()
    (two / "2.png").rename(two / "3.png")
    assert open_source(one).sha256() != open_source(two).sha256()


# --- writing


def test_h264_for_browsers_and_equal_bytes(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    one, two = write_video(tmp_path / "1.mp4", 60), write_video(tmp_path / "2.mp4", 60)
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes().index(b"moov") < one.read_bytes().index(b"mdat")
    with av.open(str(one)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.frames, stream.average_rate) == (60, 10)


def test_without_pyav_opencv_writes_and_says_so(tmp_path: Path, no_pyav: None) -> None:
    with VideoWriter(tmp_path / "v.mp4", SIZE, 10) as writer:
        assert "mp4v" in writer.codec
        assert "[video]" in writer.codec
        for k in range(12):
            writer.write(picture(k))
    assert len(frames(tmp_path / "v.mp4")) == 12


@pytest.mark.parametrize("size", [(63, 48), (64, 47), (33, 31), (1, 1)])
def test_odd_sizes_get_their_last_column_and_row_twice(tmp_path: Path, size: tuple[int, int]) -> None:
    with VideoWriter(tmp_path / "v.mp4", size, 10) as writer:
        assert writer.written_size == (size[0] + size[0] % 2, size[1] + size[1] % 2)
        for k in range(3):
            writer.write(picture(k, size))
    assert open_source(tmp_path / "v.mp4").size == writer.written_size


def test_an_interrupted_video_plays(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "v.mp4", SIZE, 10) as writer:  # noqa: PT012
        for k in range(7):
            writer.write(picture(k))
        raise KeyboardInterrupt
    assert len(frames(tmp_path / "v.mp4")) == 7
    writer.close()
    assert len(frames(tmp_path / "v.mp4")) == 7
    with pytest.raises(ValueError, match="closed"):
        writer.write(picture(0))


def test_no_frames_no_file(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", SIZE, 10):
        pass
    assert not (tmp_path / "v.mp4").exists()


def test_images_that_do_not_fit_are_refused_and_input_is_untouched(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", SIZE, 10) as writer:
        for bad in (picture(0, (48, 64)), picture(0).astype(np.float32), picture(0)[..., 0]):
            with pytest.raises(ValueError, match="does not fit"):
                writer.write(bad)
        image = picture(0)
        writer.write(image[:, ::-1])  # a view with negative strides
        np.testing.assert_array_equal(image, picture(0))
    assert len(frames(tmp_path / "v.mp4")) == 1


@pytest.mark.parametrize(("size", "rate"), [((0, 10), 10), ((10, 10), 0), ((10, 10), float("nan"))])
def test_bad_size_or_rate(tmp_path: Path, size: tuple[int, int], rate: float) -> None:
    with pytest.raises(ValueError, match=r"size|rate"):
        VideoWriter(tmp_path / "v.mp4", size, rate)


def test_places_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no folder" / "v.mp4"):
        with pytest.raises(VideoWriteError) as error:
            VideoWriter(path, SIZE, 10)
        one_line(error, str(path), "cannot be written")


def test_read_only_folder_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    if os.access(tmp_path, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(VideoWriteError) as error:
        VideoWriter(tmp_path / "v.mp4", SIZE, 10)
    one_line(error, "Permission denied")


def fill(path: Path) -> None:
    with VideoWriter(path, SIZE, 10) as writer:
        rng = np.random.default_rng(0)
        for _ in range(30):
            writer.write(rng.integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full as a full disk")
@pytest.mark.parametrize("pyav", [True, False])
def test_full_disk_is_one_line(
    tmp_path: Path, pyav: bool, request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    if pyav:
        pytest.importorskip("av")
    else:
        request.getfixturevalue("no_pyav")
    (tmp_path / "v.mp4").symlink_to("/dev/full")
    with pytest.raises(VideoWriteError) as error:
        fill(tmp_path / "v.mp4")
    one_line(error, "v.mp4", "cannot be written")
    assert capfd.readouterr().err == ""


def test_importing_loads_neither_opencv_nor_pyav() -> None:
    code = "import sys, tracker.io.video_writer; print({'cv2', 'av'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="makes a named pipe")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(SourceError, match="is a pipe; write the video to a file first"):
        open_source(tmp_path / "pipe.mp4")
