"""Good files of variable rate are whole; after a bad packet the frames that follow keep their numbers and times."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import SIZE, drawn

from tracker.arrays import Image
from tracker.io.video import open_source

av = pytest.importorskip("av", reason="makes its videos with PyAV (pip install trackwhy[video])")
MS, TICK = Fraction(1, 1000), Fraction(1, 25)


def write(
    path: Path,
    times: Iterable[int],
    codec: str = "libx264",
    tick: Fraction = MS,
    make: Callable[[int], Image] = drawn,
    **options: str,
) -> Path:
    """A video with a frame ``make(k)`` at each time, in ticks."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = make(0).shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = tick
        for k, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(make(k), format="bgr24")
            frame.pts, frame.time_base = time, tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


GAP = [*range(0, 2000, 40), *range(20000, 22000, 40)]


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("screen.webm", lambda p: write(p, [*range(0, 1980, 33), *range(2000, 20000, 500)], "libvpx")),
        ("late.mkv", lambda p: write(p, range(5000, 9000, 40))),
        ("left out.avi", lambda p: write(p, [k for k in range(100) if k % 10 < 8], "mpeg4", Fraction(1, 25))),
        ("gap.ts", lambda p: write(p, GAP, g="10")),
        ("gap.flv", lambda p: write(p, GAP, g="10")),
        ("gap.mp4", lambda p: write(p, GAP, g="10")),
    ],
)
def test_a_good_file_misses_nothing(tmp_path: Path, name: str, make: Callable[[Path], Path]) -> None:
    with open_source(make(tmp_path / name)) as source:
        got = list(source)
        assert source.missing == 0
        assert source.n_frames == len(got) >= 60
    assert [frame.number for frame in got] == list(range(1, len(got) + 1))


def damage(path: Path, part: float, n: int) -> Path:
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4 if path.suffix == ".mp4" else 0
    at = start + int((len(data) - start) * part)
    data[at : at + n] = bytes(n)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("uneven", [False, True])
def test_frames_after_bad_packets_keep_number_and_time(tmp_path: Path, uneven: bool) -> None:
    times = [40 * k + (7 * (k % 3) if uneven else 0) for k in range(200)]
    path = damage(write(tmp_path / "v.mp4", times, g="10"), 1 / 3, 300)
    with open_source(path) as source:
        got = list(source)
    assert 120 < len(got) < 200
    assert source.missing == 200 - len(got)
    numbers = [frame.number for frame in got]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 200
    np.testing.assert_allclose([f.time for f in got], [times[n - 1] / 1000 for n in numbers], atol=1e-3)
    assert any(f"damaged: {source.missing} frames are lost" in note for note in source.notes)


