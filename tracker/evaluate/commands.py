"""`track eval` and `track doctor`: arguments in, tables out. Errors are ValueErrors of one line."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracker.evaluate.benchmark import GroundTruth
    from tracker.evaluate.scores import Evaluation

_RULES = ("auto", "mot15", "mot16", "mot17", "mot20", "plain")


def add_parsers(subparsers: Any) -> None:
    """Register the commands; each sets `run`, a function of the parsed arguments that returns an exit code."""
    parser = subparsers.add_parser(
        "eval",
        help="score results against MOTChallenge ground truth (HOTA, CLEAR, identity)",
        description="Score results against ground truth: HOTA, CLEAR MOT and identity, as the official kit does.",
    )
    parser.add_argument(
        "results",
        nargs="+",
        metavar="RESULTS",
        help="a file, a folder of <seq>.txt, or folders of them, one a tracker",
    )
    parser.add_argument(
        "--gt", required=True, metavar="GT", help="a MOTChallenge tree, a flat folder of <seq>.txt, or a file"
    )
    parser.add_argument(
        "--rules", choices=_RULES, default="auto", help="what counts; recognised from the data by default"
    )
    parser.add_argument("--sequences", metavar="A,B", help="score only these sequences")
    parser.add_argument("--threshold", type=_share, default=0.5, help="overlap of a match in CLEAR and identity (0.5)")
    _add_outputs(parser)
    parser.add_argument("--plot", metavar="OUT.svg", help="draw HOTA, DetA and AssA over the localisation threshold")
    parser.add_argument(
        "--check", choices=["motmetrics"], help="recompute CLEAR and identity with it and say what differs"
    )
    parser.set_defaults(run=run_eval)

    parser = subparsers.add_parser(
        "doctor",
        help="check detections, results or ground truth without scoring",
        description="Check MOTChallenge files: what is broken, with its line, and what looks wrong though it parses.",
    )
    parser.add_argument("path", nargs="+", metavar="PATH", help="files, folders of <seq>.txt, or MOTChallenge trees")
    parser.add_argument(
        "--kind", choices=["auto", "detections", "results", "gt"], default="auto", help="what the files are"
    )
    parser.add_argument("--gt", metavar="GT", help="ground truth, to compare results with")
    parser.set_defaults(run=run_doctor)


def run_eval(args: argparse.Namespace) -> int:
    """Score every tracker named on the command line; 0, or 1 when --check found a difference."""
    from tracker.evaluate.benchmark import load_ground_truth
    from tracker.evaluate.sequences import find_results

    trackers: dict[str, Any] = {}
    for path in args.results:
        for name, files in find_results(path).items():
            trackers[_free(name, Path(path), trackers)] = files
    truth = load_ground_truth(args.gt, args.rules, _names(args.sequences))
    evaluations = [truth.score(files, tracker=name, threshold=args.threshold) for name, files in trackers.items()]
    if args.plot:
        from tracker.evaluate.curves import curves_svg

        _write(args.plot, curves_svg(evaluations))
    show(evaluations, args)
    if args.check:
        return _second_opinion(evaluations, trackers, truth, args)
    return 0


def run_doctor(args: argparse.Namespace) -> int:
    """Check files; 0 when nothing is wrong, 1 when something looks wrong or is broken."""
    from tracker.evaluate.doctor import examine

    findings = examine(args.path, args.kind, args.gt)
    for finding in findings:
        print(finding.text)
    bad = sum(finding.bad for finding in findings)
    print(f"{len(findings) - bad} good, {bad} to look at")
    return 1 if bad else 0


def show(evaluations: list[Evaluation], args: argparse.Namespace) -> None:
    """Print and write evaluations as the options --csv, --json and --markdown ask."""
    from tracker.evaluate.scores import aligned, as_csv, as_markdown

    first = evaluations[0]
    compared = [(e.tracker, e.combined) for e in evaluations]
    if args.csv:
        _write(args.csv, as_csv(evaluations))
    if args.json:
        text = json.dumps({"trackers": [e.to_dict() for e in evaluations]}, indent=2)
        _write(args.json, text + "\n")
    if args.markdown:
        parts = [f"Rules: {first.rules} ({first.why})"]
        for e in evaluations:
            parts += [f"### {e.tracker}", e.markdown()]
        if len(evaluations) > 1:
            parts += ["### all trackers, sequences combined", as_markdown(compared, "tracker")]
        _write(args.markdown, "\n\n".join(parts) + "\n")
    if "-" in (args.csv, args.json, args.markdown):
        for note in _notes(evaluations):
            print(note, file=sys.stderr)
        return
    width = shutil.get_terminal_size((10_000, 24)).columns
    print(f"rules: {first.rules} ({first.why}); {len(first.sequences)} sequences, {first.combined.frames} frames")
    for e in evaluations:
        print(f"\n{e.tracker}\n{e.table(width)}")
    if len(evaluations) > 1:
        print(f"\nall trackers, sequences combined\n{aligned(compared, 'tracker', width)}")
    for note in _notes(evaluations):
        print(note)


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    for name in ("csv", "json", "markdown"):
        parser.add_argument(
            f"--{name}", metavar="OUT", nargs="?", const="-", help=f"write {name} to OUT (- or none: stdout)"
        )


def _second_opinion(
    evaluations: list[Evaluation], trackers: dict[str, Any], truth: GroundTruth, args: argparse.Namespace
) -> int:
    from tracker.evaluate.motmetrics_bridge import differences

    code = 0
    for e in evaluations:
        lines = differences(e, trackers[e.tracker], truth, args.threshold)
        code |= bool(lines)
        print(
            f"motmetrics agrees on CLEAR and identity of {e.tracker}" if not lines else "\n".join(lines),
            file=sys.stderr,
        )
    return int(code)


def _notes(evaluations: list[Evaluation]) -> list[str]:
    several = len(evaluations) > 1
    return [f"note: {e.tracker + ': ' if several else ''}{note}" for e in evaluations for note in e.notes]


def _names(text: str | None) -> list[str] | None:
    return [name.strip() for name in text.split(",") if name.strip()] if text else None


def _free(name: str, path: Path, taken: dict[str, Any]) -> str:
    """A name for a tracker that no other has; two folders of one name are told apart by their path."""
    if name in taken:
        name = str(path)
    while name in taken:
        name += "'"
    return name


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not in 0..1")
    return value


def _write(target: str, text: str) -> None:
    if target == "-":
        sys.stdout.write(text)
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ValueError(
            f"{target}: cannot be written ({error.strerror}); check the folder and its permissions"
        ) from None
