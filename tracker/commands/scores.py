"""The options that say how scores are printed and written, and the printing and writing."""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tracker.commands.stdout import put
from tracker.spelling import shown

if TYPE_CHECKING:
    from tracker.evaluate.scores import Evaluation, SequenceScore

Figures = list[dict[str, float | None]]  # by title, for each evaluation


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what scores are written, and where; ``show`` reads them."""
    for name in ("csv", "json", "markdown"):
        parser.add_argument(
            f"--{name}", metavar="OUT", nargs="?", const="-", help=f"write {name} to OUT (- or none: stdout)"
        )
    parser.add_argument(
        "--plot", type=_svg, metavar="OUT.svg", help="draw HOTA, DetA and AssA over the localisation threshold"
    )


def show(
    evaluations: list[Evaluation],
    args: argparse.Namespace,
    extra: dict[str, list[str]] | None = None,
    figures: Figures | None = None,
) -> None:
    """Print and write evaluations as the options of ``add_outputs`` say.

    extra    further columns of the comparison of trackers
    figures  the same as numbers, for CSV and JSON
    """
    if args.plot:
        from tracker.evaluate.curves import curves_svg

        _write(args.plot, curves_svg(evaluations))
    if args.csv:
        _write(args.csv, _csv(evaluations, figures))
    if args.json:
        _write(args.json, _json(evaluations, figures))
    if args.markdown:
        _write(args.markdown, _markdown(evaluations, extra))
    alarms, notes = _notes(evaluations)
    if "-" in (args.csv, args.json, args.markdown):
        lines = [*alarms, *notes]
        target = sys.stderr
    else:
        lines = [*alarms, _tables(evaluations, extra), *notes]
        target = sys.stdout
    for line in lines:
        print(line, file=target)


def _tables(evaluations: list[Evaluation], extra: dict[str, list[str]] | None) -> str:
    from tracker.evaluate.scores import aligned

    width = shutil.get_terminal_size((10_000, 24)).columns
    first = evaluations[0]
    parts = [f"rules: {first.rules} ({first.why}); {len(first.sequences)} sequences, {first.combined.frames} frames"]
    parts += [f"{shown(e.tracker)}\n{e.table(width)}" for e in evaluations]
    if len(evaluations) > 1 or extra:
        parts.append(f"all sequences\n{aligned(_combined(evaluations), 'tracker', width, extra)}")
    return "\n\n".join(parts)


def _markdown(evaluations: list[Evaluation], extra: dict[str, list[str]] | None) -> str:
    from tracker.evaluate.scores import as_markdown, markdown_text

    parts = [f"Rules: {evaluations[0].rules} ({evaluations[0].why})"]
    for e in evaluations:
        parts += [f"### {markdown_text(e.tracker)}", e.markdown()]
    if len(evaluations) > 1 or extra:
        parts += ["### all sequences", as_markdown(_combined(evaluations), "tracker", extra)]
    return "\n\n".join(parts) + "\n"


def _combined(evaluations: list[Evaluation]) -> list[tuple[str, SequenceScore]]:
    return [(e.tracker, e.combined) for e in evaluations]


def _json(evaluations: list[Evaluation], figures: Figures | None) -> str:
    trackers = [{**e.to_dict(), **own} for e, own in zip(evaluations, figures or [{}] * len(evaluations), strict=True)]
    return json.dumps({"trackers": trackers}, indent=2) + "\n"


def _csv(evaluations: list[Evaluation], figures: Figures | None) -> str:
    """Scores, a line a sequence; figures are columns filled on the combined line of each tracker."""
    from tracker.evaluate.scores import as_csv

    text = as_csv(evaluations)
    if figures is None:
        return text
    heading, *rows = csv.reader(io.StringIO(text))
    lines = iter(rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*heading, *figures[0]])
    for evaluation, own in zip(evaluations, figures, strict=True):
        writer.writerows([*next(lines), *("" for _ in own)] for _ in evaluation.sequences)
        writer.writerow([*next(lines), *own.values()])
    return out.getvalue()


def _notes(evaluations: list[Evaluation]) -> tuple[list[str], list[str]]:
    """The lines that make scores meaningless, which come before the tables, and the other notes."""
    several = len(evaluations) > 1
    alarms: list[str] = []
    notes: list[str] = []
    for e in evaluations:
        lines = [f"note: {shown(e.tracker) + ': ' if several else ''}{note}" for note in e.notes]
        alarms += lines[: e.alarms]
        notes += lines[e.alarms :]
    return alarms, notes


def _svg(text: str) -> str:
    if text != "-" and Path(text).suffix.lower() != ".svg":
        raise argparse.ArgumentTypeError(f"{text} does not end in .svg, the only kind that is drawn")
    return text


def _write(target: str, text: str) -> None:
    if target == "-":
        put(text)
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ValueError(
            f"{target}: cannot be written ({error.strerror}); check the folder and its permissions"
        ) from None
