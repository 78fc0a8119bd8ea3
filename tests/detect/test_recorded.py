from __future__ import annotations

import numpy as np
import pytest

from tracker.detect import Recorded
from tracker.detections import as_detections

FRAME = np.array([3, 1, 1])
XYXY = np.array([[5.0, 5, 15, 25], [0, 0, 10, 20], [-4, 2, 6, 22]])
TEXT = "3,-1,5,5,10,20,0.5\n1,-1,0,0,10,20,0.9\n1,-1,-4,2,10,20,0.2\n"


@pytest.fixture
def npz(tmp_path):
    def make(**arrays):
        np.savez(tmp_path / "dets.npz", **arrays)
        return tmp_path / "dets.npz"

    return make


@pytest.fixture
def text(tmp_path):
    def make(content):
        (tmp_path / "det.txt").write_text(content)
        return tmp_path / "det.txt"

    return make


def test_text_by_frame(text):
    recorded = Recorded(text(TEXT))
    np.testing.assert_array_equal(recorded.at(1).boxes, XYXY[1:])
    np.testing.assert_array_equal(recorded.at(1).scores, [0.9, 0.2])
    np.testing.assert_array_equal(recorded.at(3).boxes, XYXY[:1])
    assert len(recorded.at(2)) == len(recorded.at(99)) == 0
    assert (len(recorded), recorded.frames, recorded.dropped, recorded.note) == (3, 3, 0, None)
    assert not callable(recorded)


def test_npz_by_frame_with_all_columns(npz):
    embedding = np.eye(3, 4)
    path = npz(frame=FRAME, xyxy=XYXY, score=[0.5, 0.9, 0.2], **{"class": [2, 0, 1]}, embedding=embedding)
    found = Recorded(path).at(1)
    np.testing.assert_array_equal(found.boxes, XYXY[1:])
    np.testing.assert_array_equal(found.classes, [0, 1])
    np.testing.assert_array_equal(found.embeddings, embedding[1:])
    np.testing.assert_array_equal(as_detections(found).boxes, found.boxes)


def test_least_score(text):
    recorded = Recorded(text(TEXT), conf=0.5)
    assert [len(recorded.at(number)) for number in (1, 2, 3)] == [1, 0, 1]


def test_real_public_detections_and_the_note_on_their_scores(shared):
    recorded = Recorded(shared / "data/MOT15/train/PETS09-S2L1/det/det-acf.txt")
    assert recorded.frames == 795
    assert sum(len(recorded.at(number)) for number in range(1, 796)) == len(recorded)
    assert "not 0..1" in (recorded.note or "")
    assert Recorded(shared / "data/MOT15/train/PETS09-S2L1/det/det.txt").note is None


def test_bad_rows_raise_or_are_dropped_and_counted_once(npz, text):
    boxes = XYXY.copy()
    boxes[1, 0] = np.nan
    path = npz(frame=[3, 1, 0], xyxy=boxes)
    with pytest.raises(ValueError, match=r"dets\.npz: row 2: frame 0"):
        Recorded(path)
    recorded = Recorded(path, invalid="drop")
    assert (recorded.dropped, len(recorded), recorded.at(3).dropped) == (2, 1, 0)
    with pytest.raises(ValueError, match=r"dets\.npz: detections row 1: box \[nan"):
        Recorded(npz(frame=FRAME, xyxy=boxes))

    path = text(TEXT + "4,-1,0,0,-5,20,0.5\n5,-1,0,0,2e9,20,0.5\n")
    with pytest.raises(ValueError, match="width -5"):
        Recorded(path)
    recorded = Recorded(path, invalid="drop")
    assert (recorded.dropped, len(recorded)) == (2, 3)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"boxes": XYXY, "frame": FRAME}, "holds the arrays boxes, frame; expected frame, xyxy and"),
        ({"xyxy": XYXY}, "holds the arrays xyxy; expected"),
        ({"frame": FRAME[:2], "xyxy": XYXY}, "xyxy has 3 rows, frame has 2"),
        ({"frame": FRAME, "xyxy": XYXY[:, :3]}, "expected \\(N, 4\\)"),
        ({"frame": ["a", "b", "c"], "xyxy": XYXY}, "expected integers"),
        ({"frame": 1, "xyxy": XYXY}, "frame is a single number"),
        ({"frame": FRAME, "xyxy": np.array([None, None, None])}, "Python objects"),
        ({"frame": [1.5, 2, 3], "xyxy": XYXY}, "frame 1.5 is not a whole number"),
    ],
)
def test_archives_that_hold_something_else(npz, arrays, words):
    with pytest.raises(ValueError, match=words) as error:
        Recorded(npz(**arrays))
    assert "dets.npz: " in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_are_something_else(tmp_path):
    (tmp_path / "junk.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(ValueError, match=r"junk\.npz: is not a numpy archive"):
        Recorded(tmp_path / "junk.npz")
    (tmp_path / "text.npz").write_text(TEXT)
    with pytest.raises(ValueError, match=r"text\.npz: "):
        Recorded(tmp_path / "text.npz")
    np.save(tmp_path / "one.npy", XYXY)
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(ValueError, match=r"one\.npz: "):
        Recorded(tmp_path / "one.npz")
    for name in ("gone.npz", "gone.txt"):
        with pytest.raises(ValueError, match=f"{name}: no such file"):
            Recorded(tmp_path / name)


def test_an_empty_file_has_no_frames(text):
    recorded = Recorded(text(""))
    assert (len(recorded), recorded.frames, len(recorded.at(1))) == (0, 0, 0)
