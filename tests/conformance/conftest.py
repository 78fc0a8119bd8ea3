"""Which trackers the conformance suite runs on: all of the library's, or those that ``--tracker`` names.

A test is marked with what a tracker must promise for the test to hold: ``@pytest.mark.cases("predict")``. A promise is
a parameter of the constructor, or one of

    edge      it checks its input: a subclass of ``tracker.Tracker``
    tracks    the property of all living tracks
    state     all that it remembers, to be copied and put back
    reset     it can start again
    predict   it knows where its tracks will be
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from typing import Any

import pytest
from crowds import Seen

from tracker import Detections, Tracks
from tracker.algorithms import algorithm, algorithms, embeddings_of
from tracker.protocol import Predicts, Remembers, Resets
from tracker.settings import settings_of
from tracker.tracker import Tracker

FRAME_RATE = 25.0


class Case:
    """An algorithm with some settings: builds trackers and gives them frames."""

    def __init__(self, name: str, switches: dict[str, bool]) -> None:
        self.name = name
        self.cls = algorithm(name)
        self.switches = switches
        self.accepted = set(inspect.signature(self.cls).parameters)
        self.embeddings = embeddings_of(self.cls)
        self.embeds = self.embeddings != "none"
        self.id = "-".join([name, *(f"{key}={value}" for key, value in switches.items())])
        tracker = self.build()
        self.promises = {
            *self.accepted,
            *(["edge"] if isinstance(tracker, Tracker) else []),
            *(["tracks"] if hasattr(tracker, "tracks") else []),
            *(["state"] if isinstance(tracker, Remembers) else []),
            *(["reset"] if isinstance(tracker, Resets) else []),
            *(["predict"] if isinstance(tracker, Predicts) else []),
        }

    def build(self, **settings: Any) -> Any:
        rate = {"frame_rate": FRAME_RATE} if "frame_rate" in self.accepted else {}
        return self.cls(**{**rate, **self.switches, **settings})

    def detections(self, seen: Seen, **changes: Any) -> Detections:
        return seen.detections(**{**({} if self.embeds else {"embeddings": None}), **changes})

    def raw(self, seen: Seen) -> dict[str, Any]:
        """A frame as a dict of plain arrays, unchecked."""
        columns = {"boxes": seen.boxes, "scores": seen.scores, "labels": seen.classes}
        return copy.deepcopy({**columns, "embeddings": seen.embeddings} if self.embeds else columns)

    def run(self, scene: Sequence[Seen], tracker: Any = None, times: Sequence[float] | None = None) -> list[Tracks]:
        tracker = self.build() if tracker is None else tracker
        return [
            tracker.update(self.detections(seen), time=None if times is None else times[i])
            for i, seen in enumerate(scene)
        ]


def cases(name: str) -> list[Case]:
    """The algorithm with its defaults, and with each of its switches turned."""
    switches = {key: not s.default for key, s in settings_of(algorithm(name)).items() if s.kind == "switch"}
    return [Case(name, {}), *(Case(name, {key: value}) for key, value in switches.items())]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    mark = metafunc.definition.get_closest_marker("cases")
    if mark is None:
        return
    names = metafunc.config.getoption("--tracker") or algorithms()
    every = [case for name in names for case in cases(name)]
    if not mark.kwargs.get("switched", not mark.args):
        every = [case for case in every if not case.switches]
    found = [case for case in every if case.promises.issuperset(mark.args)]
    # What per_class does is the shell's, the same for all: a test of its own turns it on, and all the others slowly.
    slow = [[pytest.mark.slow] if "per_class" in case.switches else [] for case in found]
    metafunc.parametrize("case", [pytest.param(case, id=case.id, marks=m) for case, m in zip(found, slow, strict=True)])
