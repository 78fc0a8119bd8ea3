"""MOTChallenge text: good files are read, bad lines are named, and what is written is read back."""

from __future__ import annotations

import io
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker import SORT, Detections
from tracker.io.mot import (
    MotFormatError,
    format_rows,
    read_detections,
    read_ground_truth,
    read_results,
    write_results,
)
from tracker.rows import as_rows, results_of

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
GOOD = "1,1,10,20,30,40,0.9,-1,-1,-1\n2,1,11,21,30,40,0.8,-1,-1,-1\n"


def put(tmp_path: Path, text: str | bytes, name: str = "rows.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_columns_of_a_results_file(tmp_path: Path) -> None:
    rows = read_results(put(tmp_path, GOOD))
    assert rows.frames.tolist() == [1, 2]
    assert rows.ids.tolist() == [1, 1]
    assert rows.boxes.tolist() == [[10, 20, 40, 60], [11, 21, 41, 61]]
    assert rows.scores.tolist() == [0.9, 0.8]
    assert rows.classes.tolist() == [-1, -1]
    assert rows.lines.tolist() == [1, 2]
    assert rows.interpolated.tolist() == [False, False]
    assert (rows.dropped, rows.last_frame, len(rows)) == (0, 2, 2)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        GOOD.replace(",", ", "),
        GOOD.replace(",", " "),
        GOOD.replace(",", "\t"),
        GOOD.replace("\n", ",\n"),
        GOOD.replace("10,20", "1e1,2.0E+1"),
        "\n" + GOOD + "\n\n",
        "\ufeff" + GOOD,
        GOOD.rstrip("\n"),
        GOOD.replace(",-1,-1,-1", ""),
        GOOD.replace("1,1,10", "1.0,1.0,10"),
        GOOD.replace(",", ";"),
        GOOD.replace("\n", ";;;\n").replace(",", ";"),
        GOOD.replace("\n", ",5,6\n"),
        GOOD.replace(",1,1", ',"1",1'),
        GOOD.replace("\n", "\r"),
    ],
    ids=[
        *("crlf", "spaces", "spaced", "tabs", "trailing", "scientific", "blank", "bom", "unended", "seven", "floats"),
        *("semicolons", "trailing semicolons", "twelve", "quoted", "cr"),
    ],
)
def test_other_ways_to_write_the_same_rows(tmp_path: Path, text: str) -> None:
    rows, plain = read_results(put(tmp_path, text)), read_results(put(tmp_path, GOOD, "plain.txt"))
    for name in ("frames", "ids", "boxes", "scores"):
        assert np.array_equal(getattr(rows, name), getattr(plain, name))
    assert rows.lines.tolist() == [2, 3] if text.startswith("\n") else [1, 2]
    # Only what the official kit refuses is worth a note.
    assert [note[:32] for note in rows.notes] == (["it begins with a byte order mark"] if "\ufeff" in text else [])


