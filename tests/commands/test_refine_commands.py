"""`track refine` as a user types it."""

from __future__ import annotations

import csv
import errno
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made import write_video
from tracklets import straight, together, track

from tracker.commands.main import main
from tracker.evaluate.sequences import find_results
from tracker.io.mot import read_results, write_results
from tracker.refine import refine
from tracker.rows import joined


@pytest.fixture
def tracks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """tracks.txt in the current folder: one object with a gap of 4 frames, and another id after one of 12."""
    monkeypatch.chdir(tmp_path)
    rows = together(track([*range(1, 21), *range(25, 41)], 4), track(range(53, 101), 17))
    write_results("tracks.txt", replace(rows, scores=np.full(len(rows), 0.5)))
    return tmp_path / "tracks.txt"


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["refine", *map(str, words)]) == 2
    err = capsys.readouterr().err
    assert err.startswith("track: ")
    assert err.count("\n") == 1
    return err


def test_it_repairs_and_says_why(tracks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tracks.read_bytes()
    assert main(["refine", "tracks.txt"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "tracks.txt: 84 rows of 2 tracks; 1 track merged, 16 rows interpolated",
        "  id 17 -> id 4: gap 12 frames, predicted boxes overlap 1.00",
        "tracks: refined/tracks.txt",
    ]
    assert tracks.read_bytes() == before
    rows = read_results("refined/tracks.txt")
    assert np.unique(rows.ids).tolist() == [4]
    assert rows.frames.tolist() == list(range(1, 101))
    np.testing.assert_allclose(rows.boxes, straight(range(1, 101)), atol=0.01)
    assert rows.frames[rows.interpolated].tolist() == [21, 22, 23, 24, *range(41, 53)]
    assert sorted(path.name for path in tracks.parent.iterdir()) == ["refined", "tracks.txt"]
    # Nothing new stands among the results that the next command reads.
    assert find_results(tracks.parent) == {tracks.parent.name: {"tracks": tracks}}


def test_the_same_twice_is_the_same_bytes(tracks: Path) -> None:
    for name in ("a.txt", "b.txt"):
        assert main(["refine", "tracks.txt", "-o", name, "--quiet", "--smooth", "gaussian"]) == 0
    assert Path("a.txt").read_bytes() == Path("b.txt").read_bytes()


def test_marks_survive_a_second_repair(tracks: Path) -> None:
    assert main(["refine", "tracks.txt", "-o", "a.txt", "--quiet"]) == 0
    assert main(["refine", "a.txt", "-o", "b.txt", "--quiet"]) == 0
    assert Path("a.txt").read_bytes() == Path("b.txt").read_bytes()


def test_the_library_gives_the_rows_of_the_command_classes_and_marks_included(tracks: Path) -> None:
    """The 40 rows marked in the file lie far off: they must not count as measurements, and all rows are of class 2."""
    seen, guessed = track([*range(1, 31), *range(71, 101)], 4), track(range(31, 71), 4, box=(10, 60, 50, 160))
    marked = replace(guessed, interpolated=np.ones(40, dtype=bool))
    rows = joined([seen, marked])
    write_results("marked.txt", replace(rows, classes=np.full(100, 2)))
    assert main(["refine", "marked.txt", "-o", "command.txt", "--quiet"]) == 0
    refined, _ = refine(read_results("marked.txt"))
    write_results("library.txt", refined)
    assert Path("library.txt").read_bytes() == Path("command.txt").read_bytes()
    back = read_results("command.txt")
    assert back.frames[back.interpolated].tolist() == list(range(31, 71))
    assert set(back.classes.tolist()) == {2}
    np.testing.assert_allclose(back.boxes, straight(range(1, 101)), atol=0.05)


def test_linear_interpolation_alone_leaves_every_line_as_it_was(tracks: Path) -> None:
    assert main(["refine", "tracks.txt", "-o", "a.txt", "--no-merge", "--smooth", "off", "--quiet"]) == 0
    assert set(tracks.read_text().splitlines()) < {
        line.removesuffix(",1") + ",-1" if line.endswith(",-1,-1,1") else line
        for line in Path("a.txt").read_text().splitlines()
    }
    assert sum(line.endswith(",-1,-1,1") for line in Path("a.txt").read_text().splitlines()) == 4


def test_gaps_in_seconds(tracks: Path) -> None:
    for rate, ids in ((10, [4]), (40, [4, 17])):
        words = ["--merge-gap", "1.2s", "--max-gap", "0s", "--frame-rate", str(rate), "--overwrite", "--quiet"]
        assert (
            main(["refine", "tracks.txt", "-o", "a.txt", *words, *(["--merge-gap", "0.2s"] if rate == 40 else [])]) == 0
        )
        rows = read_results("a.txt")
        assert np.unique(rows.ids).tolist() == ids
        assert not rows.interpolated.any()


@pytest.mark.parametrize("name", ["merges.csv", "merges.json"])
def test_a_report_holds_every_merge_with_its_reason(tracks: Path, name: str) -> None:
    assert main(["refine", "tracks.txt", "--report", name, "--quiet"]) == 0
    text = Path(name).read_text()
    (link,) = csv.DictReader(text.splitlines()) if name.endswith("csv") else json.loads(text)["results"][0]["merges"]
    assert (int(link["kept"]), int(link["merged"]), int(link["gap"])) == (4, 17, 12)
    assert link["reason"] == "id 17 -> id 4: gap 12 frames, predicted boxes overlap 1.00"


def test_json_is_all_that_is_printed(tracks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["refine", "tracks.txt", "--json"]) == 0
    (done,) = json.loads(capsys.readouterr().out)["results"]
    assert (done["tracks_before"], done["tracks"], done["rows_before"], done["rows"]) == (2, 1, 84, 100)


def test_folders_of_results_and_of_trackers(tracks: Path) -> None:
    for place in ("one", "all/a", "all/b"):
        Path(place).mkdir(parents=True)
        shutil.copy(tracks, Path(place) / "S1.txt")
        shutil.copy(tracks, Path(place) / "S2.txt")
    assert main(["refine", "one", "--quiet"]) == 0
    assert main(["refine", "all", "-o", "done", "--quiet"]) == 0
    assert sorted(map(str, Path().glob("*refined*/**/*.txt"))) == ["one-refined/S1.txt", "one-refined/S2.txt"]
    assert sorted(map(str, Path("done").rglob("*.txt"))) == [
        "done/a/S1.txt",
        "done/a/S2.txt",
        "done/b/S1.txt",
        "done/b/S2.txt",
    ]
    (Path("one") / "S2.txt").write_text("1,1,nan,0,5,5,1\n")
    assert main(["refine", "one", "-o", "bad", "--quiet"]) == 2
    assert not Path("bad").exists()


def test_a_name_that_ends_in_a_slash_is_a_folders(tracks: Path) -> None:
    assert main(["refine", "tracks.txt", "-o", "new/", "--quiet"]) == 0
    assert [path.name for path in Path("new").iterdir()] == ["tracks.txt"]


def test_an_empty_file_stays_empty_with_a_note(tracks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.txt").write_text("")
    assert main(["refine", "empty.txt"]) == 0
    assert "track: note: empty.txt has no rows" in capsys.readouterr().err
    assert Path("refined/empty.txt").read_text() == ""


def test_tracks_of_one_row_stay(tracks: Path) -> None:
    Path("one.txt").write_text("1,1,10,20,30,40,0.9,-1,-1,-1\n9,2,500,20,30,40,0.9,-1,-1,-1\n")
    assert main(["refine", "one.txt", "--quiet"]) == 0
    assert [line[:20] for line in Path("refined/one.txt").read_text().splitlines()] == [
        "1,1,10.00,20.00,30.0",
        "9,2,500.00,20.00,30.",
    ]


def test_existing_files_are_not_replaced_without_overwrite(tracks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out.txt").write_text("mine")
    Path("m.csv").write_text("mine")
    assert "out.txt: exists; give another name with -o, or --overwrite" in refused(
        capsys, "tracks.txt", "-o", "out.txt"
    )
    assert "m.csv: exists" in refused(capsys, "tracks.txt", "--report", "m.csv")
    assert Path("out.txt").read_text() == Path("m.csv").read_text() == "mine"
    assert main(["refine", "tracks.txt", "-o", "out.txt", "--report", "m.csv", "--overwrite", "--quiet"]) == 0
    assert len(read_results("out.txt")) == 100
    assert "is one of the files to read" in refused(capsys, "tracks.txt", "-o", "tracks.txt", "--overwrite")
    assert "is one of the files to read" in refused(capsys, ".", "-o", ".", "--overwrite")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,1,0,0,5,5,1\n1,1,9,9,5,5,1\n", "bad.txt:2: frame 1 has id 1 twice (first in line 1)"),
        ("1,1,nan,0,5,5,1\n", "bad.txt:1: NaN or inf in left"),
        ("1,-1,0,0,5,5,1\n", "bad.txt:1: id -1; ids count from 0"),
        ("frame,id,x\n", "bad.txt:1: 'frame' is not a number"),
        ("{}", "bad.txt:1: '{}' is not a number"),
        ("\0\1\2", "bad.txt: not a text file"),
    ],
)
def test_a_bad_file_is_one_line(tracks: Path, capsys: pytest.CaptureFixture[str], text: str, said: str) -> None:
    Path("bad.txt").write_text(text)
    assert said in refused(capsys, "bad.txt")
    assert not Path("refined/bad.txt").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("none.txt", "none.txt: no such file"),
        ("tracks.txt --max-gap -1", "--max-gap='-1': give a number"),
        ("tracks.txt --max-gap long", "--max-gap='long': give frames (30) or seconds ('1.5s')"),
        ("tracks.txt --merge-gap nan", "--merge-gap='nan'"),
        ("tracks.txt --merge-overlap 2", "least overlap 2.0 of a merge: give an IoU above 0 and up to 1"),
        ("tracks.txt --support nan", "support=nan: give a number, 0 or more"),
        ("tracks.txt --frame-rate 0", "--frame-rate 0.0: give frames per second, above 0"),
        ("tracks.txt --report m.html", "--report m.html: give a name that ends in .csv or .json"),
        ("tracks.txt --reid histogram", "name the video with --video"),
        ("tracks.txt --max-distance .1", "name the video with --video"),
        ("tracks.txt --no-merge --video v.mp4", "--video is for merging"),
        ("tracks.txt --no-merge --merge-gap 5", "--merge-gap is for merging"),
        ("tracks.txt --video none.mp4", "none.mp4: no such file"),
        (". --video none.mp4", ".: is a folder; --video is the video of one results file"),
        (". -o tracks.txt", "tracks.txt: is a file; give a folder to write to"),
        ("tracks.txt --report no/m.csv", "--report no/m.csv: no such folder"),
    ],
)
def test_bad_options_are_one_line(tracks: Path, capsys: pytest.CaptureFixture[str], words: str, said: str) -> None:
    assert said in refused(capsys, *words.split())
    assert not Path("refined/tracks.txt").exists()


