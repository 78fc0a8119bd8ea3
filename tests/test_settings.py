"""Settings: what a parameter is, said once, and read by everything that needs it."""

from __future__ import annotations

import inspect
import math
import pickle
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker import SORT, Steady
from tracker.algorithms import algorithm, algorithms
from tracker.settings import (
    Range,
    at_least,
    fraction,
    frames_of,
    not_negative,
    parsed,
    positive,
    search_of,
    settings_of,
    share,
    switch,
)
from tracker.tracker import Tracker


@pytest.mark.parametrize(("age", "frames"), [(30, 30), (0, 0), (2.5, 2.5), ("30", 30), ("1.5s", 37.5), (" 2 s ", 50)])
def test_ages_in_frames_and_seconds(age: Any, frames: float) -> None:
    assert frames_of(age, 25) == frames


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda: frames_of("soon", 25), r"max_age='soon': give frames \(30\) or seconds \('1.5s'\)"),
        (lambda: frames_of(-1, 25), "max_age=-1: give a number of frames or seconds, 0 or more"),
        (lambda: frames_of(float("nan"), 25, "buffer"), "buffer=nan: give a number"),
        (lambda: at_least(1, 0, "n_init"), "n_init=0: give a whole number, 1 or more"),
        (lambda: at_least(1, 10**10, "n_init"), "n_init=10000000000: give a whole number from 1 to 2147483648"),
        (lambda: at_least(1, 1.5, "n_init"), "n_init=1.5: give a whole number"),  # type: ignore[arg-type]
        (lambda: fraction(1.1, "iou"), "iou=1.1: give a number from 0 to 1"),
        (lambda: fraction(float("nan"), "iou"), "iou=nan"),
        (lambda: positive(0, "rate"), "rate=0: give a number above 0"),
        (lambda: positive(np.timedelta64(1, "s"), "rate"), r"rate=np.timedelta64\(1,'s'\): give a number above 0"),
        (lambda: positive(float("inf"), "rate"), "rate=inf"),
        (lambda: positive(10**400, "rate"), "rate=1000"),
        (lambda: positive(True, "rate"), "rate=True"),
        (lambda: not_negative("x", "score"), "score='x': give a number, 0 or more"),  # type: ignore[arg-type]
        (lambda: fraction(2.5, "cosine", 2), "cosine=2.5: give a number from 0 to 2"),
        (lambda: switch("no", "per_class"), "per_class='no': give True or False"),  # type: ignore[arg-type]
    ],
)
def test_values_out_of_range_are_named(check: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        check()
    assert (at_least(1, 3, "n"), fraction(0.3, "f"), positive(25, "p")) == (3, 0.3, 25.0)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_numbers_of_numpy_are_numbers(kind: type[Any]) -> None:
    assert fraction(kind(0.5), "f") == 0.5  # without a warning of numpy's
    with pytest.raises(ValueError, match="f="):
        fraction(kind("inf"), "f")


class Mine(Tracker):
    """A tracker."""

    closeness: float = share(default=0.3, about="how close", high=2)


class Closer(Mine):
    """Another default."""

    closeness = 0.1
    farness: float = share(default=0.4, about="how far")


class Plain:
    def __init__(self, radius: float = 2.5, *, careful: bool = False, steps: int = 3, embedder: Any = None) -> None:
        self.radius, self.careful, self.steps = radius, careful, steps


@pytest.mark.parametrize("name", algorithms())
def test_every_setting_is_described_and_checked(name: str) -> None:
    cls = algorithm(name)
    tracker = cls()
    assert list(settings_of(cls))[-4:] == ["per_class", "camera_from_pairs", "ids_at_birth", "frame_rate"]
    for key, setting in settings_of(cls).items():
        assert setting.name == key
        assert setting.range
        assert len(setting.about) > 10
        assert setting.about[0].islower() or setting.about.startswith("IoU")
        assert setting.about in cls.__doc__
        if setting.default is not None:
            assert getattr(tracker, key) == setting.check(setting.default)
            assert setting.check(setting.parse(str(setting.default))) == setting.check(setting.default)


def test_a_class_shows_its_settings_in_its_signature() -> None:
    signature = inspect.signature(SORT)
    defaults = {name: parameter.default for name, parameter in signature.parameters.items()}
    assert defaults["max_age"] == 1
    assert list(defaults)[-5:] == ["per_class", "camera_from_pairs", "ids_at_birth", "frame_rate", "motion"]
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in signature.parameters.values())
    with pytest.raises(TypeError, match=r"^SORT\(\) has no parameter 'maxage', did you mean 'max_age'\?$"):
        SORT(maxage=3)
    assert repr(SORT(max_age="1s", frame_rate=25)) == "SORT(max_age=25.0, frame_rate=25.0)"
    assert repr(Steady()) == "Steady()"


