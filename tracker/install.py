"""How to install an extra, for error lines: from an index, or from the checkout that this code runs in."""

from __future__ import annotations

from pathlib import Path


def installing(extra: str) -> str:
    """The command, such as ``pip install 'trackwhy[video]'``, or in a checkout ``pip install -e '.[video]'``."""
    root = Path(__file__).resolve().parents[1]
    if not (root / "pyproject.toml").is_file():
        return f"pip install 'trackwhy[{extra}]'"
    return f"pip install -e '{'.' if root == Path.cwd() else root}[{extra}]'"
