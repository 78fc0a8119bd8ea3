"""Algorithms by name: one file in ``tracker/algorithms``, one class of the same name, parameters from its signature."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from typing import Any, Protocol

from tracker.detections import Invalid
from tracker.spelling import nearest
from tracker.tracks import Tracks

# Given by the pipeline or by code, not by a setting.
NOT_SETTINGS = ("embedder", "motion")


class Tracker(Protocol):
    """What every algorithm offers."""

    frame_rate: float
    state: Any

    def update(
        self, detections: Any, frame: Any = None, time: float | None = None, *, invalid: Invalid = "raise"
    ) -> Tracks:
        """Track one frame."""
        ...

    def reset(self) -> None:
        """Forget everything."""
        ...

    @property
    def tracks(self) -> Tracks:
        """Every living track."""
        ...


def algorithms() -> list[str]:
    """Names of all algorithms, sorted."""
    package = importlib.import_module("tracker.algorithms")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def algorithm(name: str) -> type[Any]:
    """The class of the algorithm ``name`` (any case). ValueError, naming the nearest, where there is none."""
    known = algorithms()
    if name.lower() not in known:
        raise ValueError(f"no algorithm {name!r}{nearest(name, known)}; there are: {', '.join(known)}")
    module = importlib.import_module(f"tracker.algorithms.{name.lower()}")
    found: type[Any] = next(value for key, value in vars(module).items() if key.lower() == name.lower())
    return found


def parameters(cls: type[Any]) -> dict[str, Any]:
    """Settings of an algorithm and their defaults, from its signature."""
    signature = inspect.signature(cls)
    return {name: p.default for name, p in signature.parameters.items() if name not in NOT_SETTINGS}


def wants_embeddings(cls: type[Any]) -> bool:
    """Whether the algorithm takes an embedder."""
    return "embedder" in inspect.signature(cls).parameters


def needs_embeddings(cls: type[Any]) -> bool:
    """Whether it cannot do without: one that can says ``embeddings_optional = True``."""
    return wants_embeddings(cls) and not getattr(cls, "embeddings_optional", False)


def build(name: str, settings: Mapping[str, Any] | None = None, **given: Any) -> Tracker:
    """An instance of the algorithm ``name``.

    settings  parameters by name; text (from a command line) becomes the type of the parameter's default
    given     further keyword arguments, as they are; those the algorithm does not know are left out

    Raises ValueError for an unknown algorithm or parameter, naming the nearest, and for a value that does not fit.
    """
    cls = algorithm(name)
    accepted = inspect.signature(cls).parameters
    values = {key: value for key, value in given.items() if key in accepted} | typed(name, settings or {})
    tracker: Tracker = cls(**values)
    return tracker


def typed(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the algorithm ``name`` with their texts turned into the type of the parameter's default.

    Raises ValueError for an unknown parameter, naming the nearest, and for a text that does not fit.
    """
    known = parameters(algorithm(name))
    values = {}
    for key, value in settings.items():
        if key not in known:
            raise ValueError(
                f"{name} has no parameter {key!r}{nearest(key, known)}; it has: {', '.join(sorted(known))}"
            )
        values[key] = _typed(value, known[key], key) if isinstance(value, str) else value
    return values


def _typed(text: str, default: Any, name: str) -> Any:
    if isinstance(default, bool):
        if text.lower() in ("true", "yes", "on", "1"):
            return True
        if text.lower() in ("false", "no", "off", "0"):
            return False
        raise ValueError(f"{name}={text}: give true or false")
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    if name == "max_age":  # seconds: "1.5s"
        return text
    if isinstance(default, (int, float)):
        raise ValueError(f"{name}={text}: give a number, such as {default}")
    return text
