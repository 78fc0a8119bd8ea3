"""The file of ratios that CI compares with: how many matrix products of numpy an update takes, row by row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TOLERANCE = 1.5

# Row (scene / tracker) -> yardstick -> the update's quickest block in products of that size.
Ratios = Mapping[str, Mapping[str, float]]


def regressions(stored: Ratios, measured: Ratios, tolerance: float = TOLERANCE) -> list[str]:
    """One line for each row that got slower by more than ``tolerance`` against every yardstick.

    Against every one: code that got slower is so whatever it is measured with, while another processor or another
    numpy changes one yardstick more than the other.
    """
    lines = []
    for row in stored.keys() & measured.keys():
        shared = stored[row].keys() & measured[row].keys()
        slower = {name: measured[row][name] / stored[row][name] for name in shared}
        if slower and min(slower.values()) == float("inf"):
            lines.append(f"{row}: failed, or too slow to measure")
        elif slower and min(slower.values()) > tolerance:
            against = ", ".join(
                f"{measured[row][name]:.3g} products {name}, stored {stored[row][name]:.3g}" for name in sorted(shared)
            )
            lines.append(f"{row}: {min(slower.values()):.2f}x slower ({against})")
    return sorted(lines)


def better(first: Ratios, second: Ratios) -> Ratios:
    """The rows of ``first``, each ratio the smaller of both measurements."""
    return {
        row: {name: min(value, second.get(row, of).get(name, value)) for name, value in of.items()}
        for row, of in first.items()
    }


def differences(stored: Ratios, measured: Ratios, tolerance: float = TOLERANCE) -> list[str]:
    """What should be known beside the regressions: rows on one side only, rows that got much quicker."""
    lines = []
    for rows, what in (
        (sorted(stored.keys() - measured.keys()), "stored, but not measured here"),
        (sorted(measured.keys() - stored.keys()), "measured, but not stored"),
    ):
        if rows:
            lines.append(f"{what}: {'; '.join(rows[:3])}{f' and {len(rows) - 3} more' if len(rows) > 3 else ''}")
    for row in sorted(stored.keys() & measured.keys()):
        gains = [stored[row][name] / measured[row][name] for name in stored[row].keys() & measured[row].keys()]
        if gains and min(gains) > tolerance:
            lines.append(f"{row}: {min(gains):.2f}x quicker than stored; store the ratios anew")
    return lines


def read_ratios(path: Path) -> tuple[Ratios, dict[str, Any]]:
    """Rows, and the facts of the machine they come from. ValueError with one line where it is no such file."""
    again = "write it with --store"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = {row: {name: float(value) for name, value in of.items()} for row, of in content["ratios"].items()}
        machine = dict(content["machine"])
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file; {again}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not a file of ratios ({type(error).__name__}: {error}); {again}") from None
    if not rows or any(not value > 0 for of in rows.values() for value in of.values()):
        raise ValueError(f"{path}: has no ratios, or some that are not above 0; {again}")
    return rows, machine


def write_ratios(path: Path, ratios: Ratios, machine: Mapping[str, Any], command: str) -> None:
    failed = [row for row, of in ratios.items() if not all(value < float("inf") for value in of.values())]
    if failed or not ratios:
        raise ValueError(f"{path}: not written, {failed[0] + ' failed' if failed else 'nothing of ours was measured'}")
    rounded = {row: {name: float(f"{value:.4g}") for name, value in of.items()} for row, of in ratios.items()}
    content = {"command": command, "machine": machine, "ratios": rounded}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
