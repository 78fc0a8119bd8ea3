"""The clock, the slot, the pauses and the signs of a live source, each alone and without waiting."""

from __future__ import annotations

import math
import signal
import threading
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest

from tracker.io.stream.aside import aside
from tracker.io.stream.clock import JUMPS, StreamClock
from tracker.io.stream.options import Live
from tracker.io.stream.rate import by_intervals
from tracker.io.stream.signs import Signs
from tracker.io.stream.silence import Silence
from tracker.io.stream.slot import Slot


def times(clock: StreamClock, pairs: list[tuple[float, float]]) -> list[float]:
    return [clock.time(at, arrived) for at, arrived in pairs]


def test_steps_are_those_of_the_stream_whatever_the_network_does() -> None:
    clock = StreamClock()
    arrived = [100.0, 100.05, 100.3, 100.3, 100.31, 100.41, 100.5]  # a hitch, and what waited comes at once
    got = times(clock, [(7 + 0.1 * k, when) for k, when in enumerate(arrived)])
    assert got == pytest.approx([0.1 * k for k in range(7)], abs=2e-3)
    assert clock.has_clock
    assert clock.jumps == 0


def test_the_gap_between_connections_is_the_wall_clocks() -> None:
    clock = StreamClock()
    times(clock, [(0.1 * k, 50 + 0.1 * k) for k in range(11)])
    clock.connected()
    got = times(clock, [(900 + 0.1 * k, 81 + 0.1 * k) for k in range(3)])  # it counts from anywhere
    assert got == pytest.approx([31, 31.1, 31.2], abs=2e-3)


def test_time_never_goes_back() -> None:
    clock = StreamClock()
    first = times(clock, [(k, 10 + 0.1 * k) for k in range(5)])  # a burst: the stream is ahead of the wall clock
    clock.connected()
    second = times(clock, [(0.0, 10.5), (0.1, 10.6)])
    got = first + second
    assert all(b > a for a, b in pairwise(got))


@pytest.mark.parametrize("jump", [-3600.0, 3600.0, -0.5])
def test_a_clock_that_is_set_is_mapped_again(jump: float) -> None:
    clock = StreamClock()
    got = times(clock, [(20 + 0.1 * k + (jump if k >= 5 else 0), 3 + 0.1 * k) for k in range(10)])
    assert got == pytest.approx([0.1 * k for k in range(10)], abs=2e-3)
    assert (clock.jumps, clock.has_clock) == (1, True)


def test_a_clock_that_is_set_all_the_time_is_none() -> None:
    clock = StreamClock()
    got = times(clock, [(-k, 0.1 * k) for k in range(JUMPS + 5)])
    assert got == pytest.approx([0.1 * k for k in range(JUMPS + 5)], abs=2e-3)
    assert not clock.has_clock


@pytest.mark.parametrize("rate", [0.4, 2.5])
def test_a_clock_at_another_rate_is_none(rate: float) -> None:
    """As FFmpeg counts JPEG images at 25 per second, whatever the camera does."""
    clock = StreamClock()
    got = times(clock, [(0.1 * k * rate, 0.1 * k) for k in range(300)])
    assert not clock.has_clock
    assert got[-1] == pytest.approx(29.9, abs=0.1)


def test_the_drift_of_a_crystal_is_followed() -> None:
    clock = StreamClock()
    got = times(clock, [(0.1 * k * 1.0001, 0.1 * k) for k in range(400_000)])  # eleven hours: four seconds of drift
    assert (clock.has_clock, clock.jumps) == (True, 0)
    assert got[-1] == pytest.approx(39_999.9, abs=0.01)
    assert max(np.diff(got)) < 0.1003


def test_a_stream_without_times_has_those_of_the_wall_clock() -> None:
    clock = StreamClock()
    clock.connected(has_clock=False)
    assert times(clock, [(math.nan, 5.0), (math.nan, 5.25), (0, 6)]) == [0, 0.25, 1]
    clock.connected()
    assert times(clock, [(math.nan, 7.0), (math.nan, 7.5)]) == [2, 2.5]


def test_the_newest_item_takes_the_place_of_one_that_waits() -> None:
    slot: Slot[int] = Slot()
    for item in range(5):
        slot.put(item)
    assert (slot.take(0), slot.take(0), slot.dropped) == (4, None, 4)
    slot.close()
    slot.put(9)
    assert slot.take(5) is None


