"""A run with a log, explained: the file, the events, the commands, and what is refused in one line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tracker
from tests.explain.scenes import Scene, gone
from tracker.commands.main import main
from tracker.evaluate.benchmark import evaluate, load_ground_truth
from tracker.explain.cost import without_switches
from tracker.explain.explanation import Explanation
from tracker.explain.sentences import of_cause_advice
from tracker.explain.truth import Truth
from tracker.explain.whatif import rows_of
from tracker.explain.why import Why
from tracker.io.kitti import read_kitti_detections
from tracker.io.log_file import LogWriter, pack, read_log, unpack
from tracker.io.mot import read_results, write_results

KEYS = ["frame", "time", "kind", "id", "previous_id", "truth_id", "cause", "chain", "confirmed", "setting", "sentence"]
SCENE = Scene(
    {1: [0.0] * 60, 2: [300.0 + k for k in range(60)], 3: [*[600.0] * 20, *[618.0] * 40], 4: [628.0] * 20},
    gone(1, range(20, 40)) | {(2, 30): None},
)


def write(folder: Path) -> Path:
    """The scene as a MOTChallenge sequence."""
    lines = [
        f"{frame},-1,{b[0]},{b[1]},{b[2] - b[0]},{b[3] - b[1]},{s}"
        for frame, found in enumerate(SCENE.found(), start=1)
        for b, s in zip(found.boxes.tolist(), found.scores.tolist(), strict=True)
    ]
    (folder / "det").mkdir(parents=True)
    (folder / "gt").mkdir()
    (folder / "det/det.txt").write_text("\n".join(lines) + "\n")
    truth = SCENE.truth()
    write_results(folder / "gt/gt.txt", truth)
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=scene\nseqLength=60\nframeRate=25\n")
    return folder


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    return write(tmp_path / "scene")


@pytest.fixture
def run(sequence: Path, tmp_path: Path) -> Path:
    out = tmp_path / "run"
    words = [str(sequence), "--algo", "sort", "--set", "max_age=5", "min_hits=1", "-o", str(out), "--no-video", "--log"]
    assert main([*words, "--quiet"]) == 0
    return out


def test_the_log_is_one_file_that_sql_reads(run: Path) -> None:
    assert sorted(path.name for path in run.iterdir()) == ["log.sqlite", "run.json", "tracks.txt"]
    with sqlite3.connect(run / "log.sqlite") as base:
        reasons = dict(base.execute("SELECT reason, count(*) FROM decisions GROUP BY reason"))
        ((loser,),) = base.execute("SELECT id FROM decisions WHERE reason = 'outbid'").fetchall()[:1]
    log = read_log(run / "log.sqlite")
    assert reasons["matched"] == sum(map(len, log.matched))
    assert reasons["born"] == 5
    assert reasons["expired"] >= 1
    assert loser == 3
    assert log.meta["settings"]["max_age"] == 5


def test_every_switch_has_its_cause_and_the_sums_are_the_official_ones(run: Path, sequence: Path) -> None:
    found: Explanation = tracker.explain(run, sequence, check=True)
    official = evaluate(run / "tracks.txt", sequence).combined.clear
    counts = found.counts
    assert (counts["switch"], counts["fragment"]) == (official.idsw, official.frag)
    assert (counts["miss"], counts["false"]) == (official.fn, official.fp)
    assert counts["switch by cause"] == {"expired-undetected": 1, "outbid": 1}
    assert found.controls is not None
    assert found.controls.differing == 0
    said = {event.cause: event.sentence for event in found.of_kind("switch")}
    assert said["expired-undetected"].startswith("id 1 became 5 at frame 42 (1.6 s): 1 had ended at frame 26 (expired)")
    assert "took the object's box, which 3 wanted too" in said["outbid"]


def test_the_json_has_the_schema(run: Path, sequence: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(run), "--gt", str(sequence), "--json"]) == 0
    found: dict[str, Any] = json.loads(capfd.readouterr().out)
    assert list(found) == ["events", "counts", "cost"]
    assert all(list(event) == KEYS for event in found["events"])
    kinds = {event["kind"] for event in found["events"]}
    assert kinds <= {"switch", "fragment", "miss", "false", "birth", "end", "suspect"}
    switch = next(event for event in found["events"] if event["kind"] == "switch")
    assert switch["confirmed"] is True
    assert all({"frame", "cause"} <= set(link) for link in switch["chain"])


def test_the_tables_for_people(run: Path, sequence: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(run)]) == 0
    said = capfd.readouterr().out
    assert "suspects, the most suspect first" in said
    assert "cause" not in said
    assert main(["explain", str(run), "1", "5"]) == 0
    said = capfd.readouterr().out
    assert said.startswith("suspect: frame 41")
    assert "if ids 1 and 5 are one object" in said
    assert main(["explain", str(run), "--gt", str(sequence), "--check"]) == 0
    said = capfd.readouterr().out
    assert "2 identity switches: " in said
    assert "controls: half a pixel of jitter undoes 0 of 2 switches" in said


def test_the_cost_of_a_cause_is_what_undoing_it_gains(
    run: Path, sequence: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = tracker.explain(run, sequence, cost=True)
    assert found.cost["switch: expired-undetected"]["count"] == 1
    assert found.cost["switch: expired-undetected"]["HOTA"] > 0
    assert found.cost["switch: expired-undetected"]["MOTA"] == pytest.approx(1 / 200)
    assert found.cost["miss: undetected"]["MOTA"] > 0.05
    assert found.run is not None
    truth = load_ground_truth(sequence)
    why = Why(found.run, Truth(truth.rows["scene"], truth.rules, found.run.recording.numbers))
    whole = without_switches(why, rows_of(found.run), found.causes)
    assert truth.score(whole).combined.clear.idsw == 0
    assert main(["explain", str(run), "--gt", str(sequence), "--cost"]) == 0
    assert "  expired-undetected       1 switch,     -" in capfd.readouterr().out


def test_the_setting_that_would_have_kept_an_id_comes_with_the_total(
    run: Path, sequence: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(run), "--gt", str(sequence), "--advise", "--json"]) == 0
    events = json.loads(capfd.readouterr().out)["events"]
    settings = {event["cause"]: event["setting"] for event in events if event["kind"] == "switch"}
    found = settings["expired-undetected"]
    assert (found["name"], found["from"], found["switches"], found["raises"]) == ("max_age", 5, [2, 1], False)
    assert 20 <= found["to"] <= 22
    assert found["HOTA"][1] > found["HOTA"][0]
    sentence = next(event["sentence"] for event in events if event["cause"] == "expired-undetected")
    assert f"max_age 5 -> {found['to']:g} keeps it too; over the whole video 2 -> 1 switches" in sentence


def test_advice_is_given_for_the_most_costly_causes_only(
    run: Path, sequence: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tracker.explain(run, sequence, advice=True)
    assert found.advice["expired-undetected"] is not None
    assert (found.advice["expired-undetected"]["keeps"], found.advice["expired-undetected"]["of"]) == (1, 1)
    assert found.to_dict()["advice"] == found.advice
    monkeypatch.setattr("tracker.explain.advise.MOST_COSTLY", 1)
    assert main(["explain", str(run), "--gt", str(sequence), "--advise"]) == 0
    said = capfd.readouterr().out
    (line,) = [line for line in said.splitlines() if "no change of one setting that was tried" in line]
    assert line.startswith("  outbid: ")  # it costs more HOTA than the expired one
    assert "keeps it too" not in said


def test_advice_says_where_none_helps(sequence: Path, run: Path) -> None:
    found = tracker.explain(run, sequence, advice=True)
    assert found.advice["outbid"] is None
    assert of_cause_advice("outbid", None) == (
        "outbid: no change of one setting that was tried keeps an id without more switches in the whole video"
    )


def test_what_if(run: Path, sequence: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["what-if", str(run), "--set", "max_age=40", "--gt", str(sequence)]) == 0
    said = capfd.readouterr().out
    assert "ids 1, 5 are one id now, 1" in said
    assert "IDSW 2 -> 1" in said
    assert main(["what-if", str(run), "--set", "max_agee=40"]) == 2
    assert "max_age" in capfd.readouterr().err
    assert main(["what-if", str(run)]) == 2


def test_a_run_without_a_log_says_how_to_get_one(run: Path, sequence: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (run / "log.sqlite").unlink()
    assert main(["explain", str(run), "--gt", str(sequence)]) == 0
    caught = capfd.readouterr()
    assert "run `track SOURCE --log`" in caught.err
    assert "2 identity switches" in caught.out
    assert main(["explain", str(run), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["events"][0]["time"] is None
    assert main(["what-if", str(run), "--set", "max_age=40"]) == 2


def refused(words: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    assert main(words) == 2
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    return said


def test_what_does_not_fit_is_refused_in_one_line(run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.txt"
    other.write_text("".join(f"{frame},1,5000,5000,10,10,1,1,1\n" for frame in range(1, 61)))
    assert "another video" in refused(["explain", str(run), "--gt", str(other)], capfd)
    other.write_text("900,1,0,0,10,10,1,1,1\n")
    assert "no frame in common" in refused(["explain", str(run), "--gt", str(other)], capfd)
    assert "no such id" in refused(["explain", str(run), "77"], capfd)
    assert "no such file" in refused(["explain", str(tmp_path / "nothing")], capfd)
    with sqlite3.connect(run / "log.sqlite") as base:
        base.execute("UPDATE meta SET value = '99' WHERE key = 'version'")
    assert "a log of version 99" in refused(["explain", str(run)], capfd)
    (run / "log.sqlite").write_bytes(b"SQLite format 3\x00 and then nothing")
    assert "is no log of a run" in refused(["explain", str(run)], capfd)


def test_a_log_that_comes_out_differently_is_refused(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with sqlite3.connect(run / "log.sqlite") as base:
        text = base.execute("SELECT value FROM meta WHERE key = 'settings'").fetchone()[0]
        settings = {**json.loads(text), "iou_threshold": 0.9}
        base.execute("UPDATE meta SET value = ? WHERE key = 'settings'", [json.dumps(settings)])
    assert "comes out differently from frame 21" in refused(["explain", str(run)], capfd)


def test_no_tracks_at_all(tmp_path: Path, sequence: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "none"
    words = [str(sequence), "--algo", "sort", "--conf", "0.99", "-o", str(out), "--no-video", "--log", "--quiet"]
    assert main(words) == 0
    capfd.readouterr()
    assert main(["explain", str(out), "--gt", str(sequence)]) == 0
    caught = capfd.readouterr()
    (line,) = caught.err.splitlines()
    assert line.endswith(": no track was started, so there is nothing to explain")
    assert "missed rows" in caught.out


def test_what_an_update_was_given_is_packed_exactly() -> None:
    chance = np.random.default_rng(0)
    found = tracker.Detections(
        np.cumsum(chance.random((5, 4)) + 0.1, axis=1),
        chance.random(5),
        [0, 1, 2, 3, 4],
        embeddings=chance.random((5, 3)),
    ).with_twins(np.array([-1, 7, -1, -1, 2]), np.array([0, 0.3, 0, 0, 0.2]))
    warp = chance.random((2, 3))
    again, warps = unpack(pack(found, [warp]))
    assert np.array_equal(again.floats, found.floats)
    assert np.array_equal(again.classes, found.classes)
    assert again.embeddings is not None
    assert found.embeddings is not None
    assert np.array_equal(again.embeddings, found.embeddings)
    assert again.twins is not None
    assert found.twins is not None
    assert np.array_equal(again.twins, found.twins)
    assert np.array_equal(warps, [warp])
    with pytest.raises(ValueError, match="cannot be read"):
        unpack(b"nothing")


KILLED = """
import sys, time
import tracker.io.log_file as log_file
from tracker import SORT, Log
from tracker.detections import Detections
log_file.EVERY = 0.0
sort = SORT()
sort.log = Log(keep=1)
writer = log_file.LogWriter(__import__("pathlib").Path(sys.argv[1]), {"algo": "sort", "settings": {}, "source": "x"})
for frame in range(1, 10000):
    found = Detections([[0.0, 0, 40, 100]], [0.9])
    sort.update(found)
    writer.write(frame, found, sort.log.frames[-1])
    print(frame, flush=True)
    time.sleep(0.01)
