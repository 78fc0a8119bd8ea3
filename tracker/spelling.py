"""Names in messages and tables: the nearest known one for an unknown one, and escapes of what would do harm."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """ ", did you mean 'x'?" for an error line, with the known name closest to ``name``, whatever its case.

    "" where none has a similarity of at least ``cutoff``, 0..1.
    """
    by_lower = {word.lower(): word for word in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=cutoff)
    return f", did you mean {by_lower[close[0]]!r}?" if close else ""


def shown(name: str | os.PathLike[str]) -> str:
    """The name as one line of visible text, with control characters, broken bytes and the like as ``\\x1b``."""
    text = os.fspath(name) if isinstance(name, os.PathLike) else name
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def number_of(number: int, noun: str) -> str:
    """ "1 frame", "2 frames", "2 boxes"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}{'es' if noun.endswith(('x', 's')) else 's'}"


def utf8(path: str | os.PathLike[str]) -> str:
    """The path as text for a C library, which may crash on bytes that are not UTF-8 (OpenCV's VideoCapture does).

    Raises ValueError for such a name.
    """
    text = os.fspath(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{shown(text)}: the name is not UTF-8; rename the file or its folder") from None
    return text


def cell(name: str) -> str:
    """The name for a CSV file: as ``shown``, with ``'`` in front where a spreadsheet would run it as a formula."""
    text = shown(name)
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") else text
