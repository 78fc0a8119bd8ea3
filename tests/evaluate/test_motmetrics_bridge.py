"""motmetrics gets our distances, and agrees where its rules are the same."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    motmetrics = pytest.importorskip("motmetrics")

from tracker.evaluate.benchmark import evaluate
from tracker.evaluate.motmetrics_bridge import IDENTITY, Difference, differences, to_motmetrics
from tracker.io.mot import write_results


def test_a_filled_accumulator() -> None:
    accumulator = to_motmetrics([[1, 2], [1]], [[5], [5, 6]], [[[0.8], [0.1]], [[0.2, 0.7]]])
    summary = motmetrics.metrics.create().compute(
        accumulator, metrics=["num_matches", "num_switches", "num_misses", "motp"]
    )
    assert summary["num_matches"].iloc[0] == 1
    assert summary["num_switches"].iloc[0] == 1
    assert summary["num_misses"].iloc[0] == 1
    assert summary["motp"].iloc[0] == pytest.approx((0.2 + 0.3) / 2)


def test_identity_agrees_on_real_results(tmp_path: Path, shared: Path) -> None:
    names = ["TUD-Campus", "TUD-Stadtmitte", "KITTI-17"]
    for name in names:
        with np.load(shared / "reference" / "sort" / f"{name}.npz") as rows:
            write_results(tmp_path / f"{name}.txt", rows["frame"], rows["id"], rows["xyxy"])
    gt = shared / "data" / "MOT15" / "train"
    files = {name: tmp_path / f"{name}.txt" for name in names}
    evaluation = evaluate(files, gt, sequences=names)
    found = differences(evaluation, files, {name: gt / name for name in names})
    assert not [d for d in found if d.figure in (*IDENTITY, "MOTA", "IDSW", "FP", "FN")]


def test_a_difference_in_words() -> None:
    assert str(Difference("a", "IDSW", 3, 4)) == "IDSW 3 (motmetrics 4)"
    assert str(Difference("a", "MOTA", 0.5, 0.25)) == "MOTA 50.0000 (motmetrics 25.0000)"
