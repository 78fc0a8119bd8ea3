"""Intervals and the paired test: no difference where there is none, and no more false alarms than promised."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tracker.evaluate.benchmark import GroundTruth, load_ground_truth
from tracker.evaluate.chance import TITLES, as_dict, as_text, chance
from tracker.rows import Rows, as_rows

FRAMES, OBJECTS = 200, 6


def walk(seed: int = 0, frames: int = FRAMES) -> Rows:
    """Objects on lanes of their own."""
    rng = np.random.default_rng(seed)
    frame = np.repeat(np.arange(1, frames + 1), OBJECTS)
    ident = np.tile(np.arange(1, OBJECTS + 1), frames)
    x = 50.0 + rng.uniform(0.5, 2.0, OBJECTS)[ident - 1] * frame
    y = 100.0 * ident
    return as_rows(frame, ident, np.column_stack([x, y, x + 30, y + 60]))


def noisy(rows: Rows, seed: int, share: float = 0.2) -> Rows:
    """The rows with some lost, many at a time."""
    rng = np.random.default_rng(seed)
    lost = rng.uniform(0, 2 * share, FRAMES // 10 + 1)[rows.frames // 10]
    return rows.select(rng.random(len(rows)) >= lost)


@pytest.fixture(scope="module")
def truth() -> GroundTruth:
    return load_ground_truth({"a": walk(0)}, "plain")


def test_the_same_results_do_not_differ(truth: GroundTruth) -> None:
    found = chance(truth, {"one": {"a": noisy(walk(0), 1)}, "two": {"a": noisy(walk(0), 1)}})
    assert (found.unit, found.units) == ("blocks", 10)
    for title in TITLES:
        difference = found.difference("one", "two", title)
        assert (difference.interval.low, difference.interval.value, difference.interval.high) == (0, 0, 0)
        assert difference.p == 1
        assert difference.chance


def test_a_large_difference_is_more_than_chance_and_has_its_sign(truth: GroundTruth) -> None:
    found = chance(truth, {"good": {"a": walk(0)}, "bad": {"a": noisy(walk(0), 1)}})
    for title in ("HOTA", "MOTA", "IDF1"):
        difference = found.difference("good", "bad", title)
        assert 0 < difference.interval.low <= difference.interval.value <= difference.interval.high
        assert not difference.chance
        other = found.difference("bad", "good", title)
        assert (other.interval.value, other.p) == (-difference.interval.value, difference.p)
    perfect = found.interval("good", "HOTA")
    assert perfect.value == pytest.approx(1)


def test_trackers_of_one_quality_are_seldom_told_apart(truth: GroundTruth) -> None:
    """At 5 %, 40 pairs give 2 alarms on average; 6 or more come in 1 of 70 such tests. The seeds are fixed."""
    alarms = 0
    for seed in range(40):
        pair = {"one": {"a": noisy(walk(0), 2 * seed)}, "two": {"a": noisy(walk(0), 2 * seed + 1)}}
        alarms += not chance(truth, pair, seed=seed).difference("one", "two", "MOTA").chance
    assert alarms <= 5


def test_the_value_is_the_score_and_the_draws_do_not_depend_on_the_other_trackers(truth: GroundTruth) -> None:
    rows = {"a": noisy(walk(0), 3)}
    alone = chance(truth, {"one": rows})
    assert alone.interval("one", "HOTA").value == truth.score(rows).combined.summary()["HOTA"]
    both = chance(truth, {"two": {"a": walk(0)}, "one": rows})
    assert np.array_equal(alone.draws["one"], both.draws["one"])
    assert not np.array_equal(chance(truth, {"one": rows}, seed=1).draws["one"], alone.draws["one"])


def test_sequences_are_drawn_where_there_are_enough() -> None:
    rows = {name: walk(n, frames=30) for n, name in enumerate("abcdef")}
    truth = load_ground_truth(rows, "plain")
    lost = {name: own.select(own.ids > n) for n, (name, own) in enumerate(rows.items())}
    found = chance(truth, {"one": lost})
    assert (found.unit, found.units) == ("sequences", 6)
    interval = found.interval("one", "MOTA")
    assert interval.low < interval.value < interval.high
    assert chance(truth, {"one": lost}, unit="blocks").units == 60
    few = load_ground_truth({name: rows[name] for name in "abc"}, "plain")
    with pytest.raises(ValueError, match="intervals over 3 sequences say nothing; give at least 5, or take blocks"):
        chance(few, {"one": {name: lost[name] for name in "abc"}}, unit="sequences")


def test_too_few_frames_are_refused() -> None:
    truth = load_ground_truth({"a": walk(frames=3)}, "plain")
    with pytest.raises(ValueError, match="too few frames to make blocks of"):
        chance(truth, {"one": {"a": walk(frames=3)}})


def test_text_and_json_say_the_same(truth: GroundTruth) -> None:
    found = chance(truth, {"good": {"a": walk(0)}, "bad": {"a": noisy(walk(0), 1)}})
    text = as_text(found).splitlines()
    assert text[0].startswith("good  HOTA 100.00 [100.00, 100.00]")
    assert sum("good - bad" in line for line in text) == len(TITLES)
    data = json.loads(json.dumps(as_dict(found)))
    assert data["scores"]["good"]["HOTA"]["value"] == pytest.approx(1)
    assert [one["title"] for one in data["differences"]] == list(TITLES)
