"""`track eval`, `track bench` and `track doctor` as a user types them."""

from __future__ import annotations

import csv
import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from tracker.commands.main import main
from tracker.io.mot import write_results
from tracker.rows import as_rows

NAMES = ["KITTI-17", "TUD-Campus"]


@pytest.fixture(scope="module")
def place(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree `gt` of two short sequences, and results of two trackers in `trackers`."""
    root = tmp_path_factory.mktemp("a place with spaces é")
    for name in NAMES:
        shutil.copytree(shared / "data" / "MOT15" / "train" / name, root / "gt" / name)
        with np.load(shared / "reference" / "sort" / f"{name}.npz") as rows:
            for tracker, shift in (("sort", 0.0), ("shifted", 8.0)):
                (root / "trackers" / tracker).mkdir(parents=True, exist_ok=True)
                moved = as_rows(rows["frame"], rows["id"], rows["xyxy"] + shift)
                write_results(root / "trackers" / tracker / f"{name}.txt", moved)
    return root


@pytest.mark.parametrize("option", ["--csv", "--json", "--markdown", "--latex"])
@pytest.mark.parametrize("command", ["eval", "bench"])
def test_no_output_replaces_a_file_that_is_read(
    tmp_path: Path, command: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"{f},1,{10 + f},20,30,60,1,-1,-1,-1\n" for f in range(1, 9))
    gt, det, mine = tmp_path / "A/gt/gt.txt", tmp_path / "A/det/det.txt", tmp_path / "A.txt"
    for path in (gt, det, mine):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rows)
    words = ["eval", str(mine), "--gt", str(tmp_path)]
    if command == "bench":
        words = ["bench", "--data", str(tmp_path), "--algo", "sort", "-o", str(tmp_path / "out"), "--workers", "1"]
    for path in (gt, mine if command == "eval" else det):
        assert main([*words, option, str(path)]) == 2
        assert f"{option} {path}: is one of the files to read" in capsys.readouterr().err
        assert path.read_text() == rows
    assert main([*words, option, str(tmp_path / "scores")]) == 0


def test_eval_prints_one_table(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    assert main(["eval", str(place / "trackers" / "sort"), "--gt", str(place / "gt")]) == 0
    further, *lines = capsys.readouterr().out.splitlines()
    assert "more figures: --wide" in further  # not at the end, where one looks for scores and notes
    assert lines[0] == "rules: MOT15 (no class column); 2 sequences, 216 frames"
    assert lines[2] == "sort"
    assert lines[3].split()[:2] == ["sequence", "HOTA"]
    assert [line.split()[0] for line in lines[4:7]] == [*NAMES, "COMBINED"]
    assert lines[4].split()[1] == "45.36"


@pytest.mark.parametrize("split", ["full", "second-half"])
def test_results_of_one_sequence_are_not_scored_as_another(
    place: Path, split: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(place / "trackers" / "sort" / "KITTI-17.txt", tmp_path)
    words = ["eval", str(tmp_path), "--gt", str(place / "gt"), "--sequences", "TUD-Campus", "--split", split]
    assert main(words) == 2
    assert "no result belongs to a sequence of the ground truth (KITTI-17)" in capsys.readouterr().err


def test_eval_compares_trackers_and_writes_everything(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = {name: place / f"out.{name}" for name in ("csv", "json", "markdown", "svg")}
    words = ["eval", str(place / "trackers"), "--gt", str(place / "gt"), "--plot", str(out["svg"])]
    for name in ("csv", "json", "markdown"):
        words += [f"--{name}", str(out[name])]
    assert main(words) == 0
    assert "all sequences\ntracker " in capsys.readouterr().out
    assert len(out["csv"].read_text().splitlines()) == 1 + 2 * 3
    trackers = json.loads(out["json"].read_text())["trackers"]
    assert [t["tracker"] for t in trackers] == ["shifted", "sort"]
    assert len(trackers[0]["combined"]["by_threshold"]["HOTA"]) == 19
    for line in csv.DictReader(out["csv"].read_text().splitlines()):
        (chosen,) = (t for t in trackers if t["tracker"] == line["tracker"])
        figures = {**chosen["sequences"], "COMBINED": chosen["combined"]}[line["sequence"]]
        scores = [name for name in line if name not in ("tracker", "rules", "sequence")]
        assert {name: float(line[name]) for name in scores} == {name: figures[name] for name in scores}
        assert not {"CLR_Re", "CLR_FP", "Re", "Pr"} & figures.keys()
        assert figures["TP"] + figures["FN"] == figures["GT_Dets"]
    assert out["markdown"].read_text().startswith("Rules: MOT15 (no class column)")
    assert ET.parse(out["svg"]).getroot().tag.endswith("svg")


def test_eval_to_standard_output_is_only_that(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["eval", str(place / "trackers" / "sort"), "--gt", str(place / "gt")]
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trackers"][0]["rules"] == "MOT15"
    assert main([*words, "--csv", "-"]) == 0
    assert capsys.readouterr().out.startswith("tracker,rules,sequence,HOTA")


def test_eval_checks_with_motmetrics(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("motmetrics")
    words = ["eval", str(place / "trackers" / "sort"), "--gt", str(place / "gt"), "--check", "motmetrics"]
    assert main(words) == 0
    err = capsys.readouterr().err
    assert "check: sort: TUD-Campus: Frag 9 (motmetrics 14)" in err
    assert "check: sort: identity agrees" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["eval", "trackers/none", "--gt", "gt"], "trackers/none: no such file or folder"),
        (["eval", "trackers/sort", "--gt", "none"], "none: no such file or folder"),
        (["eval", "trackers/sort", "--gt", "gt", "--rules", "mot17"], "need a class column"),
        (
            ["eval", "trackers/sort", "--gt", "gt", "--sequences", "x"],
            "no sequence 'x'; there are KITTI-17, TUD",
        ),
        (["eval", "trackers/sort", "--gt", "gt", "--csv", "no/where.csv"], "no/where.csv: cannot be written"),
        (["eval", "gt/TUD-Campus/det/det.txt", "--gt", "gt/TUD-Campus"], "det.txt:1: id -1"),
        (["bench", "--data", "gt", "--algo", "sortt"], "no algorithm 'sortt'"),
        (["bench", "--data", "gt", "--algo", "sort", "--set", "x"], "--set x: give KEY=VALUE"),
        (["bench", "--data", "trackers", "--algo", "sort"], "trackers: no"),
        (["doctor", "none"], "none: no such file or folder"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    place: Path,
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(place)
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.startswith("track: ")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["eval", "r", "--gt", "g", "--threshold", "x"], "x is not a number above 0 and at most 1"),
        (["eval", "r", "--gt", "g", "--threshold", "nan"], "nan is not a number above 0 and at most 1"),
        (["bench", "--data", "g", "--algo", "sort", "--workers", "x"], "x is not a whole number from 1"),
        (["bench", "--data", "g", "--algo", "sort", "--plot", "a.png"], "a.png does not end in .svg"),
        (["eval", "r", "--gt", "g", "--plot", "a.png"], "a.png does not end in .svg"),
        (["eval", "r", "--gt", "g", "--seq", "a"], "--seq, did you mean '--sequences'?; see `track eval --help`"),
        (["bench", "--data", "g", "--algo", "sort", "--work", "1"], "--work"),
        (["doctor", "r", "--g", "g"], "--g"),
    ],
)
def test_a_bad_option_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_bench_prints_speed_beside_the_scores(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    words = ["bench", "--data", str(place / "gt"), "--algo", "sort", "--set", "published_order=true"]
    words += ["-o", str(tmp_path), "--workers", "1"]
    for cached in ("", ", 2 from the cache"):
        assert main(words) == 0
        printed = capsys.readouterr()
        assert printed.err == f"bench: 2 of 2 runs done{cached}\n"
        table = printed.out.split("all sequences\n")[1].splitlines()
        assert table[0].split()[:7] == ["tracker", "fps", "median", "ms", "p99", "ms", "HOTA"]
        assert table[1].startswith("sort published_order=true")
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trackers"][0]["median ms"] > 0
    assert main([*words, "--csv"]) == 0
    lines = [line.split(",") for line in capsys.readouterr().out.splitlines()]
    assert lines[0][-3:] == ["fps", "median ms", "p99 ms"]
    assert lines[1][-3:] == ["", "", ""]
    assert lines[3][2] == "COMBINED"
    assert all(float(value) > 0 for value in lines[3][-3:])


def test_doctor_says_what_is_good_and_what_is_not(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", str(place / "gt"), str(place / "trackers" / "sort"), "--gt", str(place / "gt")]) == 0
    out = capsys.readouterr().out
    assert "ground truth (MOT15 layout), 359 rows" in out
    assert out.endswith("8 good, 0 to look at\n")
    bad = tmp_path / "bad.txt"
    bad.write_text("1,1,0,0,5,5,1\n2,1,0,0,5\n")
    assert main(["doctor", str(bad)]) == 1
    assert f"{bad}:2: 5 columns" in capsys.readouterr().out


def test_eval_scores_the_second_half_as_bench_makes_it(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = ["--split", "second-half"]
    bench = ["bench", "--data", str(place / "gt"), "--algo", "sort", "-o", str(tmp_path), "--workers", "1", *half]
    assert main([*bench, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)["trackers"][0]
    assert main(["eval", str(tmp_path / "second-half"), "--gt", str(place / "gt"), *half, "--json"]) == 0
    scored = json.loads(capsys.readouterr().out)["trackers"][0]
    assert scored["combined"] == made["combined"]


def test_half_sequences_are_not_scored_against_the_whole(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bench", "--data", str(place / "gt"), "--algo", "sort", "-o", str(tmp_path), "--workers", "1"]
    assert main([*words, "--split", "second-half"]) == 0
    capsys.readouterr()
    assert main(["eval", str(tmp_path), "--gt", str(place / "gt")]) == 2
    half = tmp_path / "second-half"
    hint = f"{tmp_path}: is a folder of `track bench`; give {half} --split second-half\n"
    assert capsys.readouterr().err == f"track: {hint}"
    assert main(["eval", str(half), "--gt", str(place / "gt")]) == 2
    err = capsys.readouterr().err
    assert err.endswith("holds the second half of KITTI-17, counted from 1; give --split second-half\n")
    assert err.count("\n") == 1


def test_the_table_fits_the_line_and_its_figures_may_be_chosen(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    words = ["eval", str(place / "trackers"), "--gt", str(place / "gt")]
    assert main(words) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    titles = lines[3].split()
    assert {"HOTA", "MOTA", "IDF1", "IDSW"} <= set(titles)
    assert [line.split() for line in lines if line.startswith("sequence")] == [titles, titles]
    assert main([*words, "--columns", "idsw,hota"]) == 0
    assert capsys.readouterr().out.splitlines()[3].split() == ["sequence", "IDSW", "HOTA"]
    assert main([*words, "--wide"]) == 0
    assert "GT_IDs" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([*words, "--columns", "hata"])
    assert "no figure 'hata', did you mean 'HOTA'?" in capsys.readouterr().err


def test_on_a_terminal_the_best_is_marked(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.commands.scores.on_terminal", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["eval", str(place / "trackers"), "--gt", str(place / "gt")]) == 0
    table = capsys.readouterr().out.partition("all sequences")[2].splitlines()
    (shifted,), (sort,) = ([line for line in table if line.startswith(name)] for name in ("shifted", "sort"))
    assert "\x1b[1;32m" in sort
    assert "\x1b[1;32m" not in shifted


def test_no_frame_in_common_is_the_first_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = "{},1,{},10,30,60,1,1,1\n"
    (tmp_path / "street.txt").write_text("".join(row.format(f, 5 * f) for f in range(1, 31)))
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "street.txt").write_text("".join(row.format(f + 371, 5 * f) for f in range(1, 31)))
    results, gt = str(tmp_path / "street.txt"), str(tmp_path / "gt")
    assert main(["eval", results, "--gt", gt]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "note: street: no frame in common: results 1..30, ground truth 372..401 (off by 371?); add 371"
    )
    assert out.count("in common") == 1
    assert main(["doctor", results, "--gt", gt]) == 1
    assert capsys.readouterr().out.startswith(f"{results}: no frame in common: results 1..30")


def test_latex_has_the_best_in_bold(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(place / "trackers"), "--gt", str(place / "gt"), "--latex"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == r"\begin{tabular}{lrrrrrrrr}"
    rows = {line.split(" & ")[0]: line for line in lines if line.endswith(r"\\") and "Tracker" not in line}
    assert rows["sort"].count(r"\textbf") > rows["shifted"].count(r"\textbf") >= 0
    hota, _, _, mota, *_ = rows["sort"].split(" & ")[1:]
    assert hota.startswith(r"\textbf{")
    assert mota.startswith(r"\textbf{")
    assert main(["eval", str(place / "trackers" / "sort"), "--gt", str(place / "gt"), "--latex"]) == 0
    alone = capsys.readouterr().out
    assert r"\textbf" not in alone
    assert r"COMBINED & " in alone


def test_chance_and_kinds_are_shown_and_written(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["eval", str(place / "trackers"), "--gt", str(place / "gt"), "--chance", "--by-kind"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "chance: 95 % intervals over 20 blocks of frames, 10 a sequence" in out
    assert "shifted - sort: HOTA " in out
    assert "by kind: " in out
    assert main([*words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["chance"]["units"] == 20
    assert {one["kind"] for one in said["kinds"]["sort"]} >= {"height", "crowding"}
    assert main([*words, "--chance", "sequences"]) == 2
    assert "intervals over 2 sequences say nothing" in capsys.readouterr().err
