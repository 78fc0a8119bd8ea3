"""Settings: what a parameter of an algorithm is, said once.

An algorithm declares each parameter as a class attribute, with one of the kinds below:

    max_age: Age = age(default=30, about="time a track lives without a detection")
    iou_threshold: float = share(default=0.3, about="least IoU of a match")

``settings_of(cls)`` gives what was declared. The constructor's check, ``help()``, `track algos`, ``--set``,
`track tune` and the conformance tests all read it there. A class that declares nothing has the settings of its
constructor's signature, unchecked.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from tracker.spelling import nearest

Kind = Literal["share", "score", "amount", "count", "age", "switch", "any"]

# What a setting is for, where others must know.
#   floor       the score at or below which a detection is not used at all
#   birth       the least score of a detection that starts a track
#   appearance  has no effect without embeddings
Role = Literal["", "floor", "birth", "appearance"]

LARGEST_COUNT = 2**31  # frames, hits or embeddings: no array is larger

# Objects that only code can pass: parameters of a constructor that `track algos` and --set leave out.
PARTS = ("embedder", "motion")


@dataclass(frozen=True)
class Range:
    """Numbers to search. whole: integers only. log: search by ratio, not by difference."""

    low: float
    high: float
    whole: bool = False
    log: bool = False


Search = Range | tuple[Any, ...] | None  # a tuple holds choices; None: searched only on request


@dataclass(frozen=True, eq=False)
class Setting:
    """One parameter of an algorithm.

    name      as a keyword of the constructor and in ``--set NAME=VALUE``
    kind      "share" (0 to ``high``), "score" (0 or more), "amount" (above 0), "count" (a whole number, ``low`` or
              more), "age" (frames, or text such as "1.5s"), "switch" (True or False); "any" where nothing is declared
    default   value where none is given; None: the algorithm derives one, as ``about`` says
    about     one sentence
    unit      of the number, "" where it has none
    low, high ends of its range, both included (an amount must be above ``low``)
    search    what `track tune` searches: a Range, choices, or None
    role      see ``Role``
    rate      of a count of frames that mean time: frames a second, so that text such as "0.3s" is a value, too; else 0
    """

    kind: Kind
    default: Any
    about: str
    unit: str = ""
    low: float = 0.0
    high: float = math.inf
    search: Search = None
    role: Role = ""
    name: str = ""
    rate: float = 0.0

    def check(self, value: Any, frame_rate: float = 30.0) -> Any:
        """``value`` as the algorithm keeps it, an age in frames; ValueError, naming the setting, if it does not fit."""
        if value is None and self.default is None:
            return None
        if self.kind == "share":
            return fraction(value, self.name, int(self.high))
        if self.kind == "score":
            return not_negative(value, self.name)
        if self.kind == "amount":
            return positive(value, self.name)
        if self.kind == "count":
            seconds = self.rate and isinstance(value, str)
            whole = round(frames_of(value, self.rate, self.name)) if seconds else value
            return at_least(int(self.low), whole, self.name)
        if self.kind == "age":
            return frames_of(value, frame_rate, self.name)
        if self.kind == "switch":
            return switch(value, self.name)
        return value

    def parse(self, text: str) -> Any:
        """The value that ``text``, from a command line, stands for; ValueError where it stands for none."""
        if self.kind == "switch":
            if text.lower() in ("true", "yes", "on", "1"):
                return True
            if text.lower() in ("false", "no", "off", "0"):
                return False
            raise ValueError(f"{self.name}={text}: give true or false")
        for number in (int, float):
            try:
                return number(text)
            except ValueError:
                continue
        if self.kind in ("age", "any") or self.rate:  # "1.5s"
            return text
        raise ValueError(f"{self.name}={text}: give a number, such as {0.5 if self.default is None else self.default}")

    @property
    def range(self) -> str:
        """The values it takes, in words: "0 to 1", "1 or more, whole", "true or false"; "" where anything goes."""
        return {
            "share": f"0 to {self.high:g}",
            "score": "0 or more",
            "amount": "above 0",
            "count": f"{self.low:g} or more, whole" + (', or seconds as "0.3s"' if self.rate else ""),
            "age": 'frames, or seconds as "1.5s"',
            "switch": "true or false",
            "any": "",
        }[self.kind]


# The kinds. Each stands in place of a class attribute's default, so for type checkers it returns any type. They take a
# parameter for optional only where ``default`` is a keyword.

AUTO = Range(0.0, 0.0)  # half of the default to twice it
BIRTHS = Range(0.2, 1.0)  # for the score that starts a track


def share(*, default: float, about: str, high: int = 1, search: Search = AUTO, role: Role = "") -> Any:
    """A number from 0 to ``high``: an overlap, a distance, a weight."""
    return Setting("share", default, about, high=high, search=search, role=role)


def score(*, default: float | None, about: str, search: Search = AUTO, role: Role = "") -> Any:
    """A detection's score, 0 or more: detectors are not all bounded by 1."""
    return Setting("score", default, about, search=search, role=role)


