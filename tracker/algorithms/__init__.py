"""Algorithms by name: one file in ``tracker/algorithms``, one class of the same name, parameters from its signature."""

from __future__ import annotations

import importlib
import inspect
import json
import math
import os
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tracker.detections import Invalid
from tracker.spelling import nearest
from tracker.tracks import Tracks

DEFAULT = "steady"  # what we recommend

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


def takes_embeddings(cls: type[Any], reid: object) -> bool:
    """Whether it is given embeddings: where a ``reid`` is named, if it can use them; else if it cannot do without."""
    return needs_embeddings(cls) if reid is None else wants_embeddings(cls)


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


@dataclass(frozen=True)
class Params:
    """What a parameter file of `track tune` holds: an algorithm's settings, and the least score of a detection."""

    algo: str
    settings: dict[str, Any]
    conf: float | None


def read_params(path: str | os.PathLike[str], algo: str | None = None) -> Params:
    """Read a parameter file: JSON with "algorithm" (a name), "parameters" (by name) and, if wanted, "conf".

    algo: the algorithm they are for, where that is settled. Raises ValueError, naming the file, for one that is not
    such a file, is for another algorithm, or has a parameter or a value that the algorithm does not take.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8-sig"))
        name, settings, conf = content["algorithm"], content["parameters"], content.get("conf")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); give a file of `track tune`") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(
            f'{path}: is no parameter file; give JSON such as {{"algorithm": "sort", "parameters": {{"max_age": 30}}}}'
        ) from None
    if not isinstance(name, str) or not isinstance(settings, dict):
        raise ValueError(f"{path}: algorithm must be a name, and parameters values by name")
    if conf is not None and (isinstance(conf, bool) or not isinstance(conf, (int, float)) or not math.isfinite(conf)):
        raise ValueError(f"{path}: conf={conf!r}: give a number")
    if algo is not None and name.lower() != algo.lower():
        raise ValueError(f"{path}: is for {name}, not for {algo}; use --algo {name}, or another file")
    try:
        settings = typed(name, settings)
        build(name, settings)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None
    return Params(name.lower(), settings, conf)


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