DOCUMENTED = "frame,id,left,top,width,height,conf,x,y,z\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (GOOD.encode("utf-16"), "it is UTF-16 text"),
        (GOOD.encode("utf-16-le"), "it is UTF-16 text"),
        (GOOD.encode("utf-16-be"), "it is UTF-16 text"),
        (DOCUMENTED + GOOD, "line 1 holds words and is skipped; the columns are read as frame,id,left,top"),
        (DOCUMENTED.replace("left", "bb_left") + GOOD, "line 1 holds words"),
        ("\ufeff" + DOCUMENTED + GOOD, "line 1 holds words"),
        ("a,b,c,d,e,f,g\n" + GOOD, "line 1 holds words"),
        ("# tracker 3.1, 1 1 1\n" + GOOD, "comments, in 1 line, are skipped"),
        (GOOD.replace("\n", " # seen\n"), "comments, in 2 lines, are skipped"),
        (GOOD.replace(",", ";").replace("0.9", "0,9").replace("0.8", "0,8"), "read as decimal points"),
        (GOOD.replace(",", "\t").replace("0.9", "0,9").replace("0.8", "0,8"), "read as decimal points"),
        ("id,frame,x,y,w,h,score\n1,1,10,20,30,40,.9\n1,2,11,21,30,40,.8\n", "read by these names"),
        ("id;frame;x1;y1;x2;y2;class;conf\n1;1;10;20;40;60;-1;.9\n1;2;11;21;41;61;-1;.8\n", "by these names"),
        ("frame,track_id,conf,xc,yc,w,h\n1,1,.9,25,40,30,40\n2,1,.8,26,41,30,40\n", "read by these names"),
    ],
)
def test_what_can_mean_one_thing_is_read_with_a_note(tmp_path: Path, data: str | bytes, said: str) -> None:
    rows, plain = read_results(put(tmp_path, data)), read_results(put(tmp_path, GOOD, "plain.txt"))
    for name in ("frames", "ids", "boxes", "scores", "classes", "interpolated"):
        assert np.array_equal(getattr(rows, name), getattr(plain, name)), name
    assert said in rows.notes[-1]
    assert "the official kit refuses such a file" in rows.notes[-1]
    assert rows.select(rows.frames > 1).notes == rows.notes


def test_a_header_is_heeded_or_refused(tmp_path: Path) -> None:
    rows = read_ground_truth(put(tmp_path, "frame,id,x,y,w,h,class\n4,7,1,2,3,4,1\n"))
    assert (rows.scores.tolist(), rows.boxes.tolist()) == ([1], [[1, 2, 4, 6]])
    rows = read_results(put(tmp_path, "frame,id,x,y,w,h,conf,vis,class\n4,7,1,2,3,4,0.5,1,3\n"))
    assert rows.classes.tolist() == [3]
    rows = read_detections(put(tmp_path, "frame,x,y,w,h,score\n4,1,2,3,4,0.5\n"))
    assert (rows.frames.tolist(), rows.scores.tolist()) == ([4], [0.5])
    with pytest.raises(MotFormatError, match=r":1: this line names columns in an order that is not understood"):
        read_results(put(tmp_path, "id,frame,b0,b1,b2,b3,b4\n1,1,0,0,5,5,1\n"))
    with pytest.raises(MotFormatError, match=r":2: 5 columns"):
        read_detections(put(tmp_path, "frame,x,y,w,score,h\n4,1,2,3,4\n"))
    with pytest.raises(MotFormatError, match=r":2: 'frame' is not a number"):
        read_results(put(tmp_path, DOCUMENTED + DOCUMENTED))
    assert len(read_results(put(tmp_path, DOCUMENTED))) == 0


def test_ids_count_from_zero(tmp_path: Path) -> None:
    rows = read_results(put(tmp_path, "1,0,0,0,5,5,1\n"))
    assert rows.ids.tolist() == [0]
    assert format_rows(rows) == "1,0,0.00,0.00,5.00,5.00,1.0000,-1,-1,-1\n"


def test_where_most_rows_are_bad_the_columns_are_doubted(tmp_path: Path) -> None:
    bad = "1,2,nan,0,1,1,1\n" * 3
    with pytest.raises(MotFormatError, match=r":1: NaN.* \(2 more bad rows\); .*; 3 of 5 rows are bad: are the"):
        read_detections(put(tmp_path, bad + GOOD))
    (note,) = read_detections(put(tmp_path, bad + GOOD), invalid="drop").notes
    assert note.startswith("line 1: NaN or inf in left; ")
    assert "3 of 5 rows are bad" in note
    assert read_detections(put(tmp_path, bad + GOOD * 2), invalid="drop").notes == ()


