"""Written videos play, are reproducible, and what cannot be written is one line."""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from clips import SIZE, drawn, frames, one_line, write_video

from tracker.io.video import open_source
from tracker.io.video_writer import VideoWriteError, VideoWriter


@pytest.fixture
def no_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)  # import av raises ImportError


def test_h264_for_browsers_and_equal_bytes(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    one, two = write_video(tmp_path / "1.mp4", 60), write_video(tmp_path / "2.mp4", 60)
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes().index(b"moov") < one.read_bytes().index(b"mdat")
    with av.open(str(one)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.frames, stream.average_rate) == (60, 10)


@pytest.mark.parametrize(("rate", "step"), [(750 / 21751, 30.0), (1 / 3600, 3600.0), (30000 / 1001, 7200.0)])
def test_long_steps_keep_their_times(tmp_path: Path, rate: float, step: float) -> None:
    av = pytest.importorskip("av")
    with VideoWriter(tmp_path / "v.mp4", SIZE, rate) as writer:
        for k in range(6):
            writer.write(drawn(k), k * step)
    with av.open(str(tmp_path / "v.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([k * step for k in range(6)], abs=1e-3)


def test_without_pyav_opencv_writes_and_says_so(tmp_path: Path, no_pyav: None) -> None:
    with VideoWriter(tmp_path / "v.mp4", SIZE, 10) as writer:
        assert "mp4v" in writer.codec
        assert "[video]" in writer.codec
        for k in range(12):
            writer.write(drawn(k))
    assert len(frames(tmp_path / "v.mp4")) == 12


@pytest.mark.parametrize("size", [(63, 48), (64, 47), (33, 31), (1, 1)])
def test_odd_sizes_get_their_last_column_and_row_twice(tmp_path: Path, size: tuple[int, int]) -> None:
    with VideoWriter(tmp_path / "v.mp4", size, 10) as writer:
        assert writer.written_size == (size[0] + size[0] % 2, size[1] + size[1] % 2)
        for k in range(3):
            writer.write(drawn(k, size))
    assert open_source(tmp_path / "v.mp4").size == writer.written_size


def test_an_interrupted_video_plays(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "v.mp4", SIZE, 10) as writer:  # noqa: PT012
        for k in range(7):
            writer.write(drawn(k))
        raise KeyboardInterrupt
    assert len(frames(tmp_path / "v.mp4")) == 7
    writer.close()
    assert len(frames(tmp_path / "v.mp4")) == 7
    with pytest.raises(ValueError, match="closed"):
        writer.write(drawn(0))


def test_no_frames_no_file(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", SIZE, 10):
        pass
    assert not (tmp_path / "v.mp4").exists()


def test_images_that_do_not_fit_are_refused_and_input_is_untouched(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", SIZE, 10) as writer:
        for bad in (drawn(0, (48, 64)), drawn(0).astype(np.float32), drawn(0)[..., 0]):
            with pytest.raises(ValueError, match="does not fit"):
                writer.write(bad)
        image = drawn(0)
        writer.write(image[:, ::-1])  # a view with negative strides
        np.testing.assert_array_equal(image, drawn(0))
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


def times_of(path: Path) -> list[float]:
    return [frame.time for frame in frames(path)]


def test_frames_keep_their_times(tmp_path: Path) -> None:
    pytest.importorskip("av")
    times = [0.0, 0.1, 0.35, 0.4, 7.0, 3600.0]
    with VideoWriter(tmp_path / "v.mp4", SIZE, 10) as writer:
        for k, time in enumerate(times):
            writer.write(drawn(k), 5 + time)
    np.testing.assert_allclose(times_of(tmp_path / "v.mp4"), times, atol=2e-4)
    assert not writer.uneven


def test_times_rounded_to_milliseconds_are_those_of_the_rate(tmp_path: Path) -> None:
    for path, rounded in [(tmp_path / "1.mp4", True), (tmp_path / "2.mp4", False)]:
        with VideoWriter(path, SIZE, 30) as writer:
            for k in range(90):
                writer.write(drawn(k), round(k / 30, 3) if rounded else None)
        assert not writer.uneven
    assert (tmp_path / "1.mp4").read_bytes() == (tmp_path / "2.mp4").read_bytes()


def test_mp4v_has_one_rate_and_says_so(tmp_path: Path, no_pyav: None) -> None:
    with VideoWriter(tmp_path / "v.mp4", SIZE, 10) as writer:
        writer.write(drawn(0), 0.0)
        writer.write(drawn(1), 0.1)
        assert not writer.uneven
        writer.write(drawn(2), 0.5)
        assert writer.uneven


def unfinished(path: Path, rate: float, n: int) -> bytes:
    """What a process that was killed after n frames leaves."""
    code = (
        "import os, sys, numpy as np; from tracker.io.video_writer import VideoWriter\n"
        "writer = VideoWriter(sys.argv[1], (64, 48), float(sys.argv[2]))\n"
        "for k in range(int(sys.argv[3])): writer.write(np.full((48, 64, 3), k, np.uint8))\n"
        "os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", code, str(path), str(rate), str(n)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == -9
    return path.read_bytes()


@pytest.mark.parametrize(("rate", "n"), [(25.0, 100), (10.0, 60), (5.0, 30), (1.0, 20), (1 / 60, 20)])
def test_a_killed_process_loses_less_than_a_second(tmp_path: Path, rate: float, n: int) -> None:
    pytest.importorskip("av")
    unfinished(tmp_path / "v.mp4", rate, n)
    got = frames(tmp_path / "v.mp4")
    assert (n - len(got)) / rate < 1
    np.testing.assert_allclose([frame.time * rate for frame in got], range(len(got)), atol=1e-2)


def test_an_unfinished_video_plays_wherever_it_is_cut(tmp_path: Path) -> None:
    """FFmpeg opens no file that is cut in 5 bytes of a fragment; these lie inside a sector of the disk."""
    av = pytest.importorskip("av")
    data = unfinished(tmp_path / "v.mp4", 10, 40)
    starts = [i for i in range(len(data)) if data[i + 4 : i + 8] == b"moof"]
    assert len(starts) >= 34
    weak = {start + k for start in starts for k in range(40, 45)}
    assert not any(at % 512 == 0 for at in weak)
    for cut in sorted({*range(starts[1], len(data), 97), *range(starts[20], starts[22])} - weak):
        whole = sum(start <= cut for start in starts[1:])
        with av.open(io.BytesIO(data[:cut])) as container:
            assert sum(packet.size > 0 for packet in container.demux(video=0)) >= whole
    (tmp_path / "cut.mp4").write_bytes(data[: starts[20] + 60])
    assert len(frames(tmp_path / "cut.mp4")) == 20


def encoders() -> int:
    """How many encoders and containers of PyAV live now."""
    return sum(str(type(one).__module__).startswith(("av.codec", "av.container")) for one in gc.get_objects())


def test_a_closed_video_holds_no_encoder(tmp_path: Path) -> None:
    """Each has megabytes that Python's garbage collection knows nothing of, so it must not have to come for them."""
    pytest.importorskip("av")
    fill(tmp_path / "v.mp4")
    gc.collect()
    before = encoders()
    gc.disable()
    try:
        with VideoWriter(tmp_path / "v.mp4", SIZE, 10) as writer:
            writer.write(drawn(0))
            assert encoders() > before
        assert encoders() == before
    finally:
        gc.enable()


@pytest.mark.parametrize("rate", [1 / 3600, 1 / 30, 30000 / 1001, 2000])
def test_any_rate(tmp_path: Path, rate: float) -> None:
    pytest.importorskip("av")
    with VideoWriter(tmp_path / "v.mp4", SIZE, rate) as writer:
        for k in range(20):
            writer.write(drawn(k))
    np.testing.assert_allclose(np.array(times_of(tmp_path / "v.mp4")) * rate, range(20), atol=1e-3)
