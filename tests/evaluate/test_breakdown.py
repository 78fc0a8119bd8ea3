"""Groups of ground truth rows: they add up to CLEAR's counts, and each row is in the group that it belongs to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tracker.evaluate.benchmark import load_ground_truth
from tracker.evaluate.breakdown import Group, as_text, breakdown
from tracker.rows import Rows, as_rows


def table(rows: list[tuple[int, int, float, float, float, float]]) -> Rows:
    """Frame, id, left, top, width, height."""
    data = np.array(rows)
    corners = np.column_stack([data[:, 2:4], data[:, 2:4] + data[:, 4:6]])
    return as_rows(data[:, 0].astype(int), data[:, 1].astype(int), corners)


def of(groups: list[Group], kind: str) -> dict[str, Group]:
    return {one.name: one for one in groups if one.kind == kind}


def test_rows_are_grouped_by_height_and_crowding() -> None:
    gt = table([(1, 1, 0, 0, 20, 40), (1, 2, 200, 0, 60, 128), (1, 3, 210, 0, 60, 128), (2, 1, 0, 0, 20, 40)])
    found = table([(1, 7, 0, 0, 20, 40), (2, 8, 0, 0, 20, 40), (1, 9, 200, 0, 60, 128)])
    groups = breakdown(load_ground_truth({"a": gt}, "plain"), {"a": found})
    by_height = of(groups, "height")
    assert {n: (g.rows, g.found, g.idsw) for n, g in by_height.items()} == {
        "32-64 px": (2, 2, 1),
        "128-256 px": (2, 1, 0),
    }
    crowding = of(groups, "crowding")
    assert {n: (g.rows, g.found) for n, g in crowding.items()} == {"alone": (2, 2), "IoU .5 up": (2, 1)}
    assert crowding["IoU .5 up"].recall == 0.5


def test_rows_are_grouped_by_visibility_where_it_is_known() -> None:
    gt = table([(1, number, 100 * number, 0, 30, 60) for number in range(1, 7)])
    gt = replace(gt, visibility=np.array([0.0, 0.24, 0.25, 0.74, 1.0, -1.0]))  # the last one is unknown
    found = table([(1, number, 100 * number, 0, 30, 60) for number in (2, 3, 5, 6)])
    groups = of(breakdown(load_ground_truth({"a": gt}, "plain"), {"a": found}), "visibility")
    assert {name: (one.rows, one.found) for name, one in groups.items()} == {
        "below 0.25": (2, 1),
        "0.25-0.5": (1, 1),
        "0.5-0.75": (1, 0),
        "0.75 up": (1, 1),
    }


@pytest.mark.parametrize(
    ("length", "name"), [(1, "1 frame"), (2, "2-10 frames"), (10, "2-10 frames"), (91, "over 90 frames")]
)
@pytest.mark.parametrize("hidden", ["absent", "invisible"])
def test_occlusions_are_kept_where_the_id_after_is_the_one_before(length: int, name: str, hidden: str) -> None:
    last = 5 + length + 5
    frames = [n for n in range(1, last + 1) if hidden == "invisible" or not 5 < n <= 5 + length]
    gt = table([(n, 1, 0, 0, 30, 60) for n in frames])
    dark = (gt.frames > 5) & (gt.frames <= 5 + length)
    gt = replace(gt, visibility=np.where(dark, 0.1, 1.0))
    truth = load_ground_truth({"a": gt}, "plain")
    same = table([(n, 4, 0, 0, 30, 60) for n in frames if n <= 5 or n > 5 + length])
    other = replace(same, ids=np.where(same.frames > 5, 9, 4))
    for rows, kept in ((same, 1), (other, 0)):
        (group,) = of(breakdown(truth, {"a": rows}), "occlusion").values()
        assert (group.name, group.rows, group.kept, group.idsw) == (name, 1, kept, 1 - kept)


def test_groups_add_up_to_clear_on_real_data(shared: Path) -> None:
    truth = load_ground_truth(shared / "data" / "MOT17" / "train", "mot17", ["MOT17-09"])
    gt = truth.rows["MOT17-09"]
    rng = np.random.default_rng(0)
    shown = gt.select((gt.classes == 1) & (rng.random(len(gt)) < 0.8))
    results = {"MOT17-09": as_rows(shown.frames, shown.ids + 100 * (shown.frames % 50 == 0), shown.boxes)}
    clear = truth.score(results).combined.clear
    groups = breakdown(truth, results)
    for kind in ("height", "crowding", "visibility"):
        own = of(groups, kind).values()
        assert sum(one.rows for one in own) == clear.tp + clear.fn
        assert sum(one.found or 0 for one in own) == clear.tp
        assert sum(one.idsw for one in own) == clear.idsw > 100
    text = as_text({"sort": groups, "other": groups}).splitlines()
    assert len(text) == 1 + len(groups)
    assert len({len(line) for line in text}) == 1