def test_frames_may_be_large_numbers(tmp_path: Path) -> None:
    last = 2**53
    rows = read_results(
        put(tmp_path, f"{last - 1},{last},0,0,5,5,1\n{last},{last - 1},0,0,5,5,1\n{last},{last},0,0,5,5,1\n")
    )
    assert rows.frames.tolist() == [last - 1, last, last]
    assert rows.at(last) == slice(1, 3)
    with pytest.raises(MotFormatError, match=f"frame {last} has id 1 twice"):
        read_results(put(tmp_path, f"{last},1,0,0,5,5,1\n" * 2))


def test_visdrone(tmp_path: Path) -> None:
    text = "1,1,0,0,5,5,1,4,0,0\n1,2,9,0,5,5,1,1,1,2\n"
    for more in ("", "1,0,50,50,9,9,0,0,0,0\n"):  # an ignored region
        rows = read_ground_truth(put(tmp_path, text + more))
        assert (rows.layout, rows.classes.tolist()[:2], rows.visibility.max()) == ("visdrone", [4, 1], -1)
    for other, layout in (
        ("1,1,0,0,5,5,1,1,1,-1\n1,2,9,0,5,5,0,7,0.5,-1\n", "mot16"),  # a converter's
        ("1,1,0,0,5,5,1,1,1,1\n1,2,9,0,5,5,0,7,0,1\n", "mot16"),
        ("1,1,0,0,5,5,1,0,0,0\n", "mot15"),  # no place in the world, filled with 0
        ("1,1,0,0,5,5,1,4,0.25,0\n", "mot16"),
        ("1,1,0,0,5,5,1,4.5,1,0\n", "mot15"),
    ):
        assert read_ground_truth(put(tmp_path, other)).layout == layout, other


def test_no_control_character_reaches_a_message(tmp_path: Path) -> None:
    with pytest.raises(MotFormatError, match=r"a\\x1b\[2J.txt:1: '\\x1b' is not a number"):
        read_results(put(tmp_path, "1,\x1b,0,0,1,1,1\n", "a\x1b[2J.txt"))


@pytest.mark.parametrize("text", ["", "\n\n", "  \r\n"])
def test_an_empty_file_has_no_rows(tmp_path: Path, text: str) -> None:
    path = put(tmp_path, text)
    for rows in (read_results(path), read_detections(path), read_ground_truth(path)):
        assert len(rows) == 0
        assert rows.boxes.shape == (0, 4)
        assert rows.last_frame == 0


def test_frames_are_sorted_and_keep_their_order_inside(tmp_path: Path) -> None:
    rows = read_results(put(tmp_path, "3,1,0,0,1,1,1\n1,9,0,0,1,1,1\n3,0002,0,0,1,1,1\n1,4,0,0,1,1,1\n"))
    assert rows.frames.tolist() == [1, 1, 3, 3]
    assert rows.ids.tolist() == [9, 4, 1, 2]
    assert rows.lines.tolist() == [2, 4, 1, 3]


