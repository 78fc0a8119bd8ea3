"""What a detector tells about itself, and what as_detector makes of a user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker.detect import HOG, Detector, Motion, Recorded, RecordedDetector, as_detector
from tracker.detections import Detections

IMAGE = np.zeros((20, 30, 3), np.uint8)
ROWS = np.array([[1.0, 2, 11, 22, 0.5], [3, 4, np.nan, 24, 0.6]])


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    (tmp_path / "det.txt").write_text("1,-1,0,0,10,20,0.5\n")
    return Recorded(tmp_path / "det.txt")


def test_what_comes_with_the_library_is_taken_as_it_is(recorded: Recorded) -> None:
    for detector in (HOG(), Motion()):
        assert isinstance(detector, Detector)
        assert not isinstance(detector, RecordedDetector)
        assert as_detector(detector, invalid="raise") is detector
        assert (detector.device, detector.concurrent, detector.embedded) == ("cpu", False, False)
        assert (detector.model_files, detector.dropped, detector.note) == ((), 0, None)
        detector.reset()
    assert isinstance(recorded, RecordedDetector)
    assert not isinstance(recorded, Detector)
    assert as_detector(recorded, invalid="raise") is recorded
    assert (recorded.device, recorded.class_names, recorded.concurrent) == ("none", None, False)
    assert [file.name for file in recorded.model_files] == ["det.txt"]


def test_a_function_gets_the_defaults() -> None:
    def look(image: Any) -> Any:
        assert image is IMAGE
        return ROWS[:1]

    detector = as_detector(look, invalid="raise")
    assert isinstance(detector, Detector)
    assert (detector.name, detector.device, detector.class_names) == ("look", "cpu", None)
    assert (detector.concurrent, detector.embedded, detector.model_files) == (False, False, ())
    assert (detector.dropped, detector.note) == (0, None)
    detector.reset()
    found = detector(IMAGE)
    assert isinstance(found, Detections)
    np.testing.assert_array_equal(found.boxes, ROWS[:1, :4])


def test_bad_rows_raise_or_are_dropped() -> None:
    strict, lenient = (as_detector(lambda _: ROWS, invalid=invalid) for invalid in ("raise", "drop"))
    assert isinstance(strict, Detector)
    assert isinstance(lenient, Detector)
    with pytest.raises(ValueError, match="detections row 1"):
        strict(IMAGE)
    assert (len(lenient(IMAGE)), lenient(IMAGE).dropped) == (1, 1)


class Own:
    """A user's detector with everything, which changes while it runs."""

    name, device, concurrent, embedded = "mine", "cuda", True, True
    class_names = {0: "cat"}  # noqa: RUF012
    model_files = ("weights.bin",)
    frames = 7

    def __init__(self) -> None:
        self.dropped = 0
        self.note: str | None = None
        self.fresh = False

    def reset(self) -> None:
        self.fresh = True


class Looking(Own):
    def __call__(self, image: Any) -> Any:
        self.dropped += 1
        self.note = "dark"
        return None


class Numbered(Own):
    def at(self, number: int) -> Any:
        return ROWS[:number]


def test_what_an_object_tells_is_kept_and_read_when_it_is_asked_for() -> None:
    own = Looking()
    detector = as_detector(own, invalid="raise")
    assert isinstance(detector, Detector)
    assert (detector.name, detector.device, detector.concurrent, detector.embedded) == ("mine", "cuda", True, True)
    assert detector.class_names == {0: "cat"}
    assert detector.model_files == (Path("weights.bin"),)
    assert (detector.dropped, detector.note) == (0, None)
    assert len(detector(IMAGE)) == 0
    assert (detector.dropped, detector.note) == (1, "dark")
    detector.reset()
    assert own.fresh


def test_an_object_with_at_is_asked_by_number() -> None:
    detector = as_detector(Numbered(), invalid="drop")
    assert isinstance(detector, RecordedDetector)
    assert (detector.frames, detector.embedded, detector.name) == (7, True, "mine")
    assert (len(detector.at(1)), len(detector.at(2)), detector.at(2).dropped) == (1, 1, 1)

    class Bare:
        def at(self, number: int) -> Any:
            return None

    bare = as_detector(Bare(), invalid="raise")
    assert isinstance(bare, RecordedDetector)
    assert (bare.frames, bare.embedded, bare.name, len(bare.at(3))) == (0, False, "Bare", 0)


@pytest.mark.parametrize("given", [7, None, np.zeros(3)])
def test_what_is_no_detector(given: Any) -> None:
    with pytest.raises(ValueError, match="give a name, a file or a callable image -> detections") as error:
        as_detector(given, invalid="raise")
    assert "\n" not in str(error.value)
