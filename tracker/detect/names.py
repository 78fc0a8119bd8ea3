"""Classes chosen by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tracker.arrays import BoolArray
from tracker.detect.coco import COCO
from tracker.spelling import nearest


def class_mask(classes: Sequence[str], names: Mapping[int, str], count: int, what: str) -> BoolArray:
    """Which of ``count`` class numbers are called one of ``classes``, (count,) bool; case does not matter.

    classes  names; a number that is no name stands for itself, such as "0"
    names  the name of each class number
    what   the detector, for the error

    Raises ValueError for a name that it does not have, with the nearest one.
    """
    if isinstance(classes, str):
        raise ValueError(f"classes={classes!r} is one string; give a list of names")
    mask = np.zeros(count, dtype=bool)
    numbers: dict[str, list[int]] = {}
    for number, name in names.items():
        numbers.setdefault(name.lower(), []).append(number)
    for name in classes:
        word = name.strip().lower()
        if word not in numbers and word.isdecimal() and int(word) < count:
            mask[int(word)] = True
            continue
        if word not in numbers:
            shown = ", ".join(list(names.values())[:5]) + (", ..." if len(names) > 5 else "")
            raise ValueError(f"{what} has no class {name!r}{nearest(name, names.values())}; choose from {shown}")
        mask[numbers[word]] = True
    return mask


def numbered(names: Mapping[int, str] | Sequence[str] | None, count: int) -> dict[int, str]:
    """The name of each class number of a model of ``count`` classes.

    names  by number or in order; None: COCO's where there are 80 classes, else the numbers themselves

    Raises ValueError where a name's number is not one of the classes.
    """
    if names is None:
        names = COCO if count == len(COCO) else [str(number) for number in range(count)]
    pairs = names.items() if isinstance(names, Mapping) else enumerate(names)
    result = {int(number): str(name) for number, name in pairs}
    if any(not 0 <= number < count for number in result):
        raise ValueError(
            f"class_names has {len(result)} names, numbers up to {max(result)}; the model has {count} classes"
        )
    return result


def count_of(names: Mapping[int, str] | Sequence[str]) -> int:
    """How many classes a model has at least whose classes have these names: by number, some may have none."""
    return max(names, default=-1) + 1 if isinstance(names, Mapping) else len(names)