def test_detections_have_no_ids_and_any_score(tmp_path: Path) -> None:
    rows = read_detections(put(tmp_path, "1,-1,0,0,5,5,50.514,-5.3,12.2,0.7\n1,7,0,0,5,5,-3,1,1,1\n"))
    assert rows.ids.tolist() == [-1, -1]
    assert rows.scores.tolist() == [50.514, -3]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "det.txt")
    with pytest.raises(MotFormatError, match="is a pipe"):
        read_detections(tmp_path / "det.txt")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2,1,3,4,5,6", "6 columns"),
        ("2,x,3,4,5,6,1,-1,-1,-1", "'x' is not a number"),
        ("2,,3,4,5,6,1,-1,-1,-1", "'' is not a number"),
        ("2,1_0,3,4,5,6,1,-1,-1,-1", "not a row of numbers"),
        ("2,2,nan,4,5,6,1,-1,-1,-1", "NaN or inf in left"),
        ("2,2,3,4,5,inf,1,-1,-1,-1", "NaN or inf in height"),
        ("2,2,3,4,5,6,nan,-1,-1,-1", "NaN or inf in confidence"),
        ("0,2,3,4,5,6,1,-1,-1,-1", "frame 0; frames count from 1"),
        ("1.5,2,3,4,5,6,1,-1,-1,-1", "frame 1.5 is not a whole number"),
        ("2,2,3,4,-5,6,1,-1,-1,-1", "width -5 and height 6; sizes must be positive"),
        ("2,-1,3,4,5,6,1,-1,-1,-1", "is this a detections file"),
        ("2,1.5,3,4,5,6,1,-1,-1,-1", "id 1.5 is not a whole number"),
        ("2,9223372036854775807,3,4,5,6,1,-1,-1,-1", "id 9.22337e+18 is beyond 2^53"),
        ("1e18,2,3,4,5,6,1,-1,-1,-1", "frame 1e+18 is beyond 2^53"),
        ("1,1,3,4,5,6,1,-1,-1,-1", "frame 1 has id 1 twice (first in line 1)"),
    ],
)
def test_a_bad_line_of_results_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = put(tmp_path, "1,1,10,20,30,40,0.9,-1,-1,-1\n\n" + line + "\n")
    with pytest.raises(MotFormatError) as caught:
        read_results(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:3: ")
    assert said in message
    assert "; " in message
    assert "\n" not in message


def test_zero_size_is_wrong_in_detections_and_scored_in_results(tmp_path: Path) -> None:
    path = put(tmp_path, "1,1,3,4,0,6,1\n")
    assert len(read_results(path)) == 1
    with pytest.raises(MotFormatError, match=r":1: width 0 and height 6; sizes must be positive"):
        read_detections(path)


def test_drop_counts_bad_values_but_not_bad_layout(tmp_path: Path) -> None:
    bad = "1,2,nan,0,1,1,1\n0,3,0,0,1,1,1\n1,4,0,0,0,1,1\n1,5,0,0,1,-1,1\n"
    rows = read_detections(put(tmp_path, bad + "1,6,0,0,1,1,1\n"), invalid="drop")
    assert (len(rows), rows.dropped, rows.lines.tolist()) == (1, 4, [5])
    rows = read_results(put(tmp_path, bad + "1,6,0,0,1,1,1\n1,6,2,0,1,1,1\n"), invalid="drop")
    assert (len(rows), rows.dropped) == (2, 4)
    with pytest.raises(MotFormatError, match="not a number"):
        read_detections(put(tmp_path, "1,a,0,0,1,1,1\n"), invalid="drop")
    with pytest.raises(ValueError, match="use 'raise' or 'drop'"):
        read_detections(put(tmp_path, GOOD), invalid="ignore")  # type: ignore[arg-type]


def test_the_error_counts_the_bad_rows(tmp_path: Path) -> None:
    with pytest.raises(MotFormatError, match=r":1: frame 0 \(2 more bad rows\)"):
        read_detections(put(tmp_path, "0,1,0,0,1,1,1\n" * 3))


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\xff\xfe", b"1,1,0\x000,1,1,1"])
def test_not_text(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(MotFormatError, match="not a text file"):
        read_results(put(tmp_path, data))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(MotFormatError, match="no such file"):
        read_results(tmp_path / "none.txt")
    with pytest.raises(MotFormatError, match="is a folder"):
        read_results(tmp_path)


def test_ground_truth_layouts(tmp_path: Path) -> None:
    mot15 = put(tmp_path, "1,1,0,0,1,1,1,-3.1,16.3,0.4\n1,2,0,0,1,1,0,-1,-1,-1\n", "15.txt")
    mot16 = put(tmp_path, "1,1,0,0,1,1,1,1,0.86\n1,2,0,0,1,1,0,7,1\n", "16.txt")
    rows = read_ground_truth(mot15)
    assert (rows.has_classes, rows.classes.tolist(), rows.visibility.tolist()) == (False, [-1, -1], [-1, -1])
    assert rows.scores.tolist() == [1, 0]
    rows = read_ground_truth(mot16)
    assert (rows.has_classes, rows.classes.tolist(), rows.visibility.tolist()) == (True, [1, 7], [0.86, 1])
    assert read_ground_truth(mot16, "mot15").classes.tolist() == [-1, -1]
    with pytest.raises(MotFormatError, match=r"15.txt:1: class column holds -3.1.*MOT15 keeps 3-D.*; read it with"):
        read_ground_truth(mot15, "mot16")
    with pytest.raises(MotFormatError, match="no class column"):
        read_ground_truth(put(tmp_path, "1,1,0,0,1,1,1\n"), "mot16")
    other = put(tmp_path, "1,1,0,0,1,1,1,0,1\n1,2,0,0,1,1,1,17,1\n")  # classes of another data set
    assert read_ground_truth(other).classes.tolist() == [0, 17]
    unclassed = put(tmp_path, "1,1,0,0,1,1,1,-1,-1\n")
    assert not read_ground_truth(unclassed).has_classes
    with pytest.raises(ValueError, match="layout 'mot14' is unknown"):
        read_ground_truth(mot15, "mot14")  # type: ignore[arg-type]


def test_rows_of_one_file_may_have_more_columns_than_needed(tmp_path: Path) -> None:
    path = put(tmp_path, "1,1,0,0,5,5,0.9\n1,2,9,0,5,5,0.8,-1,-1,-1\n2,1,0,0,5,5,0.7,-1\n2,2,0,0,5,5,0.6,,,\n")
    for rows in (read_detections(path), read_results(path)):
        assert rows.scores.tolist() == [0.9, 0.8, 0.7, 0.6]
        assert rows.classes.tolist() == [-1] * 4
        assert rows.lines.tolist() == [1, 2, 3, 4]
    rows = read_results(put(tmp_path, "1,1,0,0,5,5,1\n1,2,9,0,5,5,1,3,-1,-1\n"))
    assert rows.classes.tolist() == [-1, 3]
    with pytest.raises(MotFormatError, match=r":2: 6 columns; each line holds frame,id,left,top,width,height,conf"):
        read_detections(put(tmp_path, "1,-1,0,0,5,5,0.9\n1,-1,0,0,5,5\n1,-1,0,0,5,5,0.9,-1,-1,-1\n"))


def test_ground_truth_rows_of_different_length_need_a_class_where_others_have_one(tmp_path: Path) -> None:
    rows = read_ground_truth(put(tmp_path, "1,1,0,0,5,5,1,1\n1,2,0,0,5,5,0,7,0.5\n"))
    assert (rows.classes.tolist(), rows.visibility.tolist()) == ([1, 7], [-1, 0.5])
    rows = read_ground_truth(put(tmp_path, "1,1,0,0,5,5,1\n1,2,0,0,5,5,0,-3.1,16.3,0.4\n"))
    assert (rows.classes.tolist(), rows.scores.tolist()) == ([-1, -1], [1, 0])
    mixed = put(tmp_path, "1,1,0,0,5,5,1,1,0.5\n1,2,0,0,5,5,1\n")
    with pytest.raises(MotFormatError, match=r":2: no class in column 8, where other lines have one; give every row"):
        read_ground_truth(mixed)
    assert read_ground_truth(mixed, "mot15").classes.tolist() == [-1, -1]


def test_format_rows() -> None:
    rows = as_rows([3, 3], [7, 9], [[1.234, 2, 4, 8.004], [-3, 0, 0.001, 1]], [0.5, 50.514])
    assert format_rows(rows) == ("3,7,1.23,2.00,2.77,6.00,0.5000,-1,-1,-1\n3,9,-3.00,0.00,3.00,1.00,50.5140,-1,-1,-1\n")
    assert format_rows(as_rows([], [], [])) == ""
    assert format_rows(as_rows([1], [1], [[0, 0, 0.001, 1]])) == "1,1,0.00,0.00,0.01,1.00,1.0000,-1,-1,-1\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"frames": np.array([0])}, "frame 0, id 1: frames count from 1"),
        ({"ids": np.array([-1])}, "frame 1, id -1: ids count from 0"),
        ({"boxes": np.array([[0, 0, np.nan, 1]])}, "frame 1, id 1: NaN or inf"),
        ({"boxes": np.array([[0.0, 0, -1, 1]])}, "negative size"),
        ({"scores": np.array([np.inf])}, "NaN or inf"),
    ],
)
def test_nothing_invalid_is_written(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    rows = replace(as_rows([1], [1], [[0, 0, 1, 1]]), **change)
    with pytest.raises(ValueError, match=said):
        write_results(tmp_path / "rows.txt", rows)
    assert not (tmp_path / "rows.txt").exists()


def test_write_sorts_by_frame_and_takes_a_path_or_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out é.txt"
    rows = as_rows([2, 1, 2], [5, 6, 4], np.array([[0, 0, 1, 1], [1, 1, 2, 2], [2, 2, 3, 3]], dtype=float))
    rows = rows.select(np.array([1, 2, 0]))  # ids 5, 6, 4
    write_results(path, rows)
    stream = io.StringIO()
    write_results(stream, rows)
    assert path.read_bytes().decode() == stream.getvalue()
    assert [line[:4] for line in stream.getvalue().splitlines()] == ["1,6,", "2,5,", "2,4,"]
    back = read_results(path)
    assert (back.frames.tolist(), back.ids.tolist()) == ([1, 2, 2], [6, 5, 4])


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 50),
            st.floats(-1e4, 1e4),
            st.floats(-1e4, 1e4),
            st.floats(0.01, 1e3),
            st.floats(0.01, 1e3),
            st.floats(0, 1),
        ),
        max_size=20,
    )
)
def test_what_is_written_is_read_back(rows: list[tuple[int, float, float, float, float, float]]) -> None:
    frames = np.array([r[0] for r in rows], dtype=int)
    boxes = np.array([[r[1], r[2], r[1] + r[3], r[2] + r[4]] for r in rows]).reshape(-1, 4)
    scores = np.array([r[5] for r in rows])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.txt"
        write_results(path, as_rows(frames, np.arange(1, len(rows) + 1), boxes, scores))
        back = read_results(path)
    order = np.argsort(frames, kind="stable")
    assert np.array_equal(back.frames, frames[order])
    assert np.array_equal(back.ids, order + 1)
    np.testing.assert_allclose(back.boxes, boxes[order], atol=0.0151)
    np.testing.assert_allclose(back.scores, scores[order], atol=5.1e-5)


