"""What the metadata of a model file says, whoever wrote it: Python or JSON, lists, dicts or plain words."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping

from tracker.detect.names import count_of
from tracker.spelling import shown

LONGEST = 1_000_000  # characters of a value; a longer one is not parsed
LARGEST_SIZE = 8192


def names_in(metadata: Mapping[str, str]) -> dict[int, str] | None:
    """The class names by number, or None where there are none or they cannot be read.

    Read are a dict by number, or from name to number, a list, and words between commas, semicolons or line ends; in
    Python, as ultralytics writes them, or in JSON.
    """
    if "names" not in metadata:
        return None
    value = _parsed(metadata["names"])
    if isinstance(value, str):
        value = [word.strip() for word in re.split(r"[,;\n]", value)]
        if len(value) < 2 or any(not re.fullmatch(r"[^{}\[\]()'\"<>:=]+", word) for word in value):
            return None
    if isinstance(value, (list, tuple)):
        value = dict(enumerate(value))
    if not isinstance(value, dict) or not value:
        return None
    if all(isinstance(key, str) and isinstance(number, int) for key, number in value.items()):
        value = {number: key for key, number in value.items()}
    numbers = [_whole(key) for key in value]
    if any(number is None or number < 0 for number in numbers) or len(set(numbers)) < len(numbers):
        return None
    if any(isinstance(name, (dict, list, tuple, set)) for name in value.values()):
        return None
    return {
        number: shown(str(name)) for number, name in zip(numbers, value.values(), strict=True) if number is not None
    }


def class_count_in(metadata: Mapping[str, str]) -> int | None:
    """How many classes the class names number, or None without names."""
    names = names_in(metadata)
    return None if names is None else count_of(names)


def size_in(metadata: Mapping[str, str]) -> tuple[int, int] | None:
    """The (height, width) of the input, or None where it is not stated or is no size of whole grids of 32 pixels.

    Read are one number for both, a list of one or two, and two numbers with a comma or an x between.
    """
    value = _parsed(metadata.get("imgsz", ""))
    if isinstance(value, str):
        value = re.split(r"\s*[,;xX ]\s*", value.strip())
    sides = [_whole(side) for side in (value if isinstance(value, (list, tuple)) else [value])]
    if len(sides) == 1:
        sides *= 2
    if len(sides) != 2:
        return None
    height, width = sides
    if height is None or width is None or height % 32 or width % 32:
        return None
    return (height, width) if min(height, width) >= 32 and max(height, width) <= LARGEST_SIZE else None


def task_in(metadata: Mapping[str, str]) -> str | None:
    """The task that ultralytics states ("detect", "segment", "pose", "obb", "classify"), or None."""
    return metadata["task"].strip().strip("'\"").lower() or None if "task" in metadata else None


def unread(metadata: Mapping[str, str], *, size: bool) -> list[str]:
    """A sentence for each value that is stated but cannot be read. size: whether the input size matters."""
    said = []
    if metadata.get("names", "").strip() not in ("", "None", "null", "{}", "[]") and names_in(metadata) is None:
        said.append(f"class names in its metadata ({_shown(metadata['names'])}) cannot be read and are left out")
    if size and "imgsz" in metadata and size_in(metadata) is None:
        said.append(
            f"imgsz in its metadata ({_shown(metadata['imgsz'])}) is no size in multiples of 32 and is left out"
        )
    return said


def _shown(text: str) -> str:
    return shown(text if len(text) <= 40 else text[:37] + "...")


def _parsed(text: str) -> object:
    """A value in JSON or Python, or the text itself where it is neither."""
    text = text.strip().lstrip("\ufeff")
    if len(text) > LONGEST:
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
    return text


def _whole(value: object) -> int | None:
    """A whole number, written as one or in a text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**31 else None
