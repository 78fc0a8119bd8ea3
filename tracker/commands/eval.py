"""The subcommand ``track eval``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.commands.scores import add_outputs, costs_part, draw_costs, parts_of, refuse_inputs, show, svg_path
from tracker.commands.words import add_engine, add_invalid, add_rules, names_of, shared_engine
from tracker.spelling import shown
from tracker.study.choices import SPLITS

if TYPE_CHECKING:
    from tracker.evaluate.benchmark import Each, GroundTruth
    from tracker.evaluate.scores import Evaluation
    from tracker.workers.engine import Engine

    Files = dict[str, Path | dict[str, Path]]  # by tracker


def add_parsers(subparsers: Any) -> None:
    """Register ``eval``."""
    parser = subparsers.add_parser(
        "eval",
        allow_abbrev=False,
        description="Score results against ground truth: HOTA, CLEAR MOT and identity, as the official kit does.",
    )
    add = parser.add_argument
    add(
        "results",
        nargs="+",
        metavar="RESULTS",
        help="a file, a folder of <seq>.txt or <seq>.json, or folders of them, one per tracker",
    )
    add(
        "--gt",
        required=True,
        metavar="GT",
        help="a MOTChallenge tree, a flat folder of <seq>.txt, .json or .xml, or a file",
    )
    add_rules(parser)
    add("--sequences", metavar="A,B", help="score only these sequences")
    add("--split", choices=["full", "second-half"], default="full", help="second-half: MOT17's val half, from frame 1")
    add("--threshold", type=_share, default=0.5, help="overlap of a match in CLEAR and identity (0.5)")
    add_invalid(parser, "results and ground truth")
    add_engine(parser, "score the sequences in N processes (default: in this one)")
    add_outputs(parser)
    add("--check", choices=["motmetrics"], help="recompute CLEAR and identity with it, and report differences")
    add("--why", action="store_true", help="also what each cause of errors costs, from the logs beside the results")
    add(
        "--plot-causes",
        type=svg_path,
        metavar="OUT.svg",
        help="with --why: draw what each cause costs in HOTA and IDF1, a bar a tracker",
    )
    parser.set_defaults(run=run_eval)


def run_eval(args: argparse.Namespace) -> int:
    """Score every tracker named on the command line; 0, or 1 when --check found a difference."""
    from tracker.evaluate.benchmark import load_ground_truth
    from tracker.evaluate.sequences import find_results
    from tracker.study.split import halved

    trackers: Files = {}
    for path in args.results:
        _refuse_bench(Path(path))
        for name, files in find_results(path).items():
            trackers[_free(name, Path(path), trackers)] = files
    whole = load_ground_truth(args.gt, args.rules, names_of(args.sequences), args.invalid)
    read = [path for files in trackers.values() for path in ([files] if isinstance(files, Path) else files.values())]
    refuse_inputs(args, [*read, *(sequence.gt for sequence in whole.sequences.values())])
    truth = halved(whole, args.split)
    if args.split == "full":
        _refuse_halves(whole, trackers)
    logs = _logs(args, trackers, truth)
    with shared_engine(args) as engine:
        evaluations = _scored(truth, trackers, args.threshold, engine)
    parts = parts_of(args, truth, trackers, args.threshold)
    if args.why:
        from tracker.explain.several import costs_of

        costs = {name: costs_of(logs[name], truth) for name in trackers}
        parts.append(costs_part(costs))
        if args.plot_causes:
            draw_costs(args.plot_causes, costs)
    show(evaluations, args, more=parts)
    if args.check:
        return _check(evaluations, trackers, truth, args.threshold)
    return 0


def _scored(truth: GroundTruth, trackers: Files, threshold: float, engine: Engine | None) -> list[Evaluation]:
    from tracker.study.pool import Scoring

    each: Each = map if engine is None else Scoring(engine)
    return [truth.score(files, tracker=name, threshold=threshold, each=each) for name, files in trackers.items()]


def _refuse_bench(folder: Path) -> None:
    """Raise ValueError for the folder of `track bench` itself, whose results lie a level below."""
    parts = [folder / part for part in SPLITS if (folder / part).is_dir()]
    if parts and not list(folder.glob("*.txt")):
        named = [f"{part} --split {part.name}" if part.name == "second-half" else str(part) for part in parts]
        raise ValueError(f"{folder}: is a folder of `track bench`; give {' or '.join(named)}")


def _refuse_halves(truth: GroundTruth, trackers: Files) -> None:
    """Raise ValueError for results of second halves, whose scores against all of the ground truth mean nothing."""
    from tracker.evaluate.halves import second_half

    for tracker, files in trackers.items():
        matched = truth.match(files)[0]
        for name, rows in truth.read(matched).items():
            length = truth.sequences[name].length or truth.rows[name].last_frame
            if second_half(rows, truth.rows[name], length):
                raise ValueError(
                    f"{tracker}: {matched[name]} holds the second half of {name}, counted from 1; "
                    "give --split second-half"
                )


def _logs(args: argparse.Namespace, trackers: Files, truth: GroundTruth) -> dict[str, dict[str, Path]]:
    """The logs that ``--why`` needs, by tracker and sequence; found before anything is scored."""
    if args.plot_causes and not args.why:
        raise ValueError("--plot-causes: needs --why, which replays the run to find the causes")
    if not args.why:
        return {}
    from tracker.explain.several import logs_of

    if args.threshold != 0.5:
        raise ValueError(f"--why: explains matches at IoU .5, not at --threshold {args.threshold:g}; leave one out")
    return {name: logs_of(files, truth) for name, files in trackers.items()}


def _check(evaluations: list[Evaluation], trackers: Files, truth: GroundTruth, threshold: float) -> int:
    """Report where motmetrics has other scores; 1 where it should not, else 0."""
    from tracker.evaluate.motmetrics_bridge import IDENTITY, differences

    code = 0
    for e in evaluations:
        found = differences(e, trackers[e.tracker], truth, threshold)
        for name in dict.fromkeys(d.sequence for d in found):
            parts = ", ".join(str(d) for d in found if d.sequence == name)
            print(shown(f"check: {e.tracker}: {name}: {parts}"), file=sys.stderr)
        wrong = any(d.figure in IDENTITY for d in found)
        code |= wrong
        if not found:
            verdict = "CLEAR and identity agree"
        elif wrong:
            verdict = "identity scores differ, and should not"
        else:
            verdict = (
                "identity agrees; CLEAR differs where motmetrics' rules do (matches kept over gaps, the 80 % limit)"
            )
        print(shown(f"check: {e.tracker}: {verdict}"), file=sys.stderr)
    return int(code)


def _free(name: str, path: Path, taken: Files) -> str:
    """A tracker's name that no other has: its path where another folder has the same name."""
    if name in taken:
        name = str(path)
    while name in taken:
        name += "'"
    return name


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0 and at most 1")
    return value
