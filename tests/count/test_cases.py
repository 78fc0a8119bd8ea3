"""The plain cases at a line from (100, 200) to (300, 200), "in" is downwards; what others miscount."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from walks import rows_of, walk

from tracker.count import Event, Line, count
from tracker.rows import Rows

DOOR = Line("door", [[100, 200], [300, 200]])


def counted(rows: Rows) -> tuple[int, int, int, int]:
    """In, out, how many of them bridged, undecided."""
    totals = count(rows, [DOOR], frame_rate=25).totals(DOOR)
    return totals.into, totals.out, totals.bridged, totals.undecided


def the_event(rows: Rows) -> Event:
    (event,) = count(rows, [DOOR], frame_rate=25).events
    return event


def test_a_walk_across_counts_once_where_and_when_it_crosses() -> None:
    event = the_event(rows_of(walk((200, 101), (200, 301))))
    assert (event.direction, event.certainty, event.id, event.kind, event.place) == ("in", "sure", 1, "line", "door")
    assert (event.x, event.y) == (200, 200)
    assert event.frame == 26  # the foot is at 101 + 4 * (frame - 1): 197 in frame 25, 201 in frame 26
    assert event.time == pytest.approx((24 + 3 / 4) / 25)


def test_there_and_back_counts_once_each_way() -> None:
    assert counted(rows_of(walk((200, 100), (200, 300), (200, 100)))) == (1, 1, 0, 0)


@pytest.mark.parametrize("seed", range(10))
def test_standing_on_the_line_with_jitter_of_3_pixels_is_no_crossing(seed: int) -> None:
    jitter = np.random.default_rng(seed).uniform(-3, 3, (200, 2))
    stands = np.concatenate([walk((200, 120), (200, 200)), (200, 200) + jitter, walk((200, 200), (200, 120))])
    assert counted(rows_of(stands)) == (0, 0, 0, 0)
    crosses = np.concatenate([walk((200, 120), (200, 200)), (200, 200) + jitter, walk((200, 200), (200, 280))])
    assert counted(rows_of(crosses)) == (1, 0, 0, 0)


def test_five_missed_frames_while_crossing_are_bridged() -> None:
    rows = rows_of(walk((200, 102), (200, 302)), without=range(24, 29))
    assert counted(rows) == (1, 0, 1, 0)
    assert the_event(rows).gap == 5


def test_predicted_rows_are_no_evidence() -> None:
    rows = rows_of(walk((200, 102), (200, 302)))
    predicted = replace(rows, interpolated=(rows.frames >= 24) & (rows.frames < 29))
    assert counted(predicted) == (1, 0, 1, 0)
    assert counted(replace(rows, interpolated=rows.frames >= 24)) == (0, 0, 0, 0)  # lost before it; the box drifts on


def test_going_round_the_end_of_the_line_is_no_crossing() -> None:
    assert counted(rows_of(walk((320, 100), (320, 300)))) == (0, 0, 0, 0)
    back_through = walk((320, 100), (320, 300), (200, 300), (200, 100))
    assert counted(rows_of(back_through)) == (0, 1, 0, 0)


def test_an_oblique_fast_path_counts() -> None:
    assert counted(rows_of(walk((60, 150), (340, 260), speed=75))) == (1, 0, 0, 0)
    assert counted(rows_of(walk((180, 60), (240, 380), speed=160))) == (1, 0, 0, 0)


def test_an_id_that_changes_on_the_line_is_one_person() -> None:
    path = walk((200, 100), (200, 300))
    for switch in (22, 25, 28):
        rows = rows_of(path[:switch], path[switch:], first=(1, switch + 1))
        assert counted(rows) == (1, 0, int(switch == 25), 0), switch
        counts = count(rows, [DOOR], frame_rate=25)
        assert counts.people == 1
        assert [(merge.kept, merge.merged) for merge in counts.merges] == [(1, 2)]
        assert {event.id for event in counts.events} == {1}


def test_an_id_that_changes_on_the_line_with_a_gap_is_one_person_up_to_a_second() -> None:
    path = walk((200, 100), (200, 300))
    assert counted(rows_of(path[:24], path[29:], first=(1, 30))) == (1, 0, 1, 0)
    late = rows_of(path[:25], path[26:], first=(1, 27 + 30))
    assert counted(late) == (0, 0, 0, 2)  # one ended on the line, one began there


def test_turning_back_on_the_line_is_no_crossing() -> None:
    assert counted(rows_of(walk((200, 100), (200, 205), (200, 100)))) == (0, 0, 0, 0)


def test_walking_along_the_line_is_no_crossing() -> None:
    assert counted(rows_of(walk((110, 150), (110, 197), (200, 203), (290, 197), (290, 150)))) == (0, 0, 0, 0)


def test_born_or_ended_in_the_band_is_undecided() -> None:
    assert counted(rows_of(walk((200, 198), (200, 300)))) == (0, 0, 0, 1)
    assert the_event(rows_of(walk((200, 198), (200, 300)))).direction == "in"
    assert counted(rows_of(walk((200, 300), (200, 202)))) == (0, 0, 0, 1)
    assert the_event(rows_of(walk((200, 300), (200, 202)))).direction == "out"
    assert counted(rows_of(walk((200, 198), (200, 202)))) == (0, 0, 0, 1)
    assert the_event(rows_of(walk((200, 198), (200, 202)))).direction == ""
    assert counted(rows_of(walk((400, 198), (400, 300)))) == (0, 0, 0, 0)  # beside the line


def test_two_people_at_once_are_two() -> None:
    assert counted(rows_of(walk((150, 100), (150, 300)), walk((250, 300), (250, 100)))) == (1, 1, 0, 0)


def test_results_with_every_third_frame_only_are_sure() -> None:
    rows = rows_of(walk((200, 102), (200, 302), speed=2))
    assert counted(rows.select(rows.frames % 3 == 1)) == (1, 0, 0, 0)


def test_no_rows_no_events() -> None:
    nobody = rows_of(walk((200, 100), (200, 300))).select(slice(0, 0))
    assert counted(nobody) == (0, 0, 0, 0)
    assert count(nobody, [DOOR]).people == 0
