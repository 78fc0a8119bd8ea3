"""What must hold for any paths: properties, on random walks of several people with misses and changes of id."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from walks import rows_of

from tracker.arrays import FloatArray
from tracker.count import Counts, Line, Totals, Zone, count
from tracker.rows import Rows

EVERYWHERE = Line("all", [[-1e5, 200], [1e5, 180]])
DOOR = Line("door", [[100, 200], [300, 190]])
HALL = Zone("hall", [[120, 120], [310, 100], [280, 260], [200, 180], [110, 250]])


@st.composite
def crowds(draw: st.DrawFn) -> Rows:
    """Up to four people who wander about the places, with some rows missing and some predicted."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    paths = []
    for _ in range(draw(st.integers(1, 4))):
        legs = random.normal(0, 12, (draw(st.integers(1, 8)), 2))
        steps = np.repeat(legs, random.integers(1, 15, len(legs)), axis=0) + random.normal(0, 1.5, 2)
        paths.append(random.uniform((60, 100), (340, 300)) + np.cumsum(steps, axis=0))
    rows = rows_of(*paths, first=random.integers(1, 20, len(paths)).tolist())
    rows = rows.select(random.random(len(rows)) < 0.9)
    return replace(rows, interpolated=random.random(len(rows)) < 0.05)


def counted(rows: Rows, place: Line | Zone) -> tuple[Totals, Counts]:
    counts = count(rows, [place], frame_rate=25, merge_gap=None)
    return counts.totals(place), counts


@given(crowds(), st.sampled_from([DOOR, EVERYWHERE]))
def test_swapped_ends_swap_in_and_out(rows: Rows, line: Line) -> None:
    totals, _ = counted(rows, line)
    swapped, _ = counted(rows, Line(line.name, line.points[::-1]))
    assert swapped == Totals(totals.out, totals.into, totals.bridged, totals.undecided)


@given(crowds(), st.sampled_from([DOOR, EVERYWHERE, HALL]))
def test_reversed_time_swaps_in_and_out(rows: Rows, place: Line | Zone) -> None:
    totals, _ = counted(rows, place)
    backwards, _ = counted(replace(rows, frames=1 + rows.last_frame - rows.frames).by_track(), place)
    assert (backwards.into, backwards.out, backwards.undecided) == (totals.out, totals.into, totals.undecided)


@given(crowds(), st.sampled_from([0.25, 0.5, 2, 8]), st.tuples(st.integers(-999, 999), st.integers(-999, 999)))
def test_scale_and_shift_change_nothing_but_the_points(rows: Rows, scale: float, shift: tuple[int, int]) -> None:
    def moved(points: FloatArray) -> FloatArray:
        return points * scale + np.resize(shift, points.shape[1])

    for place in (DOOR, HALL):
        totals, counts = counted(rows, place)
        same, moves = counted(replace(rows, boxes=moved(rows.boxes)), type(place)(place.name, moved(place.points)))
        assert same == totals
        where = [(event.frame, event.id, event.direction, event.certainty) for event in counts.events]
        assert where == [(event.frame, event.id, event.direction, event.certainty) for event in moves.events]
        np.testing.assert_allclose(
            np.array([(event.x, event.y) for event in moves.events]).reshape(-1, 2),
            moved(np.array([(event.x, event.y) for event in counts.events]).reshape(-1, 2)),
            atol=1e-6,
        )


def sides_of_ends(rows: Rows, place: Line | Zone) -> tuple[int, int]:
    """How many people were certainly on the positive side first, and last."""
    observed = rows.select(~rows.interpolated)
    boxes = observed.boxes
    feet = np.column_stack(((boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]))
    sides = place.sides(feet, boxes[:, 3] - boxes[:, 1]).sides
    certain = [part[part != 0] for part in (sides[a:b] for a, b in observed.spans)]
    return sum(int(s[0] > 0) for s in certain if len(s)), sum(int(s[-1] > 0) for s in certain if len(s))


@given(crowds(), st.sampled_from([EVERYWHERE, HALL]))
def test_in_less_out_is_inside_at_the_end_less_inside_at_the_start(rows: Rows, place: Line | Zone) -> None:
    totals, _ = counted(rows, place)
    start, end = sides_of_ends(rows, place)
    assert totals.into - totals.out == end - start


@given(crowds())
def test_visits_tell_what_the_events_tell(rows: Rows) -> None:
    totals, counts = counted(rows, HALL)
    start, end = sides_of_ends(rows, HALL)
    visits = counts.visits_of(HALL)
    assert sum(visit.entered for visit in visits) == totals.into
    assert sum(visit.left for visit in visits) == totals.out
    assert sum(not visit.entered for visit in visits) == start
    assert sum(not visit.left for visit in visits) == end
    assert all(visit.dwell >= 0 and visit.until >= visit.since for visit in visits)
    frames = np.arange(1, rows.last_frame + 2)
    by_hand = [sum(v.since <= f <= v.until - v.left for v in visits) for f in frames]
    assert counts.occupancy(HALL, frames).tolist() == by_hand


@given(
    st.integers(0, 2**32 - 1), st.floats(2, 12), st.floats(-0.6, 0.6), st.floats(130, 270), st.booleans(), st.booleans()
)
def test_half_the_frame_rate_counts_the_same(
    seed: int, speed: float, slant: float, x: float, down: bool, later: bool
) -> None:
    """People who walk through the middle of the line and are in view for 80 pixels or more on both sides."""
    t = np.arange(-160 / speed, 160 / speed)
    y = 195 + t * speed * (1 if down else -1)
    path = np.column_stack((x + slant * (y - 195) * 0.1, y)) + np.random.default_rng(seed).normal(0, 1, (len(t), 2))
    rows = rows_of(path)
    half = replace(rows.select(rows.frames % 2 == later), frames=rows.frames[rows.frames % 2 == later] // 2 + 1)
    for place in (DOOR, EVERYWHERE):
        whole, halved = (counted(r, place)[0] for r in (rows, half))
        assert whole == halved == Totals(int(down), int(not down), 0, 0)


@given(crowds())
def test_the_order_of_rows_does_not_matter(rows: Rows) -> None:
    shuffled = rows.select(np.random.default_rng(1).permutation(len(rows)))
    for place in (DOOR, HALL):
        events, again = (counted(r, place)[1].events for r in (rows, shuffled))
        assert Counter(events) == Counter(again)


@given(crowds())
def test_two_places_count_as_each_alone(rows: Rows) -> None:
    both = count(rows, [DOOR, HALL], frame_rate=25)
    for place in (DOOR, HALL):
        alone = count(rows, [place], frame_rate=25)
        assert both.events_of(place) == list(alone.events)
        assert both.totals(place) == alone.totals(place)
