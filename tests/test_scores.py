"""What the scores of a detector mean: one place makes them probabilities, and one line says when they are too low."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import tracker
from tracker import SORT, ByteTrack, Detections, Steady
from tracker.algorithms import algorithm, algorithms, needs_embeddings
from tracker.commands.main import main
from tracker.detect import open_detector
from tracker.evaluate.benchmark import evaluate
from tracker.scores import SCORE_KINDS, doubt, probabilities
from tracker.study.bench import bench
from tracker.study.tune import tune
from tracker.tracker import UNREACHED_FRAMES

TRUE = np.array([0.03, 0.5, 0.9])
GIVEN = {"probability": TRUE, "percent": 100 * TRUE, "logit": np.log(TRUE / (1 - TRUE))}


@pytest.mark.parametrize("kind", SCORE_KINDS)
def test_every_kind_becomes_probabilities(kind: Literal["probability", "percent", "logit"]) -> None:
    np.testing.assert_allclose(probabilities(GIVEN[kind], kind), TRUE, rtol=1e-12)
    found = Detections(np.tile([0, 0, 10, 20.0], (3, 1)), GIVEN[kind], [1, 2, 3]).with_probabilities(kind)
    np.testing.assert_allclose(found.scores, TRUE, rtol=1e-12)
    assert (found.classes.tolist(), found.rows.tolist(), found.whole) == ([1, 2, 3], [0, 1, 2], True)


def test_any_logit_is_taken_and_what_is_of_another_kind_is_not() -> None:
    assert probabilities([-1e308, 0, 1e308], "logit").tolist() == [0, 0.5, 1]
    assert probabilities([1.0000001, -1e-9], "probability").tolist() == [1, 0]  # rounded
    for scores, kind, said in (
        ([0.5, 1.2], "probability", "score 1.2 is no probability (0 to 1); is it a percent or logit"),
        ([-3.0, 0.5], "probability", "score -3 is no probability"),
        ([50.0, 101], "percent", "score 101 is no percent (0 to 100); is it a probability or logit"),
    ):
        with pytest.raises(ValueError, match=re.escape(said)):
            probabilities(scores, kind)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="scores='logits', did you mean 'logit'"):
        probabilities([1], "logits")  # type: ignore[arg-type]


def detections_file(folder: Path, kind: str) -> Path:
    """Two people walking for 20 frames: one scores .9, the other .5, in scores of this kind."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for n in range(1, 21):
        for k, score in enumerate((GIVEN[kind][2], GIVEN[kind][1])):
            lines.append(f"{n},-1,{10 + 3 * n + 200 * k},40,30,80,{score:.12g}\n")
    (folder / "det.txt").write_text("".join(lines))
    return folder / "det.txt"


@pytest.mark.parametrize("kind", ["percent", "logit"])
@pytest.mark.parametrize("name", [name for name in algorithms() if not needs_embeddings(algorithm(name))])
def test_with_their_kind_said_every_algorithm_does_what_it_does_with_probabilities(
    tmp_path: Path, name: str, kind: Any
) -> None:
    rows = []
    for form in ("probability", kind):
        detector = detections_file(tmp_path / form, form)
        run = tracker.track(Frames(), algo=name, detector=detector, conf=0.3, scores=form)
        rows.append([(t.ids.tolist(), t.boxes.round(6).tolist(), t.scores.round(6).tolist()) for _, t in run])
    assert rows[0] == rows[1]
    assert any(ids for ids, *_ in rows[0])


class Frames:
    """Twenty frames without images."""

    frame_rate = 30.0

    def __iter__(self) -> Any:
        from tracker.io.video import Frame

        return (Frame(None, n, (n - 1) / 30) for n in range(1, 21))


