"""The subcommands that score: ``track eval``, ``track bench``, ``track doctor``."""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.commands.words import add_settings, names_of, settings_of

if TYPE_CHECKING:
    from tracker.evaluate.benchmark import GroundTruth
    from tracker.evaluate.scores import Evaluation


def add_parsers(subparsers: Any) -> None:
    """Register the commands; each sets `run`, a function of the parsed arguments that returns an exit code."""
    parser = subparsers.add_parser(
        "eval",
        allow_abbrev=False,
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
    _add_rules(parser)
    parser.add_argument("--sequences", metavar="A,B", help="score only these sequences")
    parser.add_argument(
        "--split", choices=["full", "second-half"], default="full", help="second-half: MOT17's val half, from frame 1"
    )
    parser.add_argument("--threshold", type=_share, default=0.5, help="overlap of a match in CLEAR and identity (0.5)")
    _add_outputs(parser)
    parser.add_argument(
        "--check", choices=["motmetrics"], help="recompute CLEAR and identity with it and say what differs"
    )
    parser.set_defaults(run=run_eval)

    parser = subparsers.add_parser(
        "bench",
        allow_abbrev=False,
        description="Run algorithms on the detections of a MOTChallenge tree, time them and score them. Embeddings for "
        "algorithms that need them, or with --reid can use them, come from det.npz beside det.txt, or are made of img1 "
        "or a video. det.npz has the arrays frame (R,), xyxy (R, 4), embedding (R, D) and, if wanted, score (R,) and "
        "class (R,), with the boxes of det.txt in its order; or embedding alone, a row for each line of det.txt sorted "
        "by frame.",
    )
    parser.add_argument("--data", required=True, metavar="TREE", help="<seq>/det/det.txt and <seq>/gt/gt.txt")
    parser.add_argument("--algo", required=True, metavar="A,B", help="algorithms; `track algos` lists them")
    add_settings(parser, "parameters, for every algorithm that has them, or for one: sort.max_age=30")
    parser.add_argument(
        "--split",
        choices=["full", "first-half", "second-half"],
        default="full",
        help="part of each sequence; second-half: MOT17's val half",
    )
    parser.add_argument(
        "--params",
        metavar="FILE",
        help="parameters that `track tune` found, for their algorithm; --set comes before them",
    )
    parser.add_argument("--det", default="det.txt", metavar="NAME", help="detections in each det folder (det.txt)")
    parser.add_argument("--conf", type=float, metavar="X", help="least score of a detection")
    add_tree_options(parser)
    parser.add_argument(
        "--workers", type=_count, metavar="N", help="processes (one a core); 1 gives the cleanest times"
    )
    parser.add_argument("-o", dest="out", default="runs/bench", metavar="DIR", help="results and cache (runs/bench)")
    _add_outputs(parser)
    parser.set_defaults(run=run_bench)

    parser = subparsers.add_parser(
        "doctor",
        allow_abbrev=False,
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
    truth = load_ground_truth(args.gt, args.rules, names_of(args.sequences))
    if args.split == "second-half":
        from tracker.study.bench import halved

        truth = halved(truth)
    evaluations = [truth.score(files, tracker=name, threshold=args.threshold) for name, files in trackers.items()]
    show(evaluations, args)
    if args.check:
        return _second_opinion(evaluations, trackers, truth, args)
    return 0


def run_bench(args: argparse.Namespace) -> int:
    """Run, time and score; 0, or 1 when an algorithm could not run."""
    from tracker.study.bench import bench

    algos = list(dict.fromkeys(names_of(args.algo) or []))
    runs, notes = bench(
        args.data,
        algos,
        settings=settings_of(args.settings),
        params=args.params,
        split=args.split,
        out=args.out,
        detections=args.det,
        conf=args.conf,
        reid=args.reid,
        rules=args.rules,
        sequences=names_of(args.sequences),
        workers=args.workers,
        progress=_Line(),
    )
    evaluations = [run.evaluation for run in runs]
    speeds = [run.speed() for run in runs]
    extra = {title: [speed[title] for speed in speeds] for title in speeds[0]}
    show(evaluations, args, extra=extra, figures=[run.figures() for run in runs])
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    return 1 if len(runs) < len(algos) else 0


def run_doctor(args: argparse.Namespace) -> int:
    """Check files; 0 when nothing is wrong, 1 when something looks wrong or is broken."""
    from tracker.evaluate.doctor import examine

    findings = examine(args.path, args.kind, args.gt)
    for finding in findings:
        print(finding.text)
    bad = sum(finding.bad for finding in findings)
    print(f"{len(findings) - bad} good, {bad} to look at")
    return 1 if bad else 0


def show(
    evaluations: list[Evaluation],
    args: argparse.Namespace,
    extra: dict[str, list[str]] | None = None,
    figures: list[dict[str, float | None]] | None = None,
) -> None:
    """Print and write evaluations as the options --plot, --csv, --json and --markdown ask.

    extra: columns of the comparison. figures: the same as numbers, a dict an evaluation, for CSV and JSON.
    """
    from tracker.evaluate.scores import aligned, as_csv, as_markdown

    if args.plot:
        from tracker.evaluate.curves import curves_svg

        _write(args.plot, curves_svg(evaluations))
    first = evaluations[0]
    compared = [(e.tracker, e.combined) for e in evaluations]
    compare = len(evaluations) > 1 or bool(extra)
    if args.csv:
        text = as_csv(evaluations)
        _write(args.csv, _with_columns(text, evaluations, figures) if figures else text)
    if args.json:
        trackers: list[dict[str, Any]] = [e.to_dict() for e in evaluations]
        for k, values in enumerate(trackers):
            values.update(figures[k] if figures else {})
        _write(args.json, json.dumps({"trackers": trackers}, indent=2) + "\n")
    if args.markdown:
        parts = [f"Rules: {first.rules} ({first.why})"]
        for e in evaluations:
            parts += [f"### {e.tracker}", e.markdown()]
        if compare:
            parts += ["### all sequences", as_markdown(compared, "tracker", extra)]
        _write(args.markdown, "\n\n".join(parts) + "\n")
    if "-" in (args.csv, args.json, args.markdown):
        for note in _notes(evaluations):
            print(note, file=sys.stderr)
        return
    width = shutil.get_terminal_size((10_000, 24)).columns
    print(f"rules: {first.rules} ({first.why}); {len(first.sequences)} sequences, {first.combined.frames} frames")
    for e in evaluations:
        print(f"\n{e.tracker}\n{e.table(width)}")
    if compare:
        print(f"\nall sequences\n{aligned(compared, 'tracker', width, extra)}")
    for note in _notes(evaluations):
        print(note)


def _with_columns(text: str, evaluations: list[Evaluation], figures: list[dict[str, float | None]]) -> str:
    """CSV of scores with further columns, filled on the combined line of each tracker."""
    heading, *rows = csv.reader(io.StringIO(text))
    lines = iter(rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*heading, *figures[0]])
    for evaluation, own in zip(evaluations, figures, strict=True):
        writer.writerows([*next(lines), *("" for _ in own)] for _ in evaluation.sequences)
        writer.writerow([*next(lines), *own.values()])
    return out.getvalue()


class _Line:
    """One line of progress: rewritten on a terminal, written once elsewhere."""

    def __call__(self, done: int, cached: int, total: int) -> None:
        line = f"bench: {done} of {total} runs done" + (f", {cached} from the cache" if cached else "")
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{line}" + ("\n" if done == total else ""))
            sys.stderr.flush()
        elif done == total:
            print(line, file=sys.stderr)


def _count(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1")
    return value


def add_tree_options(parser: argparse.ArgumentParser) -> None:
    """Options of the commands that track a whole tree and score it: bench and tune."""
    parser.add_argument(
        "--reid",
        metavar="WHAT",
        help="embedder: default, histogram or MODEL.onnx; named, every algorithm that takes embeddings gets them "
        "(without: the packaged model, for those alone that need one)",
    )
    _add_rules(parser)
    parser.add_argument("--sequences", metavar="A,B", help="only these sequences")


def _add_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rules",
        choices=("auto", "mot15", "mot16", "mot17", "mot20", "plain"),
        default="auto",
        help="what counts; recognised from the data by default",
    )


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    for name in ("csv", "json", "markdown"):
        parser.add_argument(
            f"--{name}", metavar="OUT", nargs="?", const="-", help=f"write {name} to OUT (- or none: stdout)"
        )
    parser.add_argument(
        "--plot", type=_svg, metavar="OUT.svg", help="draw HOTA, DetA and AssA over the localisation threshold"
    )


def _second_opinion(
    evaluations: list[Evaluation], trackers: dict[str, Any], truth: GroundTruth, args: argparse.Namespace
) -> int:
    from tracker.evaluate.motmetrics_bridge import IDENTITY, differences

    code = 0
    for e in evaluations:
        found = differences(e, trackers[e.tracker], truth, args.threshold)
        for name in dict.fromkeys(d.sequence for d in found):
            parts = ", ".join(str(d) for d in found if d.sequence == name)
            print(f"check: {e.tracker}: {name}: {parts}", file=sys.stderr)
        wrong = any(d.figure in IDENTITY for d in found)
        code |= wrong
        if not found:
            verdict = "CLEAR and identity agree"
        elif wrong:
            verdict = "identity scores differ, and should not"
        else:
            verdict = (
                "identity agrees; CLEAR differs where motmetrics has rules of its own (partners kept over gaps, 80 %)"
            )
        print(f"check: {e.tracker}: {verdict}", file=sys.stderr)
    return int(code)


def _notes(evaluations: list[Evaluation]) -> list[str]:
    several = len(evaluations) > 1
    return [f"note: {e.tracker + ': ' if several else ''}{note}" for e in evaluations for note in e.notes]


def _free(name: str, path: Path, taken: dict[str, Any]) -> str:
    """A name for a tracker that no other has; two folders of one name are told apart by their path."""
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


def _svg(text: str) -> str:
    if text != "-" and Path(text).suffix.lower() != ".svg":
        raise argparse.ArgumentTypeError(f"{text} does not end in .svg, the only kind that is drawn")
    return text


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
