"""The nearest known name, for an error about an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """ ", did you mean 'x'?" for an error line, with the known name closest to ``name``, whatever its case.

    "" where none has a similarity of at least ``cutoff``, 0..1.
    """
    by_lower = {word.lower(): word for word in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=cutoff)
    return f", did you mean {by_lower[close[0]]!r}?" if close else ""
