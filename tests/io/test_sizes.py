"""A change of the image size inside a stream is said."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tracker.io.video import open_source

av = pytest.importorskip("av", reason="needs the extra video (pip install trackwhy[video])")


def part(path: Path, size: tuple[int, int], start: int) -> bytes:
    """Ten frames of a transport stream, the first at frame ``start``."""
    with av.open(str(path), "w", format="mpegts") as file:
        stream = file.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for i in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 20 * i, np.uint8), format="bgr24")
            frame.pts, frame.time_base = start + i, Fraction(1, 10)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path.read_bytes()


@pytest.mark.parametrize(("later", "said"), [((320, 180), True), ((160, 120), False)])
def test_a_size_that_changes_is_said_once(tmp_path: Path, later: tuple[int, int], said: bool) -> None:
    video = tmp_path / "joined.ts"
    video.write_bytes(part(tmp_path / "a.ts", (160, 120), 0) + part(tmp_path / "b.ts", later, 10))
    with open_source(video) as source:
        shapes = {frame.image.shape for frame in source if frame.image is not None}
        lines = [note for note in source.notes if "image size changes" in note]
    assert shapes == {(120, 160, 3)}
    assert len(lines) == said
    if said:
        assert lines[0].startswith("the image size changes from 160x120 to 320x180 at ")
