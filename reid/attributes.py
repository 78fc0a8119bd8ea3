"""Attributes of the people in a set of crops, from a CSV file: a row for each identity, a column for each attribute.

    identity,hat,upper
    2,no,red
    7,yes,

An empty field is unknown. An identity is named as its crops are: by the number in Market-1501's names and a MOT
sequence's ``gt.txt``, else by its folder.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reid.data import folders_in, numbered
from reid.errors import ReidError

IDENTITY = "identity"
UNKNOWN, ABSENT = -1, 0  # of a value; of an identity: 0 is a distractor in Market-1501


@dataclass(frozen=True)
class Attributes:
    """``groups``: the values of each attribute by its name, both sorted. ``noted``: by identity, the place of its value
    in each group, UNKNOWN where the field is empty."""

    groups: dict[str, list[str]]
    noted: dict[int, list[int]]

    def labels(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """(N, attributes) the places of the values of the identities (N,); UNKNOWN for those not in the file."""
        nothing = [UNKNOWN] * len(self.groups)
        rows = [self.noted.get(int(identity), nothing) for identity in ids]
        return np.array(rows, dtype=np.int64).reshape(len(ids), len(self.groups))


def read_attributes(path: str | Path, data: str | Path, trained: npt.NDArray[np.int64]) -> Attributes:
    """The attributes in a CSV file, of the crops under ``data``. ``trained``: the identities to train on, which must
    show at least two values of each attribute.

    Raises:
        ReidError: no such file, no such table, an identity twice or that is no identity, none with crops, or an
            attribute with fewer than two values among ``trained``.
    """
    header, rows = table(Path(path))
    names = sorted(header[1:])  # the order of a card's JSON
    ids = identities(Path(data))
    fields: dict[int, dict[str, str]] = {}
    for line, row in rows:
        identity = number(row[0], ids)
        if identity is None:
            raise ReidError(
                f"{path}, line {line}: {row[0]!r} is no identity's number; write 2 for 0002_c1s1_000451_03.jpg"
            )
        if identity == ABSENT:
            continue
        if identity in fields:
            raise ReidError(f"{path}, line {line}: identity {row[0]!r} comes twice; keep one row for each")
        fields[identity] = dict(zip(header[1:], row[1:], strict=True))
    known = [fields[identity] for identity in trained.tolist() if identity in fields]
    if not known:
        raise ReidError(f"{path}: none of its {len(rows)} identities has crops to train on in {data}")
    groups: dict[str, list[str]] = {}
    for name in names:
        groups[name] = sorted({row[name] for row in known} - {""})
        if len(groups[name]) < 2:
            raise ReidError(
                f"{path}: the attribute {name!r} has {len(groups[name])} value among the people to train on; "
                "at least 2 are needed: remove the column or add people"
            )
    places = {name: {value: place for place, value in enumerate(values)} for name, values in groups.items()}
    noted = {identity: [places[n].get(row[n], UNKNOWN) for n in names] for identity, row in fields.items()}
    return Attributes(groups, noted)


def table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header and the rows of the file, each with the number of its line; blanks around fields are dropped."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as opened:
            reader = csv.reader(opened)
            lines = [(reader.line_num, [field.strip() for field in row]) for row in reader if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReidError(f"{path}: cannot be read as a CSV file of attributes ({error})") from error
    header = lines[0][1] if lines else []
    if len(header) < 2 or header[0] != IDENTITY or "" in header or len(set(header)) < len(header):
        raise ReidError(f"{path}: the first line must be {IDENTITY},NAME,... with a name once for each attribute")
    for line, row in lines[1:]:
        if len(row) != len(header):
            raise ReidError(f"{path}, line {line}: {len(row)} fields, the first line has {len(header)}")
    return header, lines[1:]


def identities(root: Path) -> dict[str, int] | None:
    """The number of each identity by its folder's name; None where numbers name the identities."""
    if numbered(root):
        return None
    return {folder.name: identity for identity, folder in enumerate(folders_in(root), start=1)}


def number(text: str, ids: dict[str, int] | None) -> int | None:
    """The number of the identity called ``text``: ABSENT for a folder that is not there, None for what is no number."""
    if ids is not None:
        return ids.get(text, ABSENT)
    return int(text) if text.isdecimal() else None


@dataclass(frozen=True)
class Accuracy:
    """How many of the crops with a known value an attribute is right for (0..1), and what always saying the most
    frequent value would give."""

    right: float
    frequent: float
    crops: int


def accuracies(
    probabilities: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], groups: dict[str, list[str]]
) -> dict[str, Accuracy]:
    """The accuracy of each attribute on crops (N, values) with labels (N, attributes); none without a known value."""
    found: dict[str, Accuracy] = {}
    start = 0
    for index, (name, values) in enumerate(groups.items()):
        part, start = probabilities[:, start : start + len(values)], start + len(values)
        known = labels[:, index] != UNKNOWN
        if known.any():
            wanted = labels[known, index]
            right = float(np.mean(part[known].argmax(1) == wanted))
            found[name] = Accuracy(right, float(np.bincount(wanted).max() / len(wanted)), len(wanted))
    return found
