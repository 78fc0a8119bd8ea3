"""The options that say how scores are printed and written, and the printing and writing."""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tracker.commands.stdout import put
from tracker.commands.terminal import on_terminal, print_table
from tracker.commands.words import names_of
from tracker.spelling import nearest, number_of, shown

if TYPE_CHECKING:
    from tracker.evaluate.benchmark import GroundTruth, Source
    from tracker.evaluate.scores import Evaluation, SequenceScore

UNITS = ("sequences", "blocks")  # as tracker.evaluate.chance has them

Figures = list[dict[str, float | None]]  # by title, for each evaluation
Cost = dict[str, dict[str, float]]  # by cause: how many errors, and what each score (0..1) gains without them
_ERRORS = {"switch": ("switch", "switches"), "miss": ("miss", "misses"), "false": ("false row", "false rows")}


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what scores are written, and where; ``show`` reads them."""
    for name in ("csv", "json", "markdown", "latex"):
        parser.add_argument(
            f"--{name}", metavar="OUT", nargs="?", const="-", help=f"write {name} to OUT (- or none: stdout)"
        )
    table = parser.add_mutually_exclusive_group()
    table.add_argument(
        "--columns",
        type=_columns,
        metavar="A,B",
        help="figures of the printed table, such as HOTA,IDF1,IDSW (default: what fits)",
    )
    table.add_argument("--wide", action="store_true", help="print every figure")
    parser.add_argument(
        "--plot", type=svg_path, metavar="OUT.svg", help="draw HOTA, DetA and AssA over the localisation threshold"
    )
    parser.add_argument(
        "--plot-sequences", type=svg_path, metavar="OUT.svg", help="draw HOTA of each sequence, a mark a tracker"
    )
    parser.add_argument(
        "--chance",
        nargs="?",
        const="auto",
        choices=("auto", *UNITS),
        help="95 %% intervals, and what of the differences between trackers is chance: over sequences (five or more), "
        "or over blocks of frames",
    )
    parser.add_argument(
        "--by-kind",
        action="store_true",
        help="what is found and which ids change by height, crowding, visibility and length of occlusion",
    )


def refuse_inputs(args: argparse.Namespace, inputs: Iterable[Path]) -> None:
    """Raise ValueError, before anything is scored, where an output would replace one of the files that are read."""
    read = {path.resolve() for path in inputs}
    for name in ("csv", "json", "markdown", "latex", "plot", "plot_sequences", "plot_causes"):
        out = getattr(args, name, None)
        if out and out != "-" and Path(out).resolve() in read:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option} {shown(str(out))}: is one of the files to read; write to another place")


def show(
    evaluations: list[Evaluation],
    args: argparse.Namespace,
    extra: dict[str, list[str]] | None = None,
    figures: Figures | None = None,
    more: Sequence[Part] = (),
) -> None:
    """Print and write evaluations as the options of ``add_outputs`` say.

    extra    further columns of the comparison of trackers
    figures  the same as numbers, for CSV and JSON
    more     further parts of the text and of the JSON, as ``parts_of`` makes them
    """
    if args.plot:
        from tracker.evaluate.curves import curves_svg

        _write(args.plot, curves_svg(evaluations))
    if args.plot_sequences:
        from tracker.evaluate.curves import sequences_svg

        _write(args.plot_sequences, sequences_svg(evaluations))
    if args.latex:
        _write(args.latex, _latex(evaluations))
    if args.csv:
        _write(args.csv, _csv(evaluations, figures))
    if args.json:
        _write(args.json, _json(evaluations, figures, more))
    if args.markdown:
        _write(args.markdown, _markdown(evaluations, extra))
    alarms, notes = _notes(evaluations)
    if "-" in (args.csv, args.json, args.markdown, args.latex):
        for line in [*alarms, *notes]:
            print(line, file=sys.stderr)
        return
    for line in alarms:
        print(line)
    columns = _chosen(evaluations, args, extra)
    left = len(_titles()) - len(columns)
    if left and args.columns is None:  # before the tables: scores and notes are what one looks for at the end
        print(f"{left} more figures: --wide, or --columns {','.join(_left_out(columns)[:3])},...")
    if on_terminal() and not args.wide and args.columns is None:  # what is wider becomes several tables of text
        _draw_tables(evaluations, extra, columns)
    else:
        print(_tables(evaluations, extra, columns))
    for part in more:
        print(f"\n{part.title}\n{part.text}")
    for line in notes:
        print(line)


def cost_lines(cost: Cost) -> list[str]:
    """A line for each cause, the most costly first: how many errors, and what they cost in points."""
    lines = []
    for name, gain in sorted(cost.items(), key=lambda item: -item[1]["HOTA"]):
        kind, code = name.split(": ")
        scores = ", ".join(f"{-100 * gain[score]:+.2f} {score}" for score in ("HOTA", "IDF1", "MOTA"))
        errors = _ERRORS[kind][gain["count"] != 1]
        lines.append(f"  {code:<20}{gain['count']:>6.0f} {errors + ',':<12}{scores}")
    return lines


def _titles() -> list[str]:
    from tracker.evaluate.scores import COLUMNS

    return list(COLUMNS)


def _left_out(columns: list[str]) -> list[str]:
    return [title for title in _titles() if title not in columns]


def _chosen(evaluations: list[Evaluation], args: argparse.Namespace, extra: dict[str, list[str]] | None) -> list[str]:
    """The figures to print: those asked for, all, or those that fit in a line in every table."""
    from tracker.evaluate.scores import fitting

    if args.columns is not None or args.wide:
        return args.columns or _titles()
    width = shutil.get_terminal_size((80, 24)).columns
    tables = [fitting([(row.name, row) for row in (*e.rows, *e.classes)], "sequence", width) for e in evaluations]
    tables.append(fitting(_combined(evaluations), "tracker", width, extra))
    return min(tables, key=len)


def _size(found: Evaluation) -> str:
    return f"{number_of(len(found.sequences), 'sequence')}, {number_of(found.combined.frames, 'frame')}"


def _heading(first: Evaluation) -> str:
    return f"rules: {first.rules} ({first.why}); {_size(first)}"


def _tables(evaluations: list[Evaluation], extra: dict[str, list[str]] | None, columns: list[str]) -> str:
    from tracker.evaluate.scores import aligned

    width = shutil.get_terminal_size((10_000, 24)).columns
    parts = [_heading(evaluations[0])]
    parts += [f"{shown(e.tracker)}\n{e.table(width, columns)}" for e in evaluations]
    if len(evaluations) > 1 or extra:
        parts.append(f"all sequences\n{aligned(_combined(evaluations), 'tracker', width, extra, columns)}")
    return "\n\n".join(parts)


def _draw_tables(evaluations: list[Evaluation], extra: dict[str, list[str]] | None, columns: list[str]) -> None:
    """The same on a terminal: the combined row in bold, and of several trackers the best figures marked."""
    from tracker.evaluate.scores import cells_of

    print(_heading(evaluations[0]))
    for e in evaluations:
        print(f"\n{shown(e.tracker)}")
        combined = len(e.rows) - 1 if len(e.rows) > 1 else None
        print_table(cells_of([(row.name, row) for row in e.rows], "sequence", columns=columns), bold=combined)
        if e.classes:
            print()
            print_table(cells_of([(row.name, row) for row in e.classes], "class", columns=columns))
            print(e.mean_line())
    if len(evaluations) > 1 or extra:
        print("\nall sequences")
        cells = cells_of(_combined(evaluations), "tracker", extra, columns)
        print_table(cells, _best(evaluations, columns, len(extra or {})))


def _best(evaluations: list[Evaluation], columns: list[str], before: int) -> set[tuple[int, int]]:
    """(column, row) of the best figures of several trackers; ``before`` columns stand between their names and these."""
    from tracker.evaluate.scores import COLUMNS, COUNTS, LOW_IS_GOOD

    found: set[tuple[int, int]] = set()
    for k, title in enumerate(columns):
        values = [COLUMNS[title](e.combined) for e in evaluations]
        if title not in COUNTS and min(values) < max(values):
            good = min(values) if title in LOW_IS_GOOD else max(values)
            found |= {(1 + before + k, r) for r, value in enumerate(values) if value == good}
    return found


def _columns(text: str) -> list[str]:
    """The titles in a list, whatever their case."""
    known = {title.lower(): title for title in _titles()}
    chosen = []
    for word in names_of(text) or []:
        if word.lower() not in known:
            raise argparse.ArgumentTypeError(f"no figure {word!r}{nearest(word, known.values())}")
        chosen.append(known[word.lower()])
    if not chosen:
        raise argparse.ArgumentTypeError("give figures, such as HOTA,IDF1,IDSW")
    return list(dict.fromkeys(chosen))


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


@dataclass(frozen=True)
class Part:
    """Something to show below the scores: its title and text, and the same for JSON under ``key``."""

    title: str
    text: str
    key: str
    data: object


def parts_of(
    args: argparse.Namespace, truth: GroundTruth, results: Mapping[str, Source], threshold: float = 0.5
) -> list[Part]:
    """What ``--chance`` and ``--by-kind`` ask for; results of each tracker by name."""
    parts = []
    if args.chance:
        from tracker.evaluate.chance import UNITS, as_dict, as_text, chance

        unit = next((unit for unit in UNITS if unit == args.chance), None)
        found = chance(truth, results, unit=unit, threshold=threshold)
        title = f"chance: 95 % intervals over {found.units} {found.about}"
        parts.append(Part(title, as_text(found), "chance", as_dict(found)))
    if args.by_kind:
        from tracker.evaluate.breakdown import as_text as table
        from tracker.evaluate.breakdown import breakdown

        groups = {name: breakdown(truth, files, threshold=threshold) for name, files in results.items()}
        title = "by kind: share of the rows found, and switches; of occlusions the share after which the id is kept"
        parts.append(
            Part(title, table(groups), "kinds", {name: [asdict(one) for one in own] for name, own in groups.items()})
        )
    return parts


def costs_part(costs: dict[str, Cost]) -> Part:
    """What ``--why`` asks for: the cost of each cause, by tracker."""
    lines = [
        line for name, cost in costs.items() for line in [*([shown(name)] if len(costs) > 1 else []), *cost_lines(cost)]
    ]
    return Part("why: the errors of each cause, and what they cost in points", "\n".join(lines), "cost", costs)


def draw_costs(target: str, costs: dict[str, Cost]) -> None:
    """What ``--plot-causes`` asks for, written to a file or ``-``."""
    from tracker.evaluate.curves import causes_svg

    _write(target, causes_svg(costs))


def _latex(evaluations: list[Evaluation]) -> str:
    from tracker.evaluate.scores import as_latex

    if len(evaluations) > 1:
        return as_latex(_combined(evaluations), "Tracker", best=True)
    return as_latex([(row.name, row) for row in evaluations[0].rows], "Sequence")


def _json(evaluations: list[Evaluation], figures: Figures | None, more: Sequence[Part]) -> str:
    trackers = [{**e.to_dict(), **own} for e, own in zip(evaluations, figures or [{}] * len(evaluations), strict=True)]
    return json.dumps({"trackers": trackers, **{part.key: part.data for part in more}}, indent=2) + "\n"


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


def svg_path(text: str) -> str:
    """The path of a drawing, or ``-`` for stdout."""
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
