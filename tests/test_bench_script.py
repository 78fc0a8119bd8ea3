"""scripts/bench.py: who takes part, what is measured, and what a stored ratio says about it. No figure is asserted."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "scripts"))

import bench  # noqa: E402
import bench_peers  # noqa: E402
import bench_ratios  # noqa: E402
import bench_scenes  # noqa: E402
import bench_tables  # noqa: E402
import bench_timing  # noqa: E402
import bench_versions  # noqa: E402
from bench_peers import Contestant  # noqa: E402
from bench_timing import Times  # noqa: E402

TINY = ["--scenes", "synthetic", "--objects", "4", "--frames", "24", "--rounds", "1", "--peers", "none"]
STORED = {"a / sort": {"8x8": 100.0, "256x256": 0.2}, "a / steady": {"8x8": 120.0, "256x256": 0.3}}


@pytest.fixture(autouse=True)
def small_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products that take no time, and no threads: nothing here looks at the figures."""
    monkeypatch.setattr(bench_timing, "PRODUCTS", {"8x8": (8, 20), "256x256": (16, 20)})


def contestant(name: str, update: Callable[[Any], Any], package: str = "") -> Contestant:
    return Contestant(name, package, lambda: update, lambda given: given, lambda answer: answer)


def lanes(frames: int = 30, objects: int = 5) -> bench_scenes.Scene:
    return bench_scenes.walkers(objects, frames)


@pytest.mark.parametrize("one", [*bench_peers.ours(), *bench_peers.baselines()], ids=lambda one: one.name)
def test_every_contestant_follows_every_object(one: Contestant) -> None:
    scene = lanes()
    update, seen = one.make(), []
    for frame in scene.frames if one.embedded else scene.without_embeddings():
        seen.append(sorted(one.ids(update(one.take(frame)))))
    assert len(set(seen[-1])) == 5
    assert seen[-1] == seen[-10]


@pytest.mark.parametrize("package", bench_peers.PACKAGES)
def test_every_installed_peer_follows_every_object(package: str) -> None:
    if not bench_peers.installed(package):
        pytest.skip(f"{package} is not installed; {bench_peers.PACKAGES[package]}")
    for one in bench_peers.peers(package):
        times = bench_timing.race([one], detections(lanes(60), one), 1, 60.0, {})[one.name]
        assert times.note == ""
        assert times.reported == 5


def detections(scene: bench_scenes.Scene, one: Contestant) -> list[Any]:
    return scene.frames if one.embedded else scene.without_embeddings()


