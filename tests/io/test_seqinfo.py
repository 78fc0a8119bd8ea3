"""``seqinfo.ini`` has one reader: what it says, what it leaves out, and one line where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracker.io.seqinfo import SeqInfo, read_seqinfo
from tracker.io.video import SourceError


def write(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "seqinfo.ini"
    path.write_text(text, encoding=encoding)
    return path


def test_what_it_says(tmp_path: Path) -> None:
    text = "[Sequence]\nname=MOT17-02\nimDir=frames %d\nframeRate=29.97\nseqLength=600.0\nimWidth=1920\nimHeight=1080\n"
    for encoding in ("utf-8", "utf-8-sig"):
        found = read_seqinfo(write(tmp_path, text, encoding))
        assert found == SeqInfo("MOT17-02", 600, 29.97, 1920, 1080, "frames %d")


def test_what_it_leaves_out_is_none_and_zero_is_zero(tmp_path: Path) -> None:
    text = "[Sequence]\nname= \nseqLength=\nframeRate=0\nimDir=\n"
    assert read_seqinfo(write(tmp_path, text)) == SeqInfo(None, None, 0.0, None, None, "img1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", "no section [Sequence]"),
        ("[Other]\nseqLength=3\n", "no section [Sequence]"),
        ("[Sequence]\nseqLength=3\nseqLength=4\n", "seqlength is given twice"),
        ("[Sequence]\nseqLength=many\n", "seqLength=many is not a number of at least 0"),
        ("[Sequence]\nseqLength=5.5\n", "seqLength=5.5 is not whole"),
        ("[Sequence]\nframeRate=-3\n", "frameRate=-3 is not a number of at least 0"),
        ("[Sequence]\nimWidth=inf\n", "imWidth=inf is not a number of at least 0"),
        ("[Sequence]\nframeRate=nan\n", "frameRate=nan is not a number of at least 0"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SourceError) as error:
        read_seqinfo(path)
    assert str(error.value) == f"{path}: not a seqinfo.ini ({words}); correct it or remove it"


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "seqinfo.ini").write_bytes(b"[Sequence]\nname=\xff\xfe\n")
    with pytest.raises(SourceError, match=r"not a seqinfo\.ini \(no section"):
        read_seqinfo(tmp_path / "seqinfo.ini")


def test_a_section_that_is_given_twice_is_said(tmp_path: Path) -> None:
    path = tmp_path / "seqinfo.ini"
    path.write_text("[Sequence]\nseqLength=3\n" * 2)
    with pytest.raises(SourceError, match=r"\[Sequence\] is given twice"):
        read_seqinfo(path)
