"""All steps together: order of rows, determinism, and scores on real results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracklets import columns, results, same, straight, together, track

from tracker.evaluate import evaluate
from tracker.io.mot import write_results
from tracker.refine import Rows, as_rows, interpolate, merge, refine, smooth_gaussian, smooth_rts


def test_a_broken_noisy_track_becomes_whole_and_straighter() -> None:
    rows = together(track(range(1, 31)), track(range(36, 60), 2))
    boxes = rows.boxes + np.random.default_rng(0).normal(0, 2, rows.boxes.shape)
    repaired, merges = refine(as_rows(rows.frames, rows.ids, boxes))
    assert [str(link)[:27] for link in merges] == ["id 2 -> id 1: gap 5 frames,"]
    assert repaired.frames.tolist() == list(range(1, 60))
    assert repaired.interpolated.sum() == 5
    true = straight(range(1, 60))
    assert np.abs(repaired.boxes - true).mean() < np.abs(boxes - rows.boxes).mean()


def test_everything_off_changes_nothing() -> None:
    rows = together(track(range(1, 31)), track(range(36, 60), 2))
    repaired, merges = refine(rows, merging=False, max_gap=0, smooth="off")
    assert same(repaired, rows)
    assert merges == []


@pytest.mark.parametrize("smooth", ["rts", "gaussian"])
@settings(max_examples=15)
@given(rows=results(), order=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter_and_the_input_stays(smooth: str, rows: Rows, order: object) -> None:
    before = columns(rows)
    repaired, merges = refine(rows, support=0, smooth=smooth)  # type: ignore[arg-type]
    assert all(np.array_equal(getattr(rows, name), value) for name, value in before.items())
    places = list(range(len(rows)))
    order.shuffle(places)  # type: ignore[attr-defined]
    mixed = as_rows(**{name: value[places] for name, value in before.items()})  # type: ignore[index, arg-type]
    again, merges_again = refine(mixed, support=0, smooth=smooth)  # type: ignore[arg-type]
    assert same(repaired, again)
    assert merges == merges_again
    as_rows(**columns(repaired))  # type: ignore[arg-type]


@pytest.mark.parametrize("step", [merge, interpolate, smooth_rts, smooth_gaussian])
def test_every_step_takes_rows_in_order_of_frames_too(step: Callable[[Rows], Any]) -> None:
    rows = together(track(range(1, 31), 2), track([*range(1, 15), *range(17, 30)], 1, box=(300, 20, 340, 120)))
    want, got = step(rows), step(rows.by_frame())
    assert same(*(found if isinstance(found, Rows) else found[0] for found in (want, got)))


def test_rows_keep_visibility_and_lines_and_those_added_have_none() -> None:
    rows = track([*range(1, 10), *range(11, 20)])
    rows = replace(rows, visibility=np.linspace(0, 1, 18))
    repaired, _ = refine(rows)
    added = repaired.interpolated
    assert repaired.visibility[~added].tolist() == rows.visibility.tolist()
    assert repaired.lines[~added].tolist() == list(range(1, 19))
    assert (repaired.visibility[added].tolist(), repaired.lines[added].tolist()) == ([-1], [0])


def test_an_unknown_smoother_is_one_line() -> None:
    with pytest.raises(ValueError, match="smooth='kalman' is unknown; use 'rts', 'gaussian' or 'off'"):
        refine(track([1]), smooth="kalman")  # type: ignore[arg-type]


@pytest.mark.parametrize("smooth", ["rts", pytest.param("gaussian", marks=pytest.mark.slow)])
def test_repair_raises_every_score_of_published_sort(shared: Path, tmp_path: Path, smooth: str) -> None:
    names = ["ETH-Sunnyday", "PETS09-S2L1"]
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    for name in names:
        with np.load(shared / "reference" / "sort" / f"{name}.npz") as published:
            rows = as_rows(published["frame"], published["id"], published["xyxy"])
        repaired, _ = refine(rows, smooth=smooth)  # type: ignore[arg-type]
        write_results(before / f"{name}.txt", rows)
        write_results(after / f"{name}.txt", repaired)
    gt = shared / "data/MOT15/train"
    was, now = (evaluate(folder, gt, sequences=names).combined.summary() for folder in (before, after))
    for score in ("HOTA", "MOTA", "IDF1"):
        assert now[score] > was[score] + 0.01
    assert now["IDSW"] < 0.75 * was["IDSW"]
