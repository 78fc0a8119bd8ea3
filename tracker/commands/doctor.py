"""The subcommand ``track doctor``."""

from __future__ import annotations

import argparse
from typing import Any

from tracker.commands.words import add_invalid


def add_parsers(subparsers: Any) -> None:
    """Register ``doctor``."""
    parser = subparsers.add_parser(
        "doctor",
        allow_abbrev=False,
        description="Check files of boxes (MOTChallenge, VisDrone, KITTI, COCO, BDD100K, CVAT): what is broken, with "
        "its line, and what looks wrong though it parses.",
    )
    add = parser.add_argument
    add("path", nargs="+", metavar="PATH", help="files, folders of <seq>.txt, .json or .xml, or MOTChallenge trees")
    add("--kind", choices=["auto", "detections", "results", "gt"], default="auto", help="what the files are")
    add("--gt", metavar="GT", help="ground truth, to compare results with")
    add_invalid(parser, "the files")
    parser.set_defaults(run=run_doctor)


def run_doctor(args: argparse.Namespace) -> int:
    """Check files; 0 when nothing is wrong, 1 when something looks wrong or is broken."""
    from tracker.evaluate.doctor import examine

    findings = examine(args.path, args.kind, args.gt, args.invalid)
    for finding in findings:
        print(finding.text)
    bad = sum(finding.bad for finding in findings)
    print(f"{len(findings) - bad} good, {bad} to look at")
    return 1 if bad else 0
