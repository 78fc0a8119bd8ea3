"""Lines and zones as they are given: geometry, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from walks import rows_of, walk

from tracker.count import Line, Zone, count, parse_line, parse_zone

SQUARE = Zone("square", [[0, 0], [100, 0], [100, 100], [0, 100]])


def test_the_positive_side_is_the_right_hand_side_as_seen() -> None:
    right = Line("a", [[0, 0], [10, 0]])
    sides = right.sides(np.array([[5.0, 7.0], [5.0, -7.0], [5.0, 0.5]]), np.full(3, 10.0))
    np.testing.assert_allclose(sides.distances, [7, -7, 0.5])
    assert sides.sides.tolist() == [1, -1, 0]
    assert sides.near.tolist() == [False, False, True]


def test_inside_and_distance_of_a_zone() -> None:
    concave = Zone("c", [[0, 0], [100, 0], [100, 100], [50, 20], [0, 100]])
    points = np.array([[50.0, 10.0], [50.0, 60.0], [10.0, 50.0], [-30.0, -40.0], [50.0, -5.0]])
    assert concave.contains(points).tolist() == [True, False, True, False, False]
    np.testing.assert_allclose(SQUARE.sides(points, np.ones(5)).distances, [10, 40, 10, -50, -5])


@given(st.integers(0, 2**32 - 1))
def test_a_zone_agrees_with_opencv(seed: int) -> None:
    import cv2

    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, 7))
    corners = (np.stack((np.cos(angles), np.sin(angles)), axis=1) * random.uniform(20, 100, (7, 1))).astype(np.float32)
    try:
        zone = Zone("z", corners)
    except ValueError:
        return  # angles more than half a turn apart may give a polygon that crosses itself
    points = random.uniform(-110, 110, (40, 2)).astype(np.float32)
    expected = [cv2.pointPolygonTest(corners, point.tolist(), True) for point in points]
    np.testing.assert_allclose(zone.sides(points.astype(float), np.ones(40)).distances, expected, atol=1e-3)


def test_a_zone_smaller_than_the_band_can_be_entered() -> None:
    small = Zone("small", [[198, 198], [206, 198], [206, 206], [198, 206]])
    totals = count(rows_of(walk((202, 150), (202, 202), (202, 250), speed=1)), [small]).totals(small)
    assert (totals.into, totals.out) == (1, 1)


def test_stays_in_seconds() -> None:
    path = np.concatenate([walk((50, -50), (50, 50)), np.tile([50.0, 50.0], (100, 1)), walk((50, 50), (50, 150))])
    (visit,) = count(rows_of(path), [SQUARE], frame_rate=10).visits
    assert (visit.entered, visit.left) == (True, True)
    assert visit.dwell == pytest.approx((100 + 2 * 12.5) / 10, abs=0.2)
    (visit,) = count(rows_of(path[30:]), [SQUARE], frame_rate=10).visits
    assert (visit.entered, visit.left, visit.since) == (False, True, 1)
    (visit,) = count(rows_of(path[:90]), [SQUARE], frame_rate=10).visits
    assert (visit.entered, visit.left, visit.until) == (True, False, 90)
    assert np.isnan(count(rows_of(path), [SQUARE]).visits[0].dwell)


def test_hysteresis_at_an_edge() -> None:
    wobble = np.column_stack((np.full(60, 50.0), 3.0 * (-1.0) ** np.arange(60)))
    path = np.concatenate([walk((50, -50), (50, -4)), wobble, walk((50, 0), (50, 60))])
    counts = count(rows_of(path), [SQUARE])
    assert [event.direction for event in counts.events] == ["enter"]


def test_occupancy_counts_people_in_frames() -> None:
    rows = rows_of(walk((50, -50), (50, 150)), walk((20, 50), (20, 60), speed=0.2), first=(1, 10))
    counts = count(rows, [SQUARE])
    assert counts.occupancy(SQUARE, [1, 10, 30, 45, 60, 99]).tolist() == [0, 1, 2, 1, 1, 0]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("door=100,200", "line door: has one point; give two, such as door=100,200 400,200"),
        ("door=100,200 100,200", "line door: has one point; give two"),
        ("door=1,2 3,4 5,6", "line door: has 3 points; give two, or one line for each part"),
        ("door=", "line door: has no points"),
        ("door=1,2 3", "line door: '3' is no point; give x,y in pixels, such as 100,200"),
        ("door=1,2 nan,4", "line door: has NaN or inf"),
        ("=1,2 3,4", "line =1,2 3,4: has no name before =; give one"),
    ],
)
def test_lines_that_are_refused(text: str, error: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(error)}"):
        parse_line(text, "line1")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("hall=0,0 10,10 10,0 0,10", "zone hall: edges 1 and 3 cross or touch"),
        ("hall=0,0 10,0", "zone hall: has 2 corners; give three or more"),
        ("hall=0,0 10,0 0,0", "zone hall: has 2 corners; give three or more"),
        ("hall=0,0 10,0 20,0", "zone hall: edges"),
        ("hall=0,0 10,0 5,0 5,5", "zone hall: edges"),
        ("hall=0,0 10,0 10,10 5,0 0,10", "zone hall: edges"),
    ],
)
def test_zones_that_are_refused(text: str, error: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(error)}"):
        parse_zone(text, "zone1")


def test_a_name_is_optional_and_a_zone_may_be_closed() -> None:
    assert parse_line("1,2 3,4", "line1").name == "line1"
    assert parse_zone("a=b=0,0 9,0 9,9 0,0", "zone1").name == "a=b"
    assert len(parse_zone("0,0 9,0 9,9 0,0", "zone1").points) == 3


def test_bad_arguments_are_refused() -> None:
    rows = rows_of(walk((50, -50), (50, 150)))
    with pytest.raises(ValueError, match="there are two of this name"):
        count(rows, [SQUARE, SQUARE])
    with pytest.raises(ValueError, match="band=-1"):
        Line("a", [[0, 0], [1, 1]], band=-1)
    with pytest.raises(ValueError, match="frame_rate=0"):
        count(rows, [SQUARE], frame_rate=0)
    with pytest.raises(ValueError, match="times have shape"):
        count(rows, [SQUARE], times=[1.0])
    with pytest.raises(ValueError, match="times fall"):
        count(rows, [SQUARE], times=-rows.frames)
    with pytest.raises(ValueError, match="merge_gap"):
        count(rows, [SQUARE], merge_gap="soon")
