"""Files of annotations in JSON: read once, and their entries checked field by field."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple, TypeGuard

import numpy as np

from tracker.io.mot_lines import MotFormatError
from tracker.spelling import shown

Path = str | os.PathLike[str]


class Video(NamedTuple):
    """A video in a file of annotations: its name, and what the file says of it (None where it does not)."""

    name: str
    length: int | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None


class Stamp(NamedTuple):
    """A file as it is now: what was read from it is kept under this key, and read again once the file has changed."""

    path: str
    changed: int
    size: int


def stamp_of(path: Path) -> Stamp:
    """The stamp of a file. Raises MotFormatError, naming the file, where there is none."""
    try:
        stat = os.stat(path)
    except OSError as error:
        raise MotFormatError(f"{shown(path)}: cannot be read ({error.strerror}); check the path") from None
    return Stamp(os.fspath(path), stat.st_mtime_ns, stat.st_size)


def read_json(path: Path) -> object:
    """The content of a JSON file, which must not be changed; the last two are kept, for files of many videos.

    Raises MotFormatError, naming the file, where it cannot be read or is no JSON.
    """
    return _content(stamp_of(path))


def is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether a value of JSON is an object."""
    return isinstance(value, dict)


def objects(value: object) -> list[Mapping[str, object]]:
    """The objects of a list in JSON; none where it is no list."""
    return [one for one in value if is_object(one)] if isinstance(value, list) else []


def number(entry: Mapping[str, object], *names: str, finite: bool = True) -> float | None:
    """The first of the fields that there is, as a number; None without one.

    Raises ValueError for another thing, and for NaN and inf unless ``finite`` is False.
    """
    for name in names:
        value = entry.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or (finite and not np.isfinite(value)):
            raise ValueError(f"{name} is not a number")
        return value
    return None


def required(entry: Mapping[str, object], name: str, *, finite: bool = True) -> float:
    """A field as a number. Raises ValueError where it is missing, and as ``number`` does."""
    value = number(entry, name, finite=finite)
    if value is None:
        raise ValueError(f"{name} is not a number")
    return value


def whole(entry: Mapping[str, object], *names: str) -> int | None:
    """As ``number``, a whole one; text of digits is taken too, as BDD100K writes its ids."""
    for name in names:
        value = entry.get(name)
        if isinstance(value, str) and value.isdecimal():
            return int(value)
    value = number(entry, *names)
    if value is not None and value != int(value):
        raise ValueError(f"{names[0]} is not a whole number")
    return None if value is None else int(value)


@lru_cache(maxsize=2)
def _content(stamp: Stamp) -> object:
    try:
        with open(stamp.path, encoding="utf-8-sig") as file:
            content: object = json.load(file)
    except OSError as error:
        raise MotFormatError(f"{shown(stamp.path)}: cannot be read ({error.strerror}); check the path") from None
    except (ValueError, RecursionError) as error:
        raise MotFormatError(f"{shown(stamp.path)}: is not JSON ({error}); give the file as it was published") from None
    return content