@pytest.mark.slow
def test_every_shared_file_reads() -> None:
    if not SHARED.is_dir():
        pytest.skip("../shared is absent: no MOTChallenge files to read")
    for path in sorted(SHARED.glob("MOT1?/train/*/gt/gt.txt")):
        rows = read_ground_truth(path)
        assert rows.has_classes == ("MOT15" not in str(path))
        table = np.loadtxt(path, delimiter=",")
        assert len(rows) == len(table)
        assert set(zip(rows.frames.tolist(), rows.ids.tolist(), strict=True)) == set(
            zip(table[:, 0].astype(int).tolist(), table[:, 1].astype(int).tolist(), strict=True)
        )
    for path in sorted(SHARED.glob("MOT1?/train/*/det/*.txt")):
        assert len(read_detections(path)) > 0


def test_classes_and_marks_of_interpolated_rows_go_and_come_back(tmp_path: Path) -> None:
    path = tmp_path / "rows.txt"
    boxes = [[10, 20, 40, 60], [11, 21, 41, 61]]
    rows = as_rows([2, 1], [1, 1], boxes, classes=[3, -1], interpolated=[True, False])
    write_results(path, rows)
    assert path.read_text().splitlines()[1].endswith(",1.0000,3,-1,1")
    back = read_results(path)
    for name, column in rows.columns().items():
        assert back.columns()[name].dtype == column.dtype, name
        if name != "lines":
            np.testing.assert_array_equal(back.columns()[name], column, err_msg=name)


