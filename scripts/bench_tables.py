"""What ``scripts/bench.py`` measured, as text, Markdown and a record for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_timing import Times, ratio

MARKS = ("<!-- scripts/bench.py -->", "<!-- end of scripts/bench.py -->")
BASELINES = ("filterpy SORT", "loop DeepSORT", "loop over tracks")


@dataclass
class Result:
    """One scene: its title and number of frames, the name of the baseline, and everybody's times."""

    title: str
    frames: int
    baseline: str
    times: dict[str, Times]


def table(result: Result, products: dict[str, Times]) -> str:
    """Aligned text, quickest first."""
    head = f"{'us':>9}{'p99':>10}{'x':>8}{'products':>10}{'MB':>8}{'ids':>7}"
    lines = ["", f"{result.title} ({result.frames} frames)".ljust(44) + head]
    order = sorted(result.times, key=lambda name: (not result.times[name].enough, _median(result.times[name])))
    for name in order:
        times = result.times[name]
        if not times.enough:
            lines.append(f"  {name:<42}{times.note or 'too few updates'}")
            continue
        x = ratio(times, result.times[result.baseline])
        cells = [
            f"{times.median:9.0f}",
            f"{times.p99:10.0f}",
            f"{'' if x is None else f'{x:.1f}':>8}",
            f"{times.best / products['256x256'].best:10.2f}",
            f"{'' if times.peak is None else f'{times.peak:.1f}':>8}",
            f"{times.reported:7d}",
        ]
        lines.append(f"  {name:<42}{''.join(cells)}  {times.note}".rstrip())
    return "\n".join(lines)


def _median(times: Times) -> float:
    return times.median if times.updates else float("inf")


def markdown(results: Sequence[Result]) -> str:
    """A row for each contestant, a column for each scene; what has another baseline in a table of its own."""
    out = []
    groups = [[result for result in results if result.baseline == baseline] for baseline in BASELINES]
    for group in filter(None, groups):
        names = list(dict.fromkeys(name for result in group for name in result.times))
        out.append("| us per update | " + " | ".join(result.title for result in group) + " |")
        out.append("|---" * (len(group) + 1) + "|")
        for name in names:
            cells = [_cell(result, name) for result in group]
            if any(cells):
                out.append(f"| {name} | " + " | ".join(cells) + " |")
        out.append("")
    return "\n".join(out).rstrip()


def _cell(result: Result, name: str) -> str:
    times = result.times.get(name)
    if times is None or not times.enough:
        return ""
    x = ratio(times, result.times[result.baseline])
    return f"{times.median:,.0f}" + ("" if x is None or name == result.baseline else f" ({x:.1f}x)")


def split_at_marks(path: Path) -> tuple[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "is not text"
        raise ValueError(f"--markdown {path}: cannot be read ({why}); give a page with the marks") from None
    if any(text.count(mark) != 1 for mark in MARKS):
        raise ValueError(f"--markdown {path}: needs one line {MARKS[0]!r} and one {MARKS[1]!r} to write between")
    return text.partition(MARKS[0])[0], text.partition(MARKS[1])[2]


def write_between_marks(path: Path, table: str) -> None:
    before, after = split_at_marks(path)
    path.write_text(f"{before}{MARKS[0]}\n{table}\n{MARKS[1]}{after}", encoding="utf-8")


def record(
    results: Sequence[Result], products: dict[str, Times], machine: dict[str, Any], absent: list[str]
) -> dict[str, Any]:
    """Everything measured, for programs. Times in microseconds."""
    scenes = {}
    for result in results:
        base = result.times.get(result.baseline)
        scenes[result.title] = {
            name: {
                "median_us": times.median,
                "p99_us": times.p99,
                "best_us": times.best,
                "updates": len(times.updates),
                "x_baseline": None if base is None else ratio(times, base),
                "peak_mb": times.peak,
                "ids": times.reported,
                "note": times.note,
            }
            if times.enough
            else {"note": times.note or "too few updates"}
            for name, times in result.times.items()
        }
    yard = {name: {"median_us": times.median, "best_us": times.best} for name, times in products.items()}
    return {"machine": machine, "products": yard, "scenes": scenes, "absent": absent}
