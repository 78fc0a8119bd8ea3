"""Good files of variable rate are whole; after a bad packet the frames that follow keep their numbers and times."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import SIZE, drawn

from tracker.io.video import open_source

av = pytest.importorskip("av", reason="makes its videos with PyAV (pip install trackwhy[video])")
MS = Fraction(1, 1000)


def write(path: Path, times: Iterable[int], codec: str = "libx264", tick: Fraction = MS, **options: str) -> Path:
    """A video with a frame ``drawn(k)`` at each time, in ticks."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.time_base = stream.codec_context.time_base = tick
        for k, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(drawn(k), format="bgr24")
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


@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".avi", ".flv"])
def test_a_file_cut_in_two_is_not_called_whole(tmp_path: Path, suffix: str) -> None:
    codec, tick = ("libvpx" if suffix == ".webm" else "libx264"), Fraction(1, 25) if suffix == ".avi" else MS
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
