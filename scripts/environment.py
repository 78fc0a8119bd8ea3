"""A virtual environment of the project's own, made and kept up to date from pyproject.toml and constraints.txt.

Needs nothing but Python: this file and the scripts that import it use the standard library alone.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv"
BIN = FOLDER / ("Scripts" if os.name == "nt" else "bin")


def ensure(extras: str) -> Path:
    """The folder of the environment's programs, after installing the project with ``extras`` where that is not done."""
    if sys.version_info < (3, 10):  # noqa: UP036 - run before anything is installed, by whatever Python there is
        raise SystemExit(f"trackwhy needs Python 3.10 or newer; this is {sys.version.split()[0]}")
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + (ROOT / "constraints.txt").read_bytes())
    wanted.update(sys.version.encode())
    stamp = FOLDER / f"installed-{extras or 'base'}"
    if stamp.is_file() and stamp.read_text() == wanted.hexdigest():
        return BIN
    print(f"setting up {FOLDER} (once, a minute or two)", file=sys.stderr, flush=True)
    if not (BIN / ("python.exe" if os.name == "nt" else "python")).exists():
        venv.create(FOLDER, with_pip=True)
    target = f"{ROOT}[{extras}]" if extras else str(ROOT)
    pip = [str(BIN / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    done = subprocess.run([*pip, "--constraint", str(ROOT / "constraints.txt"), "--editable", target], check=False)
    if done.returncode:
        raise SystemExit(f"the installation failed (pip's words are above); nothing outside {FOLDER} was touched")
    stamp.write_text(wanted.hexdigest())
    return BIN


def ensure_development() -> None:
    """What checking and testing need; torch too where CI asks (CI=true), since elsewhere it may be gigabytes."""
    ensure("dev,reid" if os.environ.get("CI") else "dev")


def has(module: str) -> bool:
    """Whether the environment has the module."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([str(BIN / "python"), "-c", code], check=False).returncode == 0


def call(*words: str) -> int:
    """Run a program of the environment from the project's root; returns its exit code."""
    return subprocess.run([str(BIN / words[0]), *words[1:]], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    ensure_development()