def test_a_slot_that_restarts_counts_what_comes_after() -> None:
    """A frame is counted where it is left, so none is taken that was not counted."""
    slot: Slot[int] = Slot()
    for item in (1, 2, 3):
        slot.put(item)
    assert (slot.came, slot.dropped) == (3, 2)
    slot.restart()
    assert (slot.came, slot.dropped, slot.empty) == (0, 0, True)
    slot.put(4)
    assert (slot.take(0), slot.came, slot.dropped) == (4, 1, 0)


def test_all_are_kept_and_put_waits_for_room() -> None:
    slot: Slot[int] = Slot(2)

    def fill() -> None:
        for item in range(6):
            slot.put(item)

    thread = threading.Thread(target=fill)
    thread.start()
    assert [slot.take(5) for _ in range(6)] == list(range(6))
    thread.join()
    assert slot.dropped == 0
    slot.put(6)
    slot.put(7)
    blocked = threading.Thread(target=slot.put, args=(8,))
    blocked.start()
    slot.close()  # and a thread that waits for room goes on
    blocked.join(5)
    assert not blocked.is_alive()
    assert [slot.take(0), slot.take(0), slot.take(0)] == [6, 7, None]


def test_pauses_double_and_stay_between_the_shortest_and_the_longest() -> None:
    live = Live()
    pauses = list(islice(live.pauses("rtsp://a", 30), 9))
    assert pauses == list(islice(live.pauses("rtsp://a", 30), 9))
    assert pauses != list(islice(live.pauses("rtsp://b", 30), 9))  # two cameras do not come back in step
    for pause, most in zip(pauses, [1, 2, 4, 8, 16, 30, 30, 30, 30], strict=True):
        assert max(0.75 * most, 1) <= pause <= most
    assert all(0 < pause <= 0.5 for pause in islice(live.pauses("x", 0.5), 5))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"reconnect": -1}, r"reconnect=-1: give seconds, 0 or more \(--reconnect\)"),
        ({"reconnect": math.inf}, "reconnect=inf"),
        ({"give_up": 0}, r"give_up=0: give seconds, above 0 \(--give-up\)"),
        ({"stall": math.nan}, "stall=nan"),
        ({"stall": "10"}, "stall='10'"),
        ({"rate": 0}, "rate=0: give frames per second, above 0$"),
        ({"first_pause": True}, "first_pause=True: give seconds, above 0$"),
    ],
)
def test_what_is_no_time_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Live(**given)


def test_frozen_black_and_a_new_size_are_said_once() -> None:
    signs, chance = Signs(2.0), np.random.default_rng(0)
    black, still = np.zeros((48, 64, 3), np.uint8), np.full((48, 64, 3), 99, np.uint8)
    shown = [chance.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(5)]  # a camera's noise
    shown += [still] * 8 + shown[:2] + [black] * 8 + [chance.integers(0, 255, (96, 64, 3), dtype=np.uint8)]
    said = [(k, line) for k, image in enumerate(shown) for line in signs.look(image, 0.5 * k)]
    assert said == [
        (10, "the image has not changed for 2 s (a frozen camera?)"),
        (19, "the image has been black for 2 s (lens covered, or no light?)"),
        (23, "the image size changed from 64x48 to 64x96"),
    ]
    assert (signs.frozen, signs.black) == (False, False)


@pytest.mark.parametrize(
    ("seconds", "rate"),
    [([0.1] * 5, 10), ([0.039, 0.04, 0.042, 0.04, 0.3], 25), ([1.9, 2.1], 0.5), ([1 / 12.5] * 3, 12.5), ([0.1], None)],
)
def test_the_rate_of_frames_that_arrive(seconds: list[float], rate: float | None) -> None:
    assert by_intervals(seconds) == (None if rate is None else pytest.approx(rate))


def test_an_interrupted_call_releases_what_it_gets_late() -> None:
    released: list[str] = []
    begun, gate, done = threading.Event(), threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        gate.wait(10)
        return "late"

    def release(one: str) -> None:
        released.append(one)
        done.set()

    def interrupt() -> None:
        begun.wait(10)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        aside(slow, release)
    assert released == []
    gate.set()
    assert done.wait(10)
    assert released == ["late"]


def test_an_error_of_the_call_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        aside(lambda: 1 // 0, lambda _: None)
    assert aside(lambda: 3, lambda _: None) == 3


def test_silence_is_told_from_an_end_whatever_the_decoder_held_back() -> None:
    silence = Silence(10)
    for seconds in (0.04, 8.0, 0.04, 0.0):
        silence.read(seconds)
    assert not silence.ended
    for seconds in (9.9, 0.0, 0.0, 0.0):  # FFmpeg gave up, and what it held back came
        silence.read(seconds)
    assert silence.ended
    for _ in range(40):  # the camera went on
        silence.read(0.04)
    assert not silence.ended