@pytest.mark.parametrize(
    ("columns", "last"),
    [({"classes": False}, "-1,-1,1"), ({"marks": False}, "3,-1,-1"), ({"classes": False, "marks": False}, "-1,-1,-1")],
)
def test_a_column_left_out_is_minus_one(columns: dict[str, bool], last: str) -> None:
    rows = as_rows([1], [1], [[10, 20, 40, 60]], classes=[3], interpolated=[True])
    assert format_rows(rows, **columns) == f"1,1,10.00,20.00,30.00,40.00,1.0000,{last}\n"


def test_what_a_tracker_reports_is_what_its_file_holds(tmp_path: Path) -> None:
    sort = SORT(min_hits=0)
    boxes = np.array([[10.0, 20, 40, 60], [90, 20, 120, 60]])
    reports = [sort.update(Detections(boxes + k, classes=[0, 2])) for k in range(3)]
    rows = results_of([*reports, sort.predict(reports[-1])])
    write_results(tmp_path / "x.txt", rows)
    back = read_results(tmp_path / "x.txt")
    assert rows.interpolated.tolist() == 6 * [False] + 2 * [True]
    for name, column in rows.columns().items():
        assert back.columns()[name].dtype == column.dtype, name
        np.testing.assert_allclose(back.columns()[name], column, atol=0.01, err_msg=name)


