"""The pages of the documentation, taken apart: blocks of code, the commands in them, code within sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "reid/README.md",
    "examples/README.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
]
_PROGRAMS = ("track ", "python", ".venv/", "pip ", "dask ", "ray ", "#!/bin/sh")


@dataclass(frozen=True)
class Block:
    """A block of code. ``language`` is that of its fence; "sh" also where it holds commands without saying so."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def read(page: str) -> str:
    """The page's text."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, text: str | None = None) -> Iterator[Block]:
    """Every fenced block, and every block indented by four spaces after an empty line."""
    lines = (read(page) if text is None else text).splitlines()
    number = 0
    while number < len(lines):
        line, begin = lines[number], number + 1
        number += 1
        if line.startswith("```"):
            end = next(k for k in range(begin, len(lines)) if lines[k].startswith("```"))
            number = end + 1
            yield _block(page, begin, line[3:].strip(), lines[begin:end])
        elif line.startswith("    ") and (begin == 1 or not lines[begin - 2].strip()):
            while number < len(lines) and (lines[number].startswith("    ") or not lines[number].strip()):
                number += 1
            yield _block(page, begin, "", [one[4:] for one in lines[begin - 1 : number]])


def _block(page: str, line: int, language: str, lines: list[str]) -> Block:
    if not language and lines and lines[0].startswith(_PROGRAMS):
        language = "sh"
    return Block(page, line, language, "".join(f"{one}\n" for one in lines))


def commands(block: Block) -> list[str]:
    """The commands of a block of shell, without comments; lines that go on are joined."""
    lines = block.text.replace("\\\n", " ").splitlines()
    found = [re.split(r"(?:^|\s)#|\s{3,}(?=[^-'\"\s])", line)[0].strip() for line in lines]
    return [line for line in found if line]


def spans(page: str) -> list[str]:
    """What stands between single backquotes in the page's sentences and tables."""
    text = re.sub(r"^```.*?^```", "", read(page), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", text)
    return [" ".join(span.replace("\\|", "|").split()) for span in found]
