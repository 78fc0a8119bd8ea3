"""Times and rates of a capture, by what a container might say."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.arrays import Image
from tracker.io.capture import captured_frames, usable_rate
from tracker.io.source import Source


class Tape:
    """A capture of black images at these seconds."""

    def __init__(self, *times: float) -> None:
        self.times = [0.0, *times]

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, Image]:
        self.times = self.times[1:]
        return bool(self.times), np.zeros((2, 2, 3), dtype=np.uint8)

    def get(self, prop: int, /) -> float:
        return 1000 * self.times[0]

    def release(self) -> None: ...


@pytest.mark.parametrize("first", [0.0, 0.5, 3600.0])
def test_the_times_of_a_video_begin_at_0(first: float) -> None:
    source = Source("x", "video", lambda s: captured_frames(Tape(first, first + 0.1, first + 0.3), s), frame_rate=10)
    assert [frame.time for frame in source] == pytest.approx([0, 0.1, 0.3])
    assert source.notes == []


@pytest.mark.parametrize(
    ("announced", "steps", "rate"), [(1000, [], 25), (90000, [0.04, 0.04], 25), (2000, [5e-4], 2000)]
)
def test_a_time_base_is_no_frame_rate(announced: float, steps: list[float], rate: float) -> None:
    notes: list[str] = []
    assert usable_rate(announced, notes, lambda: np.array(steps)) == pytest.approx(rate)
    assert len(notes) == (rate != announced)
