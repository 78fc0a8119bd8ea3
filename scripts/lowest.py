"""Print constraints that pin every dependency to the lowest version pyproject.toml claims, for pip: `-c lowest.txt`.

    python scripts/lowest.py [EXTRA ...] > lowest.txt

Needs nothing but Python 3.11 or newer; run it before the environment of the oldest Python is made.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
BOUND = re.compile(r"^([\w.-]+)(?:\[[\w,]+\])?>=([\d.]+)")


def lowest(extras: list[str]) -> Iterator[str]:
    """`name==version` of the dependencies and of those that the extras add."""
    import tomllib

    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"]]
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    for line in wanted:
        if found := BOUND.match(line):
            yield f"{found[1]}=={found[2]}"


if __name__ == "__main__":
    print(*lowest(sys.argv[1:]), sep="\n")
