"""Classes chosen by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tracker.arrays import BoolArray
from tracker.spelling import nearest


def class_mask(classes: Sequence[str], names: Mapping[int, str], count: int, what: str) -> BoolArray:
    """Which of ``count`` class numbers the names choose, (count,) bool; case does not matter.

    what: the detector, for the error. Raises ValueError for a name it does not have, with the nearest one.
    """
    if isinstance(classes, str):
        raise ValueError(f"classes={classes!r} is one string; give a list of names")
    mask = np.zeros(count, dtype=bool)
    numbers: dict[str, list[int]] = {}
    for number, name in names.items():
        numbers.setdefault(name.lower(), []).append(number)
    for name in classes:
        if name.strip().lower() not in numbers:
            shown = ", ".join(list(names.values())[:5]) + (", ..." if len(names) > 5 else "")
            raise ValueError(f"{what} has no class {name!r}{nearest(name, names.values())}; it knows {shown}")
        mask[numbers[name.strip().lower()]] = True
    return mask
