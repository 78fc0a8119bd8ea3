"""Speed on the ground, different people, heat maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from walks import rows_of, walk

from tracker.arrays import FloatArray
from tracker.count import Ground, draw_heat, heat_map, parse_ground, paths_of, speeds, unique

IMAGE = np.array([[100, 100], [300, 100], [400, 300], [0, 300]], dtype=float)
METRES = np.array([[0, 0], [8, 0], [8, 12], [0, 12]], dtype=float)
GROUND = Ground(IMAGE, METRES)


def seen_at(metres: FloatArray) -> FloatArray:
    """The pixels of points on the ground."""
    lifted = np.column_stack((metres, np.ones(len(metres)))) @ np.linalg.inv(GROUND.homography).T
    points: FloatArray = lifted[:, :2] / lifted[:, 2:]
    return points


def test_the_corners_and_a_point_between() -> None:
    np.testing.assert_allclose(GROUND.to_metres(IMAGE * 0.9999 + 0.0001 * IMAGE.mean(axis=0)), METRES, atol=0.01)
    middle = GROUND.to_metres(np.array([[200.0, 166.6666667]]))  # where the diagonals meet
    np.testing.assert_allclose(middle, [[4, 6]], atol=1e-6)


def test_a_point_outside_the_quad_has_no_place() -> None:
    assert np.isnan(GROUND.to_metres(np.array([[50.0, 100.0], [200.0, 301.0]]))).all()


def test_the_speed_of_a_straight_walk() -> None:
    walked = np.column_stack((np.full(50, 4.0), 1 + np.arange(50) / 25 * 1.4))
    found = speeds(paths_of(rows_of(seen_at(walked)), frame_rate=25), GROUND)
    np.testing.assert_allclose(found.speeds, 1.4, atol=1e-6)
    np.testing.assert_allclose(found.errors, 0, atol=1e-5)


def test_the_error_is_as_large_as_the_speed_is_wrong() -> None:
    deviations, errors = [], []
    for seed in range(40):
        walked = np.column_stack((np.full(26, 4.0), 2 + np.arange(26) / 25 * 1.4))
        walked += np.random.default_rng(seed).normal(0, 0.05, walked.shape)
        found = speeds(paths_of(rows_of(seen_at(walked)), frame_rate=25), GROUND)
        deviations.append(found.speeds[13] - 1.4)
        errors.append(found.errors[13])
    assert np.std(deviations) == pytest.approx(np.mean(errors), rel=0.35)
    assert abs(np.mean(deviations)) < 0.02


def test_no_speed_where_the_path_leaves_the_quad_or_is_short() -> None:
    walked = np.column_stack((np.full(100, 4.0), 9 + np.arange(100) / 25 * 1.4))  # the quad ends at 12
    paths = paths_of(rows_of(seen_at(walked)), frame_rate=25)
    found = speeds(paths, GROUND)
    inside = np.isfinite(GROUND.to_metres(paths.feet)[:, 0])
    assert 40 < np.count_nonzero(inside) < 60
    assert np.isfinite(found.speeds[: np.count_nonzero(inside) - 13]).all()
    assert np.isnan(found.speeds[np.count_nonzero(inside) :]).all()
    short = paths_of(rows_of(seen_at(walked[:20])), frame_rate=25)
    assert np.isnan(speeds(short, GROUND).speeds).all()


def test_uneven_times_are_kept() -> None:
    times = np.sort(np.random.default_rng(0).uniform(0, 3, 60))
    walked = np.column_stack((np.full(60, 4.0), 1 + times * 1.4))
    found = speeds(paths_of(rows_of(seen_at(walked)), times=times), GROUND)
    np.testing.assert_allclose(found.speeds, 1.4, atol=1e-6)


def test_speed_without_times_is_refused() -> None:
    with pytest.raises(ValueError, match="speed needs times"):
        speeds(paths_of(rows_of(walk((200, 150), (200, 250)))), GROUND)


@pytest.mark.parametrize(
    ("image", "error"),
    [
        ([[0, 0], [10, 10], [20, 20], [0, 30]], "three of the four points in image lie on a line"),
        ([[0, 0], [10, 0], [20, 0], [30, 0]], "three of the four points in image lie on a line"),
        ([[0, 0], [10, 10], [10, 0], [0, 10]], "not in order"),
        ([[0, 0], [10, 10], [10, 0]], "give four points"),
    ],
)
def test_points_that_are_no_quad_are_refused(image: list[list[float]], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        Ground(image, METRES)
    with pytest.raises(ValueError, match=error.replace("image", "metres")):
        Ground(IMAGE, image)


def test_the_ground_of_the_command_line() -> None:
    ground = parse_ground("100,100 300,100 400,300 0,300 = 0,0 8,0 8,12 0,12")
    np.testing.assert_allclose(ground.homography, GROUND.homography)
    with pytest.raises(ValueError, match="give four points in pixels, =, and the same four in metres"):
        parse_ground("100,100 300,100")


def test_different_people_as_an_interval() -> None:
    path = walk((100, 100), (400, 100))
    broken = rows_of(path[:30], path[32:], walk((100, 300), (400, 300)), first=(1, 33, 1))
    people = unique(broken, frame_rate=25)
    assert (people.low, people.best, people.high) == (2, 2, 3)
    stands = np.tile([100.0, 100.0], (60, 1))
    away = rows_of(stands, stands, first=(1, 61 + 60))  # for 2.4 seconds: longer than counting merges over
    assert vars(unique(away, frame_rate=25)) == {"low": 1, "best": 2, "high": 2}
    assert vars(unique(broken.select(slice(0, 0)))) == {"low": 0, "best": 0, "high": 0}
    crowd = rows_of(*[walk((x, 100), (x, 200)) for x in range(0, 500, 50)])
    assert vars(unique(crowd, frame_rate=25)) == {"low": 10, "best": 10, "high": 10}


def test_a_heat_map_is_seconds() -> None:
    rows = rows_of(np.tile([100.0, 50.0], (50, 1)), np.tile([3.0, 3.0], (10, 1)))
    heat = heat_map(rows, (160, 90), cell=8, frame_rate=25)
    assert heat.shape == (12, 20)
    assert heat[6, 12] == 2
    assert heat[0, 0] == pytest.approx(0.4)
    assert heat.sum() == pytest.approx(2.4)
    outside = replace(rows, boxes=rows.boxes + 1000)
    assert heat_map(outside, (160, 90)).sum() == 0
    image = np.full((90, 160, 3), 30, np.uint8)
    drawn = draw_heat(image, heat)
    assert drawn.shape == image.shape
    assert (drawn[50, 100].astype(int) - 30).max() > 100
    assert (drawn[80, 10] == 30).all()
    assert (draw_heat(image, np.zeros((12, 20))) == 30).all()
    with pytest.raises(ValueError, match="numbers above 0"):
        heat_map(rows, (0, 90))