@pytest.mark.parametrize("last", ["-1", "0", "0.5", "7"])
def test_another_tenth_column_marks_nothing(tmp_path: Path, last: str) -> None:
    text = GOOD.replace("-1,-1,-1\n", f"-1,-1,{last}\n", 1)
    assert not read_results(put(tmp_path, text)).interpolated.any()
    assert read_results(put(tmp_path, text.replace(f",{last}\n", ",1\n", 1))).interpolated.tolist() == [True, False]


def test_a_place_in_the_world_marks_nothing(tmp_path: Path) -> None:
    assert not read_results(put(tmp_path, GOOD.replace("-1,-1,-1\n", "2.5,3.5,1\n"))).interpolated.any()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"name": "a", "labels": [{"id": 1, "x1": 1, "y1": 2, "x2": 3, "y2": 4}]}]', "is JSON or XML"),
        ("<annotations><track id='0'/></annotations>", "is JSON or XML"),
        ('1,1,"1,063",30,30,60,0.9\n', ":1: a comma within quotes"),
        ("0 1 Pedestrian 0 0 -1.5 1 2 3 4 1.7 0.6 0.9 -1 -1 -1 -10\n", "label file of KITTI"),
    ],
)
def test_files_of_another_kind_are_refused(tmp_path: Path, text: str, said: str) -> None:
    for read in (read_results, read_detections, read_ground_truth):
        with pytest.raises(MotFormatError, match=said) as caught:
            read(put(tmp_path, text))
        assert "\n" not in str(caught.value)


def test_headers_in_any_script_and_over_an_index(tmp_path: Path) -> None:
    plain = read_results(put(tmp_path, "1,2,10,20,30,40,0.9\n"))
    for text in (
        "帧,编号,左,上,宽,高,置信度\n1,2,10,20,30,40,0.9\n",
        ",frame,id,bb_left,bb_top,bb_width,bb_height,conf\n0,1,2,10,20,30,40,0.9\n",
    ):
        rows = read_results(put(tmp_path, text))
        assert (rows.frames, rows.ids, rows.scores) == (plain.frames, plain.ids, plain.scores)
        assert rows.boxes.tolist() == plain.boxes.tolist()
        assert len(rows.notes) == 1
