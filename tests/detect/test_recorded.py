from __future__ import annotations

import io
import zipfile

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


def archive(path, members, **how):
    with zipfile.ZipFile(path, "w", **how) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return path


def member(shape, dtype="<f8", content=b""):
    """One array of an archive, whose header may say anything."""
    written = io.BytesIO()
    header = {"shape": shape, "fortran_order": False, "descr": dtype}
    np.lib.format.write_array_header_1_0(written, header)
    return written.getvalue() + content


FRAME_MEMBER = member((1,), "<i8", np.array([1], "<i8").tobytes())
XYXY_MEMBER = member((1, 4), "<f8", np.array([1.0, 2, 3, 4]).tobytes())


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"xyxy.npy": member((10**12, 4))}, "xyxy is damaged: its header says"),  # 29 TiB
        ({"xyxy.npy": member((2**70, 4))}, "xyxy is damaged"),
        ({"xyxy.npy": member((-1, 4))}, "xyxy is damaged"),
        ({"xyxy.npy": XYXY_MEMBER[:-3]}, "xyxy is damaged"),
        ({"xyxy.npy": b""}, "is damaged, or is not a numpy archive"),
        ({"xyxy.npy": b"\x93NUMPY\x01\x00\x10\x00{'descr': (       "}, "is damaged, or is not a numpy archive"),
        ({"xyxy.npy": member((1,), "|O", b"\x80\x04N.")}, "Python objects"),
        ({"xyxy.npy": member((1, 4), "<c16", bytes(64))}, "xyxy is complex128; expected numbers"),
        ({"frame.npy": member((1,), "<f8", np.array([1e300]).tobytes())}, "is not a whole number"),
        ({"frame.npy": member((1,), "<f8", np.array([np.inf]).tobytes())}, "is not a whole number"),
        ({"a\x1b[31m\nb.npy": FRAME_MEMBER}, r"holds the arrays frame, xyxy, a\\x1b\[31m\\nb; expected"),
        ({f"n{k}.npy": FRAME_MEMBER for k in range(100)}, r"n5, \.\.\.; expected"),
    ],
)
def test_archives_made_to_harm(tmp_path, members, words):
    path = archive(tmp_path / "d.npz", {"frame.npy": FRAME_MEMBER, "xyxy.npy": XYXY_MEMBER} | members)
    with pytest.raises(ValueError, match=words) as error:
        Recorded(path)
    assert "d.npz: " in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert str(error.value).isprintable()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_archives_give_one_line(tmp_path, compression):
    members = {"frame.npy": FRAME_MEMBER, "xyxy.npy": XYXY_MEMBER}
    path = archive(tmp_path / "d.npz", members, compression=compression)
    assert len(Recorded(path)) == 1
    whole, chance = path.read_bytes(), np.random.default_rng(3)
    complaints = []
    for damage in range(400):
        content = bytearray(whole)
        if damage % 4:
            content[chance.integers(len(content))] = chance.integers(256)
        else:
            del content[chance.integers(len(content)) :]
        path.write_bytes(content)
        try:
            Recorded(path, invalid="drop")
        except ValueError as error:
            complaints.append(str(error))
    assert len(complaints) > 100
    assert all(complaint.isprintable() for complaint in complaints)  # in one line


def test_encrypted_and_unknown_compression(tmp_path):
    path = archive(tmp_path / "d.npz", {"frame.npy": FRAME_MEMBER, "xyxy.npy": XYXY_MEMBER})
    whole = path.read_bytes()
    for local, central, value in ((6, 8, 1), (8, 10, 99)):  # the flags, and the method, in both headers
        content = bytearray(whole)
        content[content.find(b"PK\x03\x04") + local] = value
        content[content.find(b"PK\x01\x02") + central] = value
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"d\.npz: is damaged, or is not a numpy archive \("):
            Recorded(path)


def test_an_archive_that_expands_a_thousandfold_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "d.npz"
    count = 10**6
    np.savez_compressed(path, frame=np.ones(count, np.int64), xyxy=np.zeros((count, 4)))
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("was read"))
    with pytest.raises(ValueError, match=r"would expand to 400\d{5}, \d{3}-fold; save the detections again"):
        Recorded(path)


def test_compressed_detections_are_read(tmp_path):
    boxes = np.random.default_rng(0).integers(0, 1000, (10_000, 4)).astype(float)
    boxes[:, 2:] += boxes[:, :2] + 1
    np.savez_compressed(tmp_path / "d.npz", frame=np.arange(10_000) // 10 + 1, xyxy=boxes, score=np.ones(10_000))
    assert len(Recorded(tmp_path / "d.npz")) == 10_000


def test_a_written_number_is_that_frame_however_large(tmp_path):
    numbers = np.array([372, 401, 1_700_000_000_000, 2**53])
    np.savez(tmp_path / "d.npz", frame=numbers, xyxy=np.tile([1.0, 2, 3, 4], (4, 1)))
    recorded = Recorded(tmp_path / "d.npz")
    assert [len(recorded.at(int(number))) for number in numbers] == [1] * 4
    assert [len(recorded.at(number)) for number in (1, 371, 373, 2**53 - 1)] == [0] * 4
    assert recorded.frames == 2**53


def test_an_empty_file_has_no_frames(text):
    recorded = Recorded(text(""))
    assert (len(recorded), recorded.frames, len(recorded.at(1))) == (0, 0, 0)


def test_what_the_reader_has_to_say_is_in_the_note(tmp_path):
    (tmp_path / "det.txt").write_text("# frame, id, ...\n1,-1,10,10,20,40,0.9\n")
    note = Recorded(tmp_path / "det.txt").note or ""
    assert note.startswith("det.txt: comments, in 1 line, are skipped")


def test_detections_that_count_from_0_are_numbered_as_images_are(npz, text):
    for path in (text("0,-1,1,1,9,9,.5\n1,-1,2,1,9,9,.5\n"), npz(frame=[0, 1, 1], xyxy=XYXY)):
        recorded = Recorded(path)
        assert recorded.numbers == [1, 2]
        assert "frames count from 0; frame numbers are one more" in recorded.note


def test_an_unusual_form_and_repeated_rows_are_said(text):
    note = Recorded(text("frame;id;left;top;width;height;conf\n" + "1;-1;1;1;9;9;,5\n" * 2)).note
    assert "commas within numbers" in note
    assert "1 of 2 rows repeat" in note