def amount(*, default: float, about: str, unit: str = "", search: Search = AUTO) -> Any:
    """A number above 0."""
    return Setting("amount", default, about, unit=unit, search=search)


def count(*, default: int, about: str, least: int = 1, unit: str = "", search: Search = AUTO, rate: float = 0.0) -> Any:
    """A whole number, ``least`` or more; with ``rate`` one of frames, so many a second, or text such as "0.3s"."""
    return Setting("count", default, about, unit=unit, low=least, high=LARGEST_COUNT, search=search, rate=rate)


def age(*, default: float, about: str) -> Any:
    """A time: a number of frames, or text such as "1.5s"; the algorithm keeps it in frames."""
    return Setting("age", default, about, unit="frames", search=Range(1, 120, whole=True, log=True))


class Age:
    """The type of an ``age`` attribute: set as frames or text, read as frames. For type checkers alone."""

    def __get__(self, tracker: Any, cls: Any = None) -> float:
        raise NotImplementedError

    def __set__(self, tracker: Any, value: float | str) -> None:
        raise NotImplementedError


def flag(*, default: bool, about: str, search: Search = AUTO) -> Any:
    """True or False."""
    return Setting("switch", default, about, search=search)


@dataclass(frozen=True, eq=False)
class Part:
    """A parameter that is an object, such as a motion model; see ``part``."""

    about: str
    name: str = ""


def part(about: str, *, default: None) -> Any:
    """A parameter of a constructor that is an object and no setting, None where it is not given."""
    return Part(about)


