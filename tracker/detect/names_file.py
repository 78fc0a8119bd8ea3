"""Class names from a file: one per line, the data.yaml of ultralytics, or JSON."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tracker.detect.metadata import LONGEST, names_in
from tracker.spelling import shown

FORMS = "class names, one per line, a data.yaml with names, or a JSON list or object"
_NUMBERED = re.compile(r"(\d+)\s*[:,=\s]\s*(\S.*)")


def class_names_of(
    given: Mapping[int, str] | Sequence[str] | str | os.PathLike[str] | None,
) -> Mapping[int, str] | Sequence[str] | None:
    """Class names as they are, or those in a file where ``given`` is a path."""
    return read_names(given) if isinstance(given, (str, os.PathLike)) else given


def read_names(path: str | os.PathLike[str]) -> dict[int, str]:
    """The class names by number in a file.

    Read are lines of names (the first is class 0) or of number and name, the block or list ``names`` of a YAML file,
    and a JSON list, an object by number or from name to number, or one with such a member ``names``.

    Raises ValueError, in one line, for a file that is missing or holds something else.
    """
    text = _text(path)
    if _entry(text, "names") is not None:
        names = _in_yaml(text)
    elif text.lstrip()[:1] in ("[", "{"):
        names = names_in({"names": text}) or _in_json(text)
    else:
        names = _in_lines(path, text)
    if not names:
        raise ValueError(f"{path}: has no class names that can be read; give {FORMS} (--names)")
    return names


def _text(path: str | os.PathLike[str]) -> str:
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"{path}: no such file; give {FORMS} (--names)")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    coding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(coding) if len(content) <= LONGEST and b"\0" not in content[2:][::2] else None
    except UnicodeDecodeError:
        text = None
    if text is None:
        raise ValueError(f"{path}: is no text file of class names; give {FORMS} (--names)")
    return text


def _in_json(text: str) -> dict[int, str] | None:
    """The member ``names`` of a JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return names_in({"names": json.dumps(value["names"])}) if isinstance(value, dict) and "names" in value else None


def _in_lines(path: str | os.PathLike[str], text: str) -> dict[int, str]:
    """One name per line, or a number and a name in every line."""
    lines = [line.strip() for line in text.rstrip().splitlines()]
    if "" in lines:
        number = lines.index("") + 1
        raise ValueError(f"{path}: line {number} is empty, but each line is the name of one class; remove it (--names)")
    pairs = [_NUMBERED.fullmatch(line) for line in lines]
    numbers = [int(pair[1]) for pair in pairs if pair is not None and len(pair[1]) < 10]
    if len(numbers) == len(lines) == len(set(numbers)):
        return {int(pair[1]): shown(pair[2]) for pair in pairs if pair is not None}
    return {number: shown(line) for number, line in enumerate(lines)}


def read_yaml(text: str, keys: Sequence[str]) -> dict[str, str]:
    """The top-level entries ``keys`` of a YAML text as metadata has them: texts, in JSON where they are more."""
    found = {}
    for key in keys:
        entry = _entry(text, key)
        if entry is None:
            continue
        flow, block = entry
        if key == "names":
            names = _in_yaml(text) or {}
            found[key] = json.dumps({str(number): name for number, name in names.items()})
        elif flow or all(line.startswith("- ") for line in block):
            found[key] = _plain(flow) if flow else "[" + ", ".join(_plain(line[2:]) for line in block) + "]"
    return found


def _entry(text: str, key: str) -> tuple[str, list[str]] | None:
    """What stands behind a top-level key and in the lines below that belong to it; None without the key."""
    lines = [_without_comment(line) for line in text.splitlines()]
    start = next((number for number, line in enumerate(lines) if re.match(rf"{key}\s*:", line)), None)
    if start is None:
        return None
    block = []
    for line in lines[start + 1 :]:
        if line.strip() and not line[0].isspace() and not line.startswith(("-", "]", "}")):
            break
        if line.strip():
            block.append(line.strip())
    return lines[start].split(":", 1)[1].strip(), block


def _in_yaml(text: str) -> dict[int, str] | None:
    """The top-level entry ``names``, as a flow or a block, a list or a map by number."""
    flow, block = _entry(text, "names") or ("", [])
    if flow:
        return _in_flow(" ".join([flow, *block]) if flow[0] in "[{" else flow)
    if all(line.startswith("- ") for line in block):
        return {number: _plain(line[2:]) for number, line in enumerate(block)}
    return _mapped(block)


def _in_flow(text: str) -> dict[int, str] | None:
    """The names of ``[a, b]`` or ``{0: a, 1: b}``."""
    text = text.strip()
    if len(text) < 2 or (text[0], text[-1]) not in (("[", "]"), ("{", "}")):
        return None
    entries = [entry.strip() for entry in re.findall(r"(?:'[^']*'|\"[^\"]*\"|[^,'\"])+", text[1:-1])]
    entries = [entry for entry in entries if entry]
    return _mapped(entries) if text[0] == "{" else {number: _plain(entry) for number, entry in enumerate(entries)}


def _mapped(entries: Sequence[str]) -> dict[int, str] | None:
    """The names of entries ``0: a``."""
    pairs = [re.fullmatch(r"['\"]?(\d{1,9})['\"]?\s*:\s*(.+)", entry) for entry in entries]
    found = {int(pair[1]): _plain(pair[2]) for pair in pairs if pair is not None}
    return found if len(found) == len(entries) else None


def _plain(value: str) -> str:
    """A YAML scalar without its quotes."""
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    return shown(value)


def _without_comment(line: str) -> str:
    """A line without a comment that is not within quotes."""
    found = re.match(r"(?:'[^']*'|\"[^\"]*\"|[^'\"#]|(?<=\S)#)*", line)
    return line if found is None or found.end() == len(line) or line[found.end()] != "#" else line[: found.end()]
