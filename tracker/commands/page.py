"""The subcommand ``track report``: a run as one HTML page."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from tracker.commands.explain import ABOUT, add_truth, truth_of

if TYPE_CHECKING:
    from tracker.commands.words import Subparsers
    from tracker.progress import Progress

NAME = "report.html"


def add_parsers(subparsers: Subparsers) -> None:
    """Register ``report``."""
    parser = subparsers.add_parser(
        "report",
        allow_abbrev=False,
        description="Write one HTML page that shows what went wrong in a run and why, and lets you mend it by hand. It "
        "opens in any browser, without a network.",
    )
    add = parser.add_argument
    add("source", metavar="RUN", help=ABOUT)
    add("other", metavar="RUN2", nargs="?", help="another run of the same video, shown beside the first")
    add("-o", dest="out", metavar="OUT.html", help=f"the page (default: {NAME} in RUN's folder)")
    add("--overwrite", action="store_true", help="replace a page that exists")
    add_truth(parser)
    add("--video", metavar="SOURCE", help="what was tracked (default: where run.json has it)")
    add("--embed", action="store_true", help="put a small copy of the video into the page, which is linked otherwise")
    add("--all", action="store_true", help="list everything that is wrong, not only the 200 worst")
    add("--quiet", action="store_true", help="print errors only")
    parser.set_defaults(run=run_report)


def run_report(args: argparse.Namespace) -> int:
    """``track report``."""
    from tracker.explain.load import load_run
    from tracker.io.whole import check_target
    from tracker.report.write import Choice, write_loaded
    from tracker.spelling import shown

    run = Path(args.source)
    out = Path(args.out) if args.out else (run if run.is_dir() else run.parent) / NAME
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"-o {out}: give a name that ends in .html")
    check_target(out, "-o", overwrite=args.overwrite)
    runs = [(name, load_run(name, invalid=args.invalid)) for name in (args.source, args.other) if name is not None]
    truth = truth_of(args, runs[0][1].name)
    with closing(_Line()) as progress:
        choice = Choice(args.video, args.all, args.embed, None if args.quiet else progress)
        write_loaded(runs, truth, out, choice)
    if not args.quiet:
        print(f"report: {shown(str(out))} ({out.stat().st_size / 1e6:.1f} MB)")
    return 0


class _Line:
    """A line of progress that begins with the first frame: what comes before is no part of its rate."""

    def __init__(self) -> None:
        self._progress: Progress | None = None

    def __call__(self, number: int) -> None:
        from tracker.progress import Progress

        self._progress = self._progress or Progress("frame", None)
        self._progress(number)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.close()