def search_of(setting: Setting) -> Search:
    """What `track tune` searches: what was declared, or else a range around the default.

    Half of the default to twice it, a number up to 1 at most to 1; a quarter to four times for a whole number; both
    values of a switch; in any case within the kind's own range. None where the default gives no range.
    """
    if setting.search is not AUTO:
        return setting.search
    default = setting.default
    if isinstance(default, bool):
        return (False, True)
    if not isinstance(default, (int, float)) or default <= 0:
        return None
    if setting.kind == "count" or (setting.kind == "any" and isinstance(default, int)):
        low, high = max(1, default // 4, setting.low), min(4 * default, setting.high)
        return Range(int(low), int(high), whole=True, log=True)
    low, high = max(default / 2, setting.low), min(2 * default, setting.high)
    return Range(low, high, log=True) if default > 1 else Range(low, min(1.0, high))


def settings_of(cls: type[Any]) -> dict[str, Setting]:
    """The settings of an algorithm's class by name: those declared, or else those of its constructor's signature."""
    declared: dict[str, Setting] | None = getattr(cls, "declared", None)
    if declared is not None:
        return declared
    found = {}
    for name, parameter in inspect.signature(cls).parameters.items():
        if name in PARTS or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        default = None if parameter.default is parameter.empty else parameter.default
        kind: Kind = "switch" if isinstance(default, bool) else "any"
        search = None if name == "frame_rate" else AUTO  # the data have a rate
        found[name] = Setting(kind, default, "", search=search, name=name)
    return found


def declared_in(cls: type[Any]) -> tuple[dict[str, Setting], dict[str, Part]]:
    """The settings and parts in a class's own body and its bases: its own first, each in the order of the body.

    A subclass that only wants another default sets the attribute to it.
    """
    settings: dict[str, Setting] = {}
    parts: dict[str, Part] = {}
    for base in reversed(cls.__mro__):
        own: dict[str, Setting] = {}
        for name, value in vars(base).items():
            if isinstance(value, Setting):
                own[name] = replace(value, name=name)
            elif isinstance(value, Part):
                parts = {name: replace(value, name=name), **parts}
            elif name in settings:
                settings[name] = replace(settings[name], default=value)
        settings = own | {name: setting for name, setting in settings.items() if name not in own}
    return settings, parts


def signature_of(settings: Mapping[str, Setting], parts: Mapping[str, Part]) -> inspect.Signature:
    """The constructor's signature: keywords only, with their defaults."""
    words = inspect.Parameter.KEYWORD_ONLY
    own = [inspect.Parameter(name, words, default=setting.default) for name, setting in settings.items()]
    return inspect.Signature([*own, *(inspect.Parameter(name, words, default=None) for name in parts)])


def table_of(settings: Mapping[str, Setting], parts: Mapping[str, Part]) -> str:
    """The lines of a docstring that list the parameters."""
    lines = {name: f"{s.about} ({s.range}; default {s.default!r})" for name, s in settings.items()}
    lines |= {name: p.about for name, p in parts.items()}
    width = max(map(len, lines))
    return "\n".join(f"{name:<{width}}  {line}" for name, line in lines.items())


def parsed(name: str, cls: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the algorithm ``name``, of class ``cls``, with their texts turned into values.

    Raises ValueError for an unknown setting, with the nearest known one, and for a text that does not fit.
    """
    known = settings_of(cls)
    values = {}
    for key, value in given.items():
        if key not in known:
            raise ValueError(
                f"{name} has no parameter {key!r}{nearest(key, known)}; it has: {', '.join(sorted(known)) or 'none'}"
            )
        values[key] = known[key].parse(value) if isinstance(value, str) else value
    return values


def frames_of(age: float | str, frame_rate: float, name: str = "max_age") -> float:
    """An age in frames: a number is frames already, "1.5s" is seconds. Raises ValueError for anything else."""
    if isinstance(age, str):
        text = age.strip()
        try:
            frames = float(text[:-1]) * frame_rate if text.endswith("s") else float(text)
        except ValueError:
            raise ValueError(f"{name}={_said(age)}: give frames (30) or seconds ('1.5s')") from None
    else:
        frames = float(age) if _is_number(age) else math.nan
    if not frames >= 0 or not math.isfinite(frames):
        raise ValueError(f"{name}={_said(age)}: give a number of frames or seconds, 0 or more")
    return frames


def _said(value: object) -> str:
    """A value as an error line shows it: on one line, and short."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_number(value: Any) -> bool:
    """Whether it is a finite number, of Python or numpy; not True, a time span or an integer beyond all floats."""
    number = isinstance(value, (int, float, Fraction, np.integer, np.floating))
    if not number or isinstance(value, (bool, np.timedelta64)):
        return False
    try:
        return math.isfinite(float(value))  # as a float of Python: numpy's float32 warns beside the largest one
    except OverflowError:
        return False


def number(value: float | None, name: str) -> None:
    """Raise ValueError unless ``value`` is None or a finite number."""
    if value is not None and not _is_number(value):
        raise ValueError(f"{name}={_said(value)}: give a number")


def at_least(least: int, value: int, name: str) -> int:
    """``value``, a whole number from ``least`` to 2^31; ValueError otherwise."""
    if not _is_number(value) or value % 1 != 0 or value < least:
        raise ValueError(f"{name}={_said(value)}: give a whole number, {least} or more")
    if value > LARGEST_COUNT:
        raise ValueError(f"{name}={_said(value)}: give a whole number from {least} to {LARGEST_COUNT}")
    return int(value)


def fraction(value: float, name: str, most: int = 1) -> float:
    """``value``, between 0 and ``most``; ValueError otherwise."""
    if not _is_number(value) or not 0 <= value <= most:
        raise ValueError(f"{name}={_said(value)}: give a number from 0 to {most}")
    return float(value)


def positive(value: float, name: str) -> float:
    """``value``, finite and above 0; ValueError otherwise."""
    if not _is_number(value) or value <= 0:
        raise ValueError(f"{name}={_said(value)}: give a number above 0")
    return float(value)


def not_negative(value: float, name: str) -> float:
    """``value``, finite and 0 or more; ValueError otherwise."""
    if not _is_number(value) or value < 0:
        raise ValueError(f"{name}={_said(value)}: give a number, 0 or more")
    return float(value)


def switch(value: bool, name: str) -> bool:
    """``value``, True or False; ValueError otherwise: "no" would count as true."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name}={_said(value)}: give True or False")
    return bool(value)