def test_a_missing_package_is_said_with_its_command(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(bench, "installed", lambda package: False)
    assert bench.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 'trackers: not installed; pip install ".[peers]"' in lines
    assert sum("not installed" in line for line in lines) == len(bench_peers.PACKAGES)


def test_a_package_of_another_version_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def broken(package: str) -> Any:
        raise AttributeError(f"module {package!r} has no attribute 'Tracker'")

    monkeypatch.setattr(bench, "installed", lambda package: True)
    monkeypatch.setattr(bench, "peers", broken)
    assert bench.main([*TINY[:-1], "norfair", "--quick", "--algos", "sort"]) == 0
    assert "norfair: cannot be used (AttributeError: module 'norfair' has no attribute 'Tracker')" in (
        capsys.readouterr().out
    )


def test_the_others_go_on_where_one_fails_or_is_slow() -> None:
    def broken(given: Any) -> Any:
        raise RuntimeError("first line\nsecond line")

    def slow(given: Any) -> Any:
        return sorted(range(20_000), key=lambda number: -number)[:1]

    ones = [contestant("broken", broken), contestant("good", lambda given: [1, 2]), contestant("slow", slow)]
    found = bench_timing.race(ones, range(45), 2, 0.02, {})
    assert found["broken"].note == "failed: RuntimeError: first line"
    assert found["good"].note == ""
    assert found["good"].reported == 2
    assert len(found["good"].updates) == 2 * (45 - bench_timing.WARM_UP)
    assert found["slow"].note.endswith("updates in 0.02 s")


def test_everybody_starts_anew_in_every_round_and_sees_every_frame_once() -> None:
    calls: dict[str, list[list[int]]] = {"a": [], "b": []}

    def make(name: str) -> Callable[[Any], Any]:
        calls[name].append([])
        return lambda given: calls[name][-1].append(given) or []

    ones = [Contestant(n, "", lambda n=n: make(n), lambda given: given, lambda answer: answer) for n in calls]
    bench_timing.race(ones, range(50), 3, 60.0, {})
    assert calls == {"a": [list(range(50))] * 3, "b": [list(range(50))] * 3}


def test_ratio_pairs_neighbouring_blocks() -> None:
    ours = Times(blocks={(0, 0): 10.0, (0, 20): 100.0, (0, 40): 10.0})  # the machine was slow in the second
    theirs = Times(blocks={(0, 0): 30.0, (0, 20): 300.0})
    assert bench_timing.ratio(ours, theirs) == pytest.approx(3.0)
    assert bench_timing.ratio(ours, Times()) is None


def test_memory_counts_what_the_tracker_keeps_and_not_the_detections() -> None:
    def keeper() -> Callable[[Any], Any]:
        kept: list[Any] = []
        return lambda given: kept.append(np.zeros(125_000)) or []

    one = Contestant("keeper", "", keeper, lambda given: np.zeros(1_000_000), lambda answer: answer)
    peak = bench_timing.peak_megabytes(one, range(10), 60.0)
    assert peak is not None
    assert 10.0 < peak < 10.5  # ten megabytes, and eighty of detections beside


def test_walkers_are_the_same_each_time_and_as_dense_with_many() -> None:
    first, second = lanes(), lanes()
    assert all(np.array_equal(a.boxes, b.boxes) for a, b in zip(first.frames, second.frames, strict=True))
    spread = [np.ptp(bench_scenes.walkers(n, 1).frames[0].boxes[:, :2], axis=0).prod() / n for n in (100, 1000)]
    assert spread[0] == pytest.approx(spread[1], rel=0.2)
    counts = [len(frame) for frame in bench_scenes.walkers(100, 20, missing=0.2).frames]
    assert 70 < np.mean(counts) < 90


def test_the_crowd_is_made_of_copies_that_do_not_touch(shared: Path) -> None:
    folder = shared / "data/MOT17/train/MOT17-09"
    one, crowd = bench_scenes.sequence(folder, 63), bench_scenes.tiled(folder, 3, rows=1, columns=2)
    width = max(frame.boxes[:, 2].max() for frame in one.frames)
    for frame in range(3):
        here, later = one.frames[frame], one.frames[frame + bench_scenes.APART]
        assert len(crowd.frames[frame]) == len(here) + len(later)
        assert np.array_equal(crowd.frames[frame].boxes[: len(here)], here.boxes)
        np.testing.assert_allclose(crowd.frames[frame].boxes[len(here) :, 0], later.boxes[:, 0] + width)


@pytest.mark.parametrize(
    ("row", "small", "large", "slower"),
    [
        ("a / sort", 100, 0.2, False),
        ("a / sort", 149, 0.299, False),
        ("a / sort", 151, 0.302, True),
        ("a / sort", 300, 0.2, False),  # against one yardstick alone: another machine
        ("a / sort", float("inf"), float("inf"), True),
        ("a / new", 900, 9.0, False),
    ],
)
def test_regressions(row: str, small: float, large: float, slower: bool) -> None:
    measured = {**STORED, row: {"8x8": small, "256x256": large}}
    lines = bench_ratios.regressions(STORED, measured)
    assert [line.partition(":")[0] for line in lines] == ([row] if slower else [])


def test_differences_name_rows_of_one_side_and_rows_that_got_quicker() -> None:
    measured = {"a / sort": {"8x8": 50.0, "256x256": 0.1}, "a / new": {"8x8": 1.0}}
    assert bench_ratios.differences(STORED, measured) == [
        "stored, but not measured here: a / steady",
        "measured, but not stored: a / new",
        "a / sort: 2.00x quicker than stored; store the ratios anew",
    ]
    assert bench_ratios.differences(STORED, STORED) == []


def test_the_better_of_two_measurements_counts() -> None:
    second = {"a / sort": {"8x8": 90.0, "256x256": 0.3}}
    assert bench_ratios.better(STORED, second) == {**STORED, "a / sort": {"8x8": 90.0, "256x256": 0.2}}


def test_stored_compared_and_made_slower(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "ratios.json"
    words = [*TINY, "--quick", "--algos", "sort"]
    assert bench.main([*words, "--store", str(file)]) == 0
    content = json.loads(file.read_text())
    assert list(content["ratios"]) == ["synthetic 4 / sort"]
    # A file that says the row took a hundredth: whatever the machine does meanwhile, this is slower.
    content["ratios"] = {row: {k: v / 100 for k, v in of.items()} for row, of in content["ratios"].items()}
    file.write_text(json.dumps(content))
    assert bench.main([*words, "--compare", str(file)]) == 1
    said = capsys.readouterr().out
    assert "measured once more" in said
    assert "REGRESSION synthetic 4 / sort: " in said
    assert "1 rows compared" in said
    # And one that says it took a hundred times as long: this is not.
    content["ratios"] = {row: {k: v * 10_000 for k, v in of.items()} for row, of in content["ratios"].items()}
    file.write_text(json.dumps(content))
    assert bench.main([*words, "--compare", str(file)]) == 0
    assert "quicker than stored" in capsys.readouterr().out
    # Rows of nothing that was measured say nothing.
    file.write_text(json.dumps({**content, "ratios": STORED}))
    assert bench.main([*words, "--compare", str(file)]) == 2
    assert "none of its rows was measured" in capsys.readouterr().err


def test_what_failed_is_not_stored(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a / sort failed"):
        bench_ratios.write_ratios(tmp_path / "r.json", {"a / sort": {"8x8": float("inf")}}, {}, "")
    with pytest.raises(ValueError, match="nothing of ours was measured"):
        bench_ratios.write_ratios(tmp_path / "r.json", {}, {}, "")
    assert not (tmp_path / "r.json").exists()


def test_the_committed_ratios_are_of_rows_that_exist() -> None:
    rows, machine = bench_ratios.read_ratios(ROOT / "scripts/bench_ratios.json")
    ours = {one.name for one in bench_peers.ours()}
    assert {row.rpartition(" / ")[2] for row in rows} >= ours
    assert machine["numpy"]


def test_markdown_goes_between_the_marks_and_json_has_every_row(tmp_path: Path) -> None:
    page, data = tmp_path / "page.md", tmp_path / "all.json"
    page.write_text(f"before\n{bench_tables.MARKS[0]}\nold\n{bench_tables.MARKS[1]}\nafter\n")
    words = [*TINY, "--algos", "sort,deepsort", "--no-memory", "--markdown", str(page), "--json", str(data)]
    assert bench.main(words) == 0
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")] == [
        "| us per update",
        "| sort",
        "| filterpy SORT",
        "| us per update",
        "| deepsort",
        "| loop DeepSORT",
    ]
    scenes = json.loads(data.read_text())["scenes"]
    assert {name: list(rows) for name, rows in scenes.items()} == {
        "synthetic 4": ["sort", "filterpy SORT"],
        "synthetic 4, embeddings": ["deepsort", "loop DeepSORT"],
    }


def test_ctrl_c_keeps_the_finished_scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    race, scenes = bench.race, []

    def interrupted(*given: Any) -> Any:
        scenes.append(given)
        if len(scenes) == 2:
            raise KeyboardInterrupt
        return race(*given)

    monkeypatch.setattr(bench, "race", interrupted)
    data, ratios, page = tmp_path / "all.json", tmp_path / "ratios.json", tmp_path / "page.md"
    page.write_text(before := f"{bench_tables.MARKS[0]}\nof all scenes\n{bench_tables.MARKS[1]}\n")
    words = [*TINY, "--quick", "--json", str(data), "--store", str(ratios), "--markdown", str(page)]
    assert bench.main(words) == 130
    assert page.read_text() == before
    assert list(json.loads(data.read_text())["scenes"]) == ["synthetic 4"]
    assert not ratios.exists()
    assert "interrupted; the 1 finished scenes are kept" in capsys.readouterr().out


def test_where_nothing_was_measured_the_old_table_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(before := f"{bench_tables.MARKS[0]}\nold\n{bench_tables.MARKS[1]}\n")
    words = ["--scenes", "mot17", "--shared", str(tmp_path), "--peers", "none", "--markdown", str(page)]
    assert bench.main(words) == 2
    assert page.read_text() == before


def test_what_was_measured_is_kept_where_ratios_cannot_be_compared(tmp_path: Path) -> None:
    data, ratios = tmp_path / "all.json", tmp_path / "ratios.json"
    ratios.write_text('{"machine": {}, "ratios": {"another / row": {"8x8": 1.0}}}')
    assert bench.main([*TINY, "--algos", "sort", "--no-memory", "--compare", str(ratios), "--json", str(data)]) == 2
    assert "synthetic 4" in json.loads(data.read_text())["scenes"]


def test_the_readme_has_the_marks() -> None:
    assert bench_tables.split_at_marks(ROOT / "docs" / "measurements.md")


def test_without_the_shared_data_its_scenes_are_left_out(tmp_path: Path, capsys: Any) -> None:
    words = ["--scenes", "mot17,crowd", "--shared", str(tmp_path), "--peers", "none"]
    assert bench.main(words) == 0
    said = capsys.readouterr().out
    assert f"mot17: left out, there is no {tmp_path / bench.SEQUENCE}" in said
    assert "crowd: left out" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--algos", "srot"], "--algos: no algorithm 'srot', did you mean 'sort'?"),
        (["--peers", "norfiar"], "--peers: no package 'norfiar', did you mean 'norfair'?"),
        (["--scenes", "moon"], "--scenes: no scene 'moon'"),
        (["--rounds", "0"], "--rounds 0: give 1 or more"),
        (["--frames", "-3"], "--frames -3: give 1 or more"),
        (["--limit", "nan"], "--limit nan: give seconds above 0"),
        (["--missing", "1"], "--missing 1: give a share"),
        (["--compare", "absent.json"], "absent.json: no such file; write it with --store"),
        (["--compare", "broken.json"], "broken.json: not a file of ratios"),
        (["--store", "broken.json"], "--store broken.json: exists already; --overwrite replaces it"),
        (["--json", "nowhere/x.json"], "--json nowhere/x.json: no such folder"),
        (["--json", ".", "--overwrite"], "--json .: is a folder; give a file"),
        (["--store", "."], "--store .: is a folder; give a file"),
        (["--json", "new.json", "--store", "./new.json"], "--json and --store new.json: one would replace the other"),
        (["--markdown", "broken.json"], "--markdown broken.json: needs one line"),
        (["--markdown", "absent.md"], "--markdown absent.md: cannot be read (No such file or directory)"),
        (["--end-to-end", "--shared", "."], "--end-to-end needs"),
        (["--end-to-end", "--json", "new.json"], "--end-to-end prints its table only"),
    ],
)
def test_bad_options_are_one_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.json").write_text("[1, 2")
    assert bench.main(words) == 2
    out, error = capsys.readouterr()
    assert error.startswith(f"bench: {said}")
    assert error.count("\n") == 1
    assert out == ""


@pytest.mark.parametrize("sizes", ["ten", "0", "10,-1", ""])
def test_bad_sizes(sizes: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as stopped:
        bench.main(["--objects", sizes])
    assert stopped.value.code == 2
    assert "--objects: '" in (error := capsys.readouterr().err)
    assert "give whole numbers above 0" in error


@pytest.mark.slow
def test_versions_are_compared_in_turns_and_a_change_of_the_rows_is_said(tmp_path: Path, capsys: Any) -> None:
    words = ["--algos", "SORT", "--objects", "4", "--frames", "24", "--rounds", "2"]
    assert bench_versions.main(["--against", str(ROOT), *words]) == 0
    line = capsys.readouterr().out.splitlines()[2]
    assert line.startswith("SORT, 4 objects ")
    assert line.endswith("  same")
    (tmp_path / "tracker").mkdir()
    (tmp_path / "tracker/__init__.py").write_text(
        "from types import SimpleNamespace\n\n"
        "def Detections(boxes, scores, embeddings=None):\n    return boxes\n\n"
        "class SORT:\n    def update(self, boxes):\n        return SimpleNamespace(ids=boxes[:, 0], boxes=boxes)\n"
    )
    assert bench_versions.main(["--against", str(tmp_path), *words]) == 0
    assert capsys.readouterr().out.splitlines()[2].endswith("  DIFFERENT")


def test_a_version_without_the_library_or_that_fails_is_one_line(tmp_path: Path, capsys: Any) -> None:
    assert bench_versions.main(["--against", str(tmp_path)]) == 2
    assert f"--against {tmp_path}: has no tracker/__init__.py" in capsys.readouterr().err
    (tmp_path / "tracker").mkdir()
    (tmp_path / "tracker/__init__.py").write_text("")
    assert bench_versions.main(["--against", str(tmp_path), "--algos", "SORT", "--objects", "4"]) == 2
    assert f"{tmp_path}: " in capsys.readouterr().err
