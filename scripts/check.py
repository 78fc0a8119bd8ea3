"""Lint, formatting and types: `python3 scripts/check.py`."""

import sys

from environment import call, ensure_development, has


def check() -> int:
    """0 when all three pass."""
    words = ["tracker", "scripts", "reid"]
    if not has("torch"):
        print("torch is not installed: reid's types and its training tests are left out; CI=true installs it")
        words = ["tracker", "scripts", "--exclude", r"scripts/(train_default|grow)_reid\.py"]
    return call("ruff", "check", ".") or call("ruff", "format", "--check", ".") or call("mypy", *words)


if __name__ == "__main__":
    ensure_development()
    sys.exit(check())
