"""Folders of images and sequences give every frame once, in natural order, with its time, or one clear line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import drawn, one_line, which, write_images
from made import link

from tracker import track
from tracker.evaluate.sequences import find_sequences
from tracker.io.sequence import find_frames
from tracker.io.video import Frames, SourceError, open_source


def test_images_come_in_natural_order_and_others_are_counted(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "p", ["f2.png", "f10.jpg", "f1.bmp"])
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden").write_text("x")
    source = open_source(folder)
    got = list(source)
    assert (source.kind, source.n_frames, source.read, source.missing) == ("images", 3, 3, 0)
    assert any("1 file skipped" in note for note in source.notes)
    assert any("30 frames per second" in note for note in source.notes)
    assert [which(frame.image) for frame in got] == [2, 0, 1]  # f1, f2, f10
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


def test_another_size_is_said_once_and_frames_keep_theirs(tmp_path: Path) -> None:
    write_images(tmp_path / "x", ["1.png", "2.png", "3.png"])
    for name in ("4.png", "5.png"):
        (tmp_path / "x" / name).write_bytes(cv2.imencode(".png", drawn(3, (32, 24)))[1].tobytes())
    source = open_source(tmp_path / "x")
    assert [frame.image.shape[:2] for frame in source] == [(48, 64)] * 3 + [(24, 32)] * 2
    said = [note for note in source.notes if "4.png is 32x24, the first image 64x48" in note]
    assert len(said) == 1
    assert not any("5.png" in note for note in source.notes)
    run = track(tmp_path / "x", detector="motion", algo="sort", save=tmp_path / "out")
    assert [image.shape[:2] for image, _ in run] == [(48, 64)] * 3 + [(24, 32)] * 2
    assert sum("tracks.mp4: images of another size are scaled to 64x48" in note for note in run.notes) == 1
    assert {frame.image.shape for frame in open_source(tmp_path / "out" / "tracks.mp4")} == {(48, 64, 3)}


def test_sequence_folder_with_images(tmp_path: Path) -> None:
    write_images(tmp_path / "S" / "img1", [f"{k:06d}.jpg" for k in (1, 2, 3)])
    (tmp_path / "S" / "seqinfo.ini").write_text("[Sequence]\nname=STREET-1\nimDir=img1\nframeRate=14\nseqLength=5\n")
    source = open_source(tmp_path / "S")
    assert (source.name, source.kind, source.frame_rate, source.n_frames) == ("STREET-1", "sequence", 14, 3)
    assert [f.image.shape for f in source] == [(48, 64, 3)] * 3
    assert any("5 frames" in note for note in source.notes)
    assert source.has_images


def test_a_link_to_nothing_is_a_missing_frame_and_a_folder_is_none(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "p", ["1.png", "3.png"])
    link(folder / "2.png", tmp_path / "gone.png")
    (folder / "4.png").mkdir()
    source = open_source(folder)
    assert [frame.number for frame in source] == [1, 3]
    assert (source.n_frames, source.missing) == (3, 1)


@pytest.mark.parametrize(("rate", "assumed"), [("frameRate=8\n", False), ("frameRate=0\n", True), ("", True)])
def test_sequence_without_images(tmp_path: Path, rate: str, assumed: bool) -> None:
    text = f"[Sequence]\n{rate}seqLength=4\nimWidth=640\nimHeight=480\n"
    (tmp_path / "seqinfo.ini").write_text(text)
    source = open_source(tmp_path)
    assert isinstance(source, Frames)
    assert (source.kind, source.n_frames, source.size, source.has_images) == ("sequence", 4, (640, 480), False)
    assert [(f.image, f.number) for f in source] == [(None, 1), (None, 2), (None, 3), (None, 4)]
    assert source.frame_rate == (30 if assumed else 8)
    assert any("assuming 30" in note for note in source.notes) == assumed


def test_the_frames_of_a_sequence_are_its_images_or_else_its_first_video(tmp_path: Path) -> None:
    assert find_frames(tmp_path) is None
    for name in ("10.MP4", "2.mp4", "1.mkv"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "img1").mkdir()
    assert find_frames(tmp_path) == tmp_path / "2.mp4"
    write_images(tmp_path / "frames", ["1.png"])
    assert find_frames(tmp_path) == tmp_path / "2.mp4"
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nimDir=frames\n")
    assert find_frames(tmp_path) == tmp_path / "frames"


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


def test_sha256_follows_content_and_names(tmp_path: Path) -> None:
    one, two = write_images(tmp_path / "a", ["1.png", "2.png"]), write_images(tmp_path / "b", ["1.png", "2.png"])
    assert open_source(one).sha256() == open_source(two).sha256()
    (two / "2.png").rename(two / "3.png")
    assert open_source(one).sha256() != open_source(two).sha256()


@pytest.mark.parametrize(
    ("names", "numbers", "note"),
    [
        (["000372.jpg", "000373.jpg", "000380.jpg"], [372, 373, 380], None),
        (["f9.png", "f10.png", "f11.png"], [9, 10, 11], None),
        (["0.png", "1.png", "5.png"], [1, 2, 6], "count from 0"),
        (["a.png", "b.png"], [1, 2], "end in no number"),
        (["cam2_000372_left.png", "cam2_000380_left.png"], [372, 380], None),
        (["f0.0.png", "f7.0.png"], [1, 8], "count from 0"),
        (["1_2_a.png", "3_4_a.png"], [1, 2], "end in no number"),
        (["a.png", "b7.png"], [1, 2], "some file names end in no number"),
        (["a7.png", "b7.png"], [1, 2], "share a number"),
        (["a9.png", "b7.png"], [1, 2], "not in the order"),
        (["1403636579763555584.png", "1403636579813555456.png"], [1, 2], "too large"),
    ],
)
def test_the_number_in_a_name_is_the_frames(
    tmp_path: Path, names: list[str], numbers: list[int], note: str | None
) -> None:
    source = open_source(write_images(tmp_path / "p", names))
    got = list(source)
    assert [frame.number for frame in got] == numbers
    assert [frame.time for frame in got] == [k / 30 for k in range(len(names))]
    assert (source.n_frames, source.missing) == (len(names), 0)
    assert [said for said in source.notes if "30 frames per second" not in said] == (
        [] if note is None else [said for said in source.notes if note in said]
    )


def test_a_sequence_numbers_by_name_within_its_length(tmp_path: Path) -> None:
    write_images(tmp_path / "S" / "img1", ["000001.jpg", "000002.jpg", "000004.jpg"])
    (tmp_path / "S" / "seqinfo.ini").write_text("[Sequence]\nframeRate=14\nseqLength=4\n")
    assert [frame.number for frame in open_source(tmp_path / "S")] == [1, 2, 4]
    (tmp_path / "S" / "seqinfo.ini").write_text("[Sequence]\nframeRate=14\nseqLength=3\n")
    source = open_source(tmp_path / "S")
    assert [frame.number for frame in source] == [1, 2, 3]
    assert any("beyond the 3 frames of seqinfo.ini" in note for note in source.notes)


@pytest.mark.parametrize("pattern", ["*.png", "f%d.png", "f?*.png", "f%02d.png"])
def test_patterns_of_images(tmp_path: Path, pattern: str) -> None:
    folder = write_images(tmp_path / "p", ["f10.png", "f09.png", "other.jpg", "g.txt.bmp"])
    source = open_source(folder / pattern)
    assert [frame.number for frame in source] == [9, 10]
    with pytest.raises(SourceError, match="no image matches"):
        open_source(folder / "x*.png")


def test_pgm_and_16_bits_scaled_alike(tmp_path: Path) -> None:
    for k, value in enumerate([1000, 4000]):
        image = np.full((48, 64), value, np.uint16)
        (tmp_path / f"{k + 1}.pgm").write_bytes(cv2.imencode(".pgm", image)[1].tobytes())
    source = open_source(tmp_path)
    assert [int(frame.image.max()) for frame in source if frame.image is not None] == [250, 255]
    assert any("16 bits: 0..1023 is scaled" in note for note in source.notes)
    (tmp_path / "0.pgm").write_bytes(cv2.imencode(".pgm", np.full((48, 64), 4095, np.uint16))[1].tobytes())
    assert [int(frame.image.max()) for frame in open_source(tmp_path) if frame.image is not None] == [255, 62, 250]


def test_exif_orientation_turns_the_image(tmp_path: Path) -> None:
    data = cv2.imencode(".jpg", drawn(0))[1].tobytes()
    tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    (tmp_path / "1.jpg").write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    assert open_source(tmp_path).size == (48, 64)


def test_names_beyond_the_length_number_the_frames_where_the_rows_do(tmp_path: Path) -> None:
    folder = tmp_path / "S"
    write_images(folder / "img1", ["000372.jpg", "000373.jpg", "000380.jpg"])
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=14\nseqLength=3\n")
    (folder / "gt").mkdir()
    for last, numbers in ((3, [1, 2, 3]), (380, [372, 373, 380])):
        (folder / "gt" / "gt.txt").write_text(f"{last},1,1,1,9,9,1,1,1\n")
        assert [frame.number for frame in open_source(folder)] == numbers
        assert [frame.number for frame in open_source(folder / "img1")] == numbers
        assert find_sequences(tmp_path)[0].length == (3 if last == 3 else None)


def test_a_sequence_without_images_and_seqinfo_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "S" / "det").mkdir(parents=True)
    with pytest.raises(SourceError) as error:
        open_source(tmp_path / "S")
    one_line(error, "without images (img1) and without seqinfo.ini")


@pytest.mark.parametrize("length", [2, 1_700_000_009])
def test_without_images_frames_that_are_times_are_those_of_the_detections(tmp_path: Path, length: int) -> None:
    folder = tmp_path / "S"
    (folder / "det").mkdir(parents=True)
    (folder / "seqinfo.ini").write_text(f"[Sequence]\nframeRate=10\nseqLength={length}\n")
    (folder / "det" / "det.txt").write_text("1700000000,-1,1,1,9,9,1\n1700000009,-1,1,1,9,9,1\n")
    source = open_source(folder)
    assert [(frame.number, frame.time) for frame in source] == [(1_700_000_000, 0.0), (1_700_000_009, 0.1)]
    assert any("look like times" in note for note in source.notes)
