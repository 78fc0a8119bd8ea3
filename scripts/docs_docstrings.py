"""A griffe extension: what our docstrings align in columns becomes a table of the site.

A docstring here lists its arguments as plain text, a name, two spaces or more, and what it is, so that it reads well in
a terminal. Markdown would make one paragraph of that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import griffe

ENTRY = re.compile(r"(?P<names>\S(?:\S| (?! ))*?)(?P<gap> {2,})(?P<text>\S.*)")


class Tables(griffe.Extension):
    """Rewrites the docstring of every object before it is parsed."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Called once for each object that griffe has read."""
        if obj.docstring is not None:
            obj.docstring.value = with_tables(obj.docstring.value)


def with_tables(text: str) -> str:
    """The text with a Markdown table in place of each list in two columns, which has two entries or more, or one whose
    text goes on in the same column.
    """
    return "\n".join(_converted(text.split("\n")))


def _converted(lines: list[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        entries, end = _entries(lines, at)
        if entries:
            yield from ("", "| Name | Meaning |", "|---|---|")
            for names, said in entries:
                yield f"| {_code(names)} | {said.replace('|', chr(92) + '|')} |"
            yield ""
            at = end
        else:
            yield lines[at]
            at += 1


def _entries(lines: list[str], start: int) -> tuple[list[tuple[str, str]], int]:
    """The entries of a list that begins in a line, and where it ends; none where no list begins there."""
    entries: list[tuple[str, str]] = []
    column = at = 0
    at = start
    while at < len(lines) and lines[at].strip():
        line = lines[at]
        indent = len(line) - len(line.lstrip())
        found = ENTRY.fullmatch(line)
        if found and indent == 0:
            entries.append((found["names"], found["text"]))
            column = found.start("text")
        elif entries and 0 < indent <= max(column, 2) + 2:
            entries[-1] = (entries[-1][0], f"{entries[-1][1]} {line.strip()}")
        else:
            break
        at += 1
    whole = at == len(lines) or not lines[at].strip()
    several = len(entries) > 1 or (len(entries) == 1 and at > start + 1)
    return (entries, at) if whole and several else ([], start)


def _code(names: str) -> str:
    return ", ".join(f"`{name.strip()}`" for name in names.split(","))
