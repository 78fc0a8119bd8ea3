"""Signal handlers are replaced where nobody has set one, for as long as a run lasts, and put back."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from tracker.run import interrupts
from tracker.run.interrupts import DEFAULTS, Interrupts


@pytest.fixture(autouse=True)
def default_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in DEFAULTS}
    for number, default in DEFAULTS.items():
        signal.signal(number, default)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in DEFAULTS]


@pytest.mark.parametrize("number", list(DEFAULTS))
def test_the_first_signal_is_noted_and_the_handlers_are_put_back(number: int) -> None:
    before = handlers()
    with Interrupts() as first, first:
        assert first.received is None
        signal.raise_signal(number)
        signal.raise_signal(signal.SIGINT)
        assert first.received == number
        with Interrupts() as second:  # one that begins later has not received it
            assert second.received is None
            signal.raise_signal(signal.SIGTERM)
            assert second.received == signal.SIGTERM
        assert first.received == number
    assert handlers() == before


def test_a_signal_after_the_first_press_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(interrupts.clock, "monotonic", lambda: now[0])
    with Interrupts() as run:
        signal.raise_signal(signal.SIGINT)
        now[0] += interrupts.PRESS - 0.01
        signal.raise_signal(signal.SIGINT)
        assert run.received == signal.SIGINT
        now[0] += 0.02
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_run_that_is_not_busy_leaves_ctrl_c_to_the_program() -> None:
    with Interrupts() as run:
        run.busy = False
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert run.received is None


@pytest.mark.parametrize("number", list(DEFAULTS))
def test_handlers_of_others_stay(number: int) -> None:
    seen: list[int] = []

    def mine(received: int, _: object) -> None:
        seen.append(received)

    signal.signal(number, mine)
    with Interrupts() as run:
        assert signal.getsignal(number) is mine
        signal.raise_signal(number)
    assert (seen, run.received) == ([number], None)
    signal.signal(number, signal.SIG_IGN)
    with Interrupts():
        assert signal.getsignal(number) == signal.SIG_IGN


def test_a_handler_set_during_a_run_stays() -> None:
    with Interrupts():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN


def test_in_another_thread_nothing_is_touched() -> None:
    before, found = handlers(), []

    def work() -> None:
        with Interrupts():
            found.append(handlers())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [before]
