"""Timing for ``scripts/bench.py``: contestants in turns over the same frames, and the memory they need."""

from __future__ import annotations

import gc
import time
import tracemalloc
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from bench_peers import Contestant

BLOCK = 20  # frames that one contestant runs before it is the next one's turn
WARM_UP = 5  # first updates of a run that do not count
FEW = 10  # updates that a median needs

# The yardsticks: products of small matrices measure the overhead of numpy and Python, products of large ones the
# processor's arithmetic. An update has both kinds of work, and their ratio differs between machines.
PRODUCTS = {"8x8": (8, 500), "256x256": (256, 3)}  # size, repetitions


@dataclass
class Times:
    """Of one contestant in one scene.

    updates   microseconds of each update, warm-up left out
    blocks    median microseconds of each block, by (round, block)
    reported  ids in the last answer, None before the first
    note      why it was stopped or never ran
    peak      megabytes allocated at most during a run, None where not measured
    """

    updates: list[float] = field(default_factory=list)
    blocks: dict[tuple[int, int], float] = field(default_factory=dict)
    reported: int | None = None
    note: str = ""
    peak: float | None = None

    @property
    def enough(self) -> bool:
        return len(self.updates) >= FEW and bool(self.blocks)

    @property
    def median(self) -> float:
        return float(np.median(self.updates))

    @property
    def p99(self) -> float:
        return float(np.percentile(self.updates, 99))

    @property
    def best(self) -> float:
        """The quickest block, the one that a busy machine disturbed least; inf where there is none."""
        return min(self.blocks.values(), default=float("inf"))


def ratio(ours: Times, baseline: Times) -> float | None:
    """How many times quicker than the baseline: the median over the blocks that both ran, one beside the other."""
    both = ours.blocks.keys() & baseline.blocks.keys()
    if not both:
        return None
    return float(np.median([baseline.blocks[key] / ours.blocks[key] for key in both]))


def race(
    contestants: Sequence[Contestant],
    frames: Sequence[Any],
    rounds: int,
    limit: float,
    products: dict[str, Times],
) -> dict[str, Times]:
    """Run every contestant over all frames ``rounds`` times, block by block in turns.

    limit     processor seconds after which a contestant is stopped; what it did until then counts. A running update is
              not interrupted: one that never returns needs Ctrl-C
    products  gets the times of numpy's matrix products, measured between the turns

    The clock is the processor time of this process, all its threads: other work on the machine does not count, and
    threads of a contestant do. One that raises is stopped, with its error as the note.
    """
    found = {one.name: Times() for one in contestants}
    spent = dict.fromkeys(found, 0.0)
    for turn in range(rounds):
        updates: dict[str, Callable[[Any], Any]] = {}
        for start in range(0, len(frames), BLOCK):
            key = (turn, start)
            _time_products(products)
            order = list(contestants)
            shift = (turn + start // BLOCK) % max(len(order), 1)
            for one in order[shift:] + order[:shift]:
                times = found[one.name]
                if times.note:
                    continue
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # of the peers: deprecations
                        if start == 0:
                            updates[one.name] = one.make()
                        taken, answer = _block(
                            updates[one.name], [one.take(f) for f in frames[start : start + BLOCK]], limit, spent, one
                        )
                        times.reported = len(one.ids(answer))
                except Exception as error:  # other people's code may raise anything
                    times.note = f"failed: {type(error).__name__}: {(str(error).splitlines() or [''])[0][:100]}"
                    continue
                counted = taken[WARM_UP if start == 0 else 0 :]
                times.updates += counted
                if counted:
                    times.blocks[key] = float(np.median(counted))
                if spent[one.name] > limit:
                    times.note = f"{len(times.updates)} updates in {limit:g} s"
    return found


def _block(
    update: Callable[[Any], Any], inputs: list[Any], limit: float, spent: dict[str, float], one: Contestant
) -> tuple[list[float], Any]:
    """Microseconds of each update, and the last answer."""
    gc.collect(1)  # what the one before left
    taken, answer = [], None
    for given in inputs:
        started = time.process_time_ns()
        answer = update(given)
        lasted = time.process_time_ns() - started
        taken.append(lasted / 1e3)
        spent[one.name] += lasted / 1e9
        if spent[one.name] > limit:
            break
    return taken, answer


def _time_products(products: dict[str, Times]) -> None:
    for name, (size, repetitions) in PRODUCTS.items():
        matrix = np.random.default_rng(0).normal(size=(size, size)) / size
        times = products.setdefault(name, Times())
        matrix @ matrix
        started = time.process_time_ns()
        for _ in range(repetitions):
            matrix @ matrix
        lasted = (time.process_time_ns() - started) / 1e3 / repetitions
        times.blocks[(0, len(times.blocks))] = lasted
        times.updates.append(lasted)


def peak_megabytes(one: Contestant, frames: Sequence[Any], limit: float) -> float | None:
    """Most that Python and numpy had allocated at once for the tracker, its tracks and the arrays of an update.

    Neither the detections nor what native code allocates without numpy is counted. None where it raises; runs for at
    most ``limit`` seconds.
    """
    until = time.monotonic() + limit
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one.make()(one.take(frames[0]))  # late imports happen here, uncounted
            inputs = [one.take(frame) for frame in frames]
            gc.collect()
            tracemalloc.start()
            try:
                update = one.make()
                for given in inputs:
                    update(given)
                    if time.monotonic() > until:
                        break
                return tracemalloc.get_traced_memory()[1] / 1e6
            finally:
                tracemalloc.stop()
    except Exception:  # the race reported it
        return None
