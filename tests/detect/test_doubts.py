"""Boxes and scores that mean something else are noted once, and the note does not depend on the order of images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker.detect import ONNX, Recorded, as_detector
from tracker.detect.detector import Detector, RecordedDetector

IMAGE = np.zeros((240, 320, 3), np.uint8)
GOOD = [[10.0, 20, 40, 80, 0.9], [100, 20, 140, 80, 0.6]]


def note_of(*results: Any, invalid: Any = "drop") -> str | None:
    """The note of a callable that gave these results for images."""
    waiting = list(results)

    def mine(image: Any) -> Any:
        return waiting.pop(0)

    detector = as_detector(mine, invalid=invalid)
    assert isinstance(detector, Detector)
    for _ in results:
        detector(IMAGE)
    return detector.note


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[0.1, 0.2, 0.3, 0.4, 0.9], [0.5, 0.5, 1.01, 0.9, 0.8]], "mine: all boxes lie within 0..1; give pixels"),
        ([[10, 20, 40, 80, 87.0], [10, 20, 40, 80, 31]], "scores run from 31 to 87: if they are percentages"),
        ([[10, 20, 40, 80, 870.0], [10, 20, 40, 80, 310]], "every score is above 1"),
        ([[10, 20, 5, 5, 0.9], [10, 20, np.nan, 5, 0.9], GOOD[0]], "more than half of the boxes are not finite"),
        ([[9000, 20, 9040, 80, 0.9]], "lie far outside the image"),
    ],
)
def test_a_callable_is_told(rows: list[list[float]], words: str) -> None:
    note = note_of(rows)
    assert note is not None
    assert words in note
    assert note_of(rows, [], rows) == note


@pytest.mark.parametrize(
    "results",
    [
        [],
        [[]],
        [GOOD],
        [GOOD, [[0.1, 0.1, 1.2, 1.2, 0.9]]],  # one tiny box among others
        [GOOD, [[10, 20, 5, 5, 0.9]]],  # one bad row of three
        [[[-30, -20, 400, 300, 1.0]]],
        [[[10, 20, 40, 80, 1.3], [10, 20, 40, 80, -0.2]]],
    ],
)
def test_what_may_well_be_right_is_no_note(results: list[Any]) -> None:
    assert note_of(*results) is None


def test_the_note_of_ones_own_stays() -> None:
    class Mine:
        note = "mine: own words"

        def __call__(self, image: Any) -> Any:
            return [[0.1, 0.2, 0.3, 0.4, 0.9]]

    detector = as_detector(Mine(), invalid="raise")
    assert isinstance(detector, Detector)
    assert detector.note == "mine: own words"
    detector(IMAGE)
    assert detector.note == (
        "mine: own words; Mine: all boxes lie within 0..1; give pixels: multiply them by the image's width and height"
    )


def test_recorded_rows(tmp_path: Path) -> None:
    class Mine:
        def at(self, number: int) -> Any:
            return [[0.1, 0.2, 0.3, 0.4, 0.9]]

    detector = as_detector(Mine(), invalid="raise")
    assert isinstance(detector, RecordedDetector)
    detector.at(1)
    assert "all boxes lie within 0..1" in (detector.note or "")
    (tmp_path / "det.txt").write_text("1,-1,0.1,0.2,0.3,0.3,0.9\n2,-1,0.1,0.2,0.3,0.3,0.9\n")
    assert Recorded(tmp_path / "det.txt").note == (
        "det.txt: all boxes lie within 0..1; give pixels: multiply them by the image's width and height"
    )
    (tmp_path / "det.txt").write_text("1,-1,1,2,3,3,87\n2,-1,10,20,30,30,31\n")
    note = Recorded(tmp_path / "det.txt").note or ""
    assert "scores run from 31 to 87, not 0..1" in note
    assert note.endswith("say it where they are of a known kind (--scores percent)")
    (tmp_path / "det.txt").write_text("1,-1,1,2,-3,3,0.9\n2,-1,1,2,nan,3,0.9\n3,-1,1,2,3,3,0.9\n")
    assert "more than half of all rows" in (Recorded(tmp_path / "det.txt", invalid="drop").note or "")


def test_a_head_that_misreads_is_said(constant_onnx: Callable[..., Path]) -> None:
    rows = np.zeros((1, 300, 6))
    rows[0, :4] = [(20, 30, 8, 9, 0.9, 0), (40, 20, 8, 9, 0.8, 1), (1, 1, 8, 9, 0.7, 1), (9, 9, 8, 8, 0.9, 0)]
    detector = ONNX(constant_onnx(rows))
    assert detector.note is None
    assert len(detector(IMAGE)) == 1
    assert detector.note == (
        "model.onnx: more than half of the boxes are not finite, have no size or lie far outside the image: the head "
        "end-to-end probably misreads this model; choose another with --head (see docs/detectors.md)"
    )
    rows[0, :4] = [(0.2, 0.3, 0.5, 0.6, 0.9, 0)] * 4
    detector = ONNX(constant_onnx(rows))
    detector(IMAGE)
    assert "all boxes lie within 0..1, not in pixels: the head end-to-end probably" in (detector.note or "")