def test_a_subclass_inherits_settings_and_may_change_a_default() -> None:
    shared = ["per_class", "camera_from_pairs", "ids_at_birth", "frame_rate"]
    assert list(settings_of(Closer)) == ["farness", "closeness", *shared]
    assert settings_of(Closer)["closeness"].about == "how close"
    assert (Closer().closeness, Mine().closeness, Closer(closeness=2).closeness) == (0.1, 0.3, 2)
    with pytest.raises(ValueError, match=r"^closeness=3: give a number from 0 to 2$"):
        Closer(closeness=3)
    restored = pickle.loads(pickle.dumps(Closer(farness=0.7)))
    assert (restored.farness, restored.closeness) == (0.7, 0.1)


def test_a_class_without_declarations_has_the_settings_of_its_signature() -> None:
    found = settings_of(Plain)
    assert {name: (s.kind, s.default) for name, s in found.items()} == {
        "radius": ("any", 2.5),
        "careful": ("switch", False),
        "steps": ("any", 3),
    }
    assert search_of(found["radius"]) == Range(1.25, 5.0, log=True)
    assert search_of(found["steps"]) == Range(1, 12, whole=True, log=True)
    assert parsed("plain", Plain, {"radius": "3", "careful": "on"}) == {"radius": 3, "careful": True}
    with pytest.raises(ValueError, match=r"^plain has no parameter 'radus', did you mean 'radius'\?; it has: "):
        parsed("plain", Plain, {"radus": 1})


def test_what_is_searched_follows_from_the_kind() -> None:
    found = settings_of(algorithm("deepsort"))
    assert search_of(found["max_age"]) == Range(1, 120, whole=True, log=True)
    assert search_of(found["budget"]) == Range(25, 400, whole=True, log=True)
    assert search_of(found["max_iou_distance"]) == Range(0.35, 1.0)
    assert search_of(found["max_galleries"]) is None
    assert search_of(settings_of(algorithm("strongsort"))["scale_noise"]) == (False, True)
    for name in algorithms():
        for setting in settings_of(algorithm(name)).values():
            where = search_of(setting)
            if isinstance(where, Range):
                assert 0 <= where.low < where.high < math.inf
                for end in (where.low, where.high):
                    setting.check(int(end) if where.whole else end)


@pytest.mark.parametrize("value", [0, 1])
def test_a_share_may_be_either_end(value: float) -> None:
    assert fraction(value, "iou_threshold") == value


def test_a_rate_may_be_a_fraction_as_pyav_gives_it() -> None:
    assert positive(Fraction(30000, 1001), "rate") == pytest.approx(29.97003)


@pytest.mark.slow
def test_type_checkers_see_the_settings(tmp_path: Path) -> None:
    mypy = pytest.importorskip("mypy.api", reason="needs mypy")
    (tmp_path / "user.py").write_text(
        "from tracker import SORT, DeepSORT\n"
        "sort = SORT(max_age='1.5s', frame_rate=25, per_class=True)\n"
        "reveal_type(sort.max_age)\n"
        "DeepSORT(embedder=None, motion=sort.motion)\n"
        "SORT(max_agee=3)\n"
        "SORT(iou_threshold='x')\n"
    )
    said, _, _ = mypy.run([str(tmp_path / "user.py"), "--cache-dir", str(tmp_path), "--follow-imports", "silent"])
    lines = [line.partition("user.py:")[2] for line in said.splitlines() if "user.py:" in line]
    assert [line.split(":")[0] for line in lines] == ["3", "5", "6"], said
    assert '"float"' in lines[0]
