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
from tracker.rows import Rows, as_rows


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
            write_results(tmp_path / f"{name}.txt", as_rows(rows["frame"], rows["id"], rows["xyxy"]))
    gt = shared / "data" / "MOT15" / "train"
    files = {name: tmp_path / f"{name}.txt" for name in names}
    evaluation = evaluate(files, gt, sequences=names)
    found = differences(evaluation, files, {name: gt / name for name in names})
    assert not [d for d in found if d.figure in (*IDENTITY, "MOTA", "IDSW", "FP", "FN")]


HALF = np.nextafter(0.5, 0)  # an overlap of one half, but for the last bit


def boxes_of(*overlaps: float) -> list[list[float]]:
    """Boxes that overlap [0, 0, 1, 1] by that much, as rows of a file cannot say: IoU = width of a slice of it."""
    return [[0.0, 0.0, overlap, 1.0] for overlap in overlaps]


@pytest.mark.parametrize("overlap", [0.5, HALF, np.nextafter(HALF, 0), 0.5 - 1e-9, 0.5 + 1e-9])
def test_overlaps_at_the_threshold_raise_no_alarm(overlap: float) -> None:
    truth = rows_of([[0.0, 0, 1, 1]] * 3)
    results = rows_of(boxes_of(0.9, overlap, 0.8))
    evaluation = evaluate(results, truth, "plain")
    assert evaluation.combined.clear.tp == (3 if overlap > 0.5 - 1e-12 else 2)
    assert evaluation.combined.identity.idtp == (3 if overlap >= 0.5 else 2)  # as the kit has it
    assert [d for d in differences(evaluation, results, truth) if d.figure not in ("Frag", "PT", "MT")] == []


def test_a_real_difference_is_no_matter_of_rounding() -> None:
    truth = rows_of([[0.0, 0, 1, 1]] * 3)
    evaluation = evaluate(rows_of(boxes_of(0.9, 0.5, 0.8)), truth, "plain")
    found = differences(evaluation, rows_of(boxes_of(0.9, 0.5 - 1e-9, 0.8)), truth)
    assert {"IDF1", "IDP", "IDR", "MOTA", "FN", "FP"} <= {d.figure for d in found}


def rows_of(boxes: list[list[float]]) -> Rows:
    """One object in successive frames."""
    return as_rows(np.arange(1, len(boxes) + 1), np.ones(len(boxes), dtype=np.int64), boxes)


def test_a_difference_in_words() -> None:
    assert str(Difference("a", "IDSW", 3, 4)) == "IDSW 3 (motmetrics 4)"
    assert str(Difference("a", "MOTA", 0.5, 0.25)) == "MOTA 50.0000 (motmetrics 25.0000)"
