"""Lint, formatting and types: `python3 scripts/check.py`."""

import sys

from environment import call, ensure


def check() -> int:
    """0 when all three pass."""
    return call("ruff", "check", ".") or call("ruff", "format", "--check", ".") or call("mypy")


if __name__ == "__main__":
    ensure("dev")
    sys.exit(check())
