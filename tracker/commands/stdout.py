"""Results for programs: JSON, CSV or Markdown alone on stdout, whatever a user's module or a library prints."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO

_results: list[TextIO] = []  # where they go, while all else goes to stderr


@contextmanager
def results_alone() -> Iterator[None]:
    """Within it, all that is printed goes to stderr, and what ``put`` prints to stdout."""
    with _own_stdout() as stdout, redirect_stdout(sys.stderr):
        _results.append(stdout)
        try:
            yield
        finally:
            _results.pop()


def put(text: str) -> None:
    """Print a result as it is."""
    out = _results[-1] if _results else sys.stdout
    out.write(text)
    out.flush()


@contextmanager
def _own_stdout() -> Iterator[TextIO]:
    """stdout, while the number that libraries and child processes write to is that of stderr."""
    try:
        number = sys.stdout.fileno()
    except (io.UnsupportedOperation, ValueError):  # replaced by an object that is no file
        yield sys.stdout
        return
    sys.stdout.flush()
    saved = os.dup(number)
    os.dup2(sys.stderr.fileno(), number)
    try:
        with open(saved, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, closefd=False) as stdout:
            yield stdout
    finally:
        os.dup2(saved, number)
        os.close(saved)
