"""The lowest versions that pyproject.toml claims, as constraints for pip: `python3 scripts/lowest.py > lowest.txt`.

Needs nothing but Python, and Python 3.10 cannot read TOML: the requirements are found as the quoted texts they are.
"""

from __future__ import annotations

import re
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def lowest(pyproject: str) -> dict[str, str]:
    """The version by package of every requirement "package>=version" or "==version" in the text of a pyproject.toml."""
    return dict(re.findall(r'"([A-Za-z0-9_.-]+)(?:\[[\w,]+\])?[>=]=([0-9][0-9.]*)[^"]*"', pyproject))


if __name__ == "__main__":
    for package, version in lowest(PYPROJECT.read_text(encoding="utf-8")).items():
        print(f"{package}=={version}")