"""


def test_a_log_whose_run_was_killed_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 20:
                os.kill(process.pid, signal.SIGKILL)
                break
    log = read_log(path)
    assert len(log.numbers) >= 19
    assert tracker.explain(path).counts["birth"] == 1


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "missing" / "log.sqlite", {})
    sort = tracker.SORT()
    sort.log = tracker.Log(keep=1)
    found = tracker.Detections([[0.0, 0, 40, 100]])
    sort.update(found)
    writer.write(1, found, sort.log.frames[-1])
    with pytest.raises(OSError, match=r"log\.sqlite"):
        writer.close()


def test_the_camera_is_replayed(sequence: Path, tmp_path: Path) -> None:
    maps = tmp_path / "camera.txt"
    maps.write_text("".join(f"{k} 1 0 {k % 3} 0 1 {k % 2}\n" for k in range(60)))
    out = tmp_path / "moved"
    with tracker.track(
        sequence, algo="bytetrack", camera_motion=str(maps), save=out, log=True, settings={"max_age": 5}
    ) as steps:
        for _ in steps:
            pass
    log = read_log(out / "log.sqlite")
    assert len(log.warps) > 20
    found = tracker.explain(out, sequence)
    rows = read_results(out / "tracks.txt")
    assert set(rows.ids.tolist()) <= set(found.lives)
    with pytest.raises(ValueError, match="goes with save"):
        tracker.track(sequence, log=True)


def test_ids_are_those_of_tracks_txt_and_a_track_never_reported_has_a_negative_one(
    sequence: Path, tmp_path: Path
) -> None:
    out = tmp_path / "late"
    words = ["--set", "max_age=5", "min_hits=3", "-o", str(out), "--no-video", "--log", "--quiet"]
    text = sequence / "det/det.txt"
    text.write_text(text.read_text() + "1,-1,2000,0,60,100,0.9\n30,-1,2500,0,60,100,0.9\n")
    assert main([str(sequence), "--algo", "sort", *words]) == 0
    ids = sorted(set(read_results(out / "tracks.txt").ids.tolist()))
    assert ids == list(range(1, len(ids) + 1))
    found = tracker.explain(out, sequence)
    assert [id for id in found.lives if id > 0 and found.lives[id].confirmed is not None] == ids
    assert min(found.lives) < 0
    with sqlite3.connect(out / "log.sqlite") as base:
        logged = {id for (id,) in base.execute("SELECT DISTINCT id FROM decisions WHERE reason = 'confirmed'")}
    assert logged == set(ids)


def test_bench_keeps_logs_too(sequence: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = [
        "bench",
        "--data",
        str(sequence.parent),
        "--algo",
        "sort",
        "--sequences",
        "scene",
        "-o",
        str(tmp_path / "b"),
    ]
    assert main([*words, "--set", "max_age=5", "--workers", "1", "--conf", "0.5"]) == 0
    (folder,) = (tmp_path / "b/full").iterdir()
    assert not (folder / "scene.sqlite").exists()
    assert main([*words, "--set", "max_age=5", "--workers", "1", "--conf", "0.5", "--log"]) == 0
    capfd.readouterr()
    assert main(["explain", str(folder / "scene.sqlite"), "--gt", str(sequence)]) == 0
    assert "identity switches" in capfd.readouterr().out


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder that holds 200 kB; skips where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("mounts no tmpfs here; root can")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_full_is_one_line_and_what_was_written_stays(
    sequence: Path, small_disk: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (small_disk / "filler").write_bytes(bytes(120_000))
    words = [str(sequence), "--algo", "sort", "-o", str(small_disk / "r"), "--no-video", "--log", "--quiet"]
    capfd.readouterr()
    assert main(words) == 2
    said = capfd.readouterr().err.splitlines()
    assert "log.sqlite: the disk is full" in said[-1]
    assert len(said) <= 2
    assert len(read_results(small_disk / "r/tracks.txt")) > 0


def test_eval_says_what_each_cause_costs(run: Path, sequence: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["eval", str(run / "tracks.txt"), "--gt", str(sequence), "--why"]
    assert main(words) == 0
    said = capfd.readouterr().out
    assert "why: the errors of each cause, and what they cost in points" in said
    assert "  expired-undetected       1 switch,     -" in said
    assert main([*words, "--json"]) == 0
    found = json.loads(capfd.readouterr().out)["cost"]
    assert found["tracks"] == tracker.explain(run, sequence, cost=True).cost
    assert main([*words, "--plot-causes", str(run / "causes.svg")]) == 0
    assert "switch: expired-undetected" in (run / "causes.svg").read_text()
    assert "needs --why" in refused([*words[:-1], "--plot-causes", "causes.svg"], capfd)
    assert "IoU .5" in refused([*words, "--threshold", "0.7"], capfd)
    (run / "log.sqlite").unlink()
    assert "has no log beside it; run `track SOURCE --log`" in refused(words, capfd)


def test_the_cost_of_several_sequences_is_of_all_together(
    sequence: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(sequence, tmp_path / "tree/one")
    shutil.copytree(sequence, tmp_path / "tree/two")
    for name in ("one", "two"):
        file = tmp_path / "tree" / name / "seqinfo.ini"
        file.write_text(file.read_text().replace("name=scene", f"name={name}"))
    out = tmp_path / "b"
    words = ["bench", "--data", str(tmp_path / "tree"), "--algo", "sort", "--set", "max_age=5", "min_hits=1"]
    assert main([*words, "-o", str(out), "--workers", "1", "--log"]) == 0
    (folder,) = (out / "full").iterdir()
    capfd.readouterr()
    assert main(["eval", str(folder), "--gt", str(tmp_path / "tree"), "--why", "--json"]) == 0
    (cost,) = json.loads(capfd.readouterr().out)["cost"].values()
    one = tracker.explain(folder / "one.sqlite", sequence, cost=True).cost
    for code, gain in one.items():
        assert cost[code]["count"] == 2 * gain["count"]
        assert cost[code]["MOTA"] == pytest.approx(gain["MOTA"], abs=1e-6)
    assert "has the logs of 2 sequences" in refused(["explain", str(folder)], capfd)
    (folder / "two.txt").unlink()
    assert "no results of two" in refused(["eval", str(folder), "--gt", str(tmp_path / "tree"), "--why"], capfd)


def test_undoing_a_switch_costs_no_other(run: Path, sequence: Path) -> None:
    for gain in (one for code, one in tracker.explain(run, sequence, cost=True).cost.items() if "switch" in code):
        assert gain["MOTA"] == pytest.approx(gain["count"] / 200)


def test_two_tracks_exchange_their_labels_where_a_switch_is_undone() -> None:
    scene = Scene({1: [*[0.0] * 20, *[18.0] * 30], 2: [*[18.0] * 20, *[0.0] * 30]})
    why = scene.why(tracker.SORT(max_age=5, min_hits=1))
    first, _ = why.switches()
    rows = without_switches(why, rows_of(why.run), [first])
    assert len(set(zip(rows.frames.tolist(), rows.ids.tolist(), strict=True))) == len(rows)
    assert scene.ground_truth().score(rows).combined.clear.idsw == 0


@pytest.mark.parametrize("kind", ["Car", "Pedestrian"])
def test_labels_of_kitti_are_ground_truth_too(
    kind: str, shared: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = shared / "data/KITTI"
    labels = data / "label_02/0011.txt"
    rows = read_kitti_detections(data / "det_pointrcnn" / kind / "0011.txt", "car" if kind == "Car" else "pedestrian")
    place = tmp_path / "0011"
    (place / "det").mkdir(parents=True)
    scores = 1 / (1 + np.exp(-rows.scores))
    lines = [
        f"{frame},-1,{b[0]},{b[1]},{b[2] - b[0]},{b[3] - b[1]},{score}"
        for frame, b, score in zip(rows.frames.tolist(), rows.boxes.tolist(), scores.tolist(), strict=True)
        if frame <= 120
    ]
    (place / "det/det.txt").write_text("\n".join(lines) + "\n")
    (place / "seqinfo.ini").write_text("[Sequence]\nname=0011\nseqLength=373\nframeRate=10\n")
    out = tmp_path / "run"
    assert main([str(place), "--algo", "sort", "-o", str(out), "--no-video", "--log", "--quiet"]) == 0
    rules = f"kitti-{kind.lower()}"
    capfd.readouterr()
    assert main(["explain", str(out), "--gt", str(labels), "--rules", rules, "--json"]) == 0
    counts = json.loads(capfd.readouterr().out)["counts"]
    official = evaluate(out / "tracks.txt", labels, rules=rules).combined.clear
    assert (counts["switch"], counts["fragment"]) == (official.idsw, official.frag)
    assert (counts["miss"], counts["false"]) == (official.fn, official.fp)
    assert "kitti-car" in refused(["explain", str(out), "--gt", str(labels)], capfd)