@functools.lru_cache
def fragmented() -> bytes:
    """100 frames ``coded(k)``, 10 in each fragment, after ten of which the steps are thrice as long."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v.mp4"
        times = [33 * k + 67 * max(k % 20 - 10, 0) + 670 * (k // 20) for k in range(100)]
        with av.open(str(path), "w", options={"movflags": "+frag_keyframe+empty_moov"}) as container:
            stream = container.add_stream("libx264", rate=25, options={"g": "10", "bf": "2"})
            stream.width, stream.height, stream.pix_fmt = 128, 80, "yuv420p"
            stream.time_base = stream.codec_context.time_base = MS
            for k, time in enumerate(times):
                frame = av.VideoFrame.from_ndarray(coded(k), format="bgr24")
                frame.pts, frame.time_base = time, MS
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path.read_bytes()


def test_a_whole_fragmented_file_misses_nothing(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(fragmented())
    with open_source(tmp_path / "v.mp4") as source:
        assert [frame.number for frame in source] == list(range(1, 101))
        assert (source.missing, source.notes) == (0, [])


@pytest.mark.parametrize(
    ("what", "lost", "exact"),
    [(b"moof", 40, False), (b"trun", 5, False), (b"mdat", 1, True)],
    ids=["header of a fragment", "inside of one", "data of the frames"],
)
def test_a_damaged_fragment_is_said(tmp_path: Path, what: bytes, lost: int, exact: bool) -> None:
    data = bytearray(fragmented())
    at = -1
    for _ in range(6):
        at = data.index(what, at + 1)
    at += 4 if what == b"mdat" else -4
    data[at : at + 60] = b"\xff" * 60 if what == b"mdat" else bytes(60)
    (tmp_path / "v.mp4").write_bytes(data)
    with open_source(tmp_path / "v.mp4") as source:
        got = list(source)
    assert len(got) < 100
    assert lost <= source.missing <= 100 - len(got)
    assert (source.missing == 100 - len(got)) == exact != source.at_least
    assert any(note.startswith("damaged: ") for note in source.notes)


@pytest.mark.parametrize(("suffix", "name"), [(".mkv", "libx264"), (".flv", "libx264")])
def test_one_lost_frame_of_uneven_times_is_counted(tmp_path: Path, suffix: str, name: str) -> None:
    times = [33 * k + 67 * max(k % 20 - 10, 0) + 670 * (k // 20) for k in range(100)]
    path = write(tmp_path / f"v{suffix}", times, name, make=coded, g="10", bf="0")
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    position, size = packets[55]
    start = 12 if suffix == ".mkv" else 20
    data[position + start : position + size] = bytes(size - start)
    path.write_bytes(data)
    with open_source(path) as source:
        got = list(source)
    assert source.missing == 100 - len(got) == 1
    assert not source.at_least
    assert [frame.number for frame in got][-40:] == list(range(61, 101))
    assert [decoded(frame.image) + 1 for frame in got][-40:] == list(range(61, 101))


def test_without_a_table_the_time_gives_the_number(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mkv", range(0, 8000, 40), g="10", bf="0")
    with av.open(str(path)) as container:
        at = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size][60:70]
    data = bytearray(path.read_bytes())
    for position, size in at:  # what a block holds begins some bytes after its start
        data[position + 12 : position + size] = b"\xff" * (size - 12)
    path.write_bytes(data)
    with open_source(path) as source:
        got = list(source)
    assert 0 < source.missing == 200 - len(got) < 20
    np.testing.assert_allclose([f.time for f in got], [(f.number - 1) / 25 for f in got], atol=2e-3)


def test_a_cut_file_that_starts_late_loses_no_frames_before_its_start(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mkv", range(5000, 9000, 40), g="10")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with open_source(path) as source:
        got = len(list(source))
    assert 0 < source.missing <= 100 - got


@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".avi", ".flv", ".wmv"])
def test_a_file_cut_in_two_is_not_called_whole(tmp_path: Path, suffix: str) -> None:
    codec = {".webm": "libvpx", ".wmv": "mpeg4"}.get(suffix, "libx264")
    tick = Fraction(1, 25) if suffix == ".avi" else MS
    path = write(tmp_path / f"v{suffix}", range(200) if suffix == ".avi" else range(0, 8000, 40), codec, tick)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with open_source(path) as source:
        assert 0 < len(list(source)) < 200
    assert source.missing >= 1
    assert any("truncated" in note for note in source.notes)


@pytest.mark.parametrize("rate", [Fraction(1, 30), Fraction(1, 3600), Fraction(2000)])
def test_slow_and_fast_rates_are_rates(tmp_path: Path, rate: Fraction) -> None:
    with av.open(str(tmp_path / "v.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for k in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn(k), format="bgr24")))
        container.mux(stream.encode(None))
    with open_source(tmp_path / "v.mp4") as source:
        assert source.frame_rate == pytest.approx(float(rate))
        assert source.notes == []
        np.testing.assert_allclose([f.time * float(rate) for f in source], range(20), atol=1e-3)


MPEG = {".ts": ("libx264", MS), ".vob": ("mpeg2video", TICK), ".mpg": ("mpeg2video", TICK)}
OTHERS = {".mkv": ("libx264", MS), ".webm": ("libvpx", MS), ".flv": ("libx264", MS), ".avi": ("mpeg4", TICK)}


def coded(k: int) -> Image:
    """A noisy image that shows the eight bits of k."""
    image = np.random.default_rng(k).integers(0, 256, (80, 128, 3), dtype=np.uint8)
    for bit in range(8):
        image[:48, 16 * bit : 16 * bit + 16] = 230 if k >> bit & 1 else 20
    return image


def decoded(image: Image | None) -> int:
    assert image is not None
    return sum(1 << bit for bit in range(8) if image[8:40, 16 * bit + 4 : 16 * bit + 12].mean() > 125)


@functools.lru_cache
def recording(suffix: str) -> bytes:
    """100 frames ``coded(k)`` at 25 per second."""
    codec, tick = (MPEG | OTHERS)[suffix]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"v{suffix}"
        write(path, range(100) if tick == TICK else range(0, 4000, 40), codec, tick, coded, g="10")
        return path.read_bytes()


@pytest.mark.parametrize("suffix", [*MPEG, *OTHERS])
def test_a_damaged_part_is_counted_and_what_follows_keeps_its_number(tmp_path: Path, suffix: str) -> None:
    data = bytearray(recording(suffix))
    at = len(data) // 3
    data[at : at + len(data) // 20] = bytes(len(data) // 20)
    (tmp_path / f"v{suffix}").write_bytes(data)
    with open_source(tmp_path / f"v{suffix}") as source:
        got = list(source)
    assert 0 < source.missing == 100 - len(got) < 20
    assert not source.at_least
    assert source.n_frames == 100
    assert [frame.number for frame in got[-50:]] == list(range(51, 101))
    assert [decoded(frame.image) + 1 for frame in got[-40:]] == list(range(61, 101))
    np.testing.assert_allclose([f.time for f in got], [(f.number - 1) / 25 for f in got], atol=2e-3)
    assert sum(f"damaged: {source.missing} frame" in note for note in source.notes) == 1


@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".flv", ".avi"])
def test_a_damaged_start_moves_no_number(tmp_path: Path, suffix: str) -> None:
    data = bytearray(recording(suffix))
    start = {".mkv": b"\x1fC\xb6u", ".webm": b"\x1fC\xb6u", ".flv": b"\x00\x00\x00\x00\x00\x17\x01", ".avi": b"movi"}
    at = data.index(start[suffix]) + 4
    data[at : at + len(data) // 20] = bytes(len(data) // 20)
    (tmp_path / f"v{suffix}").write_bytes(data)
    with open_source(tmp_path / f"v{suffix}") as source:
        got = list(source)
    assert 0 < source.missing == 100 - len(got) < 20
    assert [decoded(frame.image) + 1 for frame in got[-80:]] == [frame.number for frame in got[-80:]]
    assert got[-1].number == 100


@pytest.mark.parametrize("suffix", [".ts", ".avi"])
def test_lost_bytes_are_lost_frames(tmp_path: Path, suffix: str) -> None:
    data = bytearray(recording(suffix))
    del data[len(data) // 3 : len(data) // 3 + len(data) // 20]
    (tmp_path / f"v{suffix}").write_bytes(data)
    with open_source(tmp_path / f"v{suffix}") as source:
        got = list(source)
    assert 0 < source.missing == 100 - len(got) < 20
    assert [decoded(frame.image) + 1 for frame in got[-40:]] == [frame.number for frame in got[-40:]]


@pytest.mark.parametrize(
    ("suffix", "exact"), [(".mkv", True), (".webm", True), (".avi", True), (".flv", False), (".ts", False)]
)
def test_a_cut_file_says_how_many_or_at_least_how_many_are_lost(tmp_path: Path, suffix: str, exact: bool) -> None:
    data = recording(suffix)
    (tmp_path / f"v{suffix}").write_bytes(data[: len(data) * 2 // 5 + 1])
    with open_source(tmp_path / f"v{suffix}") as source:
        got = list(source)
    assert source.at_least is not exact
    assert 1 <= source.missing <= 100 - len(got)
    assert not exact or source.missing == 100 - len(got)


def spoil(path: Path) -> None:
    """Zeros over 1500 bytes from the first third of a file on."""
    damaged = bytearray(path.read_bytes())
    third = len(damaged) // 3
    damaged[third : third + 1500] = bytes(1500)
    path.write_bytes(damaged)


def test_a_loss_of_half_a_file_is_no_sign_of_a_variable_rate(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mkv", range(0, 4000, 40), g="10")  # its frames out of order are lost one by one
    spoil(path)
    with open_source(path) as source:
        got = list(source)
    assert 20 < len(got) < 80
    assert [frame.number for frame in got] == [round(frame.time * 25) + 1 for frame in got]
    assert (source.missing, source.at_least) == (100 - len(got), False)


def test_an_avi_whose_rate_is_a_time_base_is_counted_by_its_seconds(tmp_path: Path) -> None:
    path = write(tmp_path / "v.avi", range(0, 4000, 40), "mpeg4", g="10")  # 1000 "frames" a second, 39 of 40 are empty
    spoil(path)
    with open_source(path) as source:
        got = list(source)
        assert 80 < len(got) < 100
        assert len(got) + source.lost == 100


def test_a_variable_rate_that_is_damaged_says_at_least(tmp_path: Path) -> None:
    times = np.cumsum([40 + 60 * (k % 3) for k in range(100)]).tolist()
    data = bytearray(write(tmp_path / "v.mkv", times, make=coded, g="10").read_bytes())
    data[len(data) // 3 : len(data) // 3 + len(data) // 8] = bytes(len(data) // 8)
    (tmp_path / "v.mkv").write_bytes(data)
    with open_source(tmp_path / "v.mkv") as source:
        got = list(source)
    assert source.at_least
    assert 1 <= source.missing <= 100 - len(got)
    shown = {decoded(frame.image): frame.time for frame in got[-40:]}
    np.testing.assert_allclose(list(shown.values()), [(times[k] - times[0]) / 1000 for k in shown], atol=2e-3)


def test_two_recordings_in_one_transport_stream_are_whole(tmp_path: Path) -> None:
    write(tmp_path / "1.ts", range(0, 2000, 40), g="10")
    write(tmp_path / "2.ts", range(20000, 22000, 40), g="10")
    (tmp_path / "v.ts").write_bytes((tmp_path / "1.ts").read_bytes() + (tmp_path / "2.ts").read_bytes())
    with open_source(tmp_path / "v.ts") as source:
        assert len(list(source)) >= 98
        assert source.missing == 0
