"""Every figure equals the official kit's: integers exactly, floats to 1e-9, ties included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

pytest.importorskip("trackeval", reason="needs the official kit (pip install trackwhy[dev])")

import kit
from score_scenes import scenes

from tracker.evaluate.benchmark import Accumulator, evaluate
from tracker.evaluate.clear import clear
from tracker.evaluate.hota import hota
from tracker.evaluate.identity import identity

Rows = tuple[Any, Any, Any]  # frames, ids, boxes
SMALL15 = ["TUD-Campus", "TUD-Stadtmitte", "KITTI-17"]
ALL17 = ["MOT17-02", "MOT17-04", "MOT17-05", "MOT17-09"]


@settings(max_examples=200)
@given(scenes())
def test_random_scenes(scene: kit.Scene) -> None:
    ours = {**hota(*scene).to_dict(), **clear(*scene).to_dict(), **identity(*scene).to_dict()}
    kit.assert_equal(ours, kit.of_arrays(*scene))


@settings(max_examples=60)
@given(scenes(frames=30, size=12))
def test_crowded_scenes_fed_frame_by_frame(scene: kit.Scene) -> None:
    accumulator = Accumulator()
    for frame in zip(*scene, strict=True):
        accumulator.update(*frame)
    kit.assert_equal(accumulator.result().to_dict(), kit.of_arrays(*scene))


def _rng() -> np.random.Generator:
    return np.random.default_rng(7)


def _drop_frames(frames: Any, ids: Any, boxes: Any) -> Rows:
    keep = ~np.isin(frames, _rng().choice(np.unique(frames), len(np.unique(frames)) // 3, replace=False))
    return frames[keep], ids[keep], boxes[keep]


def _swap_ids(frames: Any, ids: Any, boxes: Any) -> Rows:
    late = frames > np.median(frames)
    names = np.unique(ids)
    ids = ids.copy()
    ids[late] = _rng().permutation(names)[np.searchsorted(names, ids[late])]
    return frames, ids, boxes


def _shift_boxes(frames: Any, ids: Any, boxes: Any) -> Rows:
    return frames, ids, boxes + 0.2 * (boxes[:, 2:] - boxes[:, :2])[:, [0, 1, 0, 1]] * _rng().random((len(boxes), 1))


def _double_boxes(frames: Any, ids: Any, boxes: Any) -> Rows:
    twice = _rng().random(len(ids)) < 0.5
    columns = ((frames, frames), (ids, ids + 10_000), (boxes, boxes))
    out = [np.concatenate((a, b[twice])) for a, b in columns]
    return out[0], out[1], out[2]


def _nothing(frames: Any, ids: Any, boxes: Any) -> Rows:
    return frames[:0], ids[:0], boxes[:0]


DAMAGE: dict[str, Callable[[Any, Any, Any], Rows]] = {
    "as it is": lambda frames, ids, boxes: (frames, ids, boxes),
    "dropped frames": _drop_frames,
    "swapped ids": _swap_ids,
    "shifted boxes": _shift_boxes,
    "doubled boxes": _double_boxes,
    "empty": _nothing,
}


def compare(
    tmp_path: Path, shared: Path, benchmark: str, tracker: str, sequences: list[str], change: Callable[..., Rows]
) -> None:
    results = {}
    for name in sequences:
        with np.load(shared / "reference" / tracker / f"{name}.npz") as rows:
            results[name] = change(rows["frame"].astype(int), rows["id"].astype(int), rows["xyxy"])
    gt, ours = kit.make_tree(tmp_path, shared / "data" / benchmark / "train", sequences, benchmark, results)
    evaluation = evaluate(ours, gt)
    theirs = kit.of_tree(tmp_path, benchmark)
    assert [score.name for score in evaluation.sequences] == sorted(sequences)
    for score in evaluation.sequences:
        kit.assert_equal(score.to_dict(), theirs[score.name], score.name)
    kit.assert_equal(evaluation.combined.to_dict(), theirs["COMBINED_SEQ"], "combined")


@pytest.mark.parametrize("damage", DAMAGE)
def test_sort_on_small_mot15(tmp_path: Path, shared: Path, damage: str) -> None:
    compare(tmp_path, shared, "MOT15", "sort", SMALL15, DAMAGE[damage])


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGE)
def test_bytetrack_on_mot17_09(tmp_path: Path, shared: Path, damage: str) -> None:
    compare(tmp_path, shared, "MOT17", "bytetrack", ["MOT17-09"], DAMAGE[damage])


def test_one_sequence_without_results(tmp_path: Path, shared: Path) -> None:
    results = {}
    for name in SMALL15:
        with np.load(shared / "reference" / "sort" / f"{name}.npz") as rows:
            results[name] = (rows["frame"], rows["id"], rows["xyxy"])
    results["KITTI-17"] = _nothing(*results["KITTI-17"])
    gt, ours = kit.make_tree(tmp_path, shared / "data" / "MOT15" / "train", SMALL15, "MOT15", results)
    theirs = kit.of_tree(tmp_path, "MOT15")  # it wants an empty file where we take none
    (ours / "KITTI-17.txt").unlink()
    evaluation = evaluate(ours, gt)
    assert evaluation.notes == ("KITTI-17: no results, scored as empty",)
    for score in evaluation.sequences:
        kit.assert_equal(score.to_dict(), theirs[score.name], score.name)
    kit.assert_equal(evaluation.combined.to_dict(), theirs["COMBINED_SEQ"], "combined")


@pytest.mark.parametrize("benchmark", ["MOT16", "MOT20"])
def test_rules_of_other_benchmarks(tmp_path: Path, shared: Path, benchmark: str) -> None:
    """MOT17-05 as a sequence of the other benchmarks; some pedestrians become class 6, a distractor of MOT20 only."""
    source = tmp_path / "source"
    name = f"{benchmark}-05"
    (source / name / "gt").mkdir(parents=True)
    origin = shared / "data" / "MOT17" / "train" / "MOT17-05"
    lines = (origin / "gt" / "gt.txt").read_text().splitlines()
    changed = []
    for line in lines:
        fields = line.split(",")
        if fields[7] == "1" and int(fields[1]) % 3 == 0:
            fields[7] = "6"
        changed.append(",".join(fields))
    (source / name / "gt" / "gt.txt").write_text("\n".join(changed) + "\n")
    (source / name / "seqinfo.ini").write_text((origin / "seqinfo.ini").read_text())
    with np.load(shared / "reference" / "bytetrack" / "MOT17-05.npz") as rows:
        results = {name: (rows["frame"], rows["id"], rows["xyxy"])}
    gt, ours = kit.make_tree(tmp_path, source, [name], benchmark, results)
    evaluation = evaluate(ours, gt)
    assert evaluation.rules == ("MOT20" if benchmark == "MOT20" else "MOT16/17")
    kit.assert_equal(evaluation.combined.to_dict(), kit.of_tree(tmp_path, benchmark)["COMBINED_SEQ"])


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(("benchmark", "tracker"), [("MOT15", "sort"), ("MOT17", "bytetrack"), ("MOT17", "ocsort")])
def test_every_shared_sequence(tmp_path: Path, shared: Path, benchmark: str, tracker: str, damage: str) -> None:
    sequences = sorted(path.stem for path in (shared / "reference" / tracker).glob("*.npz"))
    compare(tmp_path, shared, benchmark, tracker, sequences, DAMAGE[damage])


def test_the_table_sort_was_published_with(tmp_path: Path, shared: Path) -> None:
    """SORT's own README, six sequences: MOTA 34.0, 274 switches, 48 mostly tracked, FP 3311, FN 11660, Frag 499."""
    names = ["TUD-Campus", "ETH-Sunnyday", "ETH-Pedcross2", "ADL-Rundle-8", "Venice-2", "KITTI-17"]
    from tracker.io.mot import write_results
    from tracker.rows import as_rows

    for name in names:
        with np.load(shared / "reference" / "sort" / f"{name}.npz") as rows:
            write_results(tmp_path / f"{name}.txt", as_rows(rows["frame"], rows["id"], rows["xyxy"]))
    score = evaluate(tmp_path, shared / "data" / "MOT15" / "train", sequences=names).combined.clear
    assert round(100 * score.mota, 1) == 34.0
    assert (score.idsw, score.mt, score.fp, score.fn, score.frag) == (274, 48, 3311, 11660, 499)
