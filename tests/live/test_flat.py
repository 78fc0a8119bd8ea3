"""Nothing that a live run holds grows with the ids that came and went."""

from __future__ import annotations

import gc
import types
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker import state
from tracker.algorithms import algorithm as class_of
from tracker.algorithms import algorithms, embeddings_of
from tracker.count import kept
from tracker.count.places import Line, Zone
from tracker.detections import Detections
from tracker.draw import palette
from tracker.io.sinks import Sink, Step
from tracker.io.source import Frame, Source
from tracker.run.driver import Driver
from tracker.run.monitor import Monitor
from tracker.run.open import Options, open_run
from tracker.run.output import Output

SIZE = (64, 48)
LIVES = 8  # frames for which each object is seen
LOOKS = (500, 1100)  # frames after which the run's objects are measured
SLACK = 60  # elements by which one attribute may grow while 150 ids come and go

NO_OBJECTS = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.FrameType, types.CodeType)


def crowd(embedded: bool) -> Iterator[Detections]:
    """Two objects at a time, each for LIVES frames in a place of its own, then others elsewhere."""
    chance = np.random.default_rng(0)
    for frame in range(LOOKS[1] + 1):
        born = [frame // LIVES * LIVES, (frame + LIVES // 2) // LIVES * LIVES + 1]
        boxes = np.array([[(7 * b) % 40, (11 * b) % 20, (7 * b) % 40 + 10, (11 * b) % 20 + 20] for b in born], float)
        boxes += (frame % LIVES) * 2 + chance.normal(0, 0.2, (2, 1))
        looks = np.array([np.random.default_rng(b).normal(size=16) for b in born], np.float32)
        yield Detections(boxes, np.array([0.9, 0.95]), embeddings=looks if embedded else None)


def sizes(roots: dict[str, object]) -> Counter[str]:
    """How many elements the containers and arrays below these objects have, by the attribute that holds them."""
    found: Counter[str] = Counter()
    seen = set(map(id, roots.values()))
    left: list[tuple[str, object]] = list(roots.items())
    while left:
        name, one = left.pop()
        if isinstance(one, np.ndarray):
            found[name] += one.size
        elif isinstance(one, (list, tuple, dict, set, frozenset, deque, bytes, bytearray)):
            found[name] += len(one)
        named: dict[str, object] = {}
        if type(one).__module__.startswith(("tracker.", __name__)):
            found[type(one).__name__] += 1
            slots = [slot for kind in type(one).__mro__ for slot in vars(kind).get("__slots__", ())]
            named = {**getattr(one, "__dict__", {}), **{slot: getattr(one, slot, None) for slot in slots}}
            named = {f"{type(one).__name__}.{attribute}": value for attribute, value in named.items()}
        for inner_name, inner in named.items() if named else ((name, inner) for inner in gc.get_referents(one)):
            if id(inner) not in seen and not isinstance(inner, NO_OBJECTS):
                seen.add(id(inner))
                left.append((inner_name, inner))
    return found


class Gallery:
    """A sink that remembers every id: the fault that this file is about."""

    def __init__(self) -> None:
        self.known: dict[int, int] = {}

    def write(self, step: Step) -> None:
        self.known.update(dict.fromkeys(step.tracks.ids.tolist(), step.frame.number))

    def close(self) -> None: ...


def grown(tmp_path: Path, algo: str, more: list[Sink], **given: Any) -> tuple[dict[str, tuple[int, int]], int]:
    """What grew in a live run, with its sizes at both looks; and how many ids there were."""
    embedded = embeddings_of(class_of(algo)) != "none"
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    frames = (Frame(image, k, k / 10) for k in range(1, LOOKS[1] + 2))
    source = Source("walk", "frames", lambda _: frames, frame_rate=10, size=SIZE, live=True)
    seen = crowd(embedded)
    opened = open_run(Options(source, algo=algo, detector=lambda _: next(seen), settings={"max_age": 10}))
    monitor = Monitor(opened, events=[lambda _: None], health=tmp_path / "health.json")
    places = [Line("middle", [(0, 24), (64, 24)]), Zone("left", [(0, 0), (30, 0), (30, 48), (0, 48)])]
    output = Output(tmp_path / "out", opened, {"call": {}}, places=places, events=monitor.events, **given)
    driver = Driver(opened, output, [monitor, *more])
    looks: list[Counter[str]] = []
    for step in driver.steps():
        if step.frame.number in LOOKS:
            gc.collect()
            looks.append(sizes({"driver": driver, "monitor": monitor}))
    first, second = looks
    return {name: (first[name], n) for name, n in second.items() if n > first[name] + SLACK}, driver.counts["tracks"]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "AT_ONCE", 20)
    # What is bounded is so sooner: tracks whose colour is known, 4096 else, and ids whose number is, 20,000.
    monkeypatch.setattr(palette, "REMEMBERED", 50)
    monkeypatch.setattr(state, "NUMBERS", 50)


@pytest.mark.parametrize("algo", algorithms())
def test_nothing_grows_with_the_ids(tmp_path: Path, algo: str) -> None:
    found, ids = grown(tmp_path, algo, [], video=algo == "sort", log=algo == "steady", rotate=20.0)
    assert ids > 250
    assert found == {}


def test_what_grows_is_found(tmp_path: Path) -> None:
    found, _ = grown(tmp_path, "sort", [Gallery()], video=False)
    assert list(found) == ["Gallery.known"]