def test_a_callable_and_a_network() -> None:
    class Mine:
        def at(self, number: int) -> Any:
            return [[10, 10, 40, 90, 2.0], [200, 10, 240, 90, -2.0]]

    (_, first), *_ = list(tracker.track(Frames(), algo="sort", detector=Mine(), scores="logit", conf=0.5))
    assert first.scores.round(3).tolist() == [0.881]
    with pytest.raises(ValueError, match="scores go with recorded detections; those of hog are probabilities"):
        open_detector("hog", scores="logit")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "seq").mkdir()
    (tmp_path / "seq" / "seqinfo.ini").write_text("[Sequence]\nname=seq\nframeRate=30\nseqLength=20\nimDir=img1\n")
    detections_file(tmp_path / "seq" / "det", "logit")
    words = [str(tmp_path / "seq"), "--algo", "bytetrack", "--no-video", "--json", "-o", str(tmp_path / "out")]
    assert main([*words, "--scores", "logit"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["tracks"] == 1
    assert main([*words, "--scores", "probability"]) == 2
    assert "score 2.19722 is no probability" in capsys.readouterr().err


def write_scaled(tree: Path, by: float) -> None:
    for file in tree.glob("*/det/det.txt"):
        rows = [line.split(",") for line in file.read_text().splitlines()]
        lines = [",".join([*row[:6], f"{by * float(row[6]):g}"]) for row in rows]
        file.with_name("other.txt").write_text("\n".join(lines) + "\n")


def test_bench_and_tune_take_the_kind_and_bench_says_what_is_too_low(tmp_path: Path) -> None:
    from made import write_sequence

    for name in ("a", "b"):
        write_sequence(tmp_path / name, 30)
    write_scaled(tmp_path, 50.0)
    given: dict[str, Any] = {"detections": "other.txt", "scores": "percent"}
    (run,), notes = bench(tmp_path, ["bytetrack"], out=tmp_path / "out", workers=1, conf=0.4, **given)
    assert run.evaluation.combined.ids == 0  # 45 % are too few for ByteTrack
    said = [note for note in notes if "no tracks" in note]
    assert [note[:2] for note in said] == ["a:", "b:"]
    assert "scores 0.45, bytetrack starts tracks at birth_threshold=0.6; lower that (--set)" in said[0]
    lower = {"settings": {"track_threshold": 0.2}}
    (again,), notes = bench(tmp_path, ["bytetrack"], out=tmp_path / "out", workers=1, **given, **lower)
    assert again.evaluation.combined.ids > 0
    assert not any("no tracks" in note for note in notes)
    pytest.importorskip("optuna", reason="needs the extra tune")
    tuned = tune(tmp_path, "bytetrack", out=tmp_path / "tuned", trials=1, **given, **lower)
    assert tuned.start["training"]["HOTA"] > 0.5


def update_with(tracker_: Any, score: float, frames: int) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(frames):
            tracker_.update(Detections([[10, 10, 50, 90.0]], [score]))
    return [str(one.message) for one in caught]


def test_the_library_warns_once_of_scores_too_low_to_start_a_track() -> None:
    mine = ByteTrack()
    assert update_with(mine, 0.45, UNREACHED_FRAMES - 1) == []
    (line,) = update_with(mine, 0.45, 100)
    assert line.startswith(
        f"no tracks: the best of {UNREACHED_FRAMES} detections scores 0.45, ByteTrack starts tracks at "
        "birth_threshold=0.6"
    )
    assert update_with(ByteTrack(track_threshold=0.3), 0.45, 100) == []
    quiet = ByteTrack()
    quiet.warns = False
    assert update_with(quiet, 0.45, 100) == []
    late = ByteTrack()
    update_with(late, 0.7, 1)
    assert update_with(late, 0.45, 100) == []  # it has been reached
    assert update_with(SORT(), 0.01, 100) == []  # it asks for nothing


def test_steady_scales_weak_scores_and_so_asks_for_less() -> None:
    assert update_with(Steady(), 0.3, 100) == []
    (line,) = update_with(Steady(), 0.1, 100)
    assert "Steady starts tracks at birth_score=0.7 (0.16 where all scores are weak)" in line


def test_results_with_bad_rows_are_scored_without_them_where_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gt.txt").write_text("".join(f"{n},0,10,10,30,60,1\n" for n in range(1, 11)))
    rows = "".join(f"{n},0,10,10,30,60,0.9,-1,-1,-1\n" for n in range(1, 11))
    (tmp_path / "out.txt").write_text(rows + "3,-1,10,10,30,60,0.9,-1,-1,-1\n4,1,10,10,-3,60,0.9,-1,-1,-1\n")
    words = ["eval", str(tmp_path / "out.txt"), "--gt", str(tmp_path / "gt.txt")]
    assert main(words) == 2
    assert "out.txt:11: id -1 (1 more bad row); ids count from 0" in capsys.readouterr().err
    assert main([*words, "--invalid", "drop"]) == 0
    assert "2 bad rows left out" in capsys.readouterr().out
    found = evaluate(tmp_path / "out.txt", tmp_path / "gt.txt", invalid="drop")
    assert found.combined.clear.mota == 1
    assert main(["doctor", str(tmp_path / "out.txt")]) == 1
    assert "ids count from 0" in capsys.readouterr().out
    assert main(["doctor", str(tmp_path / "out.txt"), "--invalid", "drop", "--kind", "results"]) == 1  # only one id
    assert "ids count from 0" not in capsys.readouterr().out


def test_bench_leaves_bad_rows_out_and_counts_them(tmp_path: Path) -> None:
    from made import write_sequence

    write_sequence(tmp_path / "a", 30)
    file = tmp_path / "a" / "det" / "det.txt"
    (whole,), _ = bench(tmp_path, ["sort"], out=tmp_path / "out", workers=1)
    file.write_text(file.read_text() + "3,-1,600,400,0,60,0.9,-1,-1,-1\n")  # KITTI's files have boxes without width
    with pytest.raises(ValueError, match="width 0 and height 60"):
        bench(tmp_path, ["sort"], out=tmp_path / "out", workers=1)
    (run,), notes = bench(tmp_path, ["sort"], out=tmp_path / "out", workers=1, invalid="drop")
    assert run.evaluation.combined.to_dict() == whole.evaluation.combined.to_dict()
    assert [note.split(": ", 1)[1] for note in notes] == ["det/det.txt: 1 bad row left out"]


@pytest.mark.parametrize(
    ("low", "high", "kind", "said"),
    [
        (0.0, 1.0, None, None),
        (-1.0, 16.0, None, "--scores logit"),
        (3.0, 96.0, None, "--scores percent"),
        (-1.0, 16.0, "logit", None),
        (0.3, 16.0, "logit", None),  # logits of the good ones alone
        (3.0, 96.0, "logit", "seldom exceed 25; is --scores logit right"),
        (0.01, 0.9, "logit", "as probabilities do; is --scores logit right"),
        (0.01, 0.9, "percent", "as probabilities do; is --scores percent right"),
        (3.0, 96.0, "percent", None),
        (1.0, 1.0, "percent", None),  # all alike say nothing
        (0.01, 0.9, "probability", None),
    ],
)
def test_scores_that_are_hardly_of_their_kind(low: float, high: float, kind: Any, said: str | None) -> None:
    found = doubt(low, high, kind)
    assert found is None if said is None else said in (found or "")


def test_bench_and_tune_say_what_the_scores_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from made import write_sequence

    for name in "ab":
        write_sequence(tmp_path / "data" / name, 30)
        file = tmp_path / "data" / name / "det" / "det.txt"
        rows = [line.split(",") for line in file.read_text().splitlines()]
        file.write_text("".join(",".join([*row[:6], "0.2", *row[7:]]) + "\n" for row in rows))
    _, notes = bench(tmp_path / "data", ["sort"], out=tmp_path / "out", workers=1)
    assert notes == []
    file.write_text(file.read_text().replace(",0.2,", ",-2,", 1))
    _, notes = bench(tmp_path / "data", ["sort"], out=tmp_path / "out", workers=1)
    assert [note.split(";")[0] for note in notes] == ["det/det.txt: scores run from -2 to 0.2, not 0..1"]
    words = ["tune", str(tmp_path / "data"), "--algo", "bytetrack", "--trials", "1", "-o", str(tmp_path / "tuned")]
    assert main(words) == 0
    said = capsys.readouterr().err
    assert "scores run from -2 to 0.2, not 0..1" in said
    assert "the start: no tracks: the best of 90 detections scores 0.2, bytetrack starts tracks at" in said
