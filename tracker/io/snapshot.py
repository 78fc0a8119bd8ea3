"""Snapshots: what a tracker, or a whole run, remembers, as one file of numbers and text. No code is stored in it.

The file is a numpy archive (.npz). Its array ``header`` is JSON in UTF-8: the format's version, facts about what was
saved, and the saved value; every numpy array in the value stands as an array of the archive, exact. An object stands as
the name of its class and its attributes. Reading imports nothing and calls no constructor: a class must be loaded
already, and be the library's or from the module of the tracker that is restored.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
from collections import deque
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from tracker.io.npz import Arrays, read_arrays, write_arrays
from tracker.io.whole import whole
from tracker.protocol import Remembers, Updates
from tracker.settings import settings_of
from tracker.spelling import shown

KIND, VERSION = "trackwhy snapshot", 1
HEADER = "header"
EXPECTED = "expected a snapshot that `track SOURCE --snapshot` or tracker.save_state wrote"
NO_OBJECTS = (FunctionType, MethodType, ModuleType, type, os.PathLike)

Facts = Mapping[str, Any]  # what JSON takes


def save_state(tracker: Updates, path: str | Path) -> None:
    """Save what a tracker remembers; an existing file is replaced, in one step.

    tracker  one of the library's, or your own that has ``state``: all that it remembers, made of numbers, text, numpy
             arrays, lists, tuples, dicts, sets, dataclasses and other plain objects (``tracker.protocol.Remembers``)

    Raises ValueError, in one line, for a tracker that cannot be saved, or a file that cannot be written.
    """
    packed = Packed(state_of(tracker), modules_of(tracker))
    write_snapshot(Path(path), {"what": "state", "tracker": _described(tracker)}, packed)


def load_state(tracker: Updates, path: str | Path) -> None:
    """Put back what ``save_state`` saved, into a tracker of the same class and settings; ids and time go on.

    Raises ValueError, in one line, for a file that is damaged, of another version, or of another class of tracker; the
    tracker is then as it was.
    """
    state_of(tracker)
    facts, saved = read_snapshot(Path(path))
    if facts.get("what") != "state" or facts.get("tracker") != _described(tracker):
        of = facts.get("tracker") if facts.get("what") == "state" else "a run (`track SOURCE --resume`)"
        raise ValueError(f"{shown(str(path))}: is a snapshot of {of}, not of {_described(tracker)}")
    restore_state(tracker, saved.value(modules_of(tracker)))


def _described(tracker: object) -> str:
    """The class of a tracker and its settings."""
    cls = type(tracker)
    known = [f"{name}={getattr(tracker, name)!r}" for name in settings_of(cls) if hasattr(tracker, name)]
    return f"{cls.__module__}.{cls.__qualname__}({', '.join(known)})"


def state_of(tracker: object) -> object:
    """What a tracker remembers. Raises ValueError for one that does not say."""
    if not isinstance(tracker, Remembers):
        raise ValueError(
            f"{type(tracker).__name__} cannot be saved: it has no attribute state with all that it remembers; "
            "see tracker.protocol.Remembers"
        )
    state: object = tracker.state
    return state


def restore_state(tracker: object, state: object) -> None:
    """Let a tracker remember this."""
    assert isinstance(tracker, Remembers)
    tracker.state = state


def modules_of(tracker: object) -> frozenset[str]:
    """The modules whose classes a tracker's state may be made of, beside the library's."""
    state = tracker.state if isinstance(tracker, Remembers) else None
    return frozenset({type(tracker).__module__, type(state).__module__})


class Packed:
    """A value taken apart into JSON and arrays, at once: what becomes of the value later changes nothing.

    value    anything made of None, numbers, text, numpy arrays of numbers, lists, tuples, dicts, sets, deques, and
             objects of classes of the library or of ``modules``
    modules  names of further modules

    Raises ValueError, naming what it is, for anything else.
    """

    def __init__(self, value: object, modules: Collection[str] = ()) -> None:
        self.arrays: Arrays = {}
        self._modules = modules
        self._known: dict[int, int] = {}  # number of each object met, by its id
        self._kept: list[object] = []  # so that no id is used twice
        self._stored: dict[int, str] = {}
        self.json = self._pack(value, "the state")

    def add(self, value: object) -> None:
        """Make it a pair of the value so far and another one."""
        self.json = {"tuple": [self.json, self._pack(value, "the state")]}

    def _pack(self, value: object, where: str) -> Any:
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, np.ndarray):
            return {"array": self._store(value, where), **({} if value.flags.writeable else {"fixed": True})}
        if isinstance(value, np.generic):
            return {"number": self._store(np.asarray(value), where)}
        if type(value) in (tuple, frozenset):
            return {type(value).__name__: [self._pack(one, where) for one in value]}  # type: ignore[attr-defined]
        if isinstance(value, tuple):
            return {"named": self._name(value, where), "items": [self._pack(one, where) for one in value]}
        if id(value) in self._known:
            return {"same": self._known[id(value)]}
        self._known[id(value)] = len(self._known)
        self._kept.append(value)
        if type(value) in (list, set):
            return {type(value).__name__: [self._pack(one, where) for one in value]}  # type: ignore[attr-defined]
        if isinstance(value, deque):
            return {"deque": [self._pack(one, where) for one in value], "most": value.maxlen}
        if type(value) is dict:
            return {"dict": [[self._pack(k, where), self._pack(one, f"{where}[{k!r}]")] for k, one in value.items()]}
        name = self._name(value, where)
        return {
            "object": name,
            "has": {key: self._pack(one, f"{where}.{key}") for key, one in attributes(value).items()},
        }

    def _store(self, array: np.ndarray[Any, Any], where: str) -> str:
        if array.dtype.kind not in "biufcUSmM":
            raise ValueError(f"{where} cannot be saved: it is an array of {array.dtype}, not of numbers")
        if id(array) not in self._stored:
            self._stored[id(array)] = name = f"a{len(self.arrays)}"
            self._kept.append(array)
            self.arrays[name] = array.copy(order="K")
        return self._stored[id(array)]

    def _name(self, value: object, where: str) -> str:
        cls = type(value)
        known = cls.__module__.split(".")[0] == "tracker" or cls.__module__ in self._modules
        if isinstance(value, NO_OBJECTS) or not known or "<locals>" in cls.__qualname__:
            raise ValueError(
                f"{where} cannot be saved: it is a {cls.__module__}.{cls.__qualname__}; "
                "a state is made of numbers, text, arrays, lists, dicts and dataclasses"
            )
        return f"{cls.__module__}:{cls.__qualname__}"


def attributes(value: object) -> dict[str, object]:
    """The attributes of an object, those in slots too."""
    slots = [name for cls in type(value).__mro__ for name in _slots(cls) if hasattr(value, name)]
    return {**{name: getattr(value, name) for name in slots}, **getattr(value, "__dict__", {})}


def _slots(cls: type) -> Collection[str]:
    slots = cls.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else [name for name in slots if name not in ("__dict__", "__weakref__")]


@dataclass
class Saved:
    """What a file holds: a value in JSON and its arrays; ``value`` builds it."""

    path: Path
    json: Any
    arrays: Arrays
    _objects: dict[int, Any] = field(default_factory=dict)
    _count: int = 0
    _modules: Collection[str] = ()

    def value(self, modules: Collection[str] = ()) -> Any:
        """The value that was saved. Raises ValueError, in one line, where the file does not hold one."""
        self._objects, self._count, self._modules = {}, 0, modules
        try:
            return self._build(self.json)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError) as error:
            said = " ".join(str(error).split())[:200] or type(error).__name__
            raise ValueError(f"{shown(str(self.path))}: cannot be restored ({shown(said)}); {EXPECTED}") from None

    def _build(self, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        kind = next(iter(given))
        if kind == "array":
            array = self.arrays[given["array"]]
            array.flags.writeable = not given.get("fixed", False)
            return array
        if kind == "number":
            return self.arrays[given["number"]][()]
        if kind in ("tuple", "frozenset"):
            return {"tuple": tuple, "frozenset": frozenset}[kind](self._build(one) for one in given[kind])
        if kind == "named":
            return tuple.__new__(self._class(given["named"]), [self._build(one) for one in given["items"]])
        if kind == "same":
            return self._objects[given["same"]]
        number, self._count = self._count, self._count + 1
        if kind == "object":
            cls = self._class(given["object"])
            self._objects[number] = new = object.__new__(cls)
            for name, one in given["has"].items():
                object.__setattr__(new, name, self._build(one))
            return new
        empty: Any = (
            {"list": list, "set": set, "dict": dict}[kind]() if kind != "deque" else deque(maxlen=given["most"])
        )
        self._objects[number] = empty
        if kind == "dict":
            empty.update((self._build(key), self._build(one)) for key, one in given["dict"])
        else:
            (empty.update if kind == "set" else empty.extend)(self._build(one) for one in given[kind])
        return empty

    def _class(self, name: str) -> Any:
        module, _, qualname = name.partition(":")
        if module.split(".")[0] != "tracker" and module not in self._modules:
            raise ValueError(f"it has a {name}, of a module that this tracker does not use")
        found: Any = sys.modules[module]
        for part in qualname.split("."):
            found = vars(found)[part]
        if not isinstance(found, type):
            raise TypeError(f"{name} is no class")
        return found


def _trackwhy() -> str | None:
    """The version of the library: what a state means may change with it."""
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version("trackwhy")
    return None


def write_snapshot(path: Path, facts: Facts, packed: Packed) -> None:
    """Write a snapshot, in one step: the file is the old one or the new one. Raises ValueError where it cannot be."""
    header = {"kind": KIND, "version": VERSION, "trackwhy": _trackwhy(), "facts": facts, "value": packed.json}
    text = json.dumps(header).encode()
    with whole(path) as part:
        write_arrays(part, {HEADER: np.frombuffer(text, np.uint8), **packed.arrays})


def read_snapshot(path: Path) -> tuple[dict[str, Any], Saved]:
    """The facts and the value of a snapshot. Raises ValueError, in one line, for any other file."""
    name = shown(str(path))
    if not path.is_file():
        raise ValueError(f"{name}: no such file; {EXPECTED}")
    arrays = read_arrays(path, EXPECTED, check=lambda names: None if HEADER in names else "has no header")
    try:
        header = json.loads(arrays.pop(HEADER).tobytes().decode())
        kind, version, by, facts, value = (header[key] for key in ("kind", "version", "trackwhy", "facts", "value"))
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{name}: is damaged, or is no snapshot; {EXPECTED}") from None
    if kind != KIND or not isinstance(facts, dict):
        raise ValueError(f"{name}: is no snapshot; {EXPECTED}")
    if version != VERSION:
        raise ValueError(
            f"{name}: is a snapshot of format {version}, this trackwhy reads format {VERSION}; start again"
        )
    if by != _trackwhy():
        raise ValueError(
            f"{name}: is a snapshot of trackwhy {by}, this is {_trackwhy()}; go on with that one, or start again"
        )
    return facts, Saved(path, value, arrays)