def test_a_full_disk_is_one_line_and_leaves_no_half_file(
    tracks: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(target: Path, *_: object, **__: object) -> None:
        target.write_text("1,4,")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tracker.io.mot.write_results", full)
    assert "refined/tracks.txt: cannot be written (No space left on device)" in refused(capsys, "tracks.txt")
    assert [path.name for path in tracks.parent.rglob("*.*")] == ["tracks.txt"]


@pytest.fixture
def street(tracks: Path) -> Path:
    video = tracks.parent / "street.mp4"
    write_video(video, 12)
    return video


def test_appearance_from_the_video(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    still = {"velocity": (0.0, 0.0), "box": (100, 100, 140, 220)}
    rows = together(track(range(1, 6), 1, **still), track(range(8, 13), 2, **still))
    write_results("s.txt", rows)
    assert main(["refine", "s.txt", "--video", "street.mp4", "--reid", "histogram"]) == 0
    assert (
        "id 2 -> id 1: gap 2 frames, predicted boxes overlap 1.00, appearance distance 0.0" in capsys.readouterr().out
    )
    assert (
        main(["refine", "s.txt", "--video", "street.mp4", "--reid", "histogram", "--max-distance", "0", "--overwrite"])
        == 0
    )
    assert "0 tracks merged" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--max-distance", "3"], ["--support", "-1"], ["--merge-overlap", "0"]])
def test_bad_options_are_refused_before_the_video_is_read(
    street: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr("tracker.commands.refine._appearance", lambda *_: pytest.fail("the video is read"))
    assert "give a" in refused(capsys, "tracks.txt", "--video", "street.mp4", "-o", "new/out.txt", *words)
    assert not Path("new").exists()


def test_another_video_is_one_line(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "tracks.txt", "--video", "street.mp4", "--reid", "histogram")
    assert "street.mp4: the tracks go on to frame 100, the video ends at 12" in said
    Path("no-images").mkdir()
    (Path("no-images") / "seqinfo.ini").write_text("[Sequence]\nseqLength=100\nframeRate=25\n")
    assert "no-images: frame 1 has no image" in refused(
        capsys, "tracks.txt", "--video", "no-images", "--reid", "histogram"
    )
    assert "unknown embedder" in refused(capsys, "tracks.txt", "--video", "street.mp4", "--reid", "histo")


def test_the_official_kit_reads_it_and_agrees(shared: Path, tmp_path: Path) -> None:
    kit = pytest.importorskip("kit", reason="needs trackeval")
    from tracker.evaluate import evaluate

    name = "TUD-Campus"
    source = shared / "data/MOT15/train"
    with np.load(shared / "reference/sort" / f"{name}.npz") as rows:
        columns = rows["frame"], rows["id"], rows["xyxy"]
    gt, ours = kit.make_tree(tmp_path / "tree", source, [name], "MOT15", {name: columns})
    file = ours / f"{name}.txt"
    shutil.copy(file, tmp_path / "plain.txt")
    assert main(["refine", str(tmp_path / "plain.txt"), "-o", str(file), "--overwrite", "--quiet"]) == 0
    assert ",-1,-1,1\n" in file.read_text()
    score = evaluate(file, gt / name)
    theirs = kit.of_tree(tmp_path / "tree", "MOT15")[name]
    assert score.combined.clear.idsw == theirs["IDSW"]
    assert score.combined.summary()["HOTA"] == pytest.approx(np.mean(theirs["HOTA"]), abs=1e-9)
