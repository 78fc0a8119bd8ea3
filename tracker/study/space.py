"""What a search looks through: the ranges that the settings declare, or those asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tracker.algorithms import algorithm, build, takes_embeddings, typed
from tracker.settings import AUTO, Range, Setting, search_of, settings_of
from tracker.spelling import nearest

CONF = "conf"  # the least score of a detection, which can be searched beside the algorithm's settings

Space = dict[str, Range | tuple[Any, ...]]  # by name; a tuple holds choices


def search_space(
    algo: str,
    search: Mapping[str, str | None] | None = None,
    settings: Mapping[str, Any] | None = None,
    reid: str | None = None,
) -> Space:
    """What is searched: the parameters named in ``search``, or else all that have a range and are not in ``settings``.

    search    by name: None for the parameter's own range, "LOW:HIGH", or choices "A|B|C"; the name conf stands for the
              least score of a detection, which has no range of its own
    settings  those that are held
    reid      as ``tune`` takes it: without embeddings, parameters of appearance are not searched

    Raises ValueError for an unknown name, with the nearest, for one that is held too, and for a range that is none or
    leaves what the algorithm takes.
    """
    cls = algorithm(algo)
    known = settings_of(cls)
    held = settings or {}
    if search is None:
        embedded = takes_embeddings(cls, reid)
        free = [s for s in known.values() if s.name not in held and (embedded or s.role != "appearance")]
        space = {s.name: found for s in free if (found := search_of(s)) is not None}
    else:
        space = {name: _asked(algo, name, text, known, held) for name, text in search.items()}
        both = [name for name in search if name in held]
        if both:
            raise ValueError(f"{both[0]} is both searched and set; leave one out")
    if not space:
        raise ValueError(f"{algo}: nothing to search; name parameters, or set fewer")
    return space


def _asked(
    algo: str, name: str, text: str | None, known: Mapping[str, Setting], held: Mapping[str, Any]
) -> Range | tuple[Any, ...]:
    """The range that was asked for by name."""
    if name != CONF and name not in known:
        names = sorted([*known, CONF])
        raise ValueError(f"{algo} has no parameter {name!r}{nearest(name, names)}; it has: {', '.join(names)}")
    setting = known.get(name)
    if text is None:
        # A setting that is left out of a search unless it is named has a range around its default, too.
        found = None if setting is None else search_of(setting) or search_of(replace(setting, search=AUTO))
        if found is None:
            raise ValueError(f"search {name}: has no range of its own; give {name}=LOW:HIGH or {name}=A|B")
        return found
    where = f"search {name}={text}"
    listed = "|" in text or ":" not in text
    words = text.split("|") if listed else text.split(":", 1)
    values = [_value(algo, name, word.strip(), held, where) for word in words]
    if listed:
        return _choices(name, values, where)
    return _range(values, None if setting is None else setting.default, where)


def _choices(name: str, values: Sequence[Any], where: str) -> tuple[Any, ...]:
    choices = tuple(values)
    if len(set(choices)) < max(2, len(choices)):
        raise ValueError(f"{where}: give two different choices or more, {name}=A|B, or a range, {name}=LOW:HIGH")
    return choices


def _range(values: Sequence[Any], default: Any, where: str) -> Range:
    low, high = values
    numbers = not any(isinstance(end, (str, bool)) for end in (low, high))
    if not numbers or not low < high or not math.isfinite(high - low):
        raise ValueError(f"{where}: give two numbers, the lower first")
    whole = isinstance(default, int) and isinstance(low, int) and isinstance(high, int)
    return Range(low, high, whole=whole, log=isinstance(default, (int, float)) and default > 1 and low > 0)


def _value(algo: str, name: str, word: str, held: Mapping[str, Any], where: str) -> Any:
    """A value of a parameter from its text; ValueError where the algorithm does not take it."""
    try:
        if name == CONF:
            return float(word)
        value = typed(algo, {name: word})[name]
        build(algo, {**held, name: value})
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return value
