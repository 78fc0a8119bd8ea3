"""The subcommand ``track tune``."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tracker.commands.stdout import put
from tracker.commands.words import (
    ALGORITHMS,
    add_engine,
    add_settings,
    add_tree_options,
    names_of,
    settings_of,
    shared_engine,
)
from tracker.io.passwords import without_passwords
from tracker.progress import Progress
from tracker.spelling import shown
from tracker.study.choices import METRICS, SPLITS

if TYPE_CHECKING:
    from tracker.study.tune import Tuned

# In the command that is kept, if given.
RECORDED = (
    "metric",
    "held_out",
    "split",
    "det",
    "reid",
    "rules",
    "sequences",
    "conf",
    "scores",
    "invalid",
    "camera_motion",
)


def add_parsers(subparsers: Any) -> None:
    """Register ``tune``."""
    parser = subparsers.add_parser(
        "tune",
        description="Search an algorithm's parameters on a MOTChallenge tree with optuna (extra tune). Some sequences "
        "are held out: the search does not see them, and the score on them tells whether what it found holds there. "
        "The best parameters go to DIR/params.json, which `track --params` and `track bench --params` read. Finished "
        "trials are kept: the same command goes on where it was interrupted, and more --trials take it further.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("data", metavar="DATA", help="<seq>/det/det.txt and <seq>/gt/gt.txt")
    add("--algo", required=True, metavar="NAME", help=f"algorithm; {ALGORITHMS}")
    add("--trials", type=int, default=50, metavar="N", help="trials besides the start (default 50)")
    add("--metric", choices=METRICS, default="HOTA", help="score to maximise on the training split (default HOTA)")
    add(
        "--held-out",
        default="sequences",
        metavar="WHAT",
        help="sequences (every third, by name), names A,B, or halves (the second of each sequence; default sequences)",
    )
    add(
        "--search",
        nargs="+",
        action="extend",
        metavar="KEY[=RANGE]",
        help="search these parameters only: KEY, KEY=LOW:HIGH or KEY=A|B|C, separated by spaces or commas; "
        "conf is the least score of a detection (default: every parameter that has a range)",
    )
    add_settings(parser, "parameters that every trial has, the start too")
    add("--conf", type=float, metavar="X", help="least score of a detection in every trial")
    add("--seed", type=int, default=0, help="of the draws; another seed gives other trials (default 0)")
    add("--split", choices=SPLITS, default="full", help="part of each sequence to use (default full)")
    add("--det", default="det.txt", metavar="NAME", help="detections in each det folder (det.txt)")
    add_tree_options(parser)
    add_engine(parser, "track and score the sequences of each trial in N processes (default: in this one)")
    add(
        "-o",
        "--output",
        dest="out",
        metavar="DIR",
        help="folder to write to (default: one of this search's own below runs/tune)",
    )
    add("--overwrite", action="store_true", help="start again in a folder that has a search")
    add("--json", action="store_true", help="print the parameter file and nothing else")
    add("--quiet", action="store_true", help="print errors only")
    parser.set_defaults(run=run_tune, defaults={name: parser.get_default(name) for name in RECORDED})


def run_tune(args: argparse.Namespace) -> int:
    """``track tune``: 0, or 130 when it was interrupted."""
    from tracker.study.tune import tune

    talk = not (args.json or args.quiet)
    trials = _Trials(args.trials, args.metric) if talk else None
    with shared_engine(args) as engine:
        tuned = tune(
            args.data,
            args.algo,
            search=None if args.search is None else _search(args.search),
            settings=settings_of(args.settings),
            conf=args.conf,
            metric=args.metric,
            held_out=args.held_out if args.held_out in ("sequences", "halves") else names_of(args.held_out) or [],
            split=args.split,
            trials=args.trials,
            seed=args.seed,
            out=args.out,
            detections=args.det,
            reid=args.reid,
            rules=args.rules,
            scores=args.scores,
            invalid=args.invalid,
            camera_motion=args.camera_motion,
            sequences=names_of(args.sequences),
            overwrite=args.overwrite,
            engine=engine,
            command=_command(args),
            begin=_begin if talk else None,
            progress=trials,
        )
    if trials is not None:
        trials.line.close(keep=True)
    if args.json:
        put(tuned.path.read_text(encoding="utf-8"))
    elif talk:
        _print(tuned)
    if not args.quiet:
        notes = [f"note: {note}" for note in tuned.notes]
        if tuned.interrupted:
            notes.append(f"interrupted after {tuned.trials} of {args.trials} trials; the same command goes on")
        for note in notes:
            print(shown(f"track: {note}"), file=sys.stderr)
    return 130 if tuned.interrupted else 0


def _print(tuned: Tuned) -> None:
    print(table(tuned.start, tuned.best))
    least = {} if tuned.conf is None else {"conf": tuned.conf}
    print(" ".join(f"{name}={value}" for name, value in (tuned.parameters | least).items()) or "defaults")
    print(f"params: {shown(tuned.path)}")


def table(start: Mapping[str, Mapping[str, float]], best: Mapping[str, Mapping[str, float]]) -> str:
    """Scores of both splits side by side, in percent."""
    titles = list(start["training"])
    lines = [" " * 5 + "".join(f"  {split.replace('_', '-'):<{8 * len(titles)}}" for split in start)]
    lines.append(" " * 5 + "".join("  " + "".join(f"{title:>8}" for title in titles) for _ in start))
    for name, scores in (("start", start), ("best", best)):
        cells = [
            "".join(f"{value:8d}" if isinstance(value, int) else f"{100 * value:8.2f}" for value in part.values())
            for part in scores.values()
        ]
        lines.append(f"{name:<5}" + "".join(f"  {cell}" for cell in cells))
    return "\n".join(line.rstrip() for line in lines)


def _begin(space: Mapping[str, Any], by_split: Mapping[str, Sequence[str]], notes: Sequence[str]) -> None:
    from tracker.settings import Range

    ranges = [
        f"{name} {where.low:g}..{where.high:g}" if isinstance(where, Range) else f"{name} {'|'.join(map(str, where))}"
        for name, where in space.items()
    ]
    for title, names in by_split.items():
        print(f"{title.replace('_', '-')}: {', '.join(map(shown, names))}")
    print(f"searching {', '.join(ranges)}", flush=True)


class _Trials:
    """A line for each trial."""

    def __init__(self, total: int, metric: str) -> None:
        self.metric = metric
        self.line = Progress("trial", total, every=0)
        self.begun = False

    def __call__(self, number: int, value: float, best: int, of_best: float) -> None:
        if not self.begun:
            self.line.skipped = number - 1  # those of an earlier call
            self.begun = True
        by = f"trial {best}" if best else "the start"
        self.line(number, f"{self.metric} {100 * value:.2f}, best {100 * of_best:.2f} ({by})")


def _search(words: Sequence[str]) -> dict[str, str | None]:
    asked: dict[str, str | None] = {}
    for part in ",".join(words).split(","):
        name, equals, text = part.strip().partition("=")
        if not name or (equals and not text):
            raise ValueError(f"--search {part}: give KEY, KEY=LOW:HIGH or KEY=A|B|C")
        if name in asked:
            raise ValueError(f"--search: {name} is named twice")
        asked[name] = text if equals else None
    return asked


def _command(args: argparse.Namespace) -> str:
    """The command, without the options of where it writes and what it prints, which change no number."""
    words = ["track", "tune", args.data, "--algo", args.algo, "--trials", str(args.trials), "--seed", str(args.seed)]
    for name, default in args.defaults.items():
        value = getattr(args, name)
        if value != default:
            words += [f"--{name.replace('_', '-')}", str(value)]
    words += ["--search", *args.search] if args.search else []
    words += ["--set", *args.settings] if args.settings else []
    return shlex.join(map(without_passwords, words))
