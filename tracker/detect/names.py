"""Classes chosen by name, and the nearest name for one that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


def nearest(word: str, known: Iterable[str]) -> str:
    """ " (did you mean 'x'?)" with the known word closest to ``word``, or "" where none is close."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f" (did you mean {by_lower[close[0]]!r}?)" if close else ""


def class_mask(classes: Sequence[str], names: Mapping[int, str], count: int, what: str) -> NDArray[np.bool_]:
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
